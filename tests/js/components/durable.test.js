// Components from npm that keep work going: pools, workflows, retries, crons, presence. Pushed by the official command
// line, their sources untouched.

import assert from "node:assert/strict";
import path from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { ConvexClient, ConvexHttpClient } from "convex/browser";
import { anyApi as api } from "convex/server";
import { project } from "../support/cli.js";
import { freePort, startServer, temporaryFolder } from "../support/server.js";
import { until } from "../support/wait.js";

const here = path.dirname(fileURLToPath(import.meta.url));

/** A server with the app pushed to it, and a client. */
async function pushed(t, options = {}) {
  const server = await startServer(t, { program: "fusion", args: ["serve"], ...options });
  const { run } = project(t, "durable", { packages: true, from: here });
  const { code, output } = await run(server, ["deploy", "--typecheck", "disable"]);
  assert.equal(code, 0, output);
  return { server, client: new ConvexHttpClient(server.url, { logger: false }) };
}

const events = (client, name) => client.query(api.events.named, { name });

test("workpool: everything is done once, and its end is told with what it gave", async (t) => {
  const { client } = await pushed(t);
  await client.mutation(api.pool.enqueue, { count: 10 });
  const done = await until("all work to end", async () => {
    const done = await events(client, "done");
    return done.length === 10 ? done : undefined;
  });
  const results = done.sort((a, b) => a.number - b.number).map(({ number, result }) => [number, result.kind, result.returnValue]);
  assert.deepEqual(results[3], [3, "success", 6]);
  assert.deepEqual(results[4].slice(0, 2), [4, "failed"]);
  assert.equal(results.filter(([, kind]) => kind === "success").length, 8);
  assert.deepEqual((await events(client, "work")).sort(), [0, 1, 2, 3, 5, 6, 7, 8]);
});

test("workflow: it goes on where it was after kill -9 in the middle", async (t) => {
  const data = path.join(temporaryFolder(), "data");
  const port = await freePort();
  const first = await pushed(t, { data, port });
  const id = await first.client.mutation(api.flow.start, { what: "bread" });
  await until("the first step", async () => (await events(first.client, "mixed")).length || undefined);
  await first.server.kill();

  const second = await startServer(t, { program: "fusion", args: ["serve"], data, port });
  const client = new ConvexHttpClient(second.url, { logger: false });
  assert.equal((await client.query(api.flow.status, { id })).type, "inProgress");
  await client.mutation(api.events.open, { name: "gate" });
  const status = await until("the workflow to end", async () => {
    const status = await client.query(api.flow.status, { id });
    return status.type === "inProgress" ? undefined : status;
  });
  assert.deepEqual(status, { type: "completed", result: "bread baked, mixed 1 times" });
  assert.deepEqual(await events(client, "served"), ["bread"]);
});

test("action-retrier: an action is tried until it works", async (t) => {
  const { client } = await pushed(t);
  const id = await client.mutation(api.retries.start, {});
  const status = await until("the action to work", async () => {
    const status = await client.query(api.retries.status, { id });
    return status.type === "completed" ? status : undefined;
  });
  assert.deepEqual(status.result, { type: "success", returnValue: "try 3 works" });
});

test("crons: one is registered, rings and goes", async (t) => {
  const { client } = await pushed(t);
  await client.mutation(api.alarms.register, { name: "bell", ms: 1000 });
  assert.deepEqual(await client.query(api.alarms.names, {}), ["bell"]);
  await until("the cron to run twice", async () => (await events(client, "rang")).length >= 2 || undefined);
  await client.mutation(api.alarms.remove, { name: "bell" });
  assert.deepEqual(await client.query(api.alarms.names, {}), []);
});

test("presence: whoever watches a room sees people come and go", async (t) => {
  const { server, client } = await pushed(t);
  const enter = (userId) => client.mutation(api.rooms.heartbeat, { roomId: "hall", userId, sessionId: `of ${userId}`, interval: 600_000 });
  const { roomToken } = await enter("amy");
  const watcher = new ConvexClient(server.url);
  t.after(() => watcher.close());
  let shown = [];
  watcher.onUpdate(api.rooms.list, { roomToken }, (people) => (shown = people));
  const sees = (text) => {
    const online = () => shown.filter(({ online }) => online).map(({ userId }) => userId).sort().join();
    return until(`the watcher to see ${text}`, () => online() === text || undefined);
  };
  await sees("amy");
  const { sessionToken } = await enter("bob");
  await sees("amy,bob");
  await client.mutation(api.rooms.disconnect, { sessionToken });
  await sees("amy");
});
