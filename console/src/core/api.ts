// The native API, with the session's cookie. A request whose session has ended waits until someone
// has signed in again, so that no work is lost; a refusal is a `Refusal` with the server's own words.
import { computed, signal } from "@preact/signals";
import { place, prefix } from "./places";

export const API = `${prefix}/consigne/v1`;

export interface User {
  id: number;
  email: string;
  username: string;
  name: string;
  is_operator: boolean;
}

export type Role = "reader" | "writer" | "manager" | "admin";

export interface Space {
  id: number;
  short: string;
  name: string;
  role: Role | null;
}

export interface Session {
  csrf: string;
  user: User;
}

/** Who is signed in; undefined until it is known. */
export const session = signal<Session | null | undefined>(undefined);
/** The session ended while work was open: it is asked for again over the page. */
export const ended = signal(false);
export const spaces = signal<Space[]>([]);
/** The space of the address, if the user is a member. */
export const space = computed(() => spaces.value.find((each) => each.short === place.value.space));

const RANKS: Role[] = ["reader", "writer", "manager", "admin"];

/** Whether the user has at least this role in the present space. */
export function may(role: Role): boolean {
  const own = space.value?.role;
  return own != null && RANKS.indexOf(own) >= RANKS.indexOf(role);
}

export class Refusal extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    readonly title: string,
    readonly detail: string,
    readonly hint: string,
    readonly facts: Record<string, unknown>,
  ) {
    super(detail || title);
  }
}

export class Offline extends Error {}

export interface Asked {
  query?: Record<string, string | number | boolean | string[] | undefined | null>;
  body?: unknown;
  headers?: Record<string, string>;
  /** The space meant, if not the present one; null: none. */
  space?: string | null | undefined;
  signal?: AbortSignal;
}

/** Return the URL of a path of the API, for links and pictures as well. */
export function url(path: string, query: Asked["query"] = {}): string {
  const asked = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    for (const each of Array.isArray(value) ? value : [value]) {
      if (each != null && each !== "") asked.append(name, String(each));
    }
  }
  const text = asked.toString();
  return `${API}${path}${text ? `?${text}` : ""}`;
}

/** The headers that a changing request of this session needs. */
export function proof(): Record<string, string> {
  return session.value ? { "X-Consigne-Csrf": session.value.csrf } : {};
}

export async function request(method: string, path: string, asked: Asked = {}): Promise<Response> {
  for (let again = false; ; again = true) {
    const headers: Record<string, string> = { Accept: "application/json", ...asked.headers };
    if (method !== "GET") Object.assign(headers, proof());
    const short = asked.space === undefined ? space.value?.short : asked.space;
    if (short) headers["X-Consigne-Space"] = short;
    let body: BodyInit | undefined;
    if (asked.body instanceof Blob || asked.body instanceof FormData) body = asked.body;
    else if (asked.body !== undefined) {
      headers["Content-Type"] = "application/json";
      body = JSON.stringify(asked.body);
    }
    let answer: Response;
    try {
      answer = await fetch(url(path, asked.query), {
        method, headers, body: body ?? null, signal: asked.signal ?? null, credentials: "same-origin",
      });
    } catch (error) {
      if (asked.signal?.aborted) throw error;
      throw new Offline();
    }
    if (answer.ok) return answer;
    const refusal = await refused(answer);
    if (refusal.status === 401 && refusal.code !== "bad_credentials" && session.value) {
      await signedInAgain();
      continue;
    }
    // Another tab signed in anew: its cookie is ours too, what we show beside it is out of date.
    if (refusal.code === "origin_refused" && !again) {
      await whoAmI();
      if (session.value) continue;
    }
    throw refusal;
  }
}

async function refused(answer: Response): Promise<Refusal> {
  const said = await answer.json().catch(() => ({}));
  return new Refusal(
    answer.status, said.code ?? "", said.title ?? answer.statusText, said.detail ?? "",
    said.hint ?? "", said,
  );
}

async function json<T>(method: string, path: string, asked?: Asked): Promise<T> {
  const answer = await request(method, path, asked);
  return answer.status === 204 ? (undefined as T) : await answer.json();
}

export const get = <T>(path: string, query?: Asked["query"], asked?: Asked): Promise<T> =>
  json<T>("GET", path, { query, ...asked });
export const post = <T>(path: string, body?: unknown, asked?: Asked): Promise<T> =>
  json<T>("POST", path, { body, ...asked });
export const put = <T>(path: string, body?: unknown, asked?: Asked): Promise<T> =>
  json<T>("PUT", path, { body, ...asked });
export const patch = <T>(path: string, body?: unknown, asked?: Asked): Promise<T> =>
  json<T>("PATCH", path, { body, ...asked });
export const del = <T>(path: string, query?: Asked["query"], asked?: Asked): Promise<T> =>
  json<T>("DELETE", path, { query, ...asked });

// Sessions

const tabs = new BroadcastChannel("consigne.session");
let waiting: { done: Promise<void>; wake: () => void } | null = null;

/** Wait until someone has signed in over the page. */
export function signedInAgain(): Promise<void> {
  if (!waiting) {
    let wake = () => {};
    const done = new Promise<void>((resolve) => {
      wake = resolve;
    });
    waiting = { done, wake };
    ended.value = true;
  }
  return waiting.done;
}

/** Learn whose session the cookie carries. */
export async function whoAmI(): Promise<void> {
  const answer = await fetch(url("/session"), { credentials: "same-origin" });
  await begin(answer.status === 200 ? await answer.json() : null);
}

async function begin(found: Session | null): Promise<void> {
  const before = session.value;
  if (before && found && before.user.id !== found.user.id) location.reload();
  session.value = found ?? (before ? before : null);
  if (!found) {
    if (before) void signedInAgain();
    return;
  }
  spaces.value = (await get<{ spaces: Space[] }>("/me", {}, { space: null })).spaces;
  ended.value = false;
  waiting?.wake();
  waiting = null;
}

/** Sign in. Throws a Refusal. */
export async function signIn(login: string, password: string): Promise<void> {
  const answer = await fetch(url("/session"), {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ login, password, cookie: true }),
    credentials: "same-origin",
  });
  if (!answer.ok) throw await refused(answer);
  await begin(await answer.json());
  tabs.postMessage("in");
}

export async function signOut(): Promise<void> {
  await fetch(url("/session"), { method: "DELETE", headers: proof(), credentials: "same-origin" });
  tabs.postMessage("out");
  location.reload();
}

tabs.onmessage = (message) => {
  if (message.data === "out") location.reload();
  else if (ended.value || session.value === null) void whoAmI();
};
