// Jobs as the API tells them.
import { del, get, may, session, url } from "../core/api";
import { w } from "./words";

export const STATES = ["queued", "running", "done", "failed", "cancelled"] as const;
export type State = (typeof STATES)[number];

/** What the service does, by its own names for it. */
export const KINDS = ["bulk", "import", "ocr", "text", "preview", "invoice", "post_store"] as const;

export interface Job {
  id: string;
  kind: string;
  state: State;
  file: string | null;
  progress: { done: number; total: number | null };
  attempts: number;
  created_by: number | null;
  created_at: string;
  started_at: string | null;
  ended_at: string | null;
  result: { count: number; size: number; failed: number; file: string | null } | null;
  error: { code: string; detail: string } | null;
}

export const isUnderWay = (job: Job): boolean => job.state === "queued" || job.state === "running";

/** Whether the user may end it: it is his, or he manages the space. */
export const mayCancel = (job: Job): boolean =>
  isUnderWay(job) && may("writer") && (job.created_by === session.value?.user.id || may("manager"));

export const lookAt = (id: string, signal?: AbortSignal) =>
  get<Job>(`/jobs/${id}`, {}, signal ? { signal } : {});
export const cancel = (id: string) => del<Job>(`/jobs/${id}`);

/** Where what it left alone can be downloaded. */
export const errorsUrl = (id: string, short: string) => url(`/jobs/${id}/errors`, { space: short });

export const kindOf = (job: Pick<Job, "kind">): string => w().kindIs(job.kind);
export const stateOf = (state: State): string => w().stateIs(state);

export const TONES: Record<State, "good" | "bad" | "warm" | undefined> = {
  queued: undefined, running: "warm", done: "good", failed: "bad", cancelled: undefined,
};

/** What can be done about a job that failed. */
export function adviceOn(job: Job): string {
  const code = job.error?.code ?? "";
  if (["quota_exceeded", "storage_full"].includes(code)) return w().adviceRoom;
  if (code === "credits_exhausted") return w().adviceCredits;
  if (["unavailable", "busy", "timed_out", "engine_missing"].includes(code)) return w().adviceLater;
  if (job.kind === "import") return w().adviceImport;
  if (job.kind === "bulk") return w().adviceBulk;
  return w().adviceFile;
}
