// What is going to run: scheduled functions and crons.

import { useCallback, useState } from "preact/hooks";
import { Badge, Button, ConfirmDialog, Dialog, EmptyState, ErrorState, RelativeTime, SkeletonLines, TabPanel, Table, Tabs, toast, toastError } from "fusion-ui";
import { useScope, useScopedQuery } from "../component.tsx";
import type { PageWindow } from "../data/page_window.ts";
import { useWindow } from "../data/use_window.ts";
import { useDeployment } from "../deployment.tsx";
import { Code } from "../parts/code.tsx";
import { duration, moment } from "../parts/figures.ts";
import { PageHead } from "../parts/page_head.tsx";
import { useAttempt } from "../parts/use_attempt.ts";
import { VirtualList } from "../parts/virtual.tsx";
import { Link, useRouter } from "../router.tsx";
import { system } from "../system.ts";
import type { Cron, CronRun, Job } from "../system.ts";
import { format } from "../values/format.ts";
import type { Value } from "../values/value.ts";
import { jsonOfBytes } from "../values/value.ts";
import { wireToValue } from "../values/wire.ts";

const ROW = 44;
const NANOS_PER_MS = 1_000_000n;

const milliseconds = (nanoseconds: bigint) => Number(nanoseconds / NANOS_PER_MS);
const functionId = (path: string) => path.replace(".js:", ":");

function argsText(args: unknown): string {
  if (args === undefined) return "These arguments cannot be shown.";
  const list = wireToValue(args);
  return Array.isArray(list) ? list.map((one) => format(one)).join("\n") : format(list);
}

function ArgsDialog({ job, onClose }: { job: Job; onClose: () => void }) {
  const stored = useScopedQuery(system.jobArgs, job.argsId ? { argsId: job.argsId } : "skip");
  const bytes = job.udfArgs ?? (stored.status === "success" ? stored.value?.args : undefined);
  return (
    <Dialog open title={`Arguments of ${functionId(job.udfPath)}`} onClose={onClose}>
      {bytes ? <Code label="Arguments" text={argsText(jsonOfBytes(bytes))} /> : stored.status === "error" ? <ErrorState error={stored.error} /> : <SkeletonLines count={3} />}
    </Dialog>
  );
}

function Jobs() {
  const { api } = useDeployment();
  const { id: componentId } = useScope();
  const [round, setRound] = useState(0);
  const rows = useWindow(system.jobs, {}, round) as PageWindow<Job>;
  const [shown, setShown] = useState<Job>();
  const [isCancelling, setIsCancelling] = useState(false);
  const { isBusy, run } = useAttempt(toastError);
  const look = useCallback((first: number, last: number) => rows.look(first, last), [rows]);
  const cancel = async (work: () => Promise<unknown>, done: string) => {
    await run(async () => {
      await work();
      toast(done);
    });
    setIsCancelling(false);
  };
  if (rows.error !== undefined && rows.count === 0) return <ErrorState error={rows.error} onRetry={() => setRound(round + 1)} />;
  if (rows.isLoading) return <SkeletonLines count={6} height="1.5rem" />;
  if (rows.count === 0 && rows.isDone) return <EmptyState title="Nothing is scheduled">Functions that others schedule wait here until they are due.</EmptyState>;
  return (
    <>
      <div class="job-row job-head"><span>Function</span><span>Due</span><span>State</span><span class="number"><Button size="sm" onClick={() => setIsCancelling(true)}>Cancel all</Button></span></div>
      <VirtualList
        count={rows.count}
        height={ROW}
        label="Scheduled functions"
        onView={look}
        row={(at) => {
          const job = rows.row(at);
          if (!job) return <li key={at} class="job-row"><span class="grid-wait" /></li>;
          // Scheduled here it may be a function of another component.
          const elsewhere = job.component === undefined ? {} : { component: job.component || undefined };
          return (
            <li key={job._id} class="job-row">
              <span class="clip">
                {job.component && <span class="muted">{job.component} </span>}
                <Link to="/functions" parameters={{ function: functionId(job.udfPath), ...elsewhere }}>{functionId(job.udfPath)}</Link>
              </span>
              <span class="clip">{job.nextTs === null ? "–" : moment(milliseconds(job.nextTs))}</span>
              <span>{job.state.type === "inProgress" ? <Badge tone="accent">running</Badge> : <Badge>pending</Badge>}</span>
              <span class="row-actions">
                <Button size="sm" variant="quiet" onClick={() => setShown(job)}>Arguments</Button>
                <Button
                  size="sm"
                  aria-label={`Cancel ${functionId(job.udfPath)}`}
                  onClick={() => void cancel(() => api.post("/api/cancel_job", { id: job._id, componentId }), "The run is canceled.")}
                >
                  Cancel
                </Button>
              </span>
            </li>
          );
        }}
      />
      {shown && <ArgsDialog job={shown} onClose={() => setShown(undefined)} />}
      <ConfirmDialog
        open={isCancelling}
        title="Cancel all scheduled functions?"
        action="Cancel all"
        busy={isBusy}
        onConfirm={() => void cancel(() => api.post("/api/cancel_all_jobs", { componentId }), "All scheduled functions are canceled.")}
        onClose={() => setIsCancelling(false)}
      >
        <p>None of them will run. Crons go on.</p>
      </ConfirmDialog>
    </>
  );
}

