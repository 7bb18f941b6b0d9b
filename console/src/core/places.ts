// Where the console is: /console/<space>/<area>/…; the installation itself is the space "~".
import { signal } from "@preact/signals";

export const prefix = document.documentElement.dataset.prefix ?? "";
const BASE = `${prefix}/console`;

/** The installation stands where else the short name of a space does. */
export const INSTALLATION = "~";

export interface Place {
  space: string;
  area: string;
  rest: string[];
  query: URLSearchParams;
}

function read(): Place {
  const path = location.pathname.startsWith(BASE) ? location.pathname.slice(BASE.length) : "";
  const [space = "", area = "", ...rest] = path.split("/").filter(Boolean).map(decodeURIComponent);
  return { space, area, rest, query: new URLSearchParams(location.search) };
}

export const place = signal<Place>(read());

addEventListener("popstate", () => {
  place.value = read();
});

/** Return the address of a place. Without a space it is the present one's. */
export function address(
  parts: string[],
  query: Record<string, string | undefined> = {},
  space = place.value.space,
): string {
  const asked = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) if (value) asked.set(name, value);
  const text = asked.toString();
  return [BASE, ...[space, ...parts].map(encodeURIComponent)].join("/") + (text ? `?${text}` : "");
}

/** Go to an address; `replace` leaves no step to come back to. */
export function go(url: string, replace = false): void {
  if (url === location.pathname + location.search) return;
  history[replace ? "replaceState" : "pushState"](null, "", url);
  place.value = read();
}

/** The present place with another query; undefined takes a name away. */
export function asking(changes: Record<string, string | undefined>): string {
  const query = Object.fromEntries(place.value.query);
  return address([place.value.area, ...place.value.rest], { ...query, ...changes });
}

/** Change the query of the present place. */
export function ask(changes: Record<string, string | undefined>, replace = false): void {
  go(asking(changes), replace);
}
