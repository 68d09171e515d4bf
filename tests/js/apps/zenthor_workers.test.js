// zenthor-assist: its agent queue, driven by processes that know nothing of each other.

import assert from "node:assert/strict";
import { test } from "node:test";
import { anyApi as api } from "convex/server";
import { connectClient } from "../support/server.js";
import { until } from "../support/wait.js";
import { startZenthor } from "../support/zenthor.js";
import { startWorkers } from "../support/zenthor_workers.js";

const MINUTE_MS = 60_000;
/** So long that no pause of this machine lets a claim lapse, and shorter than what the clock is set forward by. */
const LOCK_MS = 30 * MINUTE_MS;
const JOBS = 1000;
const CONVERSATIONS = 100;
const WORKERS = 20;
/** Of the workers, those that claim a job and are killed over it. */
const DOOMED = 4;
/** How long a thousand jobs may take on a slow, crowded machine. */
const PATIENCE_MS = 480_000;

/** The things of a list by a key of theirs. */
function by(key, list) {
  const groups = new Map();
  for (const one of list) groups.set(one[key], [...(groups.get(one[key]) ?? []), one]);
  return groups;
}

/** The times in which a worker certainly held a job: from the news of its claim until it began to end it, or was killed. */
function holds(steps, killed) {
  const ends = new Map();
  for (const step of steps.filter(({ event }) => event === "ending")) ends.set(`${step.worker} ${step.jobId}`, step.at);
  return steps
    .filter(({ event }) => event === "claimed")
    .map((claim) => ({ ...claim, from: claim.at, to: ends.get(`${claim.worker} ${claim.jobId}`) ?? killed.get(claim.worker) }));
}

/** Asserts that no two of these were at the same time. */
function assertApart(list, what) {
  const sorted = list.toSorted((one, other) => one.from - other.from);
  for (const [at, next] of sorted.slice(1).entries()) {
    assert.ok(sorted[at].to <= next.from, `${what}: ${JSON.stringify(sorted[at])} and ${JSON.stringify(next)}`);
  }
}

test(`${WORKERS} workers end ${JOBS} jobs, each once, ${DOOMED} of them killed over theirs`, async (t) => {
  const z = await startZenthor(t);
  const ada = await z.user("ada");
  const sender = connectClient(t, z.server);
  sender.setAuth(async () => z.token("ada"));
  const conversations = await Promise.all(Array.from({ length: CONVERSATIONS }, () => sender.mutation(api.conversations.create, {})));
  const busy = z.watch(api.agent.isProcessing, { conversationId: conversations[0] }, "ada");
  await until("the state of the first conversation", () => busy.length > 0);
  assert.deepEqual(busy, [false]);
  const sent = await Promise.all(
    Array.from({ length: JOBS }, (_, number) =>
      sender.mutation(api.messages.send, { conversationId: conversations[number % CONVERSATIONS], content: `number ${number}` }),
    ),
  );
  assert.equal(new Set(sent).size, JOBS);
  const pending = await z.service.query(api.agent.getPendingJobs, {});
  assert.deepEqual(new Set(pending.map(({ messageId }) => messageId)), new Set(sent));

  const steps = [];
  const started = Date.now();
  const doomed = startWorkers(t, z.app, z.server.url, { count: DOOMED, model: "silence", lockMs: LOCK_MS, name: "doomed", steps });
  const holding = await until("the doomed to hold a job each", () => doomed.every((worker) => worker.steps.length > 0) && doomed.map((worker) => worker.steps[0]), PATIENCE_MS);
  assert.equal(new Set(holding.map(({ conversationId }) => conversationId)).size, DOOMED);
  const workers = startWorkers(t, z.app, z.server.url, { count: WORKERS - DOOMED, lockMs: LOCK_MS, steps });
  const count = (name) => steps.filter(({ event }) => event === name).length;
  await until("the others to work", () => count("completed") > 0, PATIENCE_MS);
  const killed = new Map();
  for (const worker of doomed) {
    await worker.kill();
    killed.set(worker.id, Date.now());
  }

  // What the dead hold keeps the rest of their conversations waiting, and nothing else.
  const behind = (DOOMED * JOBS) / CONVERSATIONS;
  await until("all other jobs", () => count("completed") === JOBS - behind, PATIENCE_MS);
  const left = await z.service.query(api.agent.getPendingJobs, {});
  assert.deepEqual(
    new Set(left.map(({ conversationId }) => conversationId)),
    new Set(holding.map(({ conversationId }) => conversationId)),
  );
  assert.equal(left.length, behind - DOOMED);

  await z.advance(LOCK_MS + 2 * MINUTE_MS);
  await until("the jobs of the dead, and those behind them", () => count("completed") === JOBS, PATIENCE_MS);
  t.diagnostic(`${JOBS} jobs in ${Date.now() - started} ms`);
  await until("the first conversation to be answered", () => busy.at(-1) === false);
  assert.ok(busy.includes(true));
  assert.deepEqual(await Promise.all(workers.map((worker) => worker.stop())), workers.map(() => 0));

  // What the server has, and what the workers saw.
  assert.deepEqual(await z.service.query(api.agent.getPendingJobs, {}), []);
  const jobs = await z.table("agentQueue");
  assert.deepEqual(new Set(jobs.map(({ status }) => status)), new Set(["completed"]));
  assert.equal(jobs.length, JOBS);
  const claims = by("jobId", holds(steps, killed));
  const completions = by("jobId", steps.filter(({ event }) => event === "completed"));
  const deadJobs = new Set(holding.map(({ jobId }) => jobId));
  for (const job of jobs) {
    assert.equal(completions.get(job._id).length, 1, job._id);
    assert.equal(job.attemptCount ?? 0, deadJobs.has(job._id) ? 1 : 0, job._id);
    assert.equal(claims.get(job._id).length, (job.attemptCount ?? 0) + 1, job._id);
    assert.equal(job.processorId, undefined);
    assertApart(claims.get(job._id), "two workers with one job");
  }
  for (const [conversationId, list] of by("conversationId", holds(steps, killed))) assertApart(list, `two jobs of ${conversationId}`);
  assert.deepEqual(steps.filter(({ event }) => !["claimed", "ending", "completed"].includes(event)), []);

  // Every message has its answer.
  const answers = await Promise.all(conversations.map((conversationId) => ada.query(api.messages.listByConversation, { conversationId })));
  for (const messages of answers) {
    const said = (role) => messages.filter((message) => message.role === role && message.streaming !== true).map(({ content }) => content);
    assert.equal(said("user").length, JOBS / CONVERSATIONS);
    assert.equal(said("assistant").length, JOBS / CONVERSATIONS);
  }
});
