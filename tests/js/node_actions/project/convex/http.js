import { httpActionGeneric as httpAction, httpRouter } from "convex/server";

const http = httpRouter();
http.route({
  path: "/hash",
  method: "POST",
  handler: httpAction(async (ctx, request) => Response.json(await ctx.runAction("work:echo", { text: await request.text() }))),
});
export default http;
