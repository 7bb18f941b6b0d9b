// How full a space is.
import { number, percent, size, words } from "../core/words";

const w = words(
  {
    chart: "How full the space is",
    used: "Used",
    arriving: "Arriving",
    left: "Free",
    quota: "Quota",
    none: "no limit",
    trash: "Trash and old versions (not charged)",
    files: "Files",
    pages: "Pages that may be read (OCR)",
    of: (used: string, quota: string) => `${used} of ${quota}`,
    bad: "A size such as 500 MB or 2 GB, or nothing.",
  },
  {
    chart: "Remplissage de l’espace",
    used: "Utilisé",
    arriving: "En cours d’arrivée",
    left: "Libre",
    quota: "Quota",
    none: "sans limite",
    trash: "Corbeille et anciennes versions (non comptées)",
    files: "Fichiers",
    pages: "Pages encore lisibles (OCR)",
    of: (used: string, quota: string) => `${used} sur ${quota}`,
    bad: "Une taille comme 500 Mo ou 2 Go, ou rien.",
  },
);

export interface Usage {
  quota: number | null;
  used: number;
  reserved: number;
  undo: number;
  free: number | null;
  files: number | null;
  ocr_credits: number;
}

/** What is used of the quota, as a bar with its legend and all counters. */
export function Room({ of }: { of: Usage }) {
  return (
    <>
      <Bar of={of} />
      <ul class="legend small">
        <li>{w().used}: {size(of.used)}</li>
        <li class="arriving">{w().arriving}: {size(of.reserved)}</li>
        {of.free !== null && <li class="left">{w().left}: {size(of.free)}</li>}
      </ul>
      <dl class="facts">
        <dt>{w().quota}</dt><dd>{of.quota === null ? w().none : size(of.quota)}</dd>
        {of.files !== null && <><dt>{w().files}</dt><dd>{number(of.files)}</dd></>}
        <dt>{w().trash}</dt><dd>{size(of.undo)}</dd>
        <dt>{w().pages}</dt><dd>{number(of.ocr_credits)}</dd>
      </dl>
    </>
  );
}

export function Bar({ of, slim }: { of: Usage; slim?: boolean }) {
  // Without a quota the bar shows how what arrives stands to what is there.
  const whole = of.quota ?? Math.max(1, of.used + of.reserved);
  const part = (bytes: number) => `${Math.min(100, (100 * bytes) / Math.max(1, whole))}%`;
  const full = of.quota === null ? size(of.used) : `${w().of(size(of.used), size(of.quota))} (${percent(of.used / Math.max(1, of.quota))})`;
  return (
    <div class={`room ${slim ? "slim" : ""}`} role="img" aria-label={`${w().chart}: ${full}`} title={full}>
      {of.used > 0 && <span style={{ width: part(of.used) }} />}
      {of.reserved > 0 && <span class="arriving" style={{ width: part(of.reserved) }} />}
    </div>
  );
}

const FACTORS: Record<string, number> = { "": 1, k: 1e3, m: 1e6, g: 1e9, t: 1e12 };

/** Read a size as people write it: `500 MB`, `2 Go`; null for nothing, undefined where it is none. */
export function parseSize(text: string): number | null | undefined {
  if (!text.trim()) return null;
  const found = /^\s*(\d+(?:[.,]\d+)?)\s*([kmgt]?)(?:b|o|bytes?|octets?)?\s*$/i.exec(text);
  if (!found) return undefined;
  return Math.round(Number(found[1]!.replace(",", ".")) * FACTORS[found[2]!.toLowerCase()]!);
}

/** Write a size so that `parseSize` reads the same number. */
export function exactSize(bytes: number | null): string {
  if (bytes === null) return "";
  for (const [unit, factor] of [["TB", 1e12], ["GB", 1e9], ["MB", 1e6], ["kB", 1e3]] as const) {
    if (bytes && bytes % (factor / 10) === 0 && bytes >= factor) return `${bytes / factor} ${unit}`;
  }
  return String(bytes);
}

export const badSize = (): string => w().bad;
