// What is asked of the agent again and again, and the removal of old jobs.

import { doc } from "convex-helpers/validators";
import { ConvexError, v } from "convex/values";
import { internal } from "./_generated/api";
import type { Doc } from "./_generated/dataModel";
import { internalMutation, type MutationCtx } from "./_generated/server";
import { adminMutation, adminQuery, serviceMutation } from "./auth";
import { BATCH, DAY_MS } from "./lib/batch";
import { enqueueJob } from "./lib/conversations";
import schema from "./schema";

/** How long jobs that ended are kept. */
const JOB_LIFETIME_MS = 7 * DAY_MS;

const task = doc(schema, "scheduledTasks");
const { name, description, payload, enabled, conversationId } = task.fields;

function checkInterval(intervalMs: number | undefined): void {
  if (intervalMs !== undefined && !(intervalMs > 0)) throw new ConvexError("intervalMs must be greater than 0");
}

export const list = adminQuery({
  args: {},
  returns: v.array(task),
  handler: (ctx) => ctx.db.query("scheduledTasks").collect(),
});

export const get = adminQuery({
  args: { id: v.id("scheduledTasks") },
  returns: v.union(task, v.null()),
  handler: (ctx, { id }) => ctx.db.get(id),
});

export const create = serviceMutation({
  args: { name, description, intervalMs: v.number(), payload, enabled, conversationId },
  returns: v.id("scheduledTasks"),
  handler: async (ctx, args) => {
    checkInterval(args.intervalMs);
    const now = Date.now();
    return await ctx.db.insert("scheduledTasks", { ...args, nextRunAt: now + args.intervalMs, createdAt: now });
  },
});

/** Changes what is given; with another interval the next run is that far from now. */
export const update = adminMutation({
  args: {
    id: v.id("scheduledTasks"),
    name: v.optional(name),
    description,
    intervalMs: v.optional(v.number()),
    payload: v.optional(payload),
    enabled: v.optional(enabled),
  },
  returns: v.union(v.id("scheduledTasks"), v.null()),
  handler: async (ctx, { id, ...changes }) => {
    checkInterval(changes.intervalMs);
    if (!(await ctx.db.get(id))) return null;
    const next = changes.intervalMs === undefined ? {} : { nextRunAt: Date.now() + changes.intervalMs };
    await ctx.db.patch(id, { ...changes, ...next });
    return id;
  },
});

export const remove = adminMutation({
  args: { id: v.id("scheduledTasks") },
  returns: v.null(),
  handler: async (ctx, { id }) => {
    if (await ctx.db.get(id)) await ctx.db.delete(id);
    return null;
  },
});

/** Says in the task's conversation what is due, and queues the answer. */
async function run(ctx: MutationCtx, due: Doc<"scheduledTasks">): Promise<void> {
  const conversation = due.conversationId ? await ctx.db.get(due.conversationId) : null;
  if (!conversation) return;
  const messageId = await ctx.db.insert("messages", {
    conversationId: conversation._id,
    role: "system",
    content: `[Scheduled Task: ${due.name}] ${due.payload}`,
    channel: conversation.channel,
    status: "sent",
  });
  await enqueueJob(ctx.db, conversation, messageId);
}

export const processDueTasks = internalMutation({
  args: {},
  returns: v.null(),
  handler: async (ctx) => {
    const now = Date.now();
    const due = await ctx.db
      .query("scheduledTasks")
      // Tasks without a next run sort before all numbers.
      .withIndex("by_enabled_nextRunAt", (q) => q.eq("enabled", true).gt("nextRunAt", 0).lte("nextRunAt", now))
      .take(BATCH);
    for (const one of due) {
      const nextRunAt = one.intervalMs === undefined ? undefined : now + one.intervalMs;
      await ctx.db.patch(one._id, { lastRunAt: now, nextRunAt });
      await run(ctx, one);
    }
    if (due.length === BATCH) await ctx.scheduler.runAfter(0, internal.scheduledTasks.processDueTasks, {});
    return null;
  },
});

export const cleanupOldJobs = internalMutation({
  args: {},
  returns: v.null(),
  handler: async (ctx) => {
    const cutoff = Date.now() - JOB_LIFETIME_MS;
    for (const status of ["completed", "failed"] as const) {
      const old = await ctx.db
        .query("agentQueue")
        .withIndex("by_status", (q) => q.eq("status", status).lt("_creationTime", cutoff))
        .take(BATCH);
      for (const { _id } of old) await ctx.db.delete(_id);
      if (old.length < BATCH) continue;
      await ctx.scheduler.runAfter(0, internal.scheduledTasks.cleanupOldJobs, {});
      return null;
    }
    return null;
  },
});
