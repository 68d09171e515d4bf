// Every limit by the name under which a deployment sets it, reached from a function or a client: the error says what it is,
// and the next call is served.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { anyApi as api } from "convex/server";
import { project } from "../support/cli.js";
import { http, push, refused, serve } from "../support/push.js";
import { sleep, until } from "../support/wait.js";

const FUNCTIONS = `import { action, internalAction, mutation, query } from "./_generated/server";
import { v } from "convex/values";
import { anyApi as api } from "convex/server";

const n = { n: v.number() };
const all = (count: number, make: (n: number) => Promise<unknown>) => Promise.all(Array.from({ length: count }, (_, n) => make(n)));
const spin = (ms: number) => { const end = performance.now() + ms; while (performance.now() < end); };

export const good = query({ args: {}, handler: async () => "good" });
export const insert = mutation({ args: { n: v.number(), size: v.number() }, handler: async ({ db }, { n, size }) => { await all(n, (k) => db.insert("t", { k, text: "x".repeat(size) })); } });
export const clear = mutation({ args: {}, handler: async ({ db }) => { for (const { _id } of await db.query("t").take(15)) await db.delete(_id); } });
export const read = query({ args: n, handler: async ({ db }, { n }) => (await db.query("t").take(n)).length });
export const ranges = query({ args: n, handler: async ({ db }, { n }) => { await all(n, () => db.query("t").first()); return n; } });
export const schedule = mutation({ args: { n: v.number(), size: v.number() }, handler: async ({ scheduler }, { n, size }) => { await all(n, () => scheduler.runAfter(3_600_000, api.f.good2, { text: "x".repeat(size) })); return n; } });
export const good2 = mutation({ args: { text: v.string() }, handler: async () => null });
export const spinQuery = query({ args: n, handler: async (ctx, { n }) => { for (let k = 0; k < n * 1e6; k++); return n; } });
export const waits = query({ args: n, handler: async ({ db }, { n }) => { for (let k = 0; k < n; k++) await db.query("t").first(); return n; } });
export const spinMutation = mutation({ args: n, handler: async (ctx, { n }) => { for (let k = 0; k < n * 1e6; k++); return n; } });
export const sleeps = action({ args: n, handler: async (ctx, { n }) => { await new Promise((done) => setTimeout(done, n)); return n; } });
export const grow = query({ args: n, handler: async (ctx, { n }) => { const kept: string[] = []; for (let k = 0; k < n; k++) kept.push(String(k).repeat(1 << 18)); return kept.length; } });
export const deep = query({ args: n, handler: async (ctx, { n }): Promise<number> => (n === 0 ? 0 : 1 + (await ctx.runQuery(api.f.deep, { n: n - 1 }))) });
export const give = query({ args: n, handler: async (ctx, { n }) => "x".repeat(n) });
export const take = query({ args: { text: v.string() }, handler: async (ctx, { text }) => text.length });
export const put = mutation({ args: { value: v.any() }, handler: async ({ db }, { value }) => { await db.insert("any", { value }); } });
export const random = query({ args: {}, handler: async () => Math.random() });
export const one = internalAction({ args: { k: v.number() }, handler: async (ctx, { k }) => {
  await ctx.runMutation(api.f.note, { text: "begin " + k });
  await new Promise((done) => setTimeout(done, 300));
  await ctx.runMutation(api.f.note, { text: "end " + k });
} });
export const note = mutation({ args: { text: v.string() }, handler: async ({ db }, { text }) => { await db.insert("notes", { text }); } });
export const notes = query({ args: {}, handler: async ({ db }) => (await db.query("notes").collect()).map(({ text }) => text) });
export const jobs = mutation({ args: n, handler: async ({ scheduler }, { n }) => { await all(n, (k) => scheduler.runAfter(0, api.f.one, { k })); } });
`;
const SCHEMA = `import { defineSchema } from "convex/server";
export default defineSchema({}, { schemaValidation: false });
`;

