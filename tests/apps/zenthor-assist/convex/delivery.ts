// What is to be sent to the channels, and the senders' claims on it.

import { doc } from "convex-helpers/validators";
import { v } from "convex/values";
import type { MutationCtx } from "./_generated/server";
import { serviceMutation, serviceQuery } from "./auth";
import * as fields from "./lib/fields";
import { insertOutbound } from "./lib/outbound";
import schema from "./schema";

const DEFAULT_LOCK_MS = 30_000;
const SHORTEST_LOCK_MS = 1000;
const MAX_ATTEMPTS = 5;
const ERROR_LENGTH = 500;

const outbound = doc(schema, "outboundMessages");

/** Queues a message. */
export const enqueueOutbound = serviceMutation({
  args: {
    channel: fields.channel,
    accountId: v.optional(v.string()),
    conversationId: v.id("conversations"),
    messageId: v.id("messages"),
    to: v.optional(v.string()),
    content: v.string(),
    metadata: v.optional(fields.outboundMetadata),
  },
  returns: v.id("outboundMessages"),
  handler: (ctx, { content, metadata, ...rest }) => insertOutbound(ctx.db, { ...rest, payload: { content, metadata } }),
});

/** Gives back what senders that are gone have held. */
async function releaseExpired(ctx: MutationCtx, accountId: string | undefined, now: number): Promise<void> {
  const held = await ctx.db
    .query("outboundMessages")
    .withIndex("by_status_accountId", (q) => q.eq("status", "processing").eq("accountId", accountId))
    .collect();
  for (const message of held) {
    if (message.lockedUntil === undefined || message.lockedUntil > now) continue;
    await ctx.db.patch(message._id, {
      status: "pending",
      processorId: undefined,
      lockedUntil: undefined,
      updatedAt: now,
    });
  }
}

/** Takes the oldest message of an account (without one: of those that name none) for a sender, or null. */
export const claimNextOutbound = serviceMutation({
  args: {
    processorId: v.string(),
    channel: fields.channel,
    accountId: v.optional(v.string()),
    lockMs: v.optional(v.number()),
  },
  returns: v.union(outbound, v.null()),
  handler: async (ctx, { processorId, channel, accountId, lockMs }) => {
    const now = Date.now();
    await releaseExpired(ctx, accountId, now);
    const next = await ctx.db
      .query("outboundMessages")
      .withIndex("by_status_accountId_channel", (q) =>
        q.eq("status", "pending").eq("accountId", accountId).eq("channel", channel),
      )
      .first();
    if (!next) return null;
    await ctx.db.patch(next._id, {
      status: "processing",
      processorId,
      lockedUntil: now + Math.max(SHORTEST_LOCK_MS, lockMs ?? DEFAULT_LOCK_MS),
      updatedAt: now,
    });
    return await ctx.db.get(next._id);
  },
});

/** Says that a message was sent. */
export const completeOutbound = serviceMutation({
  args: { id: v.id("outboundMessages") },
  returns: v.null(),
  handler: async (ctx, { id }) => {
    if (!(await ctx.db.get(id))) return null;
    await ctx.db.patch(id, {
      status: "sent",
      processorId: undefined,
      lockedUntil: undefined,
      lastError: undefined,
      updatedAt: Date.now(),
    });
    return null;
  },
});

/** Says that a message could not be sent; it is tried again as `retry` says, or up to five times in all. */
export const failOutbound = serviceMutation({
  args: { id: v.id("outboundMessages"), error: v.string(), retry: v.optional(v.boolean()) },
  returns: v.null(),
  handler: async (ctx, { id, error, retry }) => {
    const message = await ctx.db.get(id);
    if (!message) return null;
    const attemptCount = (message.attemptCount ?? 0) + 1;
    await ctx.db.patch(id, {
      status: (retry ?? attemptCount < MAX_ATTEMPTS) ? "pending" : "failed",
      attemptCount,
      lastError: error.slice(0, ERROR_LENGTH),
      processorId: undefined,
      lockedUntil: undefined,
      updatedAt: Date.now(),
    });
    return null;
  },
});

/** What of a conversation was not sent yet. */
export const listPendingByConversation = serviceQuery({
  args: { conversationId: v.id("conversations") },
  returns: v.array(outbound),
  handler: async (ctx, { conversationId }) => {
    const all = await ctx.db
      .query("outboundMessages")
      .withIndex("by_conversationId", (q) => q.eq("conversationId", conversationId))
      .collect();
    return all.filter(({ status }) => status === "pending" || status === "processing");
  },
});
