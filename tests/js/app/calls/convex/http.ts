import { httpRouter } from "convex/server";
import { api } from "./_generated/api";
import { httpAction } from "./_generated/server";

const http = httpRouter();
http.route({
  path: "/request",
  method: "GET",
  handler: httpAction(async (ctx) =>
    Response.json({
      own: await ctx.meta.getRequestMetadata(),
      mutation: await ctx.runMutation(api.requests.inMutation, {}),
    }),
  ),
});
export default http;
