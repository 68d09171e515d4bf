// Components with the commands of `fusion`, and their HTTP routes under prefixes.

import assert from "node:assert/strict";
import { test } from "node:test";
import { anyApi as api } from "convex/server";
import { startComponentApp } from "../support/component_app.js";
import { fusion } from "../support/fusion.js";

async function setUp(t) {
  const started = await startComponentApp(t, "nested", { by: "fusion" });
  const { app, server } = started;
  const run = (...args) => fusion(app.folder, ...args, "--url", server.url, "--admin-key", server.adminKey);
  const done = async (...args) => {
    const { code, stdout, stderr } = await run(...args);
    assert.equal(code, 0, `fusion ${args.join(" ")}\n${stdout}${stderr}`);
    return stdout;
  };
  return { ...started, run, done };
}

const words = (text) => text.trim().split("\n");

test("fusion data, run, import, function-spec and logs look into components", async (t) => {
  const { client, app, run, done } = await setUp(t);
  assert.equal(await client.mutation(api.desk.add, { library: "main", title: "Emma" }), 1);
  const tables = await run("data");
  assert.deepEqual(words(tables.stdout), ["readers"]);
  assert.match(tables.stderr, /--component PATH: branch, branch\/counter, main, main\/counter/);
  assert.deepEqual(words(await done("data", "--component", "main/counter")), ["tally"]);
  assert.match(await done("data", "books", "--component", "main"), /"Emma"/);

  assert.equal(await done("run", "--component", "main/counter", "tally:add", '{"n":4}'), "5\n");
  assert.match(await done("run", "--component", "main", "books:titles"), /"Emma"/);
  const inline = (component, text) => done("run", "--component", component, "--inline-query", text);
  assert.equal(await inline("main", '(await ctx.db.query("books").withIndex("by_year").collect()).length'), "1\n");
  assert.equal(await inline("main/counter", '(await ctx.db.query("tally").first()).n'), "5\n");
  assert.equal(await inline("branch", '(await ctx.db.query("books").collect()).length'), "0\n");
  // Of the app's variables a component sees none.
  await done("env", "set", "COLOR", "blue");
  assert.equal(await done("run", "--inline-query", "process.env.COLOR"), '"blue"\n');
  assert.equal(await inline("main", "process.env.COLOR ?? null"), "");
  // Names mean functions of the component.
  assert.match(await inline("main", 'await ctx.runQuery("books:titles", {})'), /"Emma"/);

  app.write("more.jsonl", '{"n":10}\n');
  await done("import", "--table", "tally", "--component", "branch/counter", "--append", "more.jsonl");
  assert.equal(await client.mutation(api.desk.add, { library: "branch", title: "Emma" }), 11);

  const functionsOf = async (...args) => JSON.parse(await done("function-spec", ...args)).functions.map(({ identifier, path }) => identifier ?? path);
  assert.deepEqual(await functionsOf(), ["desk.js:add", "desk.js:register", "desk.js:titles"]);
  assert.deepEqual(await functionsOf("--component", "main/counter"), ["tally.js:add"]);
  assert.ok((await functionsOf("--component", "main")).includes("books.js:recount"));

  await done("run", "--component", "branch", "books:announce", '{"text":"closing"}');
  const logs = await done("logs", "--once", "--success");
  assert.match(logs, /\[A\(books:announce in branch\)\] \[WARN\] 'announcing' 'closing'/);
  assert.match(logs, /\[M\(desk:add\)\] \[LOG\] 'at the desk'/);
  const own = await done("logs", "--once", "--success", "--component", "main/counter");
  assert.match(own, /\[M\(tally:add in main\/counter\)\] Function executed/);
  assert.doesNotMatch(own, /desk|books/);
  const entries = words(await done("logs", "--once", "--jsonl", "--component", "")).map((line) => JSON.parse(line));
  assert.ok(entries.length > 0 && entries.every(({ componentPath }) => componentPath === null));
});

