import { defineApp } from "convex/server";
import counter from "./counter/convex.config";

const app = defineApp();
app.use(counter, { name: "one" });
app.use(counter, { name: "two" });
export default app;
