// Functions written in Rust and in TypeScript in one deployment: the fixture application, with modules pushed next to it.

import assert from "node:assert/strict";
import { test } from "node:test";
import { ConvexHttpClient } from "convex/browser";
import { anyApi as api } from "convex/server";
import { project } from "../support/cli.js";
import { connectClient, startServer } from "../support/server.js";
import { until } from "../support/wait.js";

const HEAD = 'import { anyApi as api } from "convex/server";\nimport { v } from "convex/values";\n';

/** A mutation of TypeScript around Rust's, with the ways in which it can fail. */
const TOGETHER = `${HEAD}import { action, mutation, query } from "./_generated/server";

export const read = query({ args: { name: v.string() }, handler: (ctx, args) => ctx.runQuery(api.counters.get, args) });

export const addTwice = mutation({
  args: { name: v.string(), by: v.number(), fail: v.boolean() },
  handler: async (ctx, { name, by, fail }) => {
    const before: number = await ctx.runQuery(api.counters.get, { name });
    await ctx.runMutation(api.counters.add, { name, by });
    await ctx.db.insert("journal", { name, by });
    const after: number = await ctx.runMutation(api.counters.add, { name, by });
    const seen = await ctx.runQuery(api.counters.get, { name });
    if (fail) throw new Error("nothing of it");
    return [before, after, seen];
  },
});

/** What Rust wrote before it failed is gone, what stands around it stays. */
export const bearFailure = mutation({
  args: { name: v.string() },
  handler: async (ctx, { name }) => {
    await ctx.runMutation(api.counters.add, { name, by: 1 });
    const failure = await ctx.runMutation(api.counters.addAndFail, { name, by: 10 }).catch((error: Error) => error.message);
    return [failure, await ctx.runMutation(api.counters.add, { name, by: 100 })];
  },
});

export const failWith = mutation({
  args: { value: v.any() },
  handler: async (ctx, { value }) => {
    try {
      await ctx.runMutation(api.values.mutationFailWith, { value });
    } catch (error: any) {
      return { name: error.name, data: error.data };
    }
  },
});

export const later = mutation({
  args: { name: v.string() },
  handler: async (ctx, { name }) => {
    await ctx.scheduler.runAfter(0, api.counters.add, { name, by: 5 });
  },
});

export const act = action({
  args: { name: v.string() },
  handler: async (ctx, { name }): Promise<unknown> => [
    await ctx.runMutation(api.counters.add, { name, by: 7 }),
    await ctx.runQuery(api.counters.get, { name }),
    await ctx.runAction(api.values.actionEcho, { value: [1n, name] }),
  ],
});

export const journal = query(async (ctx) => (await ctx.db.query("journal").collect()).length);
`;

async function start(t, modules) {
  const server = await startServer(t);
  const app = project(t, "notes");
  for (const file of ["notes.ts", "crons.ts", "http.ts", "schema.ts"]) app.remove(`convex/${file}`);
  const push = async () => {
    const { code, output } = await app.run(server, ["dev", "--once", "--typecheck", "disable"]);
    assert.equal(code, 0, output);
  };
  for (const [file, text] of Object.entries(modules)) app.write(`convex/${file}`, text);
  await push();
  return { server, app, push, client: new ConvexHttpClient(server.url, { logger: false }) };
}

test("TypeScript calls Rust in one transaction, which is kept or undone as one", async (t) => {
  const { client, server } = await start(t, { "together.ts": TOGETHER });
  const read = (name) => client.query(api.together.read, { name });
  const seen = [];
  connectClient(t, server).onUpdate(api.together.read, { name: "a" }, (value) => seen.push(value));
  await until("the first value", () => seen.length === 1);

  assert.deepEqual(await client.mutation(api.together.addTwice, { name: "a", by: 2, fail: false }), [0, 4, 4]);
  await until("what Rust wrote to be seen by a subscription of TypeScript", () => seen.at(-1) === 4);
  await assert.rejects(client.mutation(api.together.addTwice, { name: "a", by: 2, fail: true }), /nothing of it/);
  assert.deepEqual([await read("a"), await client.query(api.together.journal, {})], [4, 1]);
  assert.deepEqual(seen, [0, 4]);

  const [failure, value] = await client.mutation(api.together.bearFailure, { name: "b" });
  assert.match(failure, /It would be 11/);
  assert.deepEqual([value, await read("b")], [101, 101]);
  // Not even what it had scheduled.
  await client.mutation(api.together.later, { name: "b" });
  await until("the scheduled addition", async () => (await read("b")) === 106);

  const data = { code: 7n, list: ["x", null] };
  assert.deepEqual(await client.mutation(api.together.failWith, { value: data }), { name: "ConvexError", data });
  assert.deepEqual(await client.action(api.together.act, { name: "c" }), [7, 7, [1n, "c"]]);
  await assert.rejects(client.mutation(api.together.addTwice, { name: "a", by: "2", fail: false }), /ArgumentValidationError/);
});

