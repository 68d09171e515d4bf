// The agent queue: workers claim jobs, keep them with heartbeats, and end each of them once.

import { doc } from "convex-helpers/validators";
import { v } from "convex/values";
import { internal } from "./_generated/api";
import { internalMutation, type MutationCtx } from "./_generated/server";
import { authQuery, serviceMutation, serviceQuery } from "./auth";
import { getConversationIfOwnedByUser } from "./auth/ownership";
import * as queue from "./lib/agentQueue";
import schema from "./schema";
import { skillsForConversation } from "./lib/skills";

const jobFields = { jobId: v.id("agentQueue") };
const job = doc(schema, "agentQueue");

/** All jobs that wait, oldest first, or the first `limit` of them; not those that wait for their retry. */
export const getPendingJobs = serviceQuery({
  args: { limit: v.optional(v.number()) },
  returns: v.array(job),
  handler: async (ctx, { limit }) => {
    const pending = ctx.db
      .query("agentQueue")
      .withIndex("by_status_notBefore", (q) => q.eq("status", "pending").eq("notBefore", undefined));
    return limit === undefined ? await pending.collect() : await pending.take(limit);
  },
});

/** Gives back what nobody works on any more, or fails it when it was run often enough. */
async function releaseStaleJobs(ctx: MutationCtx, now: number): Promise<void> {
  // Jobs without a lock sort before all others: the range has them, too.
  const candidates = await ctx.db
    .query("agentQueue")
    .withIndex("by_status_lockedUntil", (q) => q.eq("status", "processing").lt("lockedUntil", now))
    .collect();
  for (const stale of candidates.filter((candidate) => queue.isStale(candidate, now))) {
    if (queue.staleAction(stale) === "fail") {
      await ctx.db.patch(stale._id, {
        status: "failed",
        errorReason: "stale_lease",
        errorMessage: "Job exceeded max attempts after lease expiry",
        processorId: undefined,
        lockedUntil: undefined,
      });
    } else {
      await ctx.db.patch(stale._id, {
        status: "pending",
        attemptCount: (stale.attemptCount ?? 0) + 1,
        ...queue.NO_LEASE,
      });
    }
  }
}

/** Takes a job for a processor; null if it is not to be had, or another job of its conversation is being worked on. */
export const claimJob = serviceMutation({
  args: { ...jobFields, processorId: v.string(), lockMs: v.optional(v.number()) },
  returns: v.union(job, v.null()),
  handler: async (ctx, { jobId, processorId, lockMs }) => {
    const found = await ctx.db.get(jobId);
    if (found?.status !== "pending" || found.notBefore !== undefined) return null;
    const now = Date.now();
    await releaseStaleJobs(ctx, now);
    const others = await ctx.db
      .query("agentQueue")
      .withIndex("by_conversationId_status", (q) =>
        q.eq("conversationId", found.conversationId).eq("status", "processing"),
      )
      .collect();
    if (queue.isActiveForConversation(others, jobId, now)) return null;
    await ctx.db.patch(jobId, {
      status: "processing",
      processorId,
      lockedUntil: now + (lockMs ?? queue.DEFAULT_LOCK_MS),
      startedAt: now,
      lastHeartbeatAt: now,
    });
    return { ...found, status: "processing" as const };
  },
});

/** Prolongs a claim; false when it was lost, and the processor has to drop the job. */
export const heartbeatJob = serviceMutation({
  args: { ...jobFields, processorId: v.string(), lockMs: v.optional(v.number()) },
  returns: v.boolean(),
  handler: async (ctx, { jobId, processorId, lockMs }) => {
    const now = Date.now();
    const held = await ctx.db.get(jobId);
    if (!held || !queue.isHeartbeatValid(held, processorId, now)) return false;
    await ctx.db.patch(jobId, { lockedUntil: now + (lockMs ?? queue.DEFAULT_LOCK_MS), lastHeartbeatAt: now });
    return true;
  },
});

/** Ends a job well. With `processorId`, only the one who holds it can. */
export const completeJob = serviceMutation({
  args: { ...jobFields, processorId: v.optional(v.string()), modelUsed: v.optional(v.string()) },
  returns: v.boolean(),
  handler: async (ctx, { jobId, processorId, modelUsed }) => {
    if (!queue.mayEnd(await ctx.db.get(jobId), processorId)) return false;
    await ctx.db.patch(jobId, {
      status: "completed",
      modelUsed,
      processorId: undefined,
      lockedUntil: undefined,
    });
    return true;
  },
});

