import { cronJobs } from "convex/server";
import { internal } from "./_generated/api";

const crons = cronJobs();

crons.interval("end idle sessions", { minutes: 1 }, internal.sessions.endIdle);

export default crons;
