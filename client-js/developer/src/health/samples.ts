// The server's own figures, taken every two seconds while the dashboard is open, so that every chart begins full.

import type { Api } from "../api.ts";

const INTERVAL_MS = 2_000;
/** How far back the live charts go. */
export const SPAN_MS = 5 * 60_000;

/** What one function did since the server started. */
export interface FunctionFigures {
  calls: number;
  errors: number;
  cacheHits: number;
  reruns: number;
  seconds: number;
  runs: number;
  /** Runs up to so many seconds, cumulative, by bound. */
  buckets: [number, number][];
}

/** The figures at one moment. */
export interface Sample {
  readonly at: number;
  readonly functions: ReadonlyMap<string, FunctionFigures>;
  readonly commits: number;
  readonly conflicts: number;
  readonly sockets: number;
  readonly subscriptions: number;
  readonly liveQueries: number;
  readonly memory: number;
}

const LINE = /^([a-zA-Z_:]+)(?:\{(.*)\})? (\S+)$/;
const LABEL = /([a-zA-Z_]+)="((?:[^"\\]|\\.)*)"/g;

function newFigures(): FunctionFigures {
  return { calls: 0, errors: 0, cacheHits: 0, reruns: 0, seconds: 0, runs: 0, buckets: [] };
}

/** Reads Prometheus text. */
export function readSample(text: string, at: number): Sample {
  const functions = new Map<string, FunctionFigures>();
  const single = new Map<string, number>();
  for (const line of text.split("\n")) {
    const found = LINE.exec(line);
    if (!found) continue;
    const [, name = "", labelText, number] = found;
    const value = Number(number);
    if (labelText === undefined) {
      single.set(name, value);
      continue;
    }
    const labels = new Map<string, string>();
    for (const [, label = "", content = ""] of labelText.matchAll(LABEL)) labels.set(label, content.replace(/\\(.)/g, "$1"));
    const path = labels.get("function");
    if (path === undefined) continue;
    let figures = functions.get(path);
    if (!figures) functions.set(path, (figures = newFigures()));
    if (name === "fusion_function_calls_total") figures.calls = value;
    else if (name === "fusion_function_errors_total") figures.errors = value;
    else if (name === "fusion_function_cache_hits_total") figures.cacheHits = value;
    else if (name === "fusion_function_reruns_total") figures.reruns = value;
    else if (name === "fusion_function_seconds_sum") figures.seconds = value;
    else if (name === "fusion_function_seconds_count") figures.runs = value;
    else if (name === "fusion_function_seconds_bucket") figures.buckets.push([labels.get("le") === "+Inf" ? Infinity : Number(labels.get("le")), value]);
  }
  const one = (name: string) => single.get(name) ?? 0;
  return {
    at,
    functions,
    commits: one("fusion_commits_total"),
    conflicts: one("fusion_commit_conflicts_total"),
    sockets: one("fusion_sockets_open"),
    subscriptions: one("fusion_subscriptions"),
    liveQueries: one("fusion_live_queries"),
    memory: one("process_resident_memory_bytes"),
  };
}

/** All functions taken together. */
export function totals(sample: Sample): FunctionFigures {
  const sum = newFigures();
  const buckets = new Map<number, number>();
  for (const one of sample.functions.values()) {
    sum.calls += one.calls;
    sum.errors += one.errors;
    sum.cacheHits += one.cacheHits;
    sum.reruns += one.reruns;
    sum.seconds += one.seconds;
    sum.runs += one.runs;
    for (const [bound, count] of one.buckets) buckets.set(bound, (buckets.get(bound) ?? 0) + count);
  }
  sum.buckets = [...buckets].sort(([a], [b]) => a - b);
  return sum;
}

/** The time that a share of the runs between two moments took at most, in seconds; null if there were none. */
export function percentile(share: number, after: FunctionFigures, before?: FunctionFigures): number | null {
  const counts = after.buckets.map(([bound, count], at) => [bound, count - (before?.buckets[at]?.[1] ?? 0)] as const);
  const total = counts.at(-1)?.[1] ?? 0;
  if (total <= 0) return null;
  const wanted = share * total;
  let [lower, below] = [0, 0];
  for (const [bound, count] of counts) {
    if (count >= wanted) {
      if (bound === Infinity) return lower;
      return count === below ? bound : lower + ((bound - lower) * (wanted - below)) / (count - below);
    }
    [lower, below] = [bound, count];
  }
  return lower;
}

/** Takes samples until it is stopped. */
export class Sampler {
  samples: readonly Sample[] = [];
  /** Why the last sample could not be taken. */
  error: unknown = undefined;
  private readonly listeners = new Set<() => void>();
  private timer: ReturnType<typeof setTimeout> | undefined;
  private isStopped = false;

  constructor(private readonly api: Api) {
    void this.take();
  }

  /** Is told of every sample. */
  subscribe(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** No more samples. */
  stop(): void {
    this.isStopped = true;
    clearTimeout(this.timer);
  }

  private async take(): Promise<void> {
    try {
      const text = await (await this.api.fetch("/metrics")).text();
      const at = Date.now();
      const kept = this.samples.filter((sample) => sample.at > at - SPAN_MS - 2 * INTERVAL_MS);
      const sample = readSample(text, at);
      const last = kept.at(-1);
      // A restarted server begins to count anew: no difference to what was before means anything.
      const isNewServer = last !== undefined && sample.commits < last.commits;
      this.samples = isNewServer ? [sample] : [...kept, sample];
      this.error = undefined;
    } catch (error) {
      this.error = error;
    }
    if (this.isStopped) return;
    for (const listener of this.listeners) listener();
    this.timer = setTimeout(() => void this.take(), INTERVAL_MS);
  }
}