/** Ends a job badly. With `processorId`, only the one who holds it can. */
export const failJob = serviceMutation({
  args: {
    ...jobFields,
    processorId: v.optional(v.string()),
    errorReason: v.optional(v.string()),
    errorMessage: v.optional(v.string()),
  },
  returns: v.boolean(),
  handler: async (ctx, { jobId, processorId, errorReason, errorMessage }) => {
    if (!queue.mayEnd(await ctx.db.get(jobId), processorId)) return false;
    await ctx.db.patch(jobId, {
      status: "failed",
      errorReason,
      errorMessage,
      processorId: undefined,
      lockedUntil: undefined,
    });
    return true;
  },
});

/**
 * Puts a job back for another run, at once or in `delayMs`; false when it was run often enough. With `processorId`, only the
 * one who holds it can.
 */
export const retryJob = serviceMutation({
  args: { ...jobFields, processorId: v.optional(v.string()), delayMs: v.optional(v.number()) },
  returns: v.boolean(),
  handler: async (ctx, { jobId, processorId, delayMs = 0 }) => {
    const found = await ctx.db.get(jobId);
    if (!found || !queue.canRetry(found)) return false;
    if (processorId !== undefined && !queue.mayEnd(found, processorId)) return false;
    const delay = Math.min(Math.max(delayMs, 0), queue.MAX_RETRY_DELAY_MS);
    const notBefore = delay > 0 ? Date.now() + delay : undefined;
    await ctx.db.patch(jobId, {
      status: "pending",
      attemptCount: (found.attemptCount ?? 0) + 1,
      notBefore,
      errorReason: undefined,
      errorMessage: undefined,
      ...queue.NO_LEASE,
    });
    // A query does not run again because time passes: whoever watches the queue learns of the job by this write.
    if (notBefore !== undefined) await ctx.scheduler.runAt(notBefore, internal.agent.releaseRetry, { jobId, notBefore });
    return true;
  },
});

/** Shows a job to the workers again when its time has come. */
export const releaseRetry = internalMutation({
  args: { ...jobFields, notBefore: v.number() },
  returns: v.null(),
  handler: async (ctx, { jobId, notBefore }) => {
    const found = await ctx.db.get(jobId);
    if (found?.status === "pending" && found.notBefore === notBefore) await ctx.db.patch(jobId, { notBefore: undefined });
    return null;
  },
});

/** Releases what dead workers held, also when nobody claims anything. */
export const requeueStaleJobs = internalMutation({
  args: {},
  returns: v.null(),
  handler: async (ctx) => {
    await releaseStaleJobs(ctx, Date.now());
    return null;
  },
});

/** Whether an answer is being worked on. */
export const isProcessing = authQuery({
  args: { conversationId: v.id("conversations") },
  returns: v.boolean(),
  handler: async (ctx, { conversationId }) => {
    if (!(await getConversationIfOwnedByUser(ctx.db, conversationId, ctx.auth.user._id))) return false;
    for (const status of ["pending", "processing"] as const) {
      const found = await ctx.db
        .query("agentQueue")
        .withIndex("by_conversationId_status", (q) => q.eq("conversationId", conversationId).eq("status", status))
        .first();
      if (found) return true;
    }
    return false;
  },
});

/** All that an agent has to know to answer in a conversation. */
export const getConversationContext = serviceQuery({
  args: { conversationId: v.id("conversations") },
  returns: v.union(
    v.object({
      conversation: doc(schema, "conversations"),
      user: v.union(doc(schema, "users"), v.null()),
      contact: v.union(doc(schema, "contacts"), v.null()),
      messages: v.array(doc(schema, "messages")),
      skills: v.array(doc(schema, "skills")),
      agent: v.union(doc(schema, "agents"), v.null()),
    }),
    v.null(),
  ),
  handler: async (ctx, { conversationId }) => {
    const conversation = await ctx.db.get(conversationId);
    if (!conversation) return null;
    const contact = conversation.contactId ? await ctx.db.get(conversation.contactId) : null;
    const ownerId = conversation.userId ?? contact?.userId;
    return {
      conversation,
      user: ownerId ? await ctx.db.get(ownerId) : null,
      contact,
      messages: await ctx.db
        .query("messages")
        .withIndex("by_conversationId", (q) => q.eq("conversationId", conversationId))
        .collect(),
      skills: await skillsForConversation(ctx.db, ownerId),
      agent: conversation.agentId ? await ctx.db.get(conversation.agentId) : null,
    };
  },
});
