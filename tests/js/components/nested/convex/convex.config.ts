import { defineApp } from "convex/server";
import library from "./library/convex.config";

const app = defineApp();
app.use(library, { name: "main" });
app.use(library, { name: "branch" });
export default app;