test("Rust calls TypeScript through the names that pushed modules take", async (t) => {
  const secret = (answer) => `${HEAD}import { internalQuery } from "./_generated/server";
export const answer = internalQuery({ args: {}, returns: v.any(), handler: async (ctx) => ${answer} });
`;
  const { client, app, push } = await start(t, { "together.ts": TOGETHER, "secret.ts": secret("7") });
  const counters = `${HEAD}import { mutation } from "./_generated/server";
export const add = mutation({
  args: { name: v.string(), by: v.number() },
  handler: async ({ db }, { name, by }) => {
    await db.insert("journal", { name, by });
    return -by;
  },
});
`;
  assert.equal(await client.query(api.values.internal, {}), 7);
  // What TypeScript reads, and what it throws.
  app.write("convex/secret.ts", secret('(await ctx.db.query("journal").collect()).length'));
  await push();
  assert.equal(await client.query(api.values.internal, {}), 0);
  await client.mutation(api.together.addTwice, { name: "a", by: 1, fail: false });
  assert.equal(await client.query(api.values.internal, {}), 1);
  app.write("convex/secret.ts", secret('{ throw new Error("from TypeScript"); }'));
  await push();
  await assert.rejects(client.query(api.values.internal, {}), /from TypeScript/);
  app.write("convex/secret.ts", secret('"no number"'));
  await push();
  await assert.rejects(client.query(api.values.internal, {}), /returned something unexpected. expected a number, found string/);
  app.remove("convex/secret.ts");
  await push();
  assert.equal(await client.query(api.values.internal, {}), 42);

  // A module of TypeScript takes the place of the whole Rust module.
  app.write("convex/counters.ts", counters);
  app.remove("convex/together.ts");
  await push();
  assert.equal(await client.mutation(api.counters.add, { name: "a", by: 3 }), -3);
  await assert.rejects(client.query(api.counters.get, { name: "a" }), /Could not find public function for 'counters:get'/);
  app.remove("convex/counters.ts");
  app.write("convex/together.ts", TOGETHER);
  await push();
  assert.equal(await client.query(api.counters.get, { name: "a" }), 2);
});

/** Mutations of TypeScript that Rust calls, and that call Rust again. */
const NESTED = `${HEAD}import { mutation, query } from "./_generated/server";

export const write = mutation({
  args: { by: v.number(), fail: v.optional(v.boolean()) },
  handler: async (ctx, { by, fail }) => {
    await ctx.db.insert("journal", { name: "write", by });
    const added: number = await ctx.runMutation(api.counters.add, { name: "inner", by });
    if (fail) throw new Error("not so");
    return added;
  },
});

export const around = mutation({
  args: { counter: v.string(), fails: v.boolean(), catches: v.boolean() },
  handler: async (ctx, { counter, fails, catches }) => {
    await ctx.db.insert("journal", { name: "around", by: 0 });
    const args = { by: 2, fail: fails };
    return await ctx.runMutation(api.calls.callByPath, { path: "nested:write", args, counter, catches });
  },
});

export const state = query(async (ctx) => [
  (await ctx.db.query("journal").collect()).map(({ name }) => name).join(),
  ...(await Promise.all(["outer", "inner"].map((name) => ctx.runQuery(api.counters.get, { name })))),
]);
`;

test("Rust and TypeScript call each other's mutations in one transaction", async (t) => {
  const { client } = await start(t, { "nested.ts": NESTED });
  const state = () => client.query(api.nested.state, {});
  const call = (args) => client.mutation(api.calls.callByPath, { path: "nested:write", counter: "outer", catches: false, ...args });
  // Rust, TypeScript, Rust.
  await assert.rejects(call({ args: { by: 1, fail: true } }), /Uncaught Error: not so/);
  assert.deepEqual(await state(), ["", 0, 0]);
  await assert.rejects(call({ args: { by: "1" } }), /ArgumentValidationError|Value does not match validator/);
  assert.deepEqual(await state(), ["", 0, 0]);
  assert.equal(await call({ args: { by: 1 } }), 1);
  assert.deepEqual(await state(), ["write", 1, 1]);
  // TypeScript, Rust, TypeScript, Rust: what fails and is caught takes only its own writes back.
  const around = (args) => client.mutation(api.nested.around, args);
  await assert.rejects(around({ counter: "lost", fails: true, catches: false }), /not so/);
  assert.deepEqual(await state(), ["write", 1, 1]);
  assert.match(await around({ counter: "kept", fails: true, catches: true }), /not so/);
  assert.deepEqual(await state(), ["write,around", 1, 1]);
  assert.deepEqual([await client.query(api.counters.get, { name: "kept" }), await client.query(api.counters.get, { name: "lost" })], [1, 0]);
  assert.equal(await around({ counter: "third", fails: false, catches: false }), 3);
  assert.deepEqual(await state(), ["write,around,around,write", 1, 3]);
});

test("Rust's HTTP routes reach the TypeScript that has their name", async (t) => {
  const { client, server, app, push } = await start(t, {
    "counters.ts": `${HEAD}import { mutation, query } from "./_generated/server";
export const add = mutation({ args: { name: v.string(), by: v.number() }, handler: async ({ db }, args) => {
  await db.insert("journal", args);
  return 1000 + args.by;
} });
export const get = query({ args: { name: v.string() }, handler: async ({ db }) => (await db.query("journal").collect()).length });
`,
  });
  const hello = async () => (await fetch(`${server.siteUrl}/hello`)).text();
  assert.equal(await hello(), "hello number 1001");
  assert.equal(await client.query(api.counters.get, { name: "hello" }), 1);
  app.remove("convex/counters.ts");
  await push();
  assert.equal(await hello(), "hello number 1");
});
