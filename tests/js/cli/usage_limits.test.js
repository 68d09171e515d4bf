// Usage limits, which a deployment that is not metered does not have: the official command line says so.

import assert from "node:assert/strict";
import { test } from "node:test";
import { project } from "../support/cli.js";
import { serve } from "../support/push.js";

test("usage is listed as none, and limits are refused with the reason", async (t) => {
  const server = await serve(t);
  const app = project(t, "notes");
  const run = (...args) => app.run(server, ["deployment", ...args]);
  const list = await run("usage-limits", "list");
  assert.equal(list.code, 0, list.output);
  assert.match(list.output, /No usage limits configured/);
  const usage = await run("usage", "--json");
  assert.equal(usage.code, 0, usage.output);
  assert.match(usage.output, /"seedStatus": "complete"/);
  const limit = ["--metric", "functionCalls", "--window", "day", "--type", "disable"];
  const set = await run("usage-limits", "set", ...limit, "--limit", "10");
  assert.notEqual(set.code, 0, set.output);
  assert.match(set.output, /UsageLimitsUnsupported/);
  assert.match(set.output, /not metered/);
  const removed = await run("usage-limits", "remove", ...limit);
  assert.notEqual(removed.code, 0, removed.output);
  assert.match(removed.output, /No disable usage limit/);
});
