import { cronJobs } from "convex/server";
import { internal } from "./_generated/api";

const crons = cronJobs();
crons.daily("inventory", { hourUTC: 3, minuteUTC: 0 }, internal.books.recount, { note: "daily" });
export default crons;
