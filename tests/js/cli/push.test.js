// Pushing code with the official command line.

import assert from "node:assert/strict";
import { test } from "node:test";
import { anyApi as api } from "convex/server";
import { project } from "../support/cli.js";
import { http, push, serve } from "../support/push.js";
import { connectClient, startServer } from "../support/server.js";
import { until } from "../support/wait.js";

test("running subscriptions are run again with the new code", async (t) => {
  const server = await serve(t);
  const app = project(t, "notes");
  await push(app, server);
  const client = connectClient(t, server);
  const seen = [];
  client.onUpdate(api.notes.hello, { name: "Ada" }, (value) => seen.push(value));
  await until("the first result", () => seen.length === 1);
  app.write("convex/lib/greeting.ts", "export const greet = (name: string) => `Good morning, ${name}!`;\n");
  await push(app, server);
  await until("the result of the new code", () => seen.length === 2);
  assert.deepEqual(seen, ["Hello, Ada!", "Good morning, Ada!"]);
});

test("removed modules and crons are gone, and only they", async (t) => {
  const server = await serve(t);
  const app = project(t, "notes");
  app.write("convex/more.ts", 'import { query } from "./_generated/server";\nexport const one = query(async () => 1);\n');
  const said = await push(app, server, ["dev", "--once", "--verbose"]);
  assert.match(said, /clear the notes/);
  const client = http(server);
  assert.equal(await client.query(api.more.one, {}), 1);
  app.remove("convex/more.ts");
  app.remove("convex/crons.ts");
  await push(app, server);
  await assert.rejects(client.query(api.more.one, {}), /Could not find public function for 'more:one'/);
  assert.equal(await client.query(api.notes.hello, { name: "Ada" }), "Hello, Ada!");
});

test("an index of 20,000 documents is built while they are written", async (t) => {
  const server = await serve(t);
  const app = project(t, "notes");
  app.write("convex/schema.ts", 'import { defineSchema } from "convex/server";\nexport default defineSchema({});\n');
  for (const file of ["notes.ts", "crons.ts", "http.ts"]) app.remove(`convex/${file}`);
  const fill = `import { mutation, query } from "./_generated/server";
export const fill = mutation(async ({ db }, { from, count }: { from: number; count: number }) => {
  for (let n = from; n < from + count; n++) await db.insert("numbers", { n, half: Math.floor(n / 2) });
});
`;
  app.write("convex/numbers.ts", fill);
  await push(app, server);
  const client = http(server);
  for (let from = 0; from < 20_000; from += 2_000) await client.mutation(api.numbers.fill, { from, count: 2_000 });
  app.write(
    "convex/schema.ts",
    `import { defineSchema, defineTable } from "convex/server";
import { v } from "convex/values";
export default defineSchema({ numbers: defineTable({ n: v.number(), half: v.number() }).index("by_half", ["half"]) });
`,
  );
  app.write(
    "convex/numbers.ts",
    `${fill}export const find = query(async ({ db }, { half }: { half: number }) =>
  (await db.query("numbers").withIndex("by_half", (q) => q.eq("half", half)).collect()).map(({ n }) => n));
`,
  );
  let writing = true;
  const writer = (async () => {
    for (let from = 20_000; writing; from += 2) await client.mutation(api.numbers.fill, { from, count: 2 });
  })();
  const began = performance.now();
  assert.match(await push(app, server), /numbers\.by_half/);
  t.diagnostic(`the push took ${((performance.now() - began) / 1000).toFixed(1)} s`);
  writing = false;
  await writer;
  assert.deepEqual(await client.query(api.numbers.find, { half: 5_000 }), [10_000, 10_001]);
  assert.deepEqual(await client.query(api.numbers.find, { half: 10_000 }), [20_000, 20_001]);
});

test("pushed code survives a restart, also a violent one", async (t) => {
  const server = await serve(t);
  const app = project(t, "notes");
  await push(app, server);
  await http(server).mutation(api.notes.add, { author: "Ada", text: "one" });
  await server.kill();
  const again = await serve(t, { data: server.data });
  assert.deepEqual(await http(again).query(api.notes.list, {}), ["Ada: one"]);
  assert.equal(await (await fetch(`${again.siteUrl}/ping`)).text(), "pong");
  // Nothing has to be sent again.
  assert.match(await push(app, again), /Convex functions ready/);
});

test("pushed modules stand before those of the application that is compiled in", async (t) => {
  const server = await startServer(t);
  const client = http(server);
  const native = await client.query(api.messages.list, { channel: "general" }).catch((error) => error.message);
  const app = project(t, "notes");
  app.write(
    "convex/messages.ts",
    'import { query } from "./_generated/server";\nexport const list = query(async () => "pushed");\n',
  );
  await push(app, server);
  assert.equal(await client.query(api.messages.list, { channel: "general" }), "pushed");
  await until("the warning", () => /pushed modules take the place of built-in ones.*messages/.test(server.log()));
  app.remove("convex/messages.ts");
  await push(app, server);
  const back = await client.query(api.messages.list, { channel: "general" }).catch((error) => error.message);
  assert.deepEqual(typeof back, typeof native);
  assert.notEqual(back, "pushed");
});

test("no call and no subscription ever sees half a push", async (t) => {
  const server = await serve(t);
  const app = project(t, "notes");
  const write = (version) => {
    app.write(
      "convex/inner.ts",
      `import { internalQuery } from "./_generated/server";\nexport const version = internalQuery(async () => ${version});\n`,
    );
    app.write(
      "convex/outer.ts",
      `import { mutation, query } from "./_generated/server";
import { internal } from "./_generated/api";
export const versions = query(async (ctx): Promise<number[]> => [${version}, await ctx.runQuery(internal.inner.version)]);
export const note = mutation(async (ctx): Promise<number[]> => {
  await ctx.db.insert("versions" as any, { version: ${version} });
  return [${version}, await ctx.runQuery(internal.inner.version)];
});
`,
    );
  };
  write(1);
  await push(app, server);
  const client = http(server);
  const seen = [];
  const watcher = connectClient(t, server);
  watcher.onUpdate(api.outer.versions, {}, (versions) => seen.push(versions));
  let pushing = true;
  const caller = async (call) => {
    while (pushing) seen.push(await call());
  };
  const callers = [
    caller(() => client.query(api.outer.versions, {})),
    caller(() => client.mutation(api.outer.note, {})),
    caller(() => watcher.mutation(api.outer.note, {})),
  ];
  for (const version of [2, 3, 4]) {
    write(version);
    await push(app, server);
    assert.deepEqual(await client.query(api.outer.versions, {}), [version, version]);
  }
  await until("the subscription to show the last version", () => seen.some(([outer]) => outer === 4));
  pushing = false;
  await Promise.all(callers);
  assert.ok(seen.length > 10, `${seen.length} calls`);
  for (const [outer, inner] of seen) assert.equal(outer, inner);
});
