// Before an agent uses a tool that does harm, somebody approves of it.

import { doc } from "convex-helpers/validators";
import { type Infer, v } from "convex/values";
import { internal } from "./_generated/api";
import type { Doc, Id } from "./_generated/dataModel";
import { internalMutation, type DatabaseReader, type DatabaseWriter } from "./_generated/server";
import { authMutation, authQuery, serviceMutation, serviceQuery } from "./auth";
import { getConversationIfOwnedByUser } from "./auth/ownership";
import { BATCH, MINUTE_MS } from "./lib/batch";
import * as fields from "./lib/fields";
import schema from "./schema";

/** How long somebody has to decide. */
const LIFETIME_MS = 5 * MINUTE_MS;

const approval = doc(schema, "toolApprovals");

/** Asks. */
export const create = serviceMutation({
  args: {
    conversationId: v.id("conversations"),
    jobId: v.id("agentQueue"),
    toolName: v.string(),
    toolInput: v.any(),
    channel: fields.channel,
  },
  returns: v.id("toolApprovals"),
  handler: (ctx, args) => ctx.db.insert("toolApprovals", { ...args, status: "pending", createdAt: Date.now() }),
});

const resolution = { approvalId: v.id("toolApprovals"), status: fields.decision };

/** Decides; gives the approval as it was, or null if it is decided already. */
async function decide(
  db: DatabaseWriter,
  approvalId: Id<"toolApprovals">,
  status: Infer<typeof fields.decision>,
): Promise<Doc<"toolApprovals"> | null> {
  const found = await db.get(approvalId);
  if (found?.status !== "pending") return null;
  await db.patch(approvalId, { status, resolvedAt: Date.now() });
  return found;
}

/** Decides as the user the conversation belongs to. */
export const resolve = authMutation({
  args: resolution,
  returns: v.union(approval, v.null()),
  handler: async (ctx, { approvalId, status }) => {
    const found = await ctx.db.get(approvalId);
    if (!found || !(await getConversationIfOwnedByUser(ctx.db, found.conversationId, ctx.auth.user._id))) return null;
    return await decide(ctx.db, approvalId, status);
  },
});

/** Decides for somebody who answered on WhatsApp. */
export const resolveService = serviceMutation({
  args: resolution,
  returns: v.union(approval, v.null()),
  handler: (ctx, { approvalId, status }) => decide(ctx.db, approvalId, status),
});

const pendingOf = (db: DatabaseReader, conversationId: Id<"conversations">): Promise<Doc<"toolApprovals">[]> =>
  db
    .query("toolApprovals")
    .withIndex("by_conversationId_status", (q) => q.eq("conversationId", conversationId).eq("status", "pending"))
    .collect();

export const getPendingByConversation = authQuery({
  args: { conversationId: v.id("conversations") },
  returns: v.array(approval),
  handler: async (ctx, { conversationId }) =>
    (await getConversationIfOwnedByUser(ctx.db, conversationId, ctx.auth.user._id))
      ? await pendingOf(ctx.db, conversationId)
      : [],
});

export const getPendingByConversationService = serviceQuery({
  args: { conversationId: v.id("conversations") },
  returns: v.array(approval),
  handler: (ctx, { conversationId }) => pendingOf(ctx.db, conversationId),
});

const ofJob = (db: DatabaseReader, jobId: Id<"agentQueue">) =>
  db.query("toolApprovals").withIndex("by_jobId", (q) => q.eq("jobId", jobId));

export const getPendingByJob = serviceQuery({
  args: { jobId: v.id("agentQueue") },
  returns: v.array(approval),
  handler: (ctx, { jobId }) =>
    ofJob(ctx.db, jobId)
      .filter((q) => q.eq(q.field("status"), "pending"))
      .collect(),
});

export const getByJob = serviceQuery({
  args: { jobId: v.id("agentQueue") },
  returns: v.array(approval),
  handler: (ctx, { jobId }) => ofJob(ctx.db, jobId).collect(),
});

/** Rejects what nobody decided in time; gives how many these were. */
export const expireStale = internalMutation({
  args: {},
  returns: v.number(),
  handler: async (ctx) => {
    const now = Date.now();
    const stale = await ctx.db
      .query("toolApprovals")
      .withIndex("by_status_createdAt", (q) => q.eq("status", "pending").lt("createdAt", now - LIFETIME_MS))
      .take(BATCH);
    for (const { _id } of stale) await ctx.db.patch(_id, { status: "rejected", resolvedAt: now });
    if (stale.length === BATCH) await ctx.scheduler.runAfter(0, internal.toolApprovals.expireStale, {});
    return stale.length;
  },
});
