// How a function did in the last hour.

import { useState } from "preact/hooks";
import { ErrorState } from "fusion-ui";
import type { CallableFunction } from "./spec.ts";
import { useScope } from "../component.tsx";
import { useRequest } from "../deployment.tsx";
import { lastHour, toSeries, windowParameter } from "../health/metrics.ts";
import type { TimeSeries } from "../health/metrics.ts";
import { Chart } from "../parts/chart.tsx";
import { duration, short } from "../parts/figures.ts";

const REFRESH_MS = 15_000;

/** What names a function of the component that is looked at. */
function useNames(called: CallableFunction): Record<string, string> {
  const { path } = useScope();
  return { path: called.id, udfType: called.kind, ...(path === "" ? {} : { componentPath: path }) };
}

function Rate({ called, title, metrics }: { called: CallableFunction; title: string; metrics: Readonly<Record<string, string>> }) {
  const [window] = useState(() => lastHour(Date.now()));
  const parameters = { ...useNames(called), window: windowParameter(window) };
  const [first, second] = Object.entries(metrics);
  const one = useRequest<TimeSeries>("/api/app_metrics/udf_rate", { ...parameters, metric: first?.[0] ?? "" }, REFRESH_MS);
  const other = useRequest<TimeSeries>("/api/app_metrics/udf_rate", { ...parameters, metric: second?.[0] ?? "" }, REFRESH_MS);
  if (one.status === "error") return <ErrorState error={one.error} onRetry={one.refresh} />;
  const series = [
    ...(one.status === "success" ? [toSeries(first?.[1] ?? "", one.value)] : []),
    ...(other.status === "success" ? [toSeries(second?.[1] ?? "", other.value)] : []),
  ];
  return <Chart title={title} series={series} {...window} format={short} />;
}

/** The charts. */
export function FunctionFiguresView({ called }: { called: CallableFunction }) {
  const [window] = useState(() => lastHour(Date.now()));
  const latency = useRequest<readonly (readonly [number, TimeSeries])[]>(
    "/api/app_metrics/latency_percentiles",
    { ...useNames(called), percentiles: "[50,90,95,99]", window: windowParameter(window) },
    REFRESH_MS,
  );
  return (
    <div class="stack">
      <h2>The last hour</h2>
      <div class="charts">
        <Rate called={called} title="Calls per minute" metrics={{ invocations: "calls", errors: "errors" }} />
        {latency.status === "error" ? (
          <ErrorState error={latency.error} onRetry={latency.refresh} />
        ) : (
          <Chart
            title="Time of a run"
            series={latency.status === "success" ? latency.value.map(([share, series]) => toSeries(`p${share}`, series)) : []}
            {...window}
            format={duration}
          />
        )}
        {called.kind === "Query" && <Rate called={called} title="Cache" metrics={{ cacheHits: "answered from the cache", cacheMisses: "run" }} />}
      </div>
    </div>
  );
}
