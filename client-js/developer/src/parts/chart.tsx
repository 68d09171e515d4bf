// Lines over time, drawn as SVG: no library, and every figure is there as text, too.

import { useEffect, useId, useRef, useState } from "preact/hooks";
import { clock } from "./figures.ts";

/** A line: its points in order of time, with null where there is nothing to show. */
export interface Series {
  readonly name: string;
  readonly points: readonly (readonly [at: number, value: number | null])[];
}

const HEIGHT = 150;
const PAD = { top: 8, right: 8, bottom: 20, left: 58 };
/** Colours by position; the classes are in the style sheet. */
const COLORS = 6;

/** The next round figure that is not smaller; of bytes one that is round in KB or MB. */
function roundUp(value: number, base: number): number {
  if (!(value > 0)) return 1;
  const scale = base ** Math.floor(Math.log(value) / Math.log(base));
  const unit = scale * 10 ** Math.floor(Math.log10(value / scale));
  return [1, 2, 2.5, 5, 10].map((step) => step * unit).find((step) => step >= value * 0.999) ?? value;
}

function timeText(at: number, span: number): string {
  return clock(at).slice(0, span > 1_800_000 ? 5 : 8);
}

/** A chart with a title and the latest figure of each line. */
export function Chart(props: {
  title: string;
  series: readonly Series[];
  start: number;
  end: number;
  format: (value: number) => string;
  isBytes?: boolean;
  empty?: string;
}) {
  const { series, start, end, format } = props;
  const box = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(320);
  const [pointed, setPointed] = useState<number>();
  const id = useId();
  useEffect(() => {
    const element = box.current;
    if (!element) return undefined;
    const observer = new ResizeObserver(([entry]) => entry && setWidth(Math.max(entry.contentRect.width, 120)));
    observer.observe(element);
    return () => observer.disconnect();
  }, []);

  const values = series.flatMap((one) => one.points.flatMap(([, value]) => (value === null ? [] : [value])));
  const top = roundUp(Math.max(0, ...values), props.isBytes ? 1024 : 10);
  const x = (at: number) => PAD.left + ((at - start) / Math.max(end - start, 1)) * (width - PAD.left - PAD.right);
  const y = (value: number) => HEIGHT - PAD.bottom - (value / top) * (HEIGHT - PAD.top - PAD.bottom);
  const path = ({ points }: Series): string => {
    let text = "";
    let isDown = false;
    for (const [at, value] of points) {
      if (value === null) {
        isDown = false;
        continue;
      }
      text += `${isDown ? "L" : "M"}${x(at).toFixed(1)} ${y(value).toFixed(1)}`;
      isDown = true;
    }
    return text;
  };
  const nearest = (points: Series["points"], at: number) =>
    points.reduce<Series["points"][number] | undefined>((best, point) => (best && Math.abs(best[0] - at) <= Math.abs(point[0] - at) ? best : point), undefined);
  const shown = series.map(({ name, points }) => ({
    name,
    point: pointed === undefined ? points.findLast(([, value]) => value !== null) : nearest(points, pointed),
  }));
  const label = shown.map(({ name, point }) => `${name}: ${typeof point?.[1] === "number" ? format(point[1]) : "none"}`).join(", ");
  const isEmpty = values.length === 0;

  return (
    <section class="chart card" aria-labelledby={id}>
      <h3 id={id}>{props.title}</h3>
      <ul class="legend">
        {shown.map(({ name, point }, at) => (
          <li key={name} class={`tone-${at % COLORS}`}>
            <i aria-hidden="true" />
            <span>{name}</span> <b>{typeof point?.[1] === "number" ? format(point[1]) : "–"}</b>
          </li>
        ))}
      </ul>
      <div
        ref={box}
        class="plot"
        onPointerMove={(event: PointerEvent) => {
          const left = event.clientX - (box.current?.getBoundingClientRect().left ?? 0);
          setPointed(start + ((left - PAD.left) / (width - PAD.left - PAD.right)) * (end - start));
        }}
        onPointerLeave={() => setPointed(undefined)}
      >
        <svg width={width} height={HEIGHT} viewBox={`0 0 ${width} ${HEIGHT}`} role="img" aria-label={isEmpty ? `${props.title}: no figures yet` : label}>
          {[0, 0.5, 1].map((share) => (
            <g key={share} class="grid-line">
              <line x1={PAD.left} x2={width - PAD.right} y1={y(top * share)} y2={y(top * share)} />
              <text x={PAD.left - 6} y={y(top * share)} dy="0.32em" text-anchor="end">
                {isEmpty && share > 0 ? "" : format(top * share)}
              </text>
            </g>
          ))}
          <text class="tick" x={PAD.left} y={HEIGHT - 4}>{timeText(start, end - start)}</text>
          <text class="tick" x={width - PAD.right} y={HEIGHT - 4} text-anchor="end">{timeText(end, end - start)}</text>
          {series.map((one, at) => <path key={one.name} class={`line tone-${at % COLORS}`} d={path(one)} />)}
          {pointed !== undefined && pointed >= start && pointed <= end && (
            <line class="pointer" x1={x(pointed)} x2={x(pointed)} y1={PAD.top} y2={HEIGHT - PAD.bottom} />
          )}
        </svg>
        {isEmpty && <p class="plot-empty">{props.empty ?? "Nothing in this time."}</p>}
      </div>
    </section>
  );
}
