// What happens in the present space, as it happens. One stream in the tab that is seen: browsers
// allow few connections to a server, and uploads need some.
import { useEffect, useRef } from "preact/hooks";
import { space, url } from "./api";

export interface Happening {
  action: string;
  subject: string | null;
  data: Record<string, unknown>;
}

const listeners = new Set<(event: Happening) => void>();
let stream: EventSource | null = null;
let followed = "";
let last = "";
let later = 0;

function follow(): void {
  const short = document.visibilityState === "visible" && listeners.size ? (space.value?.short ?? "") : "";
  if (short === followed && stream?.readyState !== EventSource.CLOSED) return;
  if (short !== followed) last = "";
  stream?.close();
  stream = null;
  followed = short;
  if (!short) return;
  stream = new EventSource(url("/events/stream", { space: short, after: last }));
  stream.onmessage = (message) => {
    last = message.lastEventId;
    if (message.data) for (const each of [...listeners]) each(JSON.parse(message.data));
  };
  stream.onerror = () => {
    clearTimeout(later);
    if (stream?.readyState === EventSource.CLOSED) later = window.setTimeout(follow, 10_000);
  };
}

document.addEventListener("visibilitychange", follow);
addEventListener("pagehide", () => stream?.close());

/** Call `hear` for each event of the space whose action begins with one of these. */
export function useHappenings(actions: string[], hear: (event: Happening) => void): void {
  // The stream outlives many renderings; each hears with its own ears.
  const latest = useRef({ actions, hear });
  latest.current = { actions, hear };
  useEffect(() => {
    const listener = (event: Happening) => {
      if (latest.current.actions.some((each) => event.action.startsWith(each))) latest.current.hear(event);
    };
    listeners.add(listener);
    follow();
    return () => {
      listeners.delete(listener);
      setTimeout(follow, 100);
    };
  }, [space.value?.short]);
}
