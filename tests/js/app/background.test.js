// What the app does by itself: scheduled functions and crons, and that both outlive the server.

import assert from "node:assert/strict";
import { test } from "node:test";
import { ConvexHttpClient } from "convex/browser";
import { anyApi as api } from "convex/server";
import { startApp } from "../support/app.js";
import { connectClient, startServer } from "../support/server.js";
import { until } from "../support/wait.js";

const LATER = 3_600_000;

test("scheduled functions run once, without an identity, and can be called off until then", async (t) => {
  const { server, client, oidc } = await startApp(t);
  const watcher = connectClient(t, server);
  const seen = [];
  watcher.onUpdate(api.jobs.state, {}, (state) => seen.push(state));
  client.setAuth(oidc.token("amy"));
  const begin = (label, kind, more = {}) => client.mutation(api.jobs.begin, { label, delay: 0, kind, fail: false, ...more });
  const kindOf = (label) => seen.at(-1)?.jobs.find(({ args }) => args[0].label === label)?.kind;
  const marked = (label) => seen.at(-1)?.marks.filter(([name]) => name === label);

  assert.equal(await begin("a mutation", "mark"), "pending");
  assert.equal(await begin("an action", "markInAction"), "pending");
  for (const label of ["a mutation", "an action"]) {
    await until(`${label} to be seen as done`, () => kindOf(label) === "success");
    assert.deepEqual(marked(label), [[label, null]]);
  }
  await begin("count", "countDown");
  await until("the last of the chain", () => marked("count 0")?.length === 1);

  // What fails says why, and a mutation leaves nothing behind.
  await begin("fails", "mark", { then: "data" });
  await begin("fails in an action", "markInAction", { then: "throw" });
  await begin("wrong", "wrongArguments");
  for (const label of ["fails", "fails in an action", "wrong"]) await until(`${label} to fail`, () => kindOf(label) === "failed");
  assert.deepEqual([marked("fails"), marked("fails in an action"), marked("wrong")], [[], [["fails in an action", null]], []]);
  await assert.rejects(begin("never", "mark", { fail: true }), ({ data }) => data === "not after all");
  assert.equal(kindOf("never"), undefined);

  const cancel = (label) => client.mutation(api.jobs.cancel, { label });
  await begin("later", "mark", { delay: LATER });
  assert.equal(await cancel("later"), "canceled");
  assert.equal(await cancel("later"), "canceled");
  // What has ended stays as it is.
  assert.deepEqual([await cancel("a mutation"), await cancel("fails"), await cancel("unknown")], ["success", "failed", "unknown"]);
  await assert.rejects(begin("long ago", "mark", { delay: 6 * 365 * 24 * 3_600_000 }), /[Ff]unction|schedul/);
});

test("what is due while the server is down runs when it is back, and crons go on until they are removed", async (t) => {
  const { server, app, client } = await startApp(t);
  const marks = (target, label) => target.query(api.jobs.marks, { label });
  await until("both crons of every second to run twice", async () => (await marks(client, "every second")) >= 2 && (await marks(client, "in an action")) >= 2);
  // An interval begins with the push, the others at their own time: at most one of them can be due in this very minute.
  await until("the slow interval to begin", async () => (await marks(client, "every other minute")) === 1);
  assert.ok((await marks(client, "later")) <= 1);
  await client.mutation(api.jobs.begin, { label: "in between", delay: 1_500, kind: "mark", fail: false });
  await server.kill();
  const again = await startServer(t, { program: "fusion", args: ["serve"], data: server.data });
  const now = new ConvexHttpClient(again.url, { logger: false });
  await until("the job that was due meanwhile", async () => (await marks(now, "in between")) === 1);
  const before = await marks(now, "every second");
  await until("the crons to go on", async () => (await marks(now, "every second")) > before);

  // A push without one of them removes it, and keeps the others.
  app.write("convex/crons.js", app.read("convex/crons.js").replace(/^crons\.interval\("every second",.*$/m, ""));
  const { code, output } = await app.run(again, ["dev", "--once", "--typecheck", "disable"]);
  assert.equal(code, 0, output);
  const [gone, kept] = [await marks(now, "every second"), await marks(now, "in an action")];
  await until("the other one to run three times more", async () => (await marks(now, "in an action")) >= kept + 3);
  assert.equal(await marks(now, "every second"), gone);
  assert.equal(await marks(now, "in between"), 1);
});
