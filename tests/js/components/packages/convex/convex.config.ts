import actionCache from "@convex-dev/action-cache/convex.config.js";
import aggregate from "@convex-dev/aggregate/convex.config.js";
import geospatial from "@convex-dev/geospatial/convex.config.js";
import migrations from "@convex-dev/migrations/convex.config.js";
import persistentTextStreaming from "@convex-dev/persistent-text-streaming/convex.config.js";
import rateLimiter from "@convex-dev/rate-limiter/convex.config.js";
import shardedCounter from "@convex-dev/sharded-counter/convex.config.js";
import { defineApp } from "convex/server";

const app = defineApp();
app.use(actionCache);
app.use(aggregate, { name: "byScore" });
app.use(aggregate, { name: "byGame" });
app.use(geospatial);
app.use(migrations);
app.use(persistentTextStreaming);
app.use(rateLimiter);
app.use(shardedCounter);
export default app;
