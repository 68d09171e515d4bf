// Conversations of users, and their way to a human.

import { v } from "convex/values";
import type { Doc, Id } from "./_generated/dataModel";
import { mutation, query, type MutationCtx } from "./_generated/server";
import { track } from "./model/analytics";
import { limitUser } from "./model/rateLimits";
import { channel, conversationStatus, origin, priority } from "./model/validators";
import { begin } from "./workflows";

const WELCOME = "Welcome to Computer Guys! How can we help you today?";
const SHOWN = 50;

async function requireConversation(ctx: MutationCtx, conversationId: Id<"conversations">): Promise<Doc<"conversations">> {
  const conversation = await ctx.db.get(conversationId);
  if (conversation === null) throw new Error("Conversation not found");
  return conversation;
}

async function say(ctx: MutationCtx, conversationId: Id<"conversations">, content: string): Promise<void> {
  await ctx.db.insert("messages", { conversationId, role: "system", content, createdAt: Date.now() });
}

export const createConversation = mutation({
  args: { userId: v.id("users"), title: v.optional(v.string()), channel, metadata: v.optional(origin) },
  handler: async (ctx, args) => {
    if ((await ctx.db.get(args.userId)) === null) throw new Error("User not found");
    await limitUser(ctx, "createConversation", args.userId);
    const now = Date.now();
    const conversationId = await ctx.db.insert("conversations", {
      ...args,
      status: "active",
      priority: "medium",
      tags: [],
      createdAt: now,
      updatedAt: now,
    });
    await say(ctx, conversationId, WELCOME);
    const { userId } = args;
    await track(ctx, { type: "conversation", event: "conversation.created", userId, conversationId, data: { channel: args.channel } });
    return conversationId;
  },
});

/** A user's conversations: all of one status, or the newest. */
export const getUserConversations = query({
  args: { userId: v.id("users"), status: v.optional(conversationStatus) },
  handler: (ctx, { userId, status }) =>
    status === undefined
      ? ctx.db
          .query("conversations")
          .withIndex("by_user", (q) => q.eq("userId", userId))
          .order("desc")
          .take(SHOWN)
      : ctx.db
          .query("conversations")
          .withIndex("by_user_status", (q) => q.eq("userId", userId).eq("status", status))
          .collect(),
});

export const getConversation = query({
  args: { conversationId: v.id("conversations") },
  handler: (ctx, { conversationId }) => ctx.db.get(conversationId),
});

export const updateConversation = mutation({
  args: {
    conversationId: v.id("conversations"),
    updates: v.object({
      title: v.optional(v.string()),
      status: v.optional(conversationStatus),
      priority: v.optional(priority),
      agentId: v.optional(v.id("agents")),
      tags: v.optional(v.array(v.string())),
    }),
  },
  handler: async (ctx, { conversationId, updates }) => {
    const { userId } = await requireConversation(ctx, conversationId);
    const now = Date.now();
    const resolved = updates.status === "resolved";
    await ctx.db.patch(conversationId, { ...updates, ...(resolved ? { resolvedAt: now } : {}), updatedAt: now });
    if (resolved) await track(ctx, { type: "conversation", event: "conversation.resolved", userId, conversationId, data: {} });
    return ctx.db.get(conversationId);
  },
});

export const archiveConversation = mutation({
  args: { conversationId: v.id("conversations") },
  handler: async (ctx, { conversationId }) => {
    await requireConversation(ctx, conversationId);
    await ctx.db.patch(conversationId, { status: "archived", updatedAt: Date.now() });
    return { success: true };
  },
});

/** Asks for a human: a workflow finds an agent and tells of it. */
export const escalateConversation = mutation({
  args: { conversationId: v.id("conversations"), reason: v.optional(v.string()), priority: v.optional(priority) },
  handler: async (ctx, { conversationId, reason, priority: wanted = "high" }) => {
    const { userId } = await requireConversation(ctx, conversationId);
    const workflowId = await begin(ctx, "escalation", { conversationId, reason });
    await ctx.db.patch(conversationId, { status: "escalated", priority: wanted, workflowId, updatedAt: Date.now() });
    const why = reason === undefined ? "" : ` Reason: ${reason}`;
    await say(ctx, conversationId, `Conversation escalated to human agent.${why}`);
    await track(ctx, { type: "conversation", event: "conversation.escalated", userId, conversationId, data: { reason } });
    return { success: true };
  },
});