/** The names that tests here set; the last test compares them with the server's. */
const used = new Set();

async function start(t, env) {
  for (const name of Object.keys(env)) used.add(name);
  const server = await serve(t, { env });
  const app = project(t, "notes");
  for (const file of ["notes.ts", "crons.ts", "http.ts"]) app.remove(`convex/${file}`);
  app.write("convex/schema.ts", SCHEMA);
  app.write("convex/f.ts", FUNCTIONS);
  await push(app, server, ["dev", "--once", "--typecheck", "disable"]);
  const client = http(server);
  const good = async () => assert.equal(await client.query(api.f.good, {}), "good");
  /** What must work just below the limit, and what must fail just above it, with these words. */
  const limit = async (below, above, words) => {
    await below();
    await assert.rejects(above(), (error) => {
      assert.match(error.message, words);
      return true;
    });
    await good();
  };
  return { server, app, client, limit, good };
}

test("what one transaction may read, write and schedule", async (t) => {
  const { client, limit } = await start(t, {
    TRANSACTION_MAX_READ_SIZE_ROWS: "50",
    TRANSACTION_MAX_READ_SIZE_BYTES: "100000",
    TRANSACTION_MAX_READ_SET_INTERVALS: "20",
    TRANSACTION_MAX_NUM_USER_WRITES: "30",
    TRANSACTION_MAX_USER_WRITE_SIZE_BYTES: "50000",
    TRANSACTION_MAX_NUM_SCHEDULED: "5",
    TRANSACTION_MAX_SCHEDULED_TOTAL_ARGUMENT_SIZE_BYTES: "2000",
  });
  // The table is made by the first document, which counts.
  await client.mutation(api.f.insert, { n: 1, size: 10 });
  await client.mutation(api.f.clear, {});
  const { query: q, mutation: m } = { query: client.query.bind(client), mutation: client.mutation.bind(client) };
  await limit(() => m(api.f.insert, { n: 30, size: 10 }), () => m(api.f.insert, { n: 31, size: 10 }), /Too many writes in a single function execution \(limit: 30\)/);
  await m(api.f.insert, { n: 30, size: 10 });
  await limit(() => q(api.f.read, { n: 50 }), () => q(api.f.read, { n: 51 }), /Too many documents read in a single function execution \(limit: 50\)\. Consider/);
  await limit(() => q(api.f.ranges, { n: 20 }), () => q(api.f.ranges, { n: 21 }), /Too many reads in a single function execution \(limit: 20\)/);
  for (let k = 0; k < 5; k++) await m(api.f.clear, {});
  assert.equal(await q(api.f.read, { n: 1 }), 0);
  await limit(() => m(api.f.insert, { n: 4, size: 10_000 }), () => m(api.f.insert, { n: 6, size: 10_000 }), /Too many bytes written in a single function execution \(limit: 50000 bytes\)/);
  for (let k = 0; k < 2; k++) await m(api.f.insert, { n: 4, size: 10_000 });
  await limit(() => q(api.f.read, { n: 9 }), () => q(api.f.read, { n: 12 }), /Too many bytes read in a single function execution \(limit: 100000 bytes\)/);
  await limit(() => m(api.f.schedule, { n: 5, size: 10 }), () => m(api.f.schedule, { n: 6, size: 10 }), /Too many functions scheduled by this mutation \(limit: 5\)/);
  await limit(() => m(api.f.schedule, { n: 2, size: 900 }), () => m(api.f.schedule, { n: 3, size: 900 }), /scheduled.*2000/);
});

