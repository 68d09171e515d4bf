import actionRetrier from "@convex-dev/action-retrier/convex.config.js";
import crons from "@convex-dev/crons/convex.config.js";
import presence from "@convex-dev/presence/convex.config.js";
import workflow from "@convex-dev/workflow/convex.config.js";
import workpool from "@convex-dev/workpool/convex.config.js";
import { defineApp } from "convex/server";

const app = defineApp();
app.use(actionRetrier);
app.use(crons);
app.use(presence);
app.use(workflow);
app.use(workpool);
export default app;
