// Uploads by tus: some at a time, each resumable, none of them held in memory. They go on while
// people look at something else, wait for the network and for a new sign-in, and can be taken up
// after a reload.
import { computed, signal, type Signal } from "@preact/signals";
import { DetailedError, Upload } from "tus-js-client";
import { get, proof, session, signedInAgain, whoAmI } from "../core/api";
import { prefix } from "../core/places";
import type { Dropped } from "./dropping";
import * as kept from "./kept";
import { type Job, ensureFolder, isScan, recognise, textOf } from "./model";

export type State = "waiting" | "sending" | "paused" | "stalled" | "done" | "failed" | "lost";
export type Reading = "none" | "reading" | "read" | "recognised" | "empty" | "credits" | "failed";

const AT_A_TIME = 3;
const READING_AT_A_TIME = 2;
/** Up to this size the bytes travel with the request that announces them. */
const SMALL = 4 << 20;
const PAUSES = [1000, 2000, 4000, 8000, 15_000];

export class Item {
  readonly state: Signal<State> = signal("waiting");
  readonly sent = signal(0);
  /** The status of a refusal, 0 where something else went wrong. */
  readonly refused = signal<number | null>(null);
  readonly reading: Signal<Reading> = signal("none");
  readonly file = signal<string | null>(null);
  upload: Upload | null = null;
  url: string | null = null;
  tries = 0;
  timer = 0;

  constructor(
    readonly id: number,
    readonly space: string,
    readonly name: string,
    readonly size: number,
    readonly modified: number,
    public source: globalThis.File | null,
    readonly handle: FileSystemFileHandle | null,
    public folder: string | null,
    readonly path: string[],
  ) {}
}

export const items = signal<Item[]>([]);
export const recognises = signal(localStorage.getItem("consigne.recognise") !== "no");
export const active = computed(() =>
  items.value.some((each) => ["waiting", "sending", "stalled"].includes(each.state.value)),
);
/** Counts what has arrived: lists are read again. */
export const arrived = signal(0);
let count = 0;
let readers = 0;
const unread: Item[] = [];
const folders = new Map<string, Promise<string | null>>();

export function recogniseScans(on: boolean): void {
  recognises.value = on;
  localStorage.setItem("consigne.recognise", on ? "yes" : "no");
}

/** Take what was dropped into a folder of a space. */
export function add(dropped: Dropped[], short: string, folder: string | null): void {
  const made = dropped.map(
    (each) =>
      new Item(
        ++count, short, each.file.name, each.file.size, each.file.lastModified, each.file, each.handle,
        folder, each.path,
      ),
  );
  items.value = [...items.value, ...made];
  next();
}

/** Show what an earlier visit of this user left unfinished. */
export async function recall(): Promise<void> {
  const user = session.value?.user.id;
  const found = (await kept.all()).filter((each) => each.user === user);
  const there = new Set(items.value.map((each) => each.url));
  const lost = found
    .filter((each) => !there.has(each.url))
    .map((each) => {
      const item = new Item(
        ++count, each.space, each.name, each.size, each.modified, null, each.handle, each.folder, [],
      );
      item.url = each.url;
      item.state.value = "lost";
      return item;
    });
  if (lost.length) items.value = [...items.value, ...lost];
}

/** Go on with a lost upload, with the file that was chosen again; false: it is another file. */
export function takeUp(item: Item, file: globalThis.File): boolean {
  if (file.name !== item.name || file.size !== item.size) return false;
  item.source = file;
  item.state.value = "waiting";
  next();
  return true;
}

/** Go on with a lost upload whose file the browser can open again by itself. */
export async function reopen(item: Item): Promise<boolean> {
  const handle = item.handle as (FileSystemFileHandle & {
    requestPermission?: (wish: { mode: "read" }) => Promise<PermissionState>;
  }) | null;
  if (!handle) return false;
  try {
    if ((await handle.requestPermission?.({ mode: "read" })) === "denied") return false;
    return takeUp(item, await handle.getFile());
  } catch {
    return false;
  }
}

export function pause(item: Item): void {
  clearTimeout(item.timer);
  item.state.value = "paused";
  void item.upload?.abort(false);
  next();
}

export function resume(item: Item): void {
  item.refused.value = null;
  item.tries = 0;
  item.state.value = "waiting";
  next();
}

/** Give an upload up: the server forgets what it has of it. */
export function cancel(item: Item): void {
  clearTimeout(item.timer);
  const { upload, url } = item;
  items.value = items.value.filter((each) => each !== item);
  if (url && item.state.value !== "done") {
    void kept.drop(url);
    void upload?.abort(false);
    void fetch(url, { method: "DELETE", headers: { "Tus-Resumable": "1.0.0", ...proof() } }).catch(() => {});
  } else void upload?.abort(false);
  next();
}

export function clear(): void {
  items.value = items.value.filter((each) => each.state.value !== "done");
}

function next(): void {
  const sending = items.value.filter((each) => each.state.value === "sending").length;
  const waiting = items.value.filter((each) => each.state.value === "waiting" && each.source);
  for (const each of waiting.slice(0, Math.max(0, AT_A_TIME - sending))) void send(each);
}