test("time and memory of one call, and of what a push loads", async (t) => {
  const { client, limit, app, server } = await start(t, {
    DATABASE_UDF_USER_TIMEOUT_SECONDS: "2",
    V8_ACTION_USER_TIMEOUT_SECS: "3",
    ISOLATE_MAX_USER_HEAP_SIZE: String(32 << 20),
    ISOLATE_ANALYZE_USER_TIMEOUT_SECONDS: "3",
  });
  const timedOut = /Function execution timed out \(maximum duration: 2s\)/;
  await limit(() => client.query(api.f.spinQuery, { n: 0 }), () => client.query(api.f.spinQuery, { n: 1e9 }), timedOut);
  await limit(() => client.mutation(api.f.spinMutation, { n: 0 }), () => client.mutation(api.f.spinMutation, { n: 1e9 }), timedOut);
  await limit(() => client.action(api.f.sleeps, { n: 100 }), () => client.action(api.f.sleeps, { n: 60_000 }), /timed out \(maximum duration: 3s\)/);
  await limit(() => client.query(api.f.grow, { n: 10 }), () => client.query(api.f.grow, { n: 300 }), /memory/);
  app.write("convex/slow.ts", "export const x = 1;\nfor (;;) {}\n");
  await refused(app, server, "timed out", "3s");
});

test("the time of one call with all that it waits for, and the older name for the documents it reads", async (t) => {
  const { client, limit } = await start(t, {
    DATABASE_UDF_SYSTEM_TIMEOUT_SECONDS: "2",
    DATABASE_UDF_USER_TIMEOUT_SECONDS: "600",
    TRANSACTION_MAX_READ_SET_INTERVALS: "100000000",
    CONVEX_MAX_QUERY_SIZE: "5",
  });
  await limit(() => client.query(api.f.waits, { n: 10 }), () => client.query(api.f.waits, { n: 50_000_000 }), /timed out \(maximum duration: 2s\)/);
  await client.mutation(api.f.insert, { n: 9, size: 1 });
  await limit(() => client.query(api.f.read, { n: 5 }), () => client.query(api.f.read, { n: 6 }), /\(limit: 5\)/);
});

test("calls of each kind at once: others wait, too long ones expire, and other kinds go on", async (t) => {
  const { server, client, good } = await start(t, {
    APPLICATION_MAX_CONCURRENT_QUERIES: "1",
    APPLICATION_MAX_CONCURRENT_MUTATIONS: "1",
    APPLICATION_MAX_CONCURRENT_V8_ACTIONS: "1",
    DATABASE_UDF_USER_TIMEOUT_SECONDS: "7",
  });
  const call = async (kind, path, n) => {
    const response = await fetch(`${server.url}/api/${kind}`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ path, args: { n }, format: "json" }),
    });
    return { status: response.status, ...(await response.json()) };
  };
  // Each holds the only place of its kind for seven seconds, in which none of the same kind gets one: after five it is told.
  for (const [kind, path, held, other] of [
    ["query", "f:spinQuery", 1e9, () => client.mutation(api.f.note, { text: "meanwhile" })],
    ["mutation", "f:spinMutation", 1e9, good],
    ["action", "f:sleeps", 7_000, good],
  ]) {
    const holding = call(kind, path, held);
    await sleep(200);
    const waiting = call(kind, path, 0);
    // Another kind has its own places.
    await other();
    const told = await waiting;
    assert.equal(told.status, 503, JSON.stringify(told));
    assert.match(told.code, /^(ExpiredInQueue|TooManyConcurrentRequests)$/);
    assert.match(told.message, /Too many concurrent requests/);
    await holding;
    assert.equal((await call(kind, path, 0)).value, 0);
  }
});

