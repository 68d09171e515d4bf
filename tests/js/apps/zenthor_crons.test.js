// zenthor-assist: what happens by the clock, which is set forward.

import assert from "node:assert/strict";
import { test } from "node:test";
import { anyApi as api } from "convex/server";
import { until } from "../support/wait.js";
import { startZenthor } from "../support/zenthor.js";

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
/** More than a clean-up takes at once. */
const MANY = 1200;

/** The app with a user and a job of theirs; `statuses()` are those of the queue. */
async function startWithJob(t) {
  const z = await startZenthor(t);
  const ada = await z.user("ada");
  const conversationId = await ada.mutation(api.conversations.create, {});
  await ada.mutation(api.messages.send, { conversationId, content: "hello" });
  const [job] = await z.table("agentQueue");
  return { z, ada, conversationId, job, row: async () => (await z.table("agentQueue")).find(({ _id }) => _id === job._id) };
}

test("dead workers' jobs come back, twice", async (t) => {
  const { z, ada, conversationId, job, row } = await startWithJob(t);
  const claim = (lockMs) => z.service.mutation(api.agent.claimJob, { jobId: job._id, processorId: "dead", lockMs });
  const busy = z.watch(api.agent.isProcessing, { conversationId }, "ada");
  for (const attempt of [0, 1, 2]) {
    const claimed = await claim(10 * MINUTE_MS);
    assert.equal(claimed.attemptCount, attempt);
    await z.advance(7 * MINUTE_MS);
    await z.reached("requeue stale agent jobs");
    assert.equal((await row()).processorId, "dead");
    await z.advance(5 * MINUTE_MS);
    const { status, attemptCount, processorId, errorReason, errorMessage } = await until("the release", async () => {
      const now = await row();
      return now.status !== "processing" && now;
    });
    assert.equal(processorId, undefined);
    if (attempt < 2) assert.deepEqual([status, attemptCount], ["pending", attempt + 1]);
    else assert.deepEqual([status, attemptCount, errorReason, errorMessage], ["failed", 2, "stale_lease", "Job exceeded max attempts after lease expiry"]);
  }
  await until("the end to be seen", () => busy.at(-1) === false);
  // One of old, without a lock.
  const old = { ...job, status: "processing", _id: undefined, _creationTime: undefined };
  await z.importRows("agentQueue", [old]);
  await z.advance(6 * MINUTE_MS);
  await until("the old one", async () => (await z.table("agentQueue")).some(({ status, attemptCount }) => status === "pending" && attemptCount === 1));
  assert.equal(await ada.query(api.agent.isProcessing, { conversationId }), true);
});

test("tasks by the clock", async (t) => {
  const { z, conversationId } = await startWithJob(t);
  const admin = await z.admin();
  const create = (name, more) => z.service.mutation(api.scheduledTasks.create, { name, intervalMs: HOUR_MS, payload: "water them", enabled: true, conversationId, ...more });
  const id = await create("flowers");
  const disabled = await create("never", { enabled: false });
  const alone = await create("alone", { conversationId: undefined });
  await assert.rejects(create("none", { intervalMs: 0 }), ({ data }) => data === "intervalMs must be greater than 0");
  const seen = z.watch(api.messages.listByConversation, { conversationId }, "ada");
  const said = () => seen.at(-1)?.filter(({ role }) => role === "system").map(({ content }) => content);
  await until("the messages", () => said()?.length === 0);
  await z.advance(50 * MINUTE_MS);
  await z.reached("process scheduled tasks");
  const task = (one) => admin.query(api.scheduledTasks.get, { id: one });
  assert.equal((await task(id)).lastRunAt, undefined);
  for (const count of [1, 2]) {
    await z.advance(HOUR_MS);
    await until("the task's message", () => said().length === count);
  }
  assert.deepEqual(said(), Array(2).fill("[Scheduled Task: flowers] water them"));
  const { lastRunAt, nextRunAt } = await task(id);
  assert.equal(nextRunAt - lastRunAt, HOUR_MS);
  assert.ok((await task(alone)).lastRunAt);
  assert.equal((await task(disabled)).lastRunAt, undefined);
  assert.equal((await z.table("agentQueue")).length, 3);
  // With another interval and name, and then no more.
  assert.equal(await admin.mutation(api.scheduledTasks.update, { id, name: "trees", intervalMs: 3 * HOUR_MS }), id);
  await z.advance(2 * HOUR_MS);
  await z.reached("process scheduled tasks");
  assert.equal((await z.table("messages")).filter(({ role }) => role === "system").length, 2);
  await z.advance(2 * HOUR_MS);
  await until("the changed task", () => said().at(-1) === "[Scheduled Task: trees] water them");
  await admin.mutation(api.scheduledTasks.remove, { id });
  assert.deepEqual([await task(id), await admin.mutation(api.scheduledTasks.update, { id, enabled: true })], [null, null]);
  assert.deepEqual((await admin.query(api.scheduledTasks.list, {})).map(({ name }) => name), ["never", "alone"]);
});

