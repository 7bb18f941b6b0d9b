// A list of the API that is read again when something happened; what is shown stays until then.
import { useEffect, useRef, useState } from "preact/hooks";
import { type Page, Paged } from "./paging";

/** A list that is read again is read at most so far at once. */
const AGAIN = 2000;

export interface Listed<T> {
  list: Paged<T> | null;
  /** Read what is shown again, from its start. */
  refresh: () => Promise<void>;
}

/** Read a list whenever `inputs` change; `total`, if known, says how long it is. */
export function usePaged<T>(
  read: (cursor: string | null, signal: AbortSignal) => Promise<Page<T>>,
  inputs: unknown[],
  total?: (signal: AbortSignal) => Promise<number>,
): Listed<T> {
  const key = JSON.stringify(inputs);
  const [shown, setShown] = useState<{ key: string; list: Paged<T> } | null>(null);
  const present = useRef<Paged<T> | null>(null);
  // Who asks for a refresh may have been told how before the inputs changed.
  const latest = useRef({ key, read, total });
  latest.current = { key, read, total };
  useEffect(() => {
    const list = new Paged(read, total);
    present.current = list;
    setShown({ key, list });
    return () => present.current?.stop();
  }, [key]);
  const refresh = async () => {
    const now = latest.current;
    const before = present.current;
    const fresh = new Paged(now.read, now.total);
    present.current = fresh;
    await fresh.reach(Math.min((before?.rows.length ?? 1) - 1, AGAIN));
    if (present.current !== fresh) return fresh.stop();
    if (fresh.error.value && before) {
      // What is shown stays shown.
      fresh.stop();
      present.current = before;
      return;
    }
    before?.stop();
    setShown({ key: now.key, list: fresh });
  };
  return { list: shown?.key === key ? shown.list : null, refresh };
}
