import { cronJobs } from "convex/server";
import { internal } from "./_generated/api";

const crons = cronJobs();
crons.monthly("clear the notes", { day: 1, hourUTC: 3, minuteUTC: 0 }, internal.notes.clear);

export default crons;