test("questions nobody answers are answered with no", async (t) => {
  const { z, conversationId, job } = await startWithJob(t);
  const ask = () => z.service.mutation(api.toolApprovals.create, { conversationId, jobId: job._id, toolName: "rm", toolInput: {}, channel: "web" });
  const pending = z.watch(api.toolApprovals.getPendingByConversation, { conversationId }, "ada");
  const old = await ask();
  await until("the question", () => pending.at(-1)?.length === 1);
  await z.advance(12 * MINUTE_MS);
  await until("no question", () => pending.at(-1).length === 0);
  const [{ _id, status, resolvedAt }] = await z.service.query(api.toolApprovals.getByJob, { jobId: job._id });
  assert.deepEqual([_id, status, typeof resolvedAt], [old, "rejected", "number"]);
});

test("what is old goes, in whatever number", async (t) => {
  const { z, ada, conversationId, job } = await startWithJob(t);
  const queue = (name, args) => z.service.mutation(api.agent[name], { jobId: job._id, ...args });
  await z.service.mutation(api.inboundDedupe.checkAndRegister, { channel: "whatsapp", channelMessageId: "first" });
  await z.importRows("inboundDedupe", Array.from({ length: MANY }, (_, number) => ({ channel: "web", channelMessageId: `m${number}`, createdAt: Date.now() })));
  await ada.mutation(api.todoist.startOAuth, {});
  await ada.mutation(api.phoneVerification.requestVerification, { phone: "4915100000007" });
  await queue("claimJob", { processorId: "p" });
  await queue("completeJob", { modelUsed: "m" });
  await ada.mutation(api.messages.send, { conversationId, content: "again" });
  const failing = (await z.service.query(api.agent.getPendingJobs, {}))[0];
  await z.service.mutation(api.agent.claimJob, { jobId: failing._id, processorId: "p" });
  await z.service.mutation(api.agent.failJob, { jobId: failing._id, errorReason: "auth" });
  await ada.mutation(api.messages.send, { conversationId, content: "waits" });
  const counts = async () => {
    const tables = ["todoistOauthStates", "inboundDedupe", "phoneVerifications", "agentQueue"];
    const all = await Promise.all(tables.map(async (table) => [table, (await z.table(table)).length]));
    return Object.fromEntries(all);
  };
  const young = { todoistOauthStates: 1, inboundDedupe: MANY + 1, phoneVerifications: 1, agentQueue: 3 };
  assert.deepEqual(await counts(), young);

  const becomes = async (what, expected) => {
    let last;
    await until(what, async () => {
      last = await counts();
      return Object.entries(expected).every(([table, count]) => last[table] === count);
    }).catch((error) => Promise.reject(new Error(`${error.message}: ${JSON.stringify(last)}`)));
  };
  await z.advance(2 * HOUR_MS);
  await becomes("the states of Todoist", { ...young, todoistOauthStates: 0 });
  // A day later, each at its hour.
  await z.advance(2 * DAY_MS);
  await becomes("codes and messages that came in", { todoistOauthStates: 0, inboundDedupe: 0, phoneVerifications: 0, agentQueue: 3 });
  assert.deepEqual(await z.service.mutation(api.inboundDedupe.checkAndRegister, { channel: "whatsapp", channelMessageId: "first" }), { isDuplicate: false });
  await z.advance(6 * DAY_MS);
  await becomes("the jobs that ended", { agentQueue: 1 });
  assert.equal((await z.table("agentQueue"))[0].status, "pending");
});

test("the crons that there are", async (t) => {
  const z = await startZenthor(t);
  const crons = await z.crons();
  assert.deepEqual(
    Object.fromEntries(crons.map(({ name, cronSpec: { udfPath, cronSchedule } }) => [name, [udfPath, cronSchedule]])),
    {
      "cleanup old jobs": ["scheduledTasks.js:cleanupOldJobs", { type: "daily", hourUTC: 3n, minuteUTC: 0n }],
      "process scheduled tasks": ["scheduledTasks.js:processDueTasks", { type: "interval", seconds: 300n }],
      "cleanup expired verifications": ["phoneVerification.js:cleanupExpired", { type: "daily", hourUTC: 4n, minuteUTC: 0n }],
      "cleanup old dedupe entries": ["inboundDedupe.js:cleanup", { type: "daily", hourUTC: 5n, minuteUTC: 0n }],
      "requeue stale agent jobs": ["agent.js:requeueStaleJobs", { type: "interval", seconds: 60n }],
      "expire stale tool approvals": ["toolApprovals.js:expireStale", { type: "interval", seconds: 600n }],
      "cleanup expired todoist oauth states": ["todoist.js:cleanupExpiredOauthStates", { type: "interval", seconds: 3600n }],
    },
  );
});
