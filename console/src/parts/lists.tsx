// Short lists: a plain table that reads on when it is asked to, for what people rarely have a hundred of.
import type { ComponentChildren } from "preact";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { get } from "../core/api";
import { Paged } from "../core/paging";
import { words } from "../core/words";
import { Button } from "./buttons";
import { Loading, Problem } from "./states";

const w = words({ more: "Show more", actions: "Actions" }, { more: "Afficher plus", actions: "Actions" });

export interface Listing<T> {
  list: Paged<T>;
  reload: () => void;
}

/** Read a list of the API page by page, from the start again whenever one of `inputs` changes. */
export function useListing<T>(
  path: string,
  member: string,
  query: Record<string, string | boolean | undefined> = {},
  inputs: unknown[] = [],
): Listing<T> {
  const [round, setRound] = useState(0);
  const key = JSON.stringify([path, query, inputs]);
  const before = useRef<{ key: string; list: Paged<T> } | null>(null);
  const fresh = useMemo(
    () =>
      new Paged<T>(async (cursor, signal) => {
        const page = await get<Record<string, unknown>>(path, { ...query, limit: 100, cursor }, { signal });
        return { rows: page[member] as T[], next: (page["next"] as string | null) ?? null };
      }),
    [key, round],
  );
  useEffect(() => () => fresh.stop(), [fresh]);
  // What was there stays while the same list is read again.
  if (fresh.ready.value || fresh.error.value) before.current = { key, list: fresh };
  const list = before.current?.key === key ? before.current.list : fresh;
  return { list, reload: () => setRound((n) => n + 1) };
}

export interface Shown<T> {
  key: string;
  /** Without a title it holds buttons. */
  title?: string;
  cell: (row: T) => ComponentChildren;
  right?: boolean;
}

/** The rows that are read, and a button for those behind them. */
export function Listed<T>(props: {
  label: string;
  of: Listing<T>;
  columns: Shown<T>[];
  id: (row: T) => string | number;
  empty: ComponentChildren;
}) {
  const { list, reload } = props.of;
  void list.version.value;
  if (list.error.value) return <Problem error={list.error.value} onRetry={reload} />;
  if (!list.ready.value) return <Loading />;
  if (!list.rows.length && list.complete) return <>{props.empty}</>;
  return (
    <>
      <Rows label={props.label} rows={list.rows} columns={props.columns} id={props.id} />
      {!list.complete && <Button onClick={() => list.need(list.rows.length)}>{w().more}</Button>}
    </>
  );
}

/** A plain table. One whose rows hold nothing to go to is `inert`: the keyboard scrolls its frame. */
export function Rows<T>(props: {
  label: string;
  rows: T[];
  columns: Shown<T>[];
  id: (row: T) => string | number;
  inert?: boolean;
}) {
  const frame = props.inert ? { tabIndex: 0, role: "region" as const, "aria-label": props.label } : {};
  return (
    <div class="plain-frame" {...frame}>
      <table class="plain-table" aria-label={props.label}>
        <thead>
          <tr>
            {props.columns.map((each) => (
              <th key={each.key} scope="col" class={each.right ? "right" : ""}>
                {each.title ?? <span class="unseen">{w().actions}</span>}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {props.rows.map((row) => (
            <tr key={props.id(row)}>
              {props.columns.map((each) => (
                <td key={each.key} class={each.right || !each.title ? "right" : ""}>{each.cell(row)}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
