// A small chart of figures over days. It is one picture with a sentence for those who do not see it;
// the page gives the same figures as a table.
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { day, words } from "../core/words";

const w = words(
  {
    says: (title: string, low: string, high: string, last: string) => `${title}: from ${low} to ${high}, at last ${last}`,
  },
  {
    says: (title: string, low: string, high: string, last: string) => `${title} : de ${low} à ${high}, ${last} en dernier`,
  },
);

export interface Point {
  /** `2026-01-31`. */
  day: string;
  value: number;
  /** What the value may not pass, drawn as a dashed line. */
  ceiling?: number | null;
}

interface ChartProps {
  title: string;
  /** The oldest first; days may be missing. */
  points: Point[];
  /** The days that the picture begins and ends with. */
  first: string;
  last: string;
  show: (value: number) => string;
  /** A column a day instead of a line. */
  bars?: boolean;
}

const HEIGHT = 150;
const FOOT = 22;
const HEAD = 16;
const DAY = 86_400_000;

export function Chart({ title, points, first, last, show, bars }: ChartProps) {
  const box = useRef<HTMLElement>(null);
  const [width, setWidth] = useState(480);
  useLayoutEffect(() => {
    const sizes = new ResizeObserver(([entry]) => setWidth(Math.max(160, Math.floor(entry!.contentRect.width))));
    sizes.observe(box.current!);
    return () => sizes.disconnect();
  }, []);
  const values = points.map((each) => each.value);
  const highest = Math.max(...values);
  // A ceiling that is far above would press the curve flat.
  const near = points.map((each) => each.ceiling ?? 0).filter((each) => each <= 4 * highest);
  const top = round(Math.max(1, highest, ...near));
  const days = Math.max(1, (Date.parse(last) - Date.parse(first)) / DAY);
  const step = width / (days + (bars ? 1 : 0));
  const x = (at: string) => ((Date.parse(at) - Date.parse(first)) / DAY) * step;
  const y = (value: number) => HEAD + (HEIGHT - HEAD - FOOT) * (1 - value / top);
  const ground = y(0);
  const line = points.map((each) => `${x(each.day)},${y(each.value)}`).join(" ");
  return (
    <figure class="chart" ref={box}>
      <figcaption><span>{title}</span> <strong>{show(values.at(-1)!)}</strong></figcaption>
      <svg
        width={width}
        height={HEIGHT}
        role="img"
        aria-label={w().says(title, show(Math.min(...values)), show(highest), show(values.at(-1)!))}
      >
        {[top, top / 2, 0].map((value) => <line key={value} class="grid" x1={0} x2={width} y1={y(value)} y2={y(value)} />)}
        {bars
          ? points.filter((each) => each.value).map((each) => (
            <rect key={each.day} class="bar" x={x(each.day) + step * 0.1} width={Math.max(1, step * 0.8)} y={y(each.value)} height={ground - y(each.value)} />
          ))
          : points.length === 1
            ? <circle class="dot" cx={Math.min(x(points[0]!.day), width - 4)} cy={y(values[0]!)} r={4} />
            : (
              <>
                <polygon class="area" points={`${x(points[0]!.day)},${ground} ${line} ${x(points.at(-1)!.day)},${ground}`} />
                <polyline class="curve" points={line} />
              </>
            )}
        {points.slice(1).map((each, index) => {
          const before = points[index]!;
          if (each.ceiling == null || before.ceiling == null || Math.max(each.ceiling, before.ceiling) > top) return null;
          return <line key={each.day} class="ceiling" x1={x(before.day)} y1={y(before.ceiling)} x2={x(each.day)} y2={y(each.ceiling)} />;
        })}
        {[top, top / 2].filter(Number.isInteger).map((value) => <text key={value} x={0} y={y(value) - 4}>{show(value)}</text>)}
        {/* What the pointer rests on is told by the browser itself. */}
        {points.map((each) => (
          <rect key={each.day} class="hit" x={x(each.day) - (bars ? 0 : step / 2)} y={0} width={step} height={HEIGHT - FOOT}>
            <title>{`${day(each.day)}: ${show(each.value)}`}</title>
          </rect>
        ))}
        <text x={0} y={HEIGHT - 5}>{day(first)}</text>
        <text x={width} y={HEIGHT - 5} class="end">{day(last)}</text>
      </svg>
    </figure>
  );
}

/** The next number above that people like: 1, 2 or 5 and noughts. */
function round(value: number): number {
  const power = 10 ** Math.floor(Math.log10(value));
  return power * [1, 2, 5, 10].find((each) => each * power >= value)!;
}
