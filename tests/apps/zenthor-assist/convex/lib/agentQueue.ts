// The agent queue's state machine, as far as it needs no database.
//
//   (none) ─insert→ pending ─claim→ processing ─complete→ completed
//                     ↑ ↑              │ │ └────fail────→ failed
//                     │ └────retry─────┘ │                  ↑
//                     └─ stale, runs left ┴─ stale, exhausted ┘

import type { Doc, Id } from "../_generated/dataModel";

type Job = Doc<"agentQueue">;

/** How long a claim holds without a heartbeat. */
export const DEFAULT_LOCK_MS = 60_000;
/** How often a job is run at most. */
export const MAX_ATTEMPTS = 3;
/** When a job without a lock is given up. */
export const LEGACY_STALE_MS = 5 * 60_000;
/** The longest wait before a retry. */
export const MAX_RETRY_DELAY_MS = 60 * 60_000;

/** What a claim adds to a job, as a patch that takes it away. */
export const NO_LEASE = {
  processorId: undefined,
  lockedUntil: undefined,
  startedAt: undefined,
  lastHeartbeatAt: undefined,
} as const;

/** Whether nobody works on a processing job any more. At `lockedUntil` itself it is still held. */
export function isStale(job: Job, now: number): boolean {
  if (job.lockedUntil !== undefined) return now > job.lockedUntil;
  return now - (job.startedAt ?? job._creationTime) > LEGACY_STALE_MS;
}

/** Whether a job may be run again after the run that just came to nothing. */
export const canRetry = (job: Job): boolean => (job.attemptCount ?? 0) + 1 < MAX_ATTEMPTS;

/** What becomes of a stale job. */
export const staleAction = (job: Job): "fail" | "requeue" => (canRetry(job) ? "requeue" : "fail");

/** Whether another of a conversation's jobs is being worked on. */
export const isActiveForConversation = (jobs: Job[], except: Id<"agentQueue">, now: number): boolean =>
  jobs.some(
    (job) =>
      job._id !== except && job.status === "processing" && (job.lockedUntil === undefined || now <= job.lockedUntil),
  );

/** Whether a processor still holds a job. */
export function isHeartbeatValid(job: Job, processorId: string, now: number): boolean {
  if (job.status !== "processing" || job.processorId !== processorId) return false;
  return job.lockedUntil === undefined || now <= job.lockedUntil;
}

/** Whether a job may end by the hand of this processor. Who names none ends any job that is being processed. */
export const mayEnd = (job: Job | null, processorId: string | undefined): job is Job =>
  job?.status === "processing" && (processorId === undefined || job.processorId === processorId);
