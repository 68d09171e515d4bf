// Components from npm, each used for what it is for: pushed by the official command line, their sources untouched.

import assert from "node:assert/strict";
import path from "node:path";
import { before, after, test } from "node:test";
import { fileURLToPath } from "node:url";
import { ConvexClient, ConvexHttpClient } from "convex/browser";
import { anyApi as api } from "convex/server";
import { project } from "../support/cli.js";
import { seeded } from "../support/random.js";
import { startServer } from "../support/server.js";
import { until } from "../support/wait.js";

const here = path.dirname(fileURLToPath(import.meta.url));
const GAMES = ["chess", "go", "tag"];

let server;
let client;
const stops = [];

before(async () => {
  const t = { after: (stop) => stops.unshift(stop) };
  server = await startServer(t, { program: "fusion", args: ["serve"] });
  const { run } = project(t, "packages", { packages: true, from: here });
  const pushed = await run(server, ["deploy", "--typecheck", "disable"]);
  assert.equal(pushed.code, 0, pushed.output);
  for (const name of ["byGame", "byScore", "migrations", "persistentTextStreaming", "rateLimiter", "shardedCounter"]) {
    assert.ok(pushed.output.includes(`Installed component ${name}.`), `${name}\n${pushed.output}`);
  }
  client = new ConvexHttpClient(server.url, { logger: false });
});

after(async () => {
  for (const stop of stops) await stop();
});

test("rate-limiter: a limit holds under 50 parallel callers", async () => {
  const clients = Array.from({ length: 50 }, () => new ConvexHttpClient(server.url, { logger: false }));
  const allowed = await Promise.all(clients.map((one) => one.mutation(api.limits.send, { key: "amy" })));
  assert.equal(allowed.filter(Boolean).length, 10);
  assert.equal(await client.query(api.limits.left, { key: "amy" }), false);
  assert.equal(await client.query(api.limits.left, { key: "bob" }), true);
  await client.mutation(api.limits.reset, { key: "amy" });
  assert.equal(await client.mutation(api.limits.send, { key: "amy" }), true);
});

test("rate-limiter: an exceeded limit takes back what its caller did", async () => {
  for (let n = 0; n < 3; n++) await client.mutation(api.limits.signUp, {});
  await assert.rejects(client.mutation(api.limits.signUp, {}), (error) => {
    assert.equal(error.data?.kind, "RateLimited");
    assert.equal(error.data?.name, "signUp");
    return true;
  });
  assert.equal(await client.query(api.limits.clicks, {}), 3);
});

test("aggregate: equal to a recount under random writes, also for whoever watches", async (t) => {
  const { unit, below } = seeded(t);
  const watcher = new ConvexClient(server.url);
  t.after(() => watcher.close());
  const args = { games: GAMES, from: 50 };
  let shown;
  watcher.onUpdate(api.scores.aggregated, args, (value) => (shown = value));
  const pick = (list) => list[below(list.length)];
  const ids = [];
  for (let round = 0; round < 60; round++) {
    const kind = unit();
    const score = below(100);
    if (ids.length === 0 || kind < 0.6) {
      ids.push(await client.mutation(api.scores.add, { game: pick(GAMES), player: `p${round}`, score }));
    } else if (kind < 0.8) {
      await client.mutation(api.scores.change, { id: pick(ids), score });
    } else {
      const [id] = ids.splice(below(ids.length), 1);
      await client.mutation(api.scores.remove, { id });
    }
    if (round % 10 === 9) {
      assert.deepEqual(await client.query(api.scores.aggregated, args), await client.query(api.scores.recounted, args));
    }
  }
  const last = await client.query(api.scores.recounted, args);
  await until("the watcher to see the last state", () => JSON.stringify(shown) === JSON.stringify(last) || undefined);
  for (const id of ids) await client.mutation(api.scores.remove, { id });
});

test("migrations: every document is migrated, in batches, once", async () => {
  await client.mutation(api.migrations.seed, { count: 35 });
  await client.mutation(api.migrations.start, {});
  const status = await until("the migration to end", async () => {
    const status = await client.query(api.migrations.status, {});
    return status.isDone ? status : undefined;
  });
  assert.equal(status.processed, 35);
  const levels = await client.query(api.migrations.levels, {});
  assert.equal(levels.length, 35);
  assert.ok(levels.every((level) => level === "low"), levels.join());
});

test("sharded-counter: nobody's count is lost, and that of who failed is", async () => {
  const clients = Array.from({ length: 30 }, () => new ConvexHttpClient(server.url, { logger: false }));
  await Promise.all(clients.map((one) => one.mutation(api.counters.add, { n: 2 })));
  await assert.rejects(client.mutation(api.counters.addAndFail, { n: 5 }), /after counting/);
  assert.equal(await client.query(api.counters.count, {}), 60);
});

test("persistent-text-streaming: the text arrives as it is made and is kept", async () => {
  const stream = await client.mutation(api.chats.create, { prompt: "When do you open?" });
  assert.deepEqual(await client.query(api.chats.body, { stream }), { text: "", status: "pending" });
  const response = await fetch(`${server.siteUrl}/chat-stream`, { method: "POST", body: JSON.stringify({ stream }) });
  assert.equal(response.status, 200);
  assert.equal(await response.text(), "Opening hours are nine to five.");
  const kept = await until("the text to be kept", async () => {
    const body = await client.query(api.chats.body, { stream });
    return body.status === "done" ? body : undefined;
  });
  assert.equal(kept.text, "Opening hours are nine to five.");
});
