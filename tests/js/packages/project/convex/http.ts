import { HttpRouterWithHono } from "convex-helpers/server/hono";
import { Hono } from "hono";
import { anyApi } from "convex/server";

const app: any = new Hono();
app.use("*", async (c: any, next: () => Promise<void>) => {
  await next();
  c.header("x-served-by", "hono");
});
app.get("/totals/:author", async (c: any) =>
  c.json({ posts: await c.env.runQuery(anyApi.helpers.totals, { author: c.req.param("author") }), page: c.req.query("page") ?? null }),
);
app.post("/echo", async (c: any) => c.text((await c.req.json()).text.toUpperCase(), 201));
app.onError((error: Error, c: any) => c.json({ error: error.message.split("\n")[0] }, 500));

export default new HttpRouterWithHono(app);
