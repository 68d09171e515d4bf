// How the deployment does: its own figures of the last minutes, live, and what its functions did in the last hour.

import { useEffect, useReducer, useState } from "preact/hooks";
import { EmptyState, ErrorState, SkeletonLines, Table } from "fusion-ui";
import { useDeployment, useRequest } from "../deployment.tsx";
import { lastHour, toSeries, windowParameter } from "../health/metrics.ts";
import type { TimeSeries } from "../health/metrics.ts";
import { SPAN_MS, percentile, totals } from "../health/samples.ts";
import type { FunctionFigures, Sample } from "../health/samples.ts";
import { Chart } from "../parts/chart.tsx";
import type { Series } from "../parts/chart.tsx";
import { bytes, count, duration, perSecond, short } from "../parts/figures.ts";
import { PageHead } from "../parts/page_head.tsx";
import { Link } from "../router.tsx";

const REFRESH_MS = 15_000;
const TOP = 5;

/** The samples; drawn again with each. */
function useSamples() {
  const { sampler } = useDeployment();
  const [, draw] = useReducer((round: number) => round + 1, 0);
  useEffect(() => {
    const stop = sampler.subscribe(() => draw(undefined));
    // One may have come between drawing and listening.
    draw(undefined);
    return () => void stop();
  }, [sampler]);
  return sampler;
}

/** How often something happened between samples, per second. */
function rate(name: string, samples: readonly Sample[], figure: (sample: Sample) => number): Series {
  const points = samples.slice(1).map((sample, at) => {
    const before = samples[at] ?? sample;
    return [sample.at, ((figure(sample) - figure(before)) * 1000) / Math.max(sample.at - before.at, 1)] as const;
  });
  return { name, points };
}

function level(name: string, samples: readonly Sample[], figure: (sample: Sample) => number): Series {
  return { name, points: samples.map((sample) => [sample.at, figure(sample)] as const) };
}

function latencies(samples: readonly Sample[]): Series[] {
  const sums = samples.map(totals);
  // Over a few samples, for a quiet server would show nothing but holes.
  const width = 5;
  return [[50, "p50"], [95, "p95"], [99, "p99"]].map(([share, name]) => ({
    name: String(name),
    points: sums.flatMap((sum, at) => {
      const sample = samples[at];
      return at === 0 || !sample ? [] : [[sample.at, percentile(Number(share) / 100, sum, sums[Math.max(at - width, 0)])] as const];
    }),
  }));
}

function TopChart({ title, path, format }: { title: string; path: string; format: (value: number) => string }) {
  const [window] = useState(() => lastHour(Date.now()));
  const result = useRequest<readonly (readonly [string, TimeSeries])[]>(`/api/app_metrics/${path}`, { window: windowParameter(window), k: String(TOP) }, REFRESH_MS);
  if (result.status === "error") return <section class="chart card"><h3>{title}</h3><ErrorState error={result.error} onRetry={result.refresh} /></section>;
  const series = result.status === "success" ? result.value.map(([name, one]) => toSeries(name === "_rest" ? "all others" : name.replace(".js:", ":"), one)) : [];
  return <Chart title={title} series={series} {...window} format={format} />;
}

function LagChart() {
  const [window] = useState(() => lastHour(Date.now()));
  const result = useRequest<TimeSeries>("/api/app_metrics/scheduled_job_lag", { window: windowParameter(window) }, REFRESH_MS);
  if (result.status === "error") return <section class="chart card"><h3>Lag of the scheduler</h3><ErrorState error={result.error} onRetry={result.refresh} /></section>;
  return <Chart title="Lag of the scheduler" series={result.status === "success" ? [toSeries("lag", result.value)] : []} {...window} format={duration} />;
}

/** A link to a function of a component or of the app, as the figures name it: `books:add@library`. */
function FunctionLink({ name }: { name: string }) {
  const [id, component] = name.split("@");
  return (
    <>
      {component !== undefined && <span class="muted">{component} </span>}
      <Link to="/functions" parameters={{ function: id, component }}>{id}</Link>
    </>
  );
}