async function send(item: Item): Promise<void> {
  item.state.value = "sending";
  try {
    if (item.path.length && !item.url) {
      const key = JSON.stringify([item.space, item.folder, item.path]);
      if (!folders.has(key)) folders.set(key, ensureFolder(item.path, item.folder));
      const place = folders.get(key)!;
      place.catch(() => folders.delete(key));
      item.folder = await place;
      item.path.length = 0;
    }
  } catch (error) {
    fail(item, error);
    return;
  }
  if (item.state.value !== "sending") return;
  const metadata: Record<string, string> = { filename: item.name };
  if (item.source!.type) metadata.filetype = item.source!.type;
  if (item.folder) metadata.folder = item.folder;
  item.upload = new Upload(item.source!, {
    endpoint: `${prefix}/tus/${item.space}`,
    uploadUrl: item.url,
    metadata,
    retryDelays: null,
    storeFingerprintForResuming: false,
    uploadDataDuringCreation: item.size <= SMALL,
    onBeforeRequest: (asked) => {
      for (const [name, value] of Object.entries(proof())) asked.setHeader(name, value);
    },
    onAfterResponse: (_asked, answer) => {
      const id = answer.getHeader("X-Consigne-File");
      if (id) item.file.value = id;
    },
    onUploadUrlAvailable: () => {
      item.url = item.upload?.url ?? null;
      if (item.url && item.size > SMALL) {
        void kept.keep({
          url: item.url, space: item.space, user: session.value!.user.id, name: item.name,
          size: item.size, modified: item.modified, folder: item.folder, handle: item.handle,
        });
      }
    },
    onProgress: (sent) => {
      item.sent.value = sent;
      item.tries = 0;
    },
    onSuccess: () => {
      item.sent.value = item.size;
      item.state.value = "done";
      item.source = null;
      if (item.url) void kept.drop(item.url);
      arrived.value += 1;
      read(item);
      next();
    },
    onError: (error) => fail(item, error),
  });
  item.upload.start();
}

/** Decide what an error means: wait for the network or a sign-in, try again, or give up. */
function fail(item: Item, error: unknown): void {
  if (item.state.value !== "sending") return;
  const told = error as Partial<DetailedError> & { status?: number };
  const status = told.originalResponse?.getStatus() ?? told.status ?? 0;
  const body = told.originalResponse?.getBody() ?? "";
  const again = () => {
    if (item.state.value !== "stalled") return;
    item.state.value = "waiting";
    next();
  };
  if (status === 401) {
    item.state.value = "stalled";
    void signedInAgain().then(again);
  } else if (status === 403 && body.includes("origin") && item.tries++ < 2) {
    item.state.value = "stalled";
    void whoAmI().then(again);
  } else if ((status === 404 || status === 410) && item.url) {
    // The server does not know it any more: it ran out of time. From the beginning, then.
    void kept.drop(item.url);
    item.url = null;
    item.state.value = "stalled";
    again();
  } else if (status === 0 || status === 423 || status === 409 || status === 429 || status >= 500 && status !== 507) {
    item.state.value = "stalled";
    item.timer = window.setTimeout(again, PAUSES[Math.min(item.tries++, PAUSES.length - 1)]);
  } else {
    item.refused.value = status;
    item.state.value = "failed";
  }
  next();
}

addEventListener("online", () => {
  for (const each of items.value) {
    if (each.state.value !== "stalled") continue;
    clearTimeout(each.timer);
    each.state.value = "waiting";
  }
  next();
});

addEventListener("beforeunload", (event) => {
  if (active.value) event.preventDefault();
});

// Text of scans

const pause_ = (time: number) => new Promise((resolve) => setTimeout(resolve, time));

function read(item: Item): void {
  const type = item.name.toLowerCase().endsWith(".pdf") ? "application/pdf" : "";
  const guess = { type: type || "application/octet-stream", detected_type: null };
  const picture = /\.(png|jpe?g|tiff?|webp|bmp|gif|heic|avif|jp2)$/i.test(item.name);
  if (!item.file.value || !(picture || isScan(guess)) || !recognises.value) return;
  item.reading.value = "reading";
  unread.push(item);
  void readNext();
}

async function readNext(): Promise<void> {
  if (readers >= READING_AT_A_TIME) return;
  readers += 1;
  for (let item = unread.shift(); item; item = unread.shift()) {
    try {
      item.reading.value = await follow(item.file.value!, item.space);
    } catch (error) {
      item.reading.value = (error as { status?: number }).status === 402 ? "credits" : "failed";
    }
    arrived.value += 1;
  }
  readers -= 1;
}

/** See the text of a file through: its own, else one that is recognised. */
export async function follow(id: string, short: string): Promise<Reading> {
  let known = await textOf(id, short);
  for (let round = 0; known.state === "waiting" && round < 240; round += 1) {
    await pause_(500);
    known = await textOf(id, short);
  }
  if (known.length > 0) return known.origin === "ocr" ? "recognised" : "read";
  if (!known.recognisable) return "empty";
  let job = await recognise(id, short);
  while (job && (job.state === "queued" || job.state === "running")) {
    await pause_(700);
    job = await get<Job>(`/jobs/${job.id}`, {}, { space: short });
  }
  if (job && job.state !== "done") return "failed";
  for (let round = 0; round < 240; round += 1) {
    known = await textOf(id, short);
    if (known.origin === "ocr") return known.length > 0 ? "recognised" : "empty";
    await pause_(500);
  }
  return "failed";
}
