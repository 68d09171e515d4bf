// A worker of the agent queue: watches it over a WebSocket, claims jobs one at a time, and keeps each with heartbeats until
// it ends. A job whose claim is lost is dropped without a word: somebody else has it.

import { ConvexClient } from "convex/browser";
import { anyApi as api } from "convex/server";
import { delayBefore, isRetryable, reasonOf } from "./retries.js";

/** How much of the queue a worker looks at: it claims one job at a time. */
const LOOKAHEAD = 50;
/** A job that cannot be had now may be had later, without a change of the queue. */
const IDLE_MS = 1000;
const STREAM_EVERY_MS = 200;
const ERROR_LENGTH = 500;

/**
 * Starts a worker. `model` gives the answer to a conversation in growing pieces; `report` is told of every step.
 * `stop()` ends it after the job it works on.
 */
export function startWorker({ url, serviceKey, workerId, model, lockMs = 60_000, heartbeatMs = 15_000, report = () => {} }) {
  const client = new ConvexClient(url, { logger: false });
  const call = (reference, args) => client.mutation(reference, { serviceKey, ...args });
  let pending = [];
  let wake = () => {};
  let stopped = false;
  client.onUpdate(
    api.agent.getPendingJobs,
    { serviceKey, limit: LOOKAHEAD },
    (jobs) => {
      pending = jobs;
      wake();
    },
    (error) => report({ event: "error", message: error.message }),
  );

  /** The first job that is to be had. Workers that begin at different places are less in each other's way. */
  async function claimOne() {
    const start = Math.floor(Math.random() * pending.length);
    for (const { _id: jobId } of [...pending.slice(start), ...pending.slice(0, start)]) {
      if (stopped) return null;
      const job = await call(api.agent.claimJob, { jobId, processorId: workerId, lockMs });
      if (job) return job;
    }
    return null;
  }

  async function work(job) {
    const held = { jobId: job._id, processorId: workerId };
    let lost = false;
    const heartbeat = setInterval(async () => {
      lost ||= !(await call(api.agent.heartbeatJob, { ...held, lockMs }).catch(() => false));
    }, heartbeatMs);
    report({ event: "claimed", jobId: job._id, conversationId: job.conversationId, attempt: job.attemptCount ?? 0 });
    let placeholder;
    try {
      const context = await client.query(api.agent.getConversationContext, { serviceKey, conversationId: job.conversationId });
      const { channel } = context.conversation;
      if (lost) return;
      if (channel === "web") placeholder = await call(api.messages.createPlaceholder, { conversationId: job.conversationId });
      const content = await generate(model(context), placeholder);
      if (lost) return;
      if (placeholder) await call(api.messages.finalizeMessage, { messageId: placeholder, content });
      else await answerOnWhatsapp(job, context.contact, content);
      report({ event: "ending", jobId: job._id, conversationId: job.conversationId });
      const completed = await call(api.agent.completeJob, { ...held, modelUsed: "scripted" });
      report({ event: completed ? "completed" : "lost", jobId: job._id });
    } catch (error) {
      if (lost) return;
      if (placeholder) await call(api.messages.failPlaceholder, { messageId: placeholder });
      await giveUp(job, held, error);
    } finally {
      clearInterval(heartbeat);
    }
  }

  /** Shows the answer while it grows, not more often than people can read. */
  async function generate(pieces, placeholder) {
    let content = "";
    let shown = Date.now();
    for await (content of pieces) {
      if (!placeholder || Date.now() - shown < STREAM_EVERY_MS) continue;
      await call(api.messages.updateStreamingContent, { messageId: placeholder, content });
      shown = Date.now();
    }
    return content;
  }

  async function answerOnWhatsapp({ conversationId }, contact, content) {
    const accounts = await client.query(api.whatsappLeases.listEnabledAccounts, { serviceKey });
    const messageId = await call(api.messages.addAssistantMessage, { conversationId, content });
    await call(api.delivery.enqueueOutbound, {
      channel: "whatsapp",
      accountId: accounts[0]?.accountId ?? "default",
      conversationId,
      messageId,
      to: contact?.phone,
      content,
      metadata: { kind: "assistant_message" },
    });
  }

  async function giveUp(job, held, error) {
    report({ event: "ending", jobId: job._id, conversationId: job.conversationId });
    const delayMs = delayBefore(job.attemptCount ?? 0);
    if (isRetryable(error) && (await call(api.agent.retryJob, { ...held, delayMs }))) {
      report({ event: "retried", jobId: job._id, delayMs });
      return;
    }
    const errorMessage = String(error.message).slice(0, ERROR_LENGTH);
    const failed = await call(api.agent.failJob, { ...held, errorReason: reasonOf(error), errorMessage });
    report({ event: failed ? "failed" : "lost", jobId: job._id });
  }

  const finished = (async () => {
    while (!stopped) {
      const job = await claimOne();
      if (job) await work(job);
      else await new Promise((resolve) => ((wake = resolve), setTimeout(resolve, IDLE_MS)));
    }
    await client.close();
  })();

  return {
    finished,
    stop: () => {
      stopped = true;
      wake();
      return finished;
    },
  };
}
