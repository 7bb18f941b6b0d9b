// A table of any length: only the rows in view are in the page. It is a grid to assistive technology;
// arrows, Home, End and the page keys move, the space bar selects, Enter opens. By the pointer a row
// opens by the link in it, or by two clicks; one click only goes to it.
import type { ComponentChildren } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { go } from "../core/places";
import { words } from "../core/words";
import { Link } from "./buttons";
import { Icon } from "./icons";

const w = words(
  { select: "Select", all: "Select all" },
  { select: "Sélectionner", all: "Tout sélectionner" },
);

export interface Column<T> {
  key: string;
  /** Read out only where `hideTitle` says so. */
  title: string;
  hideTitle?: boolean;
  /** A track of the grid: `minmax(12rem, 1fr)`, `8rem`. */
  width: string;
  cell: (row: T) => ComponentChildren;
  /** Its cells are links to where the row leads. */
  opens?: boolean;
  /** What the server sorts by; without it the column cannot be sorted. */
  sort?: string;
  right?: boolean;
  /** 1: only where the table is wide; 2: not where it is as narrow as a phone. */
  hide?: 1 | 2;
}

export interface TableProps<T> {
  label: string;
  columns: Column<T>[];
  /** How many rows there are; those that are not loaded yet are drawn empty. */
  count: number;
  row: (index: number) => T | undefined;
  id: (row: T) => string;
  name: (row: T) => string;
  /** Called with the last row that is needed. */
  onNeed?: (last: number) => void;
  /** The address that a row leads to. */
  to?: (row: T) => string;
  /** A field, `-` before it when it falls. */
  sort?: string;
  onSort?: (sort: string) => void;
  selected?: ReadonlySet<string>;
  /** Rows that cannot be selected; by default all can. */
  selectable?: (row: T) => boolean;
  onSelect?: (ids: Set<string>) => void;
  /** Called instead of `onSelect` when all rows are to be selected, those too that are not loaded. */
  onAll?: () => void;
  onMenu?: (row: T, at: { x: number; y: number }) => void;
  current?: string | undefined;
  rowHeight?: number;
}

const AHEAD = 8;
/** The width in pixels that a column which may be hidden needs around it. */
const ROOM = { 1: 860, 2: 600 };

