// zenthor-assist: its agent queue, step by step, and what a worker does when its model fails.

import assert from "node:assert/strict";
import { test } from "node:test";
import { anyApi as api } from "convex/server";
import { until } from "../support/wait.js";
import { AGENT_SECRET, startZenthor } from "../support/zenthor.js";
import { startWorkers } from "../support/zenthor_workers.js";

const MINUTE_MS = 60_000;

/** A conversation in which something was said, and the job of it. */
async function ask(z, user, content = "hello") {
  const conversationId = await user.mutation(api.conversations.create, {});
  await user.mutation(api.messages.send, { conversationId, content });
  return (await z.service.query(api.agent.getPendingJobs, {})).find((job) => job.conversationId === conversationId);
}

test("a job's life, step by step", async (t) => {
  const z = await startZenthor(t);
  const ada = await z.user("ada");
  const queue = (name, { _id: jobId }, args) => z.service.mutation(api.agent[name], { jobId, ...args });
  const now = async ({ _id }) => (await z.table("agentQueue")).find((job) => job._id === _id);
  const claim = (job, processorId, lockMs = 10 * MINUTE_MS) => queue("claimJob", job, { processorId, lockMs });

  await t.test("one claim of many is good, and one job of a conversation at a time", async () => {
    const job = await ask(z, ada);
    await ada.mutation(api.messages.send, { conversationId: job.conversationId, content: "and more" });
    const claims = await Promise.all(Array.from({ length: 20 }, (_, number) => claim(job, `p${number}`)));
    const [got, ...more] = claims.filter((one) => one !== null);
    assert.deepEqual([got, more.length], [{ ...job, status: "processing" }, 0]);
    const { processorId, lockedUntil, startedAt, lastHeartbeatAt } = await now(job);
    assert.deepEqual([processorId, lockedUntil - startedAt, lastHeartbeatAt], [`p${claims.indexOf(got)}`, 10 * MINUTE_MS, startedAt]);
    const [second] = (await z.service.query(api.agent.getPendingJobs, {})).filter((one) => one.conversationId === job.conversationId);
    assert.equal(await claim(second, "other"), null);
    assert.equal(await queue("heartbeatJob", job, { processorId: "other" }), false);
    assert.equal(await queue("completeJob", job, { processorId: "other" }), false);
    assert.equal(await queue("failJob", job, { processorId: "other" }), false);
    assert.equal(await queue("retryJob", job, { processorId: "other" }), false);
    assert.equal(await queue("completeJob", job, { processorId, modelUsed: "small" }), true);
    const done = await now(job);
    assert.deepEqual([done.status, done.modelUsed, done.processorId, done.lockedUntil], ["completed", "small", undefined, undefined]);
    assert.equal(await queue("completeJob", job, { processorId }), false);
    assert.equal(await queue("failJob", job, {}), false);
    assert.equal(await queue("heartbeatJob", job, { processorId }), false);
    assert.equal(await claim(job, "p"), null);
    // Without a lock of its own it is a minute's, and whoever names no processor may end it.
    assert.equal((await queue("claimJob", second, { processorId: "other" }))._id, second._id);
    const held = await now(second);
    assert.equal(held.lockedUntil - held.startedAt, MINUTE_MS);
    assert.equal(await queue("failJob", second, { errorReason: "auth", errorMessage: "no key" }), true);
    const { status, errorReason, errorMessage } = await now(second);
    assert.deepEqual([status, errorReason, errorMessage], ["failed", "auth", "no key"]);
    assert.equal(await queue("completeJob", second, {}), false);
    assert.equal(await ada.query(api.agent.isProcessing, { conversationId: job.conversationId }), false);
  });

  await t.test("heartbeats keep a claim, and who is late has lost it to the next", async () => {
    const [job, other] = [await ask(z, ada), await ask(z, ada)];
    await claim(job, "slow");
    await z.advance(7 * MINUTE_MS);
    assert.equal(await queue("heartbeatJob", job, { processorId: "slow", lockMs: 10 * MINUTE_MS }), true);
    await z.advance(7 * MINUTE_MS);
    assert.equal((await claim(other, "fast"))._id, other._id);
    assert.equal((await now(job)).processorId, "slow");
    await z.advance(4 * MINUTE_MS);
    assert.equal(await queue("heartbeatJob", job, { processorId: "slow" }), false);
    const released = await until("the job to be released", async () => {
      const { status, ...rest } = await now(job);
      return status === "pending" && rest;
    });
    assert.deepEqual([released.attemptCount, released.processorId, released.startedAt, released.lastHeartbeatAt], [1, undefined, undefined, undefined]);
    assert.equal((await claim(job, "fast")).attemptCount, 1);
    assert.equal(await queue("completeJob", job, { processorId: "slow" }), false);
    assert.equal(await queue("completeJob", job, { processorId: "fast" }), true);
    assert.equal(await queue("completeJob", other, { processorId: "fast" }), true);
  });

  await t.test("retries: at once, later, and not more than two", async () => {
    const job = await ask(z, ada);
    const shown = z.watch(api.agent.getPendingJobs, { serviceKey: AGENT_SECRET });
    const visible = () => shown.at(-1)?.some(({ _id }) => _id === job._id);
    await until("the job", visible);
    await claim(job, "p");
    assert.equal(await queue("retryJob", job, { processorId: "p" }), true);
    const pending = await now(job);
    assert.deepEqual([pending.status, pending.attemptCount, pending.processorId, pending.lockedUntil], ["pending", 1, undefined, undefined]);
    await until("the job again", visible);
    await claim(job, "p");
    await until("the claim", () => !visible());
    // Not to be had before its time, and there when it has come.
    assert.equal(await queue("retryJob", job, { processorId: "p", delayMs: 30 * MINUTE_MS }), true);
    assert.equal((await now(job)).status, "pending");
    assert.equal(await claim(job, "p"), null);
    await z.advance(15 * MINUTE_MS);
    const after = await ask(z, ada);
    await until("what was said after that", () => shown.at(-1).some(({ _id }) => _id === after._id));
    assert.equal(visible(), false);
    await z.advance(16 * MINUTE_MS);
    await until("the job when its time has come", visible);
    assert.equal((await claim(job, "p")).attemptCount, 2);
    assert.equal(await queue("retryJob", job, { processorId: "p" }), false);
    assert.equal((await now(job)).status, "processing");
    assert.equal(await queue("failJob", job, { processorId: "p", errorReason: "timeout" }), true);
    assert.equal(await queue("failJob", (await claim(after, "p")) ?? after, { processorId: "p", errorReason: "auth" }), true);
    // By hand, what has failed is tried again.
    assert.equal(await queue("retryJob", after, {}), true);
    const { status, errorReason, attemptCount } = await now(after);
    assert.deepEqual([status, errorReason, attemptCount], ["pending", undefined, 1]);
  });

  await t.test("a limit of what is shown, the oldest first", async () => {
    const all = await z.service.query(api.agent.getPendingJobs, {});
    await ask(z, ada);
    assert.deepEqual(await z.service.query(api.agent.getPendingJobs, { limit: all.length }), all);
  });
});

