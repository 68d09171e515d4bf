import { cronJobs, makeFunctionReference } from "convex/server";

const crons = cronJobs();
crons.daily("tidy up", { hourUTC: 3, minuteUTC: 0 }, makeFunctionReference("notes:add"), { text: "from a cron", n: 5 });

export default crons;