export function Table<T>(props: TableProps<T>) {
  const height = props.rowHeight ?? 44;
  const box = useRef<HTMLDivElement>(null);
  const [view, setView] = useState({ top: 0, height: 800, width: 1200 });
  const [active, setActive] = useState(0);
  const anchor = useRef<number | null>(null);
  const { count, selected } = props;
  const columns = props.columns.filter((each) => !each.hide || view.width >= ROOM[each.hide]);
  const pick = props.onSelect !== undefined;
  const selectable = props.selectable ?? (() => true);

  useLayoutEffect(() => {
    const element = box.current!;
    const look = () => setView({ top: element.scrollTop, height: element.clientHeight, width: element.clientWidth });
    const sizes = new ResizeObserver(look);
    sizes.observe(element);
    element.addEventListener("scroll", look, { passive: true });
    return () => {
      sizes.disconnect();
      element.removeEventListener("scroll", look);
    };
  }, []);

  const first = Math.max(0, Math.floor(view.top / height) - AHEAD);
  const last = Math.min(count - 1, Math.ceil((view.top + view.height) / height) + AHEAD);
  useEffect(() => {
    if (last >= 0) props.onNeed?.(last);
  }, [last, props.onNeed]);

  const focus = (index: number) => {
    const to = Math.max(0, Math.min(count - 1, index));
    setActive(to);
    const element = box.current!;
    const head = 40;
    if (to * height < element.scrollTop) element.scrollTop = to * height;
    else if ((to + 1) * height + head > element.scrollTop + element.clientHeight) {
      element.scrollTop = (to + 1) * height + head - element.clientHeight;
    }
    setView({ top: element.scrollTop, height: element.clientHeight, width: element.clientWidth });
    requestAnimationFrame(() => {
      box.current?.querySelector<HTMLElement>(`[data-row="${to}"]`)?.focus({ preventScroll: true });
    });
  };

  const toggle = (index: number, many: boolean) => {
    const row = props.row(index);
    if (!row || !props.onSelect || !selectable(row)) return;
    const next = new Set(selected);
    const on = !next.has(props.id(row));
    const from = many && anchor.current !== null ? anchor.current : index;
    for (let i = Math.min(from, index); i <= Math.max(from, index); i += 1) {
      const each = props.row(i);
      if (each && selectable(each)) next[on ? "add" : "delete"](props.id(each));
    }
    anchor.current = index;
    props.onSelect(next);
  };

  const onKey = (event: KeyboardEvent) => {
    const target = event.target as HTMLElement;
    if (target.dataset.row === undefined && !target.matches(".opens")) return;
    const page = Math.max(1, Math.floor(view.height / height) - 1);
    const steps: Record<string, number> = {
      ArrowDown: active + 1, ArrowUp: active - 1, PageDown: active + page, PageUp: active - page,
      Home: 0, End: count - 1,
    };
    const to = steps[event.key];
    const row = props.row(active);
    if (to !== undefined) {
      focus(to);
      if (event.shiftKey && pick) toggle(Math.max(0, Math.min(count - 1, to)), true);
    } else if (event.key === " " && pick) toggle(active, event.shiftKey);
    else if (event.key === "Enter" && row && props.to && target.dataset.row !== undefined) go(props.to(row));
    else if (event.key === "a" && (event.ctrlKey || event.metaKey) && pick) all(true);
    else if ((event.key === "ContextMenu" || (event.key === "F10" && event.shiftKey)) && row && props.onMenu) {
      const at = target.getBoundingClientRect();
      props.onMenu(row, { x: at.left + 48, y: at.bottom });
    } else return;
    event.preventDefault();
  };

  const all = (on: boolean) => {
    if (on && props.onAll) return props.onAll();
    const next = new Set<string>();
    for (let i = 0; on && i < count; i += 1) {
      const row = props.row(i);
      if (row && selectable(row)) next.add(props.id(row));
    }
    props.onSelect?.(next);
  };

  const tracks = [...(pick ? ["2.75rem"] : []), ...columns.map((each) => each.width)].join(" ");
  const lines = [];
  for (let index = first; index <= last; index += 1) {
    const row = props.row(index);
    const chosen = row !== undefined && !!selected?.has(props.id(row));
    lines.push(
      <div
        key={row ? props.id(row) : index}
        class={`line ${chosen ? "selected" : ""} ${row && props.current === props.id(row) ? "current" : ""}`}
        role="row"
        aria-rowindex={index + 2}
        aria-selected={pick ? chosen : undefined}
        data-row={index}
        tabIndex={index === active ? 0 : -1}
        style={{ transform: `translateY(${index * height}px)`, height: `${height}px` }}
        onFocusIn={() => setActive(index)}
        onClick={(event) => {
          if (!row || (event.target as HTMLElement).closest("button, a, input, label")) return;
          if (pick && (event.ctrlKey || event.metaKey || event.shiftKey)) toggle(index, event.shiftKey);
        }}
        onDblClick={(event) => {
          if (row && props.to && !(event.target as HTMLElement).closest("button, a, input, label")) go(props.to(row));
        }}
        onContextMenu={(event) => {
          if (!row || !props.onMenu) return;
          event.preventDefault();
          props.onMenu(row, { x: event.clientX, y: event.clientY });
        }}
      >
        {pick && (
          <div role="gridcell" class="cell pick">
            {row && selectable(row) && (
              <input
                type="checkbox"
                tabIndex={-1}
                aria-label={`${w().select} ${props.name(row)}`}
                checked={chosen}
                onClick={(event) => toggle(index, event.shiftKey)}
              />
            )}
          </div>
        )}
        {columns.map((each) => (
          <div key={each.key} role="gridcell" class={`cell ${each.right ? "right" : ""}`}>
            {!row ? <span class="ghost" />
              : each.opens && props.to ? <Link to={props.to(row)} class="opens" tabIndex={-1}>{each.cell(row)}</Link>
              : each.cell(row)}
          </div>
        ))}
      </div>,
    );
  }

  return (
    <div
      ref={box}
      class="table"
      role="grid"
      aria-label={props.label}
      aria-rowcount={count + 1}
      aria-multiselectable={pick}
      style={{ "--tracks": tracks }}
      onKeyDown={onKey}
    >
      <div role="rowgroup" class="table-head">
        <div role="row" aria-rowindex={1} class="line head">
          {pick && (
            <div role="columnheader" class="cell pick">
              <input
                type="checkbox"
                aria-label={w().all}
                checked={!!selected?.size}
                disabled={!count}
                onClick={() => all(!selected?.size)}
              />
            </div>
          )}
          {columns.map((each) => <Head key={each.key} column={each} {...sorting(props)} />)}
        </div>
      </div>
      <div role="rowgroup" class="table-body" style={{ height: `${count * height}px` }}>{lines}</div>
    </div>
  );
}

const sorting = <T,>({ sort, onSort }: TableProps<T>) => ({ sort, onSort });

function Head<T>({ column, sort, onSort }: { column: Column<T>; sort?: string | undefined; onSort?: ((sort: string) => void) | undefined }) {
  const down = sort === `-${column.sort}`;
  const on = column.sort !== undefined && (down || sort === column.sort);
  return (
    <div
      role="columnheader"
      class={`cell ${column.right ? "right" : ""}`}
      aria-sort={on ? (down ? "descending" : "ascending") : undefined}
    >
      {column.sort && onSort ? (
        <button type="button" class="sort" onClick={() => onSort(on && !down ? `-${column.sort}` : column.sort!)}>
          {column.title}
          {on && <Icon name={down ? "down" : "up"} size={14} />}
        </button>
      ) : column.hideTitle ? <span class="unseen">{column.title}</span> : column.title}
    </div>
  );
}
