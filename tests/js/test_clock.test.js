// A server whose clock is set forward: what is scheduled for later becomes due.

import assert from "node:assert/strict";
import { test } from "node:test";
import { callAsAdmin, startServer } from "./support/server.js";
import { advanceClock } from "./support/test_clock.js";
import { until } from "./support/wait.js";

const DAY_MS = 86_400_000;

test("a job of tomorrow runs when the clock is set forward, and not before", async (t) => {
  const server = await startServer(t, { args: ["--test-clock"] });
  await callAsAdmin(server, "counters:addLater", { name: "tomorrow", by: 1, delayMs: DAY_MS });
  const before = await advanceClock(server, DAY_MS / 2);
  // The job of now is run after those that were due before it.
  await callAsAdmin(server, "counters:addLater", { name: "now", by: 1, delayMs: 0 });
  await until("the job of now", async () => (await callAsAdmin(server, "counters:get", { name: "now" })) === 1);
  assert.equal(await callAsAdmin(server, "counters:get", { name: "tomorrow" }), 0);
  const after = await advanceClock(server, DAY_MS / 2);
  assert.ok(after >= before + DAY_MS / 2);
  await until("the job of tomorrow", async () => (await callAsAdmin(server, "counters:get", { name: "tomorrow" })) === 1);
});

test("only administrators set it, only forward, and only where it was asked for", async (t) => {
  const server = await startServer(t, { args: ["--test-clock"] });
  const asked = async ({ url, adminKey }, body) => {
    const headers = adminKey ? { Authorization: `Convex ${adminKey}` } : {};
    const response = await fetch(`${url}/api/test_clock`, { method: "POST", headers, body: JSON.stringify(body) });
    return `${response.status} ${(await response.json()).code}`;
  };
  assert.equal(await asked({ url: server.url }, { advanceMs: 1 }), "403 BadDeployKey");
  assert.equal(await asked(server, { advanceMs: -1 }), "400 InvalidAdvance");
  assert.equal(await asked(server, { advanceMs: 1e300 }), "400 InvalidAdvance");
  assert.equal(await asked(server, { advance: 1 }), "400 BadJsonBody");
  const other = await startServer(t);
  assert.equal(await asked(other, { advanceMs: 1 }), "404 NoTestClock");
});
