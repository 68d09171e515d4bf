// HTTP routes: exact ones, prefixes, every method, bodies that stream both ways, and every way to fail.

import { anyApi, httpActionGeneric, httpRouter } from "convex/server";
import { ConvexError } from "convex/values";

const api = anyApi;
const http = httpRouter();
const route = (method, path, handler) =>
  http.route({ method, ...(path.endsWith("*") ? { pathPrefix: path.slice(0, -1) } : { path }), handler: httpActionGeneric(handler) });
const text = (body) => async (_, request) => new Response(body, { headers: { "x-method": request.method } });

// Which one answers.
route("GET", "/routes/*", text("/routes/*"));
route("GET", "/routes/deep/*", text("/routes/deep/*"));
route("GET", "/routes/deep/leaf", text("/routes/deep/leaf"));
route("POST", "/routes/deep/*", text("POST /routes/deep/*"));
route("GET", "/routes/deep/er/*", text("/routes/deep/er/*"));
for (const method of ["GET", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"]) {
  route(method, "/method", async (_, request) => new Response(`${method} ${request.method} ${await request.text()}`));
}

// What the handler is told.
route("POST", "/request", async (_, request) => {
  const url = new URL(request.url);
  const body = await request.text();
  return Response.json({
    url: [url.pathname, url.search, url.hash],
    hasHost: url.host.length > 0,
    headers: ["content-type", "x-twice", "authorization"].map((name) => request.headers.get(name)),
    body,
  });
});
route("POST", "/json", async (ctx, request) => {
  const { text } = await request.json();
  return Response.json(await ctx.runAction(api.items.viaAction, { n: text.length }), { status: 201, headers: { "x-one": "1" } });
});
route("POST", "/bytes", async (_, request) => {
  const bytes = new Uint8Array(await request.arrayBuffer());
  return new Response(bytes.reverse(), { headers: { "content-type": "application/x-bytes" } });
});
route("POST", "/form", async (_, request) => {
  const form = await request.formData();
  const file = form.get("file");
  return Response.json({ name: form.get("name"), all: form.getAll("tag"), file: [file.name, file.type, await file.text()] });
});
route("GET", "/empty", async () => new Response(null, { status: 204, headers: { "x-empty": "yes" } }));
route("GET", "/moved", async () => new Response(null, { status: 302, headers: { location: "/method" } }));
route("GET", "/cookies", async () => {
  const headers = new Headers();
  headers.append("set-cookie", "a=1; Path=/");
  headers.append("set-cookie", "b=2");
  return new Response("baked", { headers });
});

// Streams. The first waits in its middle for a mutation of the test.
route("GET", "/stream", async (ctx, request) => {
  const label = new URL(request.url).searchParams.get("label");
  const encoder = new TextEncoder();
  let sent = 0;
  return new Response(
    new ReadableStream({
      async pull(controller) {
        if (sent === 0) {
          controller.enqueue(encoder.encode("first,"));
        } else if (sent === 1) {
          while ((await ctx.runQuery(api.jobs.marks, { label })) === 0) await new Promise((resolve) => setTimeout(resolve, 10));
          controller.enqueue(encoder.encode("second"));
        } else {
          controller.close();
        }
        sent += 1;
      },
    }),
  );
});
route("POST", "/upper", async (_, request) => {
  const upper = new TransformStream({ transform: (text, controller) => controller.enqueue(text.toUpperCase()) });
  return new Response(request.body.pipeThrough(new TextDecoderStream()).pipeThrough(upper).pipeThrough(new TextEncoderStream()));
});
route("POST", "/count", async (_, request) => {
  let bytes = 0;
  for await (const chunk of request.body) bytes += chunk.length;
  return Response.json({ bytes });
});
route("GET", "/large", async () => {
  const chunk = new Uint8Array(65_536).fill(120);
  let left = 64;
  return new Response(new ReadableStream({ pull: (controller) => (left-- > 0 ? controller.enqueue(chunk) : controller.close()) }));
});

// Who calls: nobody, somebody, or somebody whose credentials cannot be used, which only throws where they are looked at.
route("GET", "/whoami", async (ctx, request) => {
  const header = request.headers.get("authorization");
  try {
    return Response.json({ header, identity: await ctx.auth.getUserIdentity(), inQuery: await ctx.runQuery(api.people.whoami, {}) });
  } catch (error) {
    return Response.json({ header, thrown: error.message.split("\n")[0] }, { status: 401 });
  }
});

// Failures.
route("GET", "/throw", async () => {
  throw new Error("on purpose");
});
route("GET", "/throwData", async (ctx) => {
  await ctx.runMutation(api.items.patch, { n: -1, fields: {}, unset: [] });
  throw new ConvexError("not reached");
});
route("GET", "/noResponse", async () => "just text");
route("GET", "/throwLate", async () => {
  let sent = 0;
  return new Response(
    new ReadableStream({
      pull(controller) {
        if (sent++ === 0) controller.enqueue(new TextEncoder().encode("the beginning"));
        else throw new Error("in the middle");
      },
    }),
  );
});

export default http;
