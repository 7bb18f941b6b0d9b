// The operator's language. Each area keeps its own words: `const w = words({…}, {…})`, then
// `w().title`, `w().files(3)`. Reading them in a component makes it follow a change of language.
import { effect, signal } from "@preact/signals";

export type Language = "en" | "fr";
type Word = string | ((...values: never[]) => string);
type Same<T> = { [K in keyof T]: T[K] extends string ? string : T[K] };

const KEPT = "consigne.language";

function preferred(): Language {
  const kept = localStorage.getItem(KEPT);
  if (kept === "en" || kept === "fr") return kept;
  const first = navigator.languages.find((each) => /^(en|fr)\b/i.test(each));
  return first?.toLowerCase().startsWith("fr") ? "fr" : "en";
}

export const language = signal<Language>(preferred());

effect(() => {
  document.documentElement.lang = language.value;
});

export function speak(chosen: Language): void {
  localStorage.setItem(KEPT, chosen);
  language.value = chosen;
}

/** Return a function that gives the words of an area in the present language. */
export function words<T extends Record<string, Word>>(en: T, fr: Same<T>): () => Same<T> {
  return () => (language.value === "fr" ? fr : (en as Same<T>));
}

/** `1 file`, `2 files`; in French zero is singular. */
export function plural(count: number, one: string, many: string): string {
  const single = language.value === "fr" ? Math.abs(count) < 2 : count === 1;
  return `${number(count)} ${single ? one : many}`;
}

const TAGS = { en: "en-GB", fr: "fr-FR" };

export function number(value: number): string {
  return new Intl.NumberFormat(TAGS[language.value]).format(value);
}

export function percent(part: number): string {
  return new Intl.NumberFormat(TAGS[language.value], {
    style: "percent",
    maximumFractionDigits: 0,
  }).format(part);
}

/** A number of bytes as people say it: `3.2 MB`, in French `3,2 Mo`. */
export function size(bytes: number | null | undefined): string {
  if (bytes == null) return "–";
  const units = language.value === "fr" ? ["octets", "ko", "Mo", "Go", "To"] : ["bytes", "kB", "MB", "GB", "TB"];
  let value = bytes;
  let step = 0;
  while (value >= 999.5 && step < units.length - 1) {
    value /= 1000;
    step += 1;
  }
  const digits = step > 0 && value < 9.95 ? 1 : 0;
  const shown = new Intl.NumberFormat(TAGS[language.value], { maximumFractionDigits: digits });
  return `${shown.format(value)} ${units[step]}`;
}

/** A moment, short: the time today, the day this year, else the date. */
export function when(iso: string | null | undefined): string {
  if (!iso) return "–";
  const date = new Date(iso);
  const now = new Date();
  const tag = TAGS[language.value];
  if (date.toDateString() === now.toDateString()) {
    return new Intl.DateTimeFormat(tag, { hour: "2-digit", minute: "2-digit" }).format(date);
  }
  const year = date.getFullYear() === now.getFullYear() ? undefined : "numeric";
  return new Intl.DateTimeFormat(tag, { day: "numeric", month: "short", year }).format(date);
}

/** A day such as `2026-01-31`, short. */
export function day(iso: string): string {
  return new Intl.DateTimeFormat(TAGS[language.value], { day: "numeric", month: "short", year: "numeric", timeZone: "UTC" })
    .format(new Date(iso));
}

/** A moment in full. */
export function moment(iso: string | null | undefined): string {
  if (!iso) return "–";
  return new Intl.DateTimeFormat(TAGS[language.value], {
    dateStyle: "long",
    timeStyle: "short",
  }).format(new Date(iso));
}