function FunctionTable({ sample }: { sample: Sample }) {
  const rows = [...sample.functions].filter(([name]) => !name.startsWith("_system/")).sort(([, a], [, b]) => b.calls - a.calls);
  if (rows.length === 0) return <EmptyState title="No function has run yet" />;
  const time = (share: number, figures: FunctionFigures) => {
    const found = percentile(share, figures);
    return found === null ? "–" : duration(found);
  };
  return (
    <Table label="Functions since the start of the server">
      <thead>
        <tr>
          <th>Function</th><th class="number">Calls</th><th class="number">Errors</th><th class="number">From the cache</th>
          <th class="number">Re-run</th><th class="number">p50</th><th class="number">p95</th><th class="number">p99</th>
        </tr>
      </thead>
      <tbody>
        {rows.map(([name, figures]) => (
          <tr key={name}>
            <td><FunctionLink name={name} /></td>
            <td class="number">{count(figures.calls)}</td>
            <td class={figures.errors > 0 ? "number is-error" : "number"}>{count(figures.errors)}</td>
            <td class="number">{count(figures.cacheHits)}</td>
            <td class="number">{count(figures.reruns)}</td>
            <td class="number">{time(0.5, figures)}</td>
            <td class="number">{time(0.95, figures)}</td>
            <td class="number">{time(0.99, figures)}</td>
          </tr>
        ))}
      </tbody>
    </Table>
  );
}

/** The page. */
export function HealthPage() {
  const { samples, error } = useSamples();
  const latest = samples.at(-1);
  const end = latest?.at ?? Date.now();
  const frame = { start: end - SPAN_MS, end };
  if (!latest) {
    return (
      <div class="page">
        <PageHead title="Health" />
        <h2>The last five minutes</h2>
        {error !== undefined && <ErrorState error={error} />}
        <div class="charts">
          {error === undefined && Array.from({ length: 7 }, (_, at) => <div key={at} class="card chart"><SkeletonLines count={1} height="11.5rem" /></div>)}
        </div>
      </div>
    );
  }
  return (
    <div class="page">
      <PageHead title="Health" />
      <h2>The last five minutes</h2>
      {error !== undefined && <p role="status" class="ui-notice ui-notice-warning">The latest figures could not be had: what is shown is older.</p>}
      <div class="charts">
        <Chart
          title="Calls"
          series={[
            rate("calls", samples, (sample) => totals(sample).calls),
            rate("from the cache", samples, (sample) => totals(sample).cacheHits),
          ]}
          {...frame}
          format={perSecond}
        />
        <Chart title="Time of a run" series={latencies(samples)} {...frame} format={duration} empty="Nothing has run in this time." />
        <Chart title="Errors" series={[rate("errors", samples, (sample) => totals(sample).errors)]} {...frame} format={perSecond} />
        <Chart
          title="Conflicts"
          series={[
            rate("transactions that lost", samples, (sample) => sample.conflicts),
            rate("functions re-run", samples, (sample) => totals(sample).reruns),
          ]}
          {...frame}
          format={perSecond}
        />
        <Chart title="Commits" series={[rate("commits", samples, (sample) => sample.commits)]} {...frame} format={perSecond} />
        <Chart
          title="Connections"
          series={[level("sockets", samples, (sample) => sample.sockets), level("subscriptions", samples, (sample) => sample.subscriptions)]}
          {...frame}
          format={short}
        />
        <Chart isBytes title="Memory" series={[level("memory", samples, (sample) => sample.memory)]} {...frame} format={bytes} />
      </div>
      <h2>The last hour</h2>
      <div class="charts">
        <TopChart title="Calls by function" path="function_call_count_top_k" format={short} />
        <TopChart title="Failures by function" path="failure_percentage_top_k" format={(value) => `${short(value)} %`} />
        <TopChart title="Cache hits by function" path="cache_hit_percentage_top_k" format={(value) => `${short(value)} %`} />
        <LagChart />
      </div>
      <h2>Functions since the start of the server</h2>
      <FunctionTable sample={latest} />
    </div>
  );
}
