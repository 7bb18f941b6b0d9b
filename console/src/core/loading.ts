// Reading from the API for a component: the value, the refusal, and how to read again.
import { useEffect, useRef, useState } from "preact/hooks";

export interface Loaded<T> {
  value: T | undefined;
  error: unknown;
  busy: boolean;
  reload: () => void;
}

/** Call `read` at the start and whenever one of `inputs` changes; the last call counts. */
export function useLoaded<T>(read: (signal: AbortSignal) => Promise<T>, inputs: unknown[]): Loaded<T> {
  const [state, setState] = useState<{ value?: T; error?: unknown; busy: boolean }>({ busy: true });
  const [round, setRound] = useState(0);
  const mark = useRef("");
  const key = JSON.stringify(inputs);
  useEffect(() => {
    const ending = new AbortController();
    // What was there stays while the same thing is read again, and goes when it is another.
    setState((before) => (mark.current === key ? { ...before, busy: true } : { busy: true }));
    mark.current = key;
    read(ending.signal).then(
      (value) => ending.signal.aborted || setState({ value, busy: false }),
      (error) => ending.signal.aborted || setState({ error, busy: false }),
    );
    return () => ending.abort();
  }, [key, round]);
  return { value: state.value, error: state.error, busy: state.busy, reload: () => setRound((n) => n + 1) };
}
