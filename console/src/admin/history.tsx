// How full a space was over time, and how many pages were read: charts, and the same as a table.
import { useState } from "preact/hooks";
import { get } from "../core/api";
import { useLoaded } from "../core/loading";
import { day, number, size, words } from "../core/words";
import { Chart, type Point } from "../parts/chart";
import { Select } from "../parts/fields";
import { Rows } from "../parts/lists";
import { Loading, Problem } from "../parts/states";

const w = words(
  {
    title: "Over time",
    span: "Time",
    month: "30 days",
    quarter: "90 days",
    year: "One year",
    begun: "Figures are kept from today on, one for each day.",
    used: "Room that is used",
    files: "Files",
    read: "Pages read (OCR)",
    left: "Pages that may be read (OCR)",
    table: "The figures as a table",
    day: "Day",
    quota: "Quota",
    undo: "Trash and old versions",
  },
  {
    title: "Évolution",
    span: "Période",
    month: "30 jours",
    quarter: "90 jours",
    year: "Un an",
    begun: "Les chiffres sont conservés à partir d’aujourd’hui, un par jour.",
    used: "Place utilisée",
    files: "Fichiers",
    read: "Pages lues (OCR)",
    left: "Pages encore lisibles (OCR)",
    table: "Les chiffres en tableau",
    day: "Jour",
    quota: "Quota",
    undo: "Corbeille et anciennes versions",
  },
);

interface UsageDay {
  day: string;
  used: number;
  undo: number;
  files: number | null;
  quota: number | null;
  ocr_credits: number;
  ocr_pages: number;
}

const SPANS = { month: 30, quarter: 90, year: 365 } as const;

export function History({ short }: { short: string }) {
  const [span, setSpan] = useState<keyof typeof SPANS>("month");
  const today = new Date().toISOString().slice(0, 10);
  const first = new Date(Date.parse(today) - SPANS[span] * 86_400_000).toISOString().slice(0, 10);
  const found = useLoaded(
    async (signal) => (await get<{ days: UsageDay[] }>(`/spaces/${encodeURIComponent(short)}/usage`, { from: first }, { signal, space: null })).days,
    [short, first],
  );
  const days = found.value;
  return (
    <section class="card">
      <div class="card-title">
        <h2>{w().title}</h2>
        <Select label={w().span} value={span} onChange={setSpan} options={[["month", w().month], ["quarter", w().quarter], ["year", w().year]]} />
      </div>
      {found.error ? <Problem error={found.error} onRetry={found.reload} /> : !days?.length ? <Loading /> : (
        <>
          {days.length === 1 && <p class="quiet">{w().begun}</p>}
          <Charts days={days} first={first} />
          <Figures days={days} />
        </>
      )}
    </section>
  );
}

function Charts({ days, first }: { days: UsageDay[]; first: string }) {
  const points = (value: (of: UsageDay) => number): Point[] => days.map((each) => ({ day: each.day, value: value(each) }));
  const time = { first, last: days.at(-1)!.day };
  return (
    <div class="charts">
      <Chart title={w().used} points={days.map((each) => ({ day: each.day, value: each.used, ceiling: each.quota }))} show={size} {...time} />
      {days.at(-1)!.files !== null && <Chart title={w().files} points={points((each) => each.files ?? 0)} show={number} {...time} />}
      <Chart title={w().read} points={points((each) => each.ocr_pages)} show={number} bars {...time} />
      <Chart title={w().left} points={points((each) => each.ocr_credits)} show={number} {...time} />
    </div>
  );
}

function Figures({ days }: { days: UsageDay[] }) {
  return (
    <details>
      <summary>{w().table}</summary>
      <Rows
        label={w().title}
        inert
        rows={[...days].reverse()}
        id={(each) => each.day}
        columns={[
          { key: "day", title: w().day, cell: (each) => <span class="still">{day(each.day)}</span> },
          { key: "used", title: w().used, right: true, cell: (each) => size(each.used) },
          { key: "quota", title: w().quota, right: true, cell: (each) => size(each.quota) },
          { key: "undo", title: w().undo, right: true, cell: (each) => size(each.undo) },
          { key: "files", title: w().files, right: true, cell: (each) => (each.files === null ? "–" : number(each.files)) },
          { key: "read", title: w().read, right: true, cell: (each) => number(each.ocr_pages) },
          { key: "left", title: w().left, right: true, cell: (each) => number(each.ocr_credits) },
        ]}
      />
    </details>
  );
}