test("workers and a model that fails, and answers by WhatsApp", async (t) => {
  const z = await startZenthor(t);
  const ada = await z.user("ada");
  const workers = startWorkers(t, z.app, z.server.url, { count: 3 });
  const ends = ({ _id }) => workers.steps.filter(({ jobId, event }) => jobId === _id && !["claimed", "ending"].includes(event)).map(({ event }) => event);
  const row = async ({ _id }) => (await z.table("agentQueue")).find((job) => job._id === _id);
  const said = async (content) => {
    const conversationId = await ada.mutation(api.conversations.create, {});
    const messageId = await ada.mutation(api.messages.send, { conversationId, content });
    return (await z.table("agentQueue")).find((job) => job.messageId === messageId);
  };
  const answers = async ({ conversationId }) => (await ada.query(api.messages.listByConversation, { conversationId })).filter(({ role }) => role === "assistant").map(({ status, streaming }) => [status, streaming]);

  const wrongKey = await said("/fail auth");
  await until("the end of it", () => ends(wrongKey).length > 0);
  assert.deepEqual(ends(wrongKey), ["failed"]);
  const failed = await row(wrongKey);
  assert.deepEqual([failed.status, failed.errorReason, failed.errorMessage, failed.attemptCount], ["failed", "auth", "The model failed: auth", 0]);
  assert.deepEqual(await answers(wrongKey), [["failed", false]]);

  const busy = await said("/fail rate_limit");
  for (const count of [1, 2]) {
    await until(`retry ${count}`, () => ends(busy).length === count);
    await z.advance(2 * MINUTE_MS);
  }
  await until("the end of all tries", () => ends(busy).length === 3);
  assert.deepEqual(ends(busy), ["retried", "retried", "failed"]);
  const delays = workers.steps.filter(({ event }) => event === "retried").map(({ delayMs }) => delayMs);
  assert.ok(delays[0] >= 1000 && delays[0] <= 1200 && delays[1] >= 2000 && delays[1] <= 2400, String(delays));
  const exhausted = await row(busy);
  assert.deepEqual([exhausted.status, exhausted.errorReason, exhausted.attemptCount], ["failed", "rate_limit", 2]);
  assert.deepEqual(await answers(busy), Array(3).fill(["failed", false]));

  await z.service.mutation(api.whatsappLeases.upsertAccount, { accountId: "main", phone: "1", enabled: true });
  const contactId = await z.service.mutation(api.contacts.create, { phone: "4915100000006", name: "Eve" });
  const conversationId = await z.service.mutation(api.conversations.getOrCreate, { channel: "whatsapp", contactId });
  await z.service.mutation(api.messages.sendService, { conversationId, content: "hi" });
  const outbound = await until("the answer", () => z.service.mutation(api.delivery.claimNextOutbound, { processorId: "p", channel: "whatsapp", accountId: "main" }).then((one) => one ?? undefined));
  assert.deepEqual([outbound.to, outbound.payload], ["4915100000006", { content: "You said: hi", metadata: { kind: "assistant_message" } }]);
  for (const worker of workers) assert.equal(await worker.stop(), 0);
});
