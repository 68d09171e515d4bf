// A deployment that is paused: what users, webhooks, tools and administrators meet, and that all goes on after it.

import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { ConvexHttpClient } from "convex/browser";
import { anyApi as api, makeFunctionReference } from "convex/server";
import { startNotes } from "./support/developer.js";
import { fusion } from "./support/fusion.js";
import { connectClient, freePort, startServer } from "./support/server.js";
import { until } from "./support/wait.js";

const PAUSED = /This deployment is paused, so it runs no functions/;

/** Asks an endpoint of the platform API. */
async function platform(server, call) {
  const response = await fetch(`${server.url}/api/v1/${call}`, { method: "POST", headers: { Authorization: `Convex ${server.adminKey}` } });
  assert.equal(response.status, 200, await response.text());
}

test("clients are told, recover without being started again, and jobs run late", async (t) => {
  const port = await freePort();
  // Details are kept from clients, but why nothing runs is told.
  const server = await startNotes(t, { args: ["serve", "--redact-logs-to-client", "--test-clock"], port });
  const client = connectClient(t, server);
  const seen = [];
  client.onUpdate(api.notes.list, {}, (notes) => seen.push(notes.map(({ text }) => text)), (error) => seen.push(error.message));
  const states = [];
  const admin = connectClient(t, server);
  admin.client.setAdminAuth(server.adminKey);
  admin.onUpdate(makeFunctionReference("_system/frontend/deploymentState:deploymentState"), {}, ({ state }) => states.push(state));
  const crons = () => admin.query(makeFunctionReference("_system/frontend/listCronJobs"), {});
  await client.mutation(api.notes.add, { text: "before", n: 1 });
  await client.mutation(api.notes.later, {});
  await until("the note to be shown", () => seen.at(-1)?.[0] === "before");

  await platform(server, "pause_deployment");
  await until("the subscription to fail", () => PAUSED.test(seen.at(-1)));
  await until("the dashboard to know", () => states.at(-1) === "paused");
  await assert.rejects(client.mutation(api.notes.add, { text: "during", n: 1 }), PAUSED);
  await assert.rejects(client.action(api.notes.work, { text: "during" }), PAUSED);
  await assert.rejects(new ConvexHttpClient(server.url, { logger: false }).query(api.notes.list, {}), PAUSED);
  const run = await fusion(server.folder, "run", "--url", server.url, "--admin-key", server.adminKey, "notes:list");
  assert.notEqual(run.code, 0);
  assert.match(run.stderr + run.stdout, PAUSED);

  // A day goes by, and the server is started again.
  const advance = await fetch(`${server.url}/api/test_clock`, {
    method: "POST",
    headers: { Authorization: `Convex ${server.adminKey}`, "Content-Type": "application/json" },
    body: JSON.stringify({ advanceMs: 25 * 3_600_000 }),
  });
  assert.equal(advance.status, 200, await advance.text());
  assert.equal((await crons())[0].lastRun, null, "no cron has run");

  // Whoever keeps the deployment goes on: data, settings, code.
  await admin.mutation(makeFunctionReference("_system/frontend/addDocument"), { table: "notes", documents: [{ text: "by hand", n: 2 }] });
  writeFileSync(path.join(server.folder, "lines.jsonl"), '{"text":"imported","n":3}\n');
  const target = ["--url", server.url, "--admin-key", server.adminKey];
  for (const args of [
    ["import", ...target, "--table", "notes", "--append", "lines.jsonl"],
    ["env", "set", ...target, "GREETING", "hello"],
    ["deploy", ...target, "--typecheck", "disable"],
    ["run", ...target, "--inline-query", "await ctx.db.query('notes').collect()"],
  ]) {
    const { code, stdout, stderr } = await fusion(server.folder, ...args);
    assert.equal(code, 0, `${args[0]}: ${stdout}${stderr}`);
  }
  assert.match(seen.at(-1), PAUSED);

  await platform(server, "unpause_deployment");
  await until("the job to have run, late", () => seen.at(-1)?.[0] === "later");
  assert.deepEqual(seen.at(-1).toSorted(), ["before", "by hand", "imported", "later"]);
  await until("the dashboard to know", () => states.at(-1) === "running");
  await client.mutation(api.notes.add, { text: "after", n: 1 });
  const [{ lastRun }] = await crons();
  assert.equal(lastRun.status.type, "canceled", "the run that fell due is skipped");
});

test("a pause outlives the process, and clients that reconnect meet it", async (t) => {
  const port = await freePort();
  const server = await startServer(t, { port });
  const client = connectClient(t, server);
  const seen = [];
  client.onUpdate(api.counters.get, { name: "a" }, (value) => seen.push(value), (error) => seen.push(error.message));
  await until("the counter", () => seen.at(-1) === 0);
  await platform(server, "pause_deployment");
  await until("the subscription to fail", () => PAUSED.test(seen.at(-1)));
  await server.kill();
  seen.push("killed");
  await startServer(t, { port, data: server.data });
  await until("the subscription to fail again", () => PAUSED.test(seen.at(-1)));
  await platform(server, "unpause_deployment");
  await until("the counter again", () => seen.at(-1) === 0);
});
