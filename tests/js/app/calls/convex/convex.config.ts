import { defineApp } from "convex/server";
import child from "./child/convex.config";

const app = defineApp();
app.use(child);
app.use(child, { name: "sibling" });
export default app;