/** A schedule as one says it. */
function scheduleText(schedule: { readonly type: string } & Record<string, Value>): string {
  const two = (value: Value | undefined) => String(value ?? 0).padStart(2, "0");
  const time = `${two(schedule["hourUTC"])}:${two(schedule["minuteUTC"])} UTC`;
  switch (schedule.type) {
    case "interval":
      return `every ${duration(Number(schedule["seconds"]))}`;
    case "hourly":
      return `hourly at minute ${String(schedule["minuteUTC"] ?? 0)}`;
    case "daily":
      return `daily at ${time}`;
    case "weekly":
      return `weekly on ${String(schedule["dayOfWeek"])} at ${time}`;
    case "monthly":
      return `monthly on day ${String(schedule["day"])} at ${time}`;
    default:
      return String(schedule["cronExpr"] ?? schedule["cron"] ?? schedule.type);
  }
}

function RunBadge({ run }: { run: CronRun }) {
  const { type } = run.status;
  return <Badge tone={type === "success" ? "success" : type === "canceled" ? "neutral" : "danger"}>{type === "err" ? "failed" : type}</Badge>;
}

function CronDialog({ name, onClose }: { name: string; onClose: () => void }) {
  const result = useScopedQuery(system.cronRuns, {});
  const runs = result.status === "success" ? result.value.filter((run) => run.name === name).sort((a, b) => (a.ts < b.ts ? 1 : -1)) : [];
  return (
    <Dialog open wide title={`Runs of ${name}`} onClose={onClose}>
      {result.status === "loading" && <SkeletonLines count={3} />}
      {result.status === "error" && <ErrorState error={result.error} />}
      {result.status === "success" && runs.length === 0 && <EmptyState title="It has not run yet" />}
      {runs.length > 0 && (
        <Table label={`Runs of ${name}`}>
          <thead><tr><th>At</th><th>Result</th><th class="number">Time</th><th>Log</th></tr></thead>
          <tbody>
            {runs.map((run) => (
              <tr key={String(run.ts)}>
                <td>{moment(milliseconds(run.ts))}</td>
                <td><RunBadge run={run} /> {run.status.error && <span class="is-error">{run.status.error}</span>}</td>
                <td class="number">{duration(run.executionTime)}</td>
                <td><pre class="plain">{(run.logLines?.logLines ?? []).map((line) => (typeof line === "string" ? line : format(line))).join("\n")}</pre></td>
              </tr>
            ))}
          </tbody>
        </Table>
      )}
    </Dialog>
  );
}

function Crons() {
  const result = useScopedQuery(system.crons, {});
  const [shown, setShown] = useState<string>();
  if (result.status === "loading") return <SkeletonLines count={4} height="1.5rem" />;
  if (result.status === "error") return <ErrorState error={result.error} />;
  if (result.value.length === 0) return <EmptyState title="No crons">They are declared in <code>convex/crons.ts</code> and come with a push.</EmptyState>;
  return (
    <>
      <Table label="Crons">
        <thead><tr><th>Name</th><th>Schedule</th><th>Function</th><th>Last run</th><th>Next run</th><th><span class="ui-hidden">Actions</span></th></tr></thead>
        <tbody>
          {result.value.map((cron: Cron) => (
            <tr key={cron._id}>
              <td>{cron.name}</td>
              <td>{scheduleText(cron.cronSpec.cronSchedule)}</td>
              <td><Link to="/functions" parameters={{ function: functionId(cron.cronSpec.udfPath) }}>{functionId(cron.cronSpec.udfPath)}</Link></td>
              <td>{cron.lastRun ? <><RunBadge run={cron.lastRun} /> <RelativeTime at={milliseconds(cron.lastRun.ts)} /></> : <span class="muted">not yet</span>}</td>
              <td>{cron.nextRun ? moment(milliseconds(cron.nextRun.nextTs)) : <span class="muted">none</span>}</td>
              <td class="number"><Button size="sm" variant="quiet" aria-label={`Runs of ${cron.name}`} onClick={() => setShown(cron.name)}>Runs</Button></td>
            </tr>
          ))}
        </tbody>
      </Table>
      {shown !== undefined && <CronDialog name={shown} onClose={() => setShown(undefined)} />}
    </>
  );
}

/** The page. */
export function SchedulesPage() {
  const router = useRouter();
  const tab = router.parts[1] === "crons" ? "crons" : "jobs";
  return (
    <div class="page-fixed">
      <PageHead title="Schedules" />
      <Tabs
        name="schedules"
        label="What to show"
        tabs={[{ id: "jobs", label: "Scheduled functions" }, { id: "crons", label: "Crons" }]}
        selected={tab}
        onSelect={(id) => router.go(id === "crons" ? "/schedules/crons" : "/schedules")}
      />
      <TabPanel name="schedules" selected={tab} class="tab-panel fill">{tab === "jobs" ? <Jobs /> : <Crons />}</TabPanel>
    </div>
  );
}
