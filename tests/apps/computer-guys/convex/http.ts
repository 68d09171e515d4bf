import { httpRouter } from "convex/server";
import { api } from "./_generated/api";
import { httpAction } from "./_generated/server";

const http = httpRouter();

http.route({
  path: "/health",
  method: "GET",
  handler: httpAction(async (ctx) => Response.json({ status: "healthy", users: await ctx.runQuery(api.users.getUserCount, {}) })),
});

// The link in mails. Mail scanners follow links, so it takes a press of a button to use the token up.
http.route({
  path: "/verify-email",
  method: "GET",
  handler: httpAction(() => {
    const page = `<!doctype html><meta charset="utf-8"><title>Verify your e-mail address</title>
<form method="post"><button>Verify my e-mail address</button></form>`;
    return Promise.resolve(new Response(page, { headers: { "Content-Type": "text/html; charset=utf-8" } }));
  }),
});

http.route({
  path: "/verify-email",
  method: "POST",
  handler: httpAction(async (ctx, request) => {
    const token = new URL(request.url).searchParams.get("token") ?? "";
    try {
      await ctx.runMutation(api.users.verifyEmail, { token });
      return new Response("Your e-mail address is verified.");
    } catch {
      return new Response("This link is not valid any more.", { status: 400 });
    }
  }),
});

export default http;