export const searchConversations = query({
  args: {
    searchTerm: v.optional(v.string()),
    status: v.optional(conversationStatus),
    channel: v.optional(channel),
    startDate: v.optional(v.number()),
    endDate: v.optional(v.number()),
    limit: v.optional(v.number()),
  },
  handler: async (ctx, { searchTerm, status, channel: wanted, startDate = 0, endDate = Infinity, limit = SHOWN }) => {
    const all = ctx.db.query("conversations");
    const some = status === undefined ? all : all.withIndex("by_status", (q) => q.eq("status", status));
    const newest = await some.order("desc").take(2 * limit);
    const term = searchTerm?.toLowerCase();
    return newest
      .filter((conversation) => wanted === undefined || conversation.channel === wanted)
      .filter(({ createdAt }) => createdAt >= startDate && createdAt <= endDate)
      .filter(({ title }) => term === undefined || (title ?? "").toLowerCase().includes(term))
      .slice(0, limit);
  },
});

function countedBy<Key extends "channel" | "priority" | "status">(
  conversations: Doc<"conversations">[],
  key: Key,
): Partial<Record<Doc<"conversations">[Key], number>> {
  const counts: Partial<Record<string, number>> = {};
  for (const conversation of conversations) counts[conversation[key]] = (counts[conversation[key]] ?? 0) + 1;
  return counts;
}

export const getConversationStats = query({
  args: {
    userId: v.optional(v.id("users")),
    agentId: v.optional(v.id("agents")),
    startDate: v.optional(v.number()),
    endDate: v.optional(v.number()),
  },
  handler: async (ctx, { userId, agentId, startDate = 0, endDate = Infinity }) => {
    const table = ctx.db.query("conversations");
    const found = await (userId !== undefined
      ? table.withIndex("by_user", (q) => q.eq("userId", userId))
      : agentId !== undefined
        ? table.withIndex("by_agent", (q) => q.eq("agentId", agentId))
        : table.withIndex("by_created", (q) => q.gte("createdAt", startDate).lte("createdAt", endDate))
    ).collect();
    const wanted = found.filter(
      (conversation) =>
        (agentId === undefined || conversation.agentId === agentId) &&
        conversation.createdAt >= startDate &&
        conversation.createdAt <= endDate,
    );
    const { active = 0, resolved = 0, escalated = 0, archived = 0 } = countedBy(wanted, "status");
    const times = wanted.flatMap(({ createdAt, resolvedAt }) => (resolvedAt === undefined ? [] : [resolvedAt - createdAt]));
    const sum = times.reduce((total, time) => total + time, 0);
    return {
      total: wanted.length,
      active,
      resolved,
      escalated,
      archived,
      byChannel: countedBy(wanted, "channel"),
      byPriority: countedBy(wanted, "priority"),
      avgResolutionTime: times.length === 0 ? 0 : Math.round(sum / times.length),
    };
  },
});

/** Archives a conversation and marks its messages as deleted. */
export const deleteConversation = mutation({
  args: { conversationId: v.id("conversations") },
  handler: async (ctx, { conversationId }) => {
    await requireConversation(ctx, conversationId);
    const now = Date.now();
    await ctx.db.patch(conversationId, { status: "archived", updatedAt: now });
    const messages = ctx.db.query("messages").withIndex("by_conversation", (q) => q.eq("conversationId", conversationId));
    for await (const { _id } of messages) await ctx.db.patch(_id, { deletedAt: now });
    return { success: true };
  },
});

/** The user's newest active conversation over WhatsApp. A user has one number, so it is not looked at. */
export const getActiveWhatsAppConversation = query({
  args: { userId: v.id("users"), phoneNumber: v.string() },
  handler: (ctx, { userId }) =>
    ctx.db
      .query("conversations")
      .withIndex("by_user_status", (q) => q.eq("userId", userId).eq("status", "active"))
      .filter((q) => q.eq(q.field("channel"), "whatsapp"))
      .order("desc")
      .first(),
});
