// Files and folders as the API tells them, and what is known of the folders of the present space.
import { type Signal, signal } from "@preact/signals";
import { del, get, patch, post, put, request, url } from "../core/api";
import type { IconName } from "../parts/icons";

export interface File {
  id: string;
  name: string;
  size: number;
  type: string;
  detected_type: string | null;
  sha256: string | null;
  md5: string | null;
  state: "expected" | "held" | "kept" | "released";
  access: "private" | "space" | "record";
  folder: string | null;
  version: number;
  owner: number | null;
  tags: string[];
  meta: Record<string, string>;
  created_at: string;
  updated_at: string | null;
  released_at: string | null;
  guards: string[];
  retain_until: string | null;
  hold_reason: string | null;
  made_from: string | null;
}

export interface Folder {
  id: string;
  name: string;
  parent: string | null;
  path?: string;
}

export interface Year {
  id: string;
  label: string;
  is_closed: boolean;
}

export interface Version {
  number: number;
  current: boolean;
  name: string;
  size: number;
  created_at: string | null;
}

export interface Snippet {
  in: "name" | "meta" | "tag" | "text";
  key: string | null;
  page: number | null;
  text: string;
  marks: [number, number][];
}

export interface Hit {
  file: File;
  snippets: Snippet[];
}

export interface TextState {
  state: "none" | "waiting" | "read";
  origin: "layer" | "ocr" | null;
  pages: number | null;
  length: number;
  problem: string | null;
  recognisable: boolean;
}

export interface Job {
  id: string;
  state: "queued" | "running" | "done" | "failed" | "cancelled";
  progress: { done: number; total: number | null };
  error: { code: string; detail: string } | null;
}

/** What the table shows. */
export const FIELDS = "name,size,type,detected_type,folder,tags,created_at,updated_at,released_at,guards,version,owner,state";

export function iconOf(file: Pick<File, "type">): IconName {
  const [kind] = file.type.split("/");
  if (kind === "image" || kind === "audio" || kind === "video" || kind === "text") return kind;
  return "file";
}

/** Whether the server may have a picture of it. */
export function hasPicture(file: Pick<File, "type" | "detected_type">): boolean {
  const type = file.detected_type ?? file.type;
  return type === "application/pdf" || (type.startsWith("image/") && type !== "image/svg+xml");
}

/** Whether its text may have to be recognised. */
export const isScan = hasPicture;

// Folders

const TOP = "";
const lists = new Map<string, Signal<Folder[] | undefined>>();
const known = new Map<string, Folder>();

/** Forget all folders: another space, or something changed. */
export function forgetFolders(): void {
  known.clear();
  for (const [parent, list] of lists) if (list.peek()) void readFolders(parent);
}

export function leaveFolders(): void {
  known.clear();
  lists.clear();
}

/** The folders below one, or at the top; undefined while they are read. */
export function foldersIn(parent: string | null): Signal<Folder[] | undefined> {
  const key = parent ?? TOP;
  let list = lists.get(key);
  if (!list) {
    list = signal<Folder[] | undefined>(undefined);
    lists.set(key, list);
    void readFolders(key);
  }
  return list;
}

async function readFolders(key: string): Promise<void> {
  const list = lists.get(key)!;
  const found: Folder[] = [];
  let cursor: string | null = null;
  try {
    do {
      const page: { folders: Folder[]; next: string | null } = await get("/folders", {
        parent: key || undefined, limit: 1000, cursor: cursor ?? undefined,
      });
      found.push(...page.folders);
      cursor = page.next;
    } while (cursor);
  } catch {
    // Gone, or not ours: it has none then.
  }
  for (const each of found) known.set(each.id, each);
  list.value = found.sort((a, b) => a.name.localeCompare(b.name, undefined, { numeric: true }));
}

/** The folder and those above it, from the top. */
export async function lineage(id: string | null): Promise<Folder[]> {
  const line: Folder[] = [];
  for (let next = id; next; ) {
    const folder: Folder = known.get(next) ?? (await get<Folder>(`/folders/${next}`));
    known.set(folder.id, folder);
    line.unshift(folder);
    next = folder.parent;
  }
  return line;
}

export const makeFolder = (name: string, parent: string | null) =>
  post<Folder>("/folders", { name, parent }).finally(forgetFolders);
export const changeFolder = (id: string, change: { name?: string; parent?: string | null }) =>
  patch<Folder>(`/folders/${id}`, change).finally(forgetFolders);
export const deleteFolder = (id: string) =>
  del<{ folders: number }>(`/folders/${id}`).finally(forgetFolders);

/** Return the folder of a path below another, making what is missing of it. */
export async function ensureFolder(path: string[], below: string | null): Promise<string | null> {
  if (!path.length) return below;
  const base = below ? ((await get<Folder>(`/folders/${below}`)).path ?? "") : "";
  const escaped = path.map((each) => each.replaceAll("%", "%25").replaceAll("/", "%2F"));
  const full = [...base.split("/").filter(Boolean), ...escaped].join("/");
  return (await put<Folder>("/folders", undefined, { query: { path: full } })).id;
}

// Files

export const changeFile = (id: string, change: Partial<Pick<File, "name" | "folder" | "tags" | "meta">>) =>
  patch<File>(`/files/${id}`, change);
export const releaseFile = (id: string) => del<void>(`/files/${id}`);
export const purgeFile = (id: string) => del<void>(`/files/${id}`, { purge: true });
export const restoreFile = (id: string) => post<File>(`/files/${id}/restore`);
export const textOf = (id: string, short?: string) =>
  get<TextState>(`/files/${id}/text`, {}, { space: short });

/** Have a scan read; the job, or null where it is read already. */
export async function recognise(id: string, short?: string): Promise<Job | null> {
  const answer = await request("POST", `/files/${id}/ocr`, {
    headers: { Prefer: "respond-async" }, space: short,
  });
  const said = (await answer.json()) as { job: Job; file: File | null };
  return said.file ? null : said.job;
}

export const contentUrl = (id: string, short: string, inline = false): string =>
  url(`/files/${id}/content`, { space: short, inline: inline || undefined });
export const pictureUrl = (id: string, short: string, side: number, version: number, page = 1): string =>
  url(`/files/${id}/preview`, { space: short, width: side, height: side, format: "webp", version, page: page > 1 ? page : null });

/** Do something to many, some at a time; return how many failed and the first refusal. */
export async function each<T>(many: T[], work: (one: T) => Promise<unknown>): Promise<{ failed: number; error: unknown }> {
  let failed = 0;
  let error: unknown = null;
  const left = [...many];
  const lane = async () => {
    for (let one = left.shift(); one !== undefined; one = left.shift()) {
      try {
        await work(one);
      } catch (refusal) {
        failed += 1;
        error ??= refusal;
      }
    }
  };
  await Promise.all([lane(), lane(), lane(), lane()]);
  return { failed, error };
}
