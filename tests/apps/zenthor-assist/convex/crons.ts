import { cronJobs } from "convex/server";
import { internal } from "./_generated/api";

const crons = cronJobs();

crons.daily("cleanup old jobs", { hourUTC: 3, minuteUTC: 0 }, internal.scheduledTasks.cleanupOldJobs, {});
crons.interval("process scheduled tasks", { minutes: 5 }, internal.scheduledTasks.processDueTasks, {});
crons.daily("cleanup expired verifications", { hourUTC: 4, minuteUTC: 0 }, internal.phoneVerification.cleanupExpired, {});
crons.daily("cleanup old dedupe entries", { hourUTC: 5, minuteUTC: 0 }, internal.inboundDedupe.cleanup, {});
crons.interval("requeue stale agent jobs", { minutes: 1 }, internal.agent.requeueStaleJobs, {});
crons.interval("expire stale tool approvals", { minutes: 10 }, internal.toolApprovals.expireStale, {});
crons.interval("cleanup expired todoist oauth states", { hours: 1 }, internal.todoist.cleanupExpiredOauthStates, {});

export default crons;
