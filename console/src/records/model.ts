// Types and records as the API tells them.
import { type Asked, del, get, may, patch, post, put, request, session, url } from "../core/api";
import { moment, number, words } from "../core/words";
import type { File as Kept } from "../files/model";

export interface Field {
  id: string;
  type: string;
  label?: string;
  visibility?: string;
  multiple?: boolean;
  needed?: boolean;
  accept?: string[];
  order?: number;
  parent?: string | null;
  editable?: boolean;
  min?: number;
  max?: number;
  options?: (string | { id: string; name?: string })[];
}

export interface Type {
  number: number;
  name: string;
  label: string;
  dialect: string;
  version: number;
  fields: Field[];
  updated_at: string | null;
  created_at: string;
}

/** A file where it stands in a record. */
export interface Placed {
  file: string;
  version: number;
  name: string;
  comment: string | null;
  size: number | null;
  type: string | null;
}

export interface Rec {
  number: number;
  id: string;
  type: string;
  type_version: number;
  name: string | null;
  title: string;
  state: "live" | "trashed" | "frozen";
  live: number | null;
  revision: number;
  number_in_type: number;
  locked_by: number | null;
  created_at: string;
  updated_at: string;
  trashed_at: string | null;
  values: Record<string, unknown>;
  files: Record<string, Placed | (Placed | null)[]>;
}

const FILES = ["file", "image", "signature"];
const STRUCTURE = ["tab", "frame", "array"];

export const isFile = (field: Field): boolean => FILES.includes(field.type);
export const isStructure = (field: Field): boolean => STRUCTURE.includes(field.type);
export const titleOf = (record: Pick<Rec, "title" | "name" | "number">): string =>
  record.title || record.name || `#${record.number}`;

/** What a type lets people see, in its order. */
export const shownFields = (type: Type): Field[] => type.fields.filter((each) => each.visibility !== "I");

/** Whether the user may try to write to it; the server has the last word. */
export const isOpen = (record: Rec): boolean =>
  record.state === "live" && may("writer") && (record.locked_by === null || record.locked_by === session.value?.user.id);

/** All types of the space. */
export async function allTypes(signal: AbortSignal): Promise<Type[]> {
  const found: Type[] = [];
  let cursor: string | null = null;
  do {
    const page: { types: Type[]; next: string | null } = await get("/types", { limit: 1000, cursor }, { signal });
    found.push(...page.types);
    cursor = page.next;
  } while (cursor);
  return found;
}

export const typeOf = (name: string, version?: number) =>
  get<Type>(`/types/${encodeURIComponent(name)}`, { version });
export const recordOf = (id: string, revision?: string, trashed = true) =>
  get<Rec>(`/records/${encodeURIComponent(id)}`, { revision, trashed: revision === undefined && trashed ? true : undefined });
export const revisionsOf = (id: string) => get<{ revisions: Rec[] }>(`/records/${id}/revisions`);
export const freeze = (id: string) => post<Rec>(`/records/${id}/freeze`);
export const trash = (id: string) => del<void>(`/records/${id}`);
export const restore = (id: string) => post<Rec>(`/records/${id}/restore`);
export const lock = (id: string) => put<Rec>(`/records/${id}/lock`);
export const unlock = (id: string) => del<Rec>(`/records/${id}/lock`);

/** Where the bytes that a record shows are; of a frozen revision those of its time. */
export const placedUrl = (record: Rec, field: string, row: number | null, short: string) =>
  url(`/records/${record.state === "frozen" ? record.number : record.id}/files/${field}/content`, { row, space: short });

/** Store a file that nothing keeps yet: it goes by itself unless a record takes it. */
export async function holdFile(body: File): Promise<Kept> {
  const asked: Asked = { query: { name: body.name, hold: true }, body };
  return (await (await request("POST", "/files", asked)).json()) as Kept;
}

/** Let go of a held file that stands nowhere. */
export const letGo = (file: Pick<Kept, "id">) => del(`/files/${file.id}`).catch(() => {});

/** Put a file of the vault into a field: behind the last row, or as the one file there is. */
export function linkFile(record: Rec, field: Field, file: Pick<Kept, "id">): Promise<Rec> {
  const path = `/records/${record.id}/files/${field.id}`;
  return field.multiple ? post<Rec>(path, { file: file.id }) : put<Rec>(path, { file: file.id });
}

/** Store a file and put it into a field. */
export async function addFile(record: Rec, field: Field, body: File): Promise<Rec> {
  const kept = await holdFile(body);
  try {
    return await linkFile(record, field, kept);
  } catch (error) {
    await letGo(kept);
    throw error;
  }
}

/** Make a record, all or nothing. */
export const make = (type: string, values: Record<string, unknown>, files: Record<string, string[]>) =>
  post<Rec>("/records", { type, values, files });

/** A record with the tag of its present state. */
export async function tagged(id: string): Promise<{ record: Rec; tag: string }> {
  const answer = await request("GET", `/records/${encodeURIComponent(id)}`);
  return { record: (await answer.json()) as Rec, tag: answer.headers.get("ETag") ?? "" };
}

/** Change values of a record, unless somebody else has changed it since. */
export const change = (id: string, values: Record<string, unknown>, tag: string) =>
  patch<Rec>(`/records/${encodeURIComponent(id)}`, { values }, { headers: { "If-Match": tag } });

/** Store a new content of a file that stands there. */
export async function replaceFile(record: Rec, field: Field, row: number | null, body: File): Promise<Rec> {
  const answer = await request("PUT", `/records/${record.id}/files/${field.id}/content`, { query: { row }, body });
  return (await answer.json()) as Rec;
}

export const dropFile = (record: Rec, field: Field, row: number | null) =>
  del<Rec>(`/records/${record.id}/files/${field.id}`, { row });

// Values, in words

const w = words(
  { yes: "Yes", no: "No", user: (n: number) => `User ${n}`, seconds: (text: string) => `${text} s` },
  { yes: "Oui", no: "Non", user: (n: number) => `Utilisateur ${n}`, seconds: (text: string) => `${text} s` },
);

/** The value of a field as lines of text; none where it is empty. */
export function linesOf(field: Field, value: unknown): string[] {
  if (value === null || value === undefined || value === "") return [];
  if (Array.isArray(value)) return value.flatMap((each) => (each === null ? ["–"] : linesOf(field, each)));
  if (typeof value === "boolean") return [value ? w().yes : w().no];
  switch (field.type) {
    case "timestamp": return [moment(new Date(Number(value) * 1000).toISOString())];
    case "duration": return [w().seconds(number(Number(value) / 1000))];
    case "user": return [w().user(Number(value))];
    case "int":
    case "double": return [number(Number(value))];
    case "list": return [choice(field, String(value))];
    case "location": {
      const { lat, lng, address } = value as { lat: number; lng: number; address?: string };
      return [`${address ? `${address} · ` : ""}${lat}, ${lng}`];
    }
    case "relation": return (value as { records: { id: string }[] }).records.map((each) => each.id);
    default: return [typeof value === "object" ? JSON.stringify(value) : String(value)];
  }
}

function choice(field: Field, id: string): string {
  for (const each of field.options ?? []) {
    if (typeof each !== "string" && each.id === id) return each.name || each.id;
  }
  return id;
}
