import { anyApi, cronJobs } from "convex/server";

const api = anyApi;
const crons = cronJobs();
crons.interval("every second", { seconds: 1 }, api.jobs.tick, { label: "every second" });
crons.interval("every second, in an action", { seconds: 1 }, api.jobs.markInAction, { label: "in an action" });
crons.interval("every other minute", { minutes: 2 }, api.jobs.tick, { label: "every other minute" });
crons.hourly("hourly", { minuteUTC: 17 }, api.jobs.tick, { label: "later" });
crons.daily("daily", { hourUTC: 17, minuteUTC: 30 }, api.jobs.tick, { label: "later" });
crons.weekly("weekly", { dayOfWeek: "tuesday", hourUTC: 5, minuteUTC: 45 }, api.jobs.tick, { label: "later" });
crons.monthly("monthly", { day: 3, hourUTC: 16, minuteUTC: 0 }, api.jobs.tick, { label: "later" });
crons.cron("by its expression", "30 4 1 1 *", api.jobs.tick, { label: "later" });

export default crons;
