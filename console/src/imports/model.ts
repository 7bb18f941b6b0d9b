// Imports as the API tells them, and the first rows of a CSV file as the server will read them.
import { get, request } from "../core/api";
import type { Job } from "../jobs/model";
import { type Type, isStructure } from "../records/model";

export const MODES = ["upsert", "add", "update"] as const;
export type Mode = (typeof MODES)[number];

export interface Import {
  id: string;
  type: string;
  mode: Mode;
  succeeded: number;
  failed: number;
  has_errors: boolean;
  job: Job;
}

/** Who a record is made for, and the number of the record that a row changes. */
const CREATOR = "userEmail";
const NUMBER = "submissionNumber";
const READ = 64 * 1024;
const SHOWN = 8;

export const importOf = (id: string, signal?: AbortSignal) => get<Import>(`/imports/${id}`, {}, signal ? { signal } : {});

export async function start(type: string, mode: Mode, file: File): Promise<Import> {
  const answer = await request("POST", "/imports", {
    query: { type, mode }, body: new Blob([file], { type: "text/csv" }),
  });
  return (await answer.json()) as Import;
}

export interface Rows {
  names: string[];
  rows: string[][];
}

/** The header and the first rows of a file. */
export async function firstRows(file: Blob): Promise<Rows> {
  const text = new TextDecoder().decode(await file.slice(0, READ).arrayBuffer()).replace(/^\ufeff/, "");
  const [names = [], ...rows] = cellsOf(text, SHOWN + 1);
  return { names: names.map((each) => each.trim()), rows };
}

/** The first refused rows of an import, with what is wrong with each. */
export async function refusedRows(id: string, signal: AbortSignal): Promise<Rows> {
  const answer = await request("GET", `/jobs/${id}/errors`, { headers: { Range: `bytes=0-${READ - 1}`, Accept: "*/*" }, signal });
  return firstRows(await answer.blob());
}

/** The rows of a text as RFC 4180 has them, at most so many; the delimiter is the header's most frequent one. */
export function cellsOf(text: string, most: number): string[][] {
  const header = (text.split(/\r\n|\n|\r/, 1)[0] ?? "").replace(/"(?:[^"]|"")*"?/g, "");
  const count = (mark: string) => header.split(mark).length;
  const delimiter = [",", ";", "\t"].reduce((best, each) => (count(each) > count(best) ? each : best));
  const rows: string[][] = [];
  let row: string[] = [];
  let cell = "";
  let quoted = false;
  const end = () => {
    row.push(cell);
    if (row.length > 1 || row[0]!.trim()) rows.push(row);
    row = [];
    cell = "";
  };
  for (let at = 0; at < text.length && rows.length < most; at += 1) {
    const mark = text[at]!;
    if (quoted) {
      if (mark !== '"') cell += mark;
      else if (text[at + 1] === '"') {
        cell += mark;
        at += 1;
      } else quoted = false;
    } else if (mark === '"' && !cell) quoted = true;
    else if (mark === delimiter) {
      row.push(cell);
      cell = "";
    } else if (mark === "\n" || mark === "\r") {
      if (mark === "\r" && text[at + 1] === "\n") at += 1;
      end();
    } else cell += mark;
  }
  if (rows.length < most && (cell || row.length)) end();
  return rows;
}

/** What a column fills: a field's label, one of the two special ones, nothing (`#`), or it is unknown. */
export function meaningOf(name: string, type: Type): { kind: "field" | "creator" | "number" | "ignored" | "unknown"; label: string } {
  if (name.startsWith("#")) return { kind: "ignored", label: "" };
  if (name === CREATOR) return { kind: "creator", label: "" };
  if (name === NUMBER) return { kind: "number", label: "" };
  const wanted = name.split("#", 1)[0]!.toLowerCase();
  const field = type.fields.find((each) => each.id.toLowerCase() === wanted && !isStructure(each) && each.visibility !== "I");
  return field ? { kind: "field", label: field.label || field.id } : { kind: "unknown", label: "" };
}

/** The columns that a file must have and has not. */
export function missing(names: string[], mode: Mode): string[] {
  return (mode === "update" ? [CREATOR, NUMBER] : [CREATOR]).filter((each) => !names.includes(each));
}
