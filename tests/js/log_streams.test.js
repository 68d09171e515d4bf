// A log stream to a receiver of this process: what functions print in TypeScript, and the application's own audit log.

import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { createServer } from "node:http";
import { appendFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { anyApi as api } from "convex/server";
import { startNotes } from "./support/developer.js";
import { fusion } from "./support/fusion.js";
import { connectClient } from "./support/server.js";
import { until } from "./support/wait.js";

const AUDITED = `
import { log } from "convex/server";
export const audited = mutation({
  args: { fails: v.boolean() },
  handler: async (ctx, { fails }) => {
    await log.audit({ action: fails ? "never" : "opened", request: log.vars.requestId, at: { time: log.vars.now } });
    if (fails) throw new Error("undone");
  },
});
export const auditedQuery = query({ args: {}, handler: async () => void (await log.audit({ action: "looked" })) });
export const auditedAction = action({ args: {}, handler: async () => void (await log.audit({ action: "acted" })) });
`;

/** A receiver: `requests` has the signature and the body of each. */
async function startReceiver(t) {
  const requests = [];
  const server = createServer((request, response) => {
    let body = "";
    request.on("data", (data) => (body += data));
    request.on("end", () => {
      requests.push({ signature: request.headers["x-webhook-signature"], body });
      response.end();
    });
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => server.close());
  return { requests, url: `http://127.0.0.1:${server.address().port}/` };
}

test("what TypeScript functions print and audit arrives, signed", async (t) => {
  const [server, receiver] = [await startNotes(t), await startReceiver(t)];
  appendFileSync(path.join(server.folder, "convex/notes.js"), AUDITED);
  const deploy = ["deploy", "--typecheck", "disable", "--url", server.url, "--admin-key", server.adminKey];
  const { code, stdout, stderr } = await fusion(server.folder, ...deploy);
  assert.equal(code, 0, stdout + stderr);

  const created = await fetch(`${server.url}/api/v1/create_log_stream`, {
    method: "POST",
    headers: { Authorization: `Convex ${server.adminKey}`, "Content-Type": "application/json" },
    body: JSON.stringify({ logStreamType: "webhook", url: receiver.url, format: "jsonl" }),
  });
  const { hmacSecret } = await created.json();
  const events = () =>
    receiver.requests.flatMap(({ signature, body }) => {
      assert.equal(signature, `sha256=${createHmac("sha256", hmacSecret).update(body).digest("hex")}`);
      return body.trim().split("\n").map((line) => JSON.parse(line));
    });
  const of = (topic) => events().filter((event) => event.topic === topic);
  await until("the test", () => of("verification").length === 1);

  const client = connectClient(t, server);
  await client.mutation(api.notes.add, { text: "hi", n: 1 });
  await client.mutation(api.notes.audited, { fails: false });
  await assert.rejects(client.mutation(api.notes.audited, { fails: true }));
  await client.query(api.notes.auditedQuery, {});
  await client.action(api.notes.auditedAction, {});
  await client.action(api.notes.work, { text: "from an action" });

  await until("everything", () => of("function_execution").some(({ function: { path } }) => path === "notes:work"));
  const audits = of("custom_audit").map(({ body }) => body);
  assert.deepEqual(audits.map(({ action }) => action), ["opened", "looked", "acted"], "what is undone is not told");
  const run = of("function_execution").find(({ function: { path } }) => path === "notes:audited");
  assert.equal(audits[0].request, run.function.request_id);
  assert.equal(typeof audits[0].at.time, "number");
  const lines = of("console").map(({ function: { path, type }, message, log_level }) => [type, path, log_level, message]);
  assert.deepEqual(lines[0], ["mutation", "notes:add", "LOG", "'adding' 'hi' 'in no mood'"]);
  assert.ok(lines.some(([type, , , message]) => type === "action" && message === "'working'"));
  const failed = of("function_execution").find(({ status }) => status === "failure");
  assert.match(failed.error_message, /undone/);
});
