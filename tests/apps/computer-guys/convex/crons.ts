import { cronJobs } from "convex/server";
import { internal } from "./_generated/api";

const crons = cronJobs();

crons.interval("resume workflows that were cut off", { minutes: 1 }, internal.workflows.resumeStalled);
crons.hourly("remove sessions that expired", { minuteUTC: 7 }, internal.auth.cleanUp);
crons.hourly("remove rate limits that are over", { minuteUTC: 37 }, internal.rateLimits.cleanUp);

export default crons;
