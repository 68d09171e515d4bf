// Figures the server keeps for the last hour, in the form of its metrics endpoints.

import type { Series } from "../parts/chart.tsx";

interface Stamp {
  readonly secs_since_epoch: number;
  readonly nanos_since_epoch: number;
}

/** A series as it is sent. */
export type TimeSeries = readonly (readonly [Stamp, number | null])[];

/** A time to ask for. */
export interface Window {
  readonly start: number;
  readonly end: number;
}

const HOUR_MS = 3_600_000;

/** The hour that ends now, in whole minutes so that equal questions are equal. */
export function lastHour(now: number): Window {
  const end = Math.ceil(now / 60_000) * 60_000;
  return { start: end - HOUR_MS, end };
}

/** The parameter of the endpoints. */
export function windowParameter({ start, end }: Window): string {
  const stamp = (ms: number) => ({ secs_since_epoch: Math.floor(ms / 1000), nanos_since_epoch: (ms % 1000) * 1e6 });
  return JSON.stringify({ start: stamp(start), end: stamp(end), num_buckets: 60 });
}

/** A series of a chart. */
export function toSeries(name: string, series: TimeSeries): Series {
  return { name, points: series.map(([at, value]) => [at.secs_since_epoch * 1000 + (at.nanos_since_epoch ?? 0) / 1e6, value] as const) };
}
