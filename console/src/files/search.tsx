// Hits of a search as one types, with what was found marked in them.
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { get, space } from "../core/api";
import { ask, place } from "../core/places";
import { language, when } from "../core/words";
import { Button, IconButton } from "../parts/buttons";
import { Icon } from "../parts/icons";
import { Empty, Loading, Problem } from "../parts/states";
import { Thumb } from "./list";
import type { Hit, Snippet } from "./model";
import { arrived } from "./uploads";
import { w } from "./words";

const CALM = 200;

export function SearchBox() {
  const asked = place.value.query.get("q") ?? "";
  const [text, setText] = useState(asked);
  const timer = useRef(0);
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => {
    if (document.activeElement !== field.current) setText(asked);
  }, [asked]);
  useEffect(() => {
    const key = (event: KeyboardEvent) => {
      const typing = (event.target as HTMLElement).closest("input, textarea, select, [contenteditable], dialog");
      if (event.key === "/" && !typing) {
        event.preventDefault();
        field.current?.focus();
      }
    };
    addEventListener("keydown", key);
    return () => removeEventListener("keydown", key);
  }, []);
  const look = (value: string, now: boolean) => {
    setText(value);
    clearTimeout(timer.current);
    const had = Boolean(place.value.query.get("q"));
    timer.current = window.setTimeout(() => ask({ q: value.trim() ? value : undefined, file: undefined }, had), now ? 0 : CALM);
  };
  return (
    <search class="search">
      <Icon name="search" size={18} />
      <input
        ref={field}
        type="search"
        aria-label={w().search}
        placeholder={w().search}
        value={text}
        maxLength={500}
        onInput={(event) => look(event.currentTarget.value, false)}
        onKeyDown={(event) => {
          if (event.key === "Enter") look(text, true);
          else if (event.key === "Escape" && text) look("", true);
          else if (event.key === "ArrowDown") document.querySelector<HTMLElement>(".hit button")?.focus();
          else return;
          event.preventDefault();
        }}
      />
      {text && <IconButton icon="close" label={w().clearSearch} onClick={() => { look("", true); field.current?.focus(); }} />}
    </search>
  );
}

interface Found {
  hits: Hit[];
  total: number;
  next: string | null;
}

export function Hits({ q }: { q: string }) {
  const [found, setFound] = useState<Found | null>(null);
  const [error, setError] = useState<unknown>(null);
  const asking = useMemo(() => new AbortController(), [q, arrived.value]);
  useEffect(() => {
    const { signal } = asking;
    get<Found>("/search", { q, limit: 30 }, { signal }).then(
      (value) => { setFound(value); setError(null); },
      (refusal) => signal.aborted || setError(refusal),
    );
    return () => asking.abort();
  }, [asking, language.value]);
  const more = async () => {
    const page = await get<Found>("/search", { q, limit: 30, cursor: found!.next });
    setFound({ ...page, hits: [...found!.hits, ...page.hits] });
  };
  if (error) return <Problem error={error} />;
  if (!found) return <Loading />;
  // The text of a scan is a file as well; where the scan itself is found, that is enough.
  const ids = new Set(found.hits.map((each) => each.file.id));
  return (
    <section class="hits" aria-label={w().searchIn(space.value?.name || space.value?.short || "")}>
      <p class="quiet small" role="status">{w().hits(found.total)}</p>
      {!found.total && <Empty icon="search" title={w().noHits}>{w().noHitsText}</Empty>}
      <ul onKeyDown={step}>
        {found.hits.filter((each) => !ids.has(each.file.made_from ?? "")).map((each) => (
          <li key={each.file.id} class={`hit ${place.value.query.get("file") === each.file.id ? "current" : ""}`}>
            <Thumb file={each.file} />
            <div class="hit-text">
              <button type="button" class="hit-name" onClick={() => ask({ file: each.file.id })}>
                <Name hit={each} />
              </button>
              {each.snippets.filter((one) => one.in !== "name").slice(0, 3).map((one, index) => (
                <p key={index} class="snippet">
                  {one.in === "meta" && <span class="quiet">{one.key}: </span>}
                  {one.in === "tag" && <Icon name="tag" size={14} />}
                  <Marked snippet={one} />
                  {one.page && <span class="quiet"> · {w().page(one.page)}</span>}
                </p>
              ))}
            </div>
            <span class="quiet small">{when(each.file.created_at)}</span>
          </li>
        ))}
      </ul>
      {found.next && <Button onClick={() => void more()}>{w().more}</Button>}
    </section>
  );
}

function step(event: KeyboardEvent): void {
  if (event.key !== "ArrowDown" && event.key !== "ArrowUp") return;
  const all = [...document.querySelectorAll<HTMLElement>(".hit-name")];
  const to = all.indexOf(document.activeElement as HTMLElement) + (event.key === "ArrowDown" ? 1 : -1);
  event.preventDefault();
  if (to < 0) document.querySelector<HTMLElement>(".search input")?.focus();
  else all[to]?.focus();
}

function Name({ hit }: { hit: Hit }) {
  const marked = hit.snippets.find((each) => each.in === "name" && each.text === hit.file.name);
  return marked ? <Marked snippet={marked} /> : <>{hit.file.name}</>;
}

/** The text with its marks: offsets in characters, as the API counts them. */
function Marked({ snippet }: { snippet: Pick<Snippet, "text" | "marks"> }) {
  const characters = [...snippet.text];
  const pieces = [];
  let done = 0;
  for (const [from, to] of snippet.marks) {
    pieces.push(characters.slice(done, from).join(""), <mark>{characters.slice(from, to).join("")}</mark>);
    done = to;
  }
  pieces.push(characters.slice(done).join(""));
  return <>{pieces}</>;
}