test("what is not there is said with where to look", async (t) => {
  const { run } = await setUp(t);
  const fails = async (pattern, ...args) => {
    const { code, stderr } = await run(...args);
    assert.equal(code, 1, stderr);
    assert.match(stderr, pattern);
  };
  await fails(/There is no component "nowhere" here\.[^]*hint: fusion data names the components/, "data", "--component", "nowhere");
  await fails(/There is no component "nowhere" here\./, "run", "--component", "nowhere", "--inline-query", "1");
  await fails(
    /Could not find function for 'books:nothing' in the component 'main'\.[^]*hint: .*function-spec --component/,
    "run", "--component", "main", "books:nothing",
  );
  await fails(/Could not find function for 'books:titles'\./, "run", "books:titles");
});

test("HTTP routes of the app and of components lie under their prefixes", async (t) => {
  const { app, server, done } = await setUp(t);
  const text = async (path) => {
    const response = await fetch(server.siteUrl + path);
    return response.status === 200 ? await response.text() : response.status;
  };
  // Without a prefix nobody reaches a component from outside.
  assert.deepEqual([await text("/hours"), await text("/main/hours")], [404, 404]);

  app.write(
    "convex/convex.config.ts",
    `import { defineApp } from "convex/server";
import library from "./library/convex.config";

const app = defineApp({ httpPrefix: "/api" });
app.use(library, { name: "main", httpPrefix: "/main/" });
app.use(library, { name: "branch", httpPrefix: "/deep/branch" });
export default app;
`,
  );
  app.write(
    "convex/http.ts",
    `import { httpRouter } from "convex/server";
import { httpAction } from "./_generated/server";

const http = httpRouter();
http.route({ path: "/where", method: "GET", handler: httpAction(async (_ctx, request) => new Response("app " + new URL(request.url).pathname)) });
http.route({ pathPrefix: "/below/", method: "GET", handler: httpAction(async (_ctx, request) => new Response("app " + new URL(request.url).pathname)) });
export default http;
`,
  );
  app.write(
    "convex/library/http.ts",
    `import { httpRouter } from "convex/server";
import { httpAction } from "./_generated/server";

const http = httpRouter();
http.route({ path: "/hours", method: "GET", handler: httpAction(async () => new Response("nine to five")) });
http.route({ path: "/site", method: "GET", handler: httpAction(async () => new Response(process.env.CONVEX_SITE_URL)) });
http.route({ pathPrefix: "/under/", method: "GET", handler: httpAction(async (_ctx, request) => new Response(new URL(request.url).pathname)) });
export default http;
`,
  );
  await done("deploy", "--typecheck", "disable");
  const list = JSON.parse(await done("run", "_system/frontend/components:list"));
  assert.deepEqual(Object.fromEntries(list.map(({ path, httpPrefix }) => [path, httpPrefix])), {
    "": null, main: "/main/", "main/counter": null, branch: "/deep/branch/", "branch/counter": null,
  });
  // Handlers see the whole path of the request; routers know nothing of prefixes.
  for (const [path, expected] of Object.entries({
    "/api/where": "app /api/where",
    "/api/below/x": "app /api/below/x",
    "/where": 404,
    "/hours": 404,
    "/main/hours": "nine to five",
    "/main/site": `${server.siteUrl}/main`,
    "/main/under/x": "/main/under/x",
    "/main/none": 404,
    "/deep/branch/hours": "nine to five",
    "/deep/branch/site": `${server.siteUrl}/deep/branch`,
    "/deep/hours": 404,
    // The app's prefix is one of its own routes alone.
    "/api/main/hours": 404,
  })) assert.equal(await text(path), expected, path);
  const onMain = await fetch(`${server.url}/http/api/where`);
  assert.equal(await onMain.text(), "app /http/api/where");
  const spec = JSON.parse(await done("function-spec")).functions.filter(({ functionType }) => functionType === "HttpAction");
  assert.deepEqual(spec.map(({ path }) => path), ["/api/where", "/api/below/*"]);
});