test("requests at once, the time of one, and no results that are kept", async (t) => {
  const { server, client, good } = await start(t, {
    APPLICATION_MAX_CONCURRENT_HTTP_REQUESTS: "2",
    HTTP_SERVER_TIMEOUT_SECONDS: "10",
    UDF_CACHE_MAX_SIZE: "0",
  });
  assert.notEqual(await client.query(api.f.random, {}), await client.query(api.f.random, {}));
  const long = async () => {
    const body = JSON.stringify({ path: "f:sleeps", args: { n: 60_000 }, format: "json" });
    const response = await fetch(`${server.url}/api/action`, { method: "POST", headers: { "content-type": "application/json" }, body });
    return { status: response.status, ...(await response.json()) };
  };
  // On a crowded machine they may come one after the other.
  const answers = await until("a refusal", async () => {
    const answers = await Promise.all(Array.from({ length: 8 }, long));
    return answers.some(({ code }) => code === "TooManyConcurrentRequests") && answers;
  });
  for (const { status, code, message } of answers) {
    assert.equal(status, 503);
    if (code === "TooManyConcurrentRequests") assert.match(message, /takes 2 at once/);
    else assert.deepEqual([code, message], ["SystemTimeoutError", "The request took longer than 10 s."]);
  }
  await good();
});

test("scheduled functions at once, and how long results are kept", async (t) => {
  const { client } = await start(t, { SCHEDULED_JOB_EXECUTION_PARALLELISM: "1", CONVEX_CACHE_TTL: "1" });
  const random = () => client.query(api.f.random, {});
  const first = await random();
  await client.mutation(api.f.jobs, { n: 4 });
  const notes = await until("all of them to end", async () => {
    const notes = await client.query(api.f.notes, {});
    return notes.length === 8 && notes;
  });
  for (let k = 0; k < 8; k += 2) assert.equal(notes[k].replace("begin", "end"), notes[k + 1], "one after the other");
  // Looking at it keeps it, so that it is left alone for longer each time.
  let pause = 1_000;
  await until("the result to be forgotten", async () => {
    await sleep((pause += 500));
    return (await random()) !== first;
  });
});

test("limits of values, that cannot be set", async (t) => {
  const { client, limit } = await start(t, {});
  const put = (value) => client.mutation(api.f.put, { value });
  const nested = (depth) => (depth === 0 ? 1 : [nested(depth - 1)]);
  await limit(() => put(nested(12)), () => put(nested(17)), /nest/);
  await limit(() => put(Array(8192).fill(1)), () => put(Array(8193).fill(1)), /8192/);
  await limit(() => put(Object.fromEntries(Array.from({ length: 1024 }, (_, k) => [`f${k}`, 1]))), () => put(Object.fromEntries(Array.from({ length: 1025 }, (_, k) => [`f${k}`, 1]))), /1024/);
  await limit(() => put("x".repeat(900_000)), () => put("x".repeat((1 << 20) + 1)), /too large|1 MiB|1048576/);
  await limit(() => client.query(api.f.deep, { n: 7 }), () => client.query(api.f.deep, { n: 9 }), /8/);
  await limit(() => client.query(api.f.give, { n: 1 << 20 }), () => client.query(api.f.give, { n: (16 << 20) + 1 }), /16|too large/);
  await limit(() => client.query(api.f.take, { text: "x".repeat(1 << 20) }), () => client.query(api.f.take, { text: "x".repeat(16 << 20) }), /16777216|16 MiB|too large/);
});

test("every name that the server knows was set here", () => {
  const here = path.dirname(fileURLToPath(import.meta.url));
  const limits = readFileSync(path.resolve(here, "../../../runtime/src/limits.rs"), "utf8");
  const [, list] = /NAMES[^=]*= &\[([^\]]*)\]/.exec(limits);
  // `RETAINED_STATES` is tested where snapshots are, in `runtime/src/database`; others are set in tests of what they limit.
  const others = ["node_actions", "streaming_export"].map((name) =>
    readFileSync(path.resolve(here, `../${name}.test.js`), "utf8"),
  );
  const isElsewhere = (name) => name === "RETAINED_STATES" || others.some((text) => text.includes(`${name}: `));
  const names = [...list.matchAll(/"(\w+)"/g)].map(([, name]) => name).filter((name) => !isElsewhere(name));
  assert.deepEqual(names.filter((name) => !used.has(name)), []);
});
