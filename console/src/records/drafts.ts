// Values of a record while they are being typed, and back. What cannot be read as the field's kind goes
// to the server as it stands, which says at the field what is needed.
import type { Field, Type } from "./model";

export interface Place {
  lat: string;
  lng: string;
  address: string;
}

/** One value as its input holds it: text, the chosen ones of several, a place. */
export type Draft = string | string[] | Place;

const COLLECTIONS = ["list", "relation", "user"];

/** Whether a field has a row for each of its values: several, or in an array. */
export function hasRows(type: Type, field: Field): boolean {
  return inArray(type, field) || (field.multiple === true && !COLLECTIONS.includes(field.type));
}

export const inArray = (type: Type, field: Field): boolean =>
  type.fields.some((each) => each.id.toLowerCase() === field.parent?.toLowerCase() && each.type === "array");

/** The draft of one value; null is an empty one. */
export function draftOf(field: Field, value: unknown): Draft {
  const text = value == null ? "" : String(value);
  switch (field.type) {
    case "boolean": return value == null ? "" : value ? "yes" : "no";
    case "timestamp": return value == null ? "" : local(Number(value));
    case "duration": return value == null ? "" : String(Number(value) / 1000);
    case "location": {
      const { lat = "", lng = "", address = "" } = (value ?? {}) as Record<string, string | number>;
      return { lat: String(lat), lng: String(lng), address: String(address) };
    }
    case "list":
    case "user": {
      const chosen = ((value ?? []) as unknown[]).map(String);
      return field.multiple ? chosen : (chosen[0] ?? "");
    }
    case "relation": {
      const records = ((value as { records?: { id: string; count?: number | null }[] } | null)?.records ?? []);
      return records.map(({ id, count }) => (count == null ? id : `${id} ${count}`)).join("\n");
    }
    default: return text;
  }
}

/** The value of a draft as the API takes it. */
export function valueOf(field: Field, draft: Draft): unknown {
  if (typeof draft !== "string" && !Array.isArray(draft)) {
    const { lat, lng, address } = draft;
    if (!lat && !lng && !address) return null;
    return { lat: decimal(lat), lng: decimal(lng), ...(address ? { address } : {}) };
  }
  if (!draft.length) return null;
  if (field.type === "list" || field.type === "user") {
    const chosen = Array.isArray(draft) ? draft : [draft];
    return field.type === "user" ? chosen.map(Number) : chosen;
  }
  const text = draft as string;
  switch (field.type) {
    case "boolean": return text === "yes";
    case "int": return whole(text);
    case "double": return decimal(text);
    case "duration": {
      const seconds = decimal(text);
      return typeof seconds === "number" ? Math.round(seconds * 1000) : text;
    }
    case "timestamp": {
      const at = new Date(text).getTime();
      return Number.isNaN(at) ? text : Math.floor(at / 1000);
    }
    case "relation": return { records: text.split("\n").map(related).filter(({ id }) => id) };
    default: return text;
  }
}

function related(line: string): { id: string; count?: string | number } {
  const [id = "", count] = line.trim().split(/\s+/);
  return count === undefined ? { id } : { id, count: whole(count) };
}

function whole(text: string): string | number {
  const value = Number(text);
  return /^[+-]?\d+$/.test(text.trim()) && Number.isSafeInteger(value) ? value : text;
}

function decimal(text: string): string | number {
  const value = Number(text.replace(",", "."));
  return text.trim() && Number.isFinite(value) ? value : text;
}

/** A moment as the browser's field takes it: local time, to the second. */
function local(seconds: number): string {
  const date = new Date(seconds * 1000);
  return new Date(date.getTime() - date.getTimezoneOffset() * 60_000).toISOString().slice(0, 19);
}
