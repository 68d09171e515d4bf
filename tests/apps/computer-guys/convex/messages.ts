// Messages of conversations.

import { v } from "convex/values";
import type { Doc, Id } from "./_generated/dataModel";
import { mutation, query, type MutationCtx } from "./_generated/server";
import { track } from "./model/analytics";
import { limitUser } from "./model/rateLimits";
import { attachment, messageMetadata, messageRole, toolCall } from "./model/validators";

const SHOWN = 100;
const NEWEST = 10;
const SEARCHED = 1_000;

type NewMessage = Omit<Doc<"messages">, "_id" | "_creationTime" | "createdAt">;

/** Adds a message and notes in its conversation that there is one. */
async function add(ctx: MutationCtx, message: NewMessage, changes: { agentId?: Id<"agents"> } = {}): Promise<Id<"messages">> {
  const conversation = await ctx.db.get(message.conversationId);
  if (conversation === null) throw new Error("Conversation not found");
  if (message.role === "user") await limitUser(ctx, "sendMessage", conversation.userId);
  const now = Date.now();
  const messageId = await ctx.db.insert("messages", { ...message, createdAt: now });
  await ctx.db.patch(conversation._id, { ...changes, lastMessageAt: now, updatedAt: now });
  await track(ctx, {
    type: "message",
    event: `message.${message.role}`,
    userId: conversation.userId,
    conversationId: conversation._id,
    agentId: changes.agentId,
    data: { length: message.content.length },
  });
  return messageId;
}

export const sendMessage = mutation({
  args: {
    conversationId: v.id("conversations"),
    role: messageRole,
    content: v.string(),
    metadata: v.optional(v.object({ ...messageMetadata, toolCalls: v.optional(v.array(toolCall)) })),
    attachments: v.optional(v.array(attachment)),
  },
  handler: (ctx, message) => add(ctx, message),
});

/** The newest messages before a time, the oldest of them first. */
export const getMessages = query({
  args: { conversationId: v.id("conversations"), limit: v.optional(v.number()), beforeTimestamp: v.optional(v.number()) },
  handler: async (ctx, { conversationId, limit = SHOWN, beforeTimestamp = Infinity }) => {
    const messages = await ctx.db
      .query("messages")
      .withIndex("by_conversation_created", (q) => q.eq("conversationId", conversationId).lt("createdAt", beforeTimestamp))
      .order("desc")
      .filter((q) => q.eq(q.field("deletedAt"), undefined))
      .take(limit);
    return messages.reverse();
  },
});

/** The newest messages after a time; whoever subscribes sees each new one. */
export const subscribeToMessages = query({
  args: { conversationId: v.id("conversations"), afterTimestamp: v.optional(v.number()) },
  handler: async (ctx, { conversationId, afterTimestamp = 0 }) => {
    const newest = await ctx.db
      .query("messages")
      .withIndex("by_conversation_created", (q) => q.eq("conversationId", conversationId).gt("createdAt", afterTimestamp))
      .order("desc")
      .take(NEWEST);
    return newest.filter(({ deletedAt }) => deletedAt === undefined).reverse();
  },
});

async function requireMessage(ctx: MutationCtx, messageId: Id<"messages">): Promise<Doc<"messages">> {
  const message = await ctx.db.get(messageId);
  if (message === null) throw new Error("Message not found");
  return message;
}

export const editMessage = mutation({
  args: { messageId: v.id("messages"), content: v.string() },
  handler: async (ctx, { messageId, content }) => {
    const { deletedAt } = await requireMessage(ctx, messageId);
    if (deletedAt !== undefined) throw new Error("Cannot edit deleted message");
    await ctx.db.patch(messageId, { content, editedAt: Date.now() });
    return ctx.db.get(messageId);
  },
});

export const deleteMessage = mutation({
  args: { messageId: v.id("messages") },
  handler: async (ctx, { messageId }) => {
    await requireMessage(ctx, messageId);
    await ctx.db.patch(messageId, { deletedAt: Date.now() });
    return { success: true };
  },
});

export const sendAgentMessage = mutation({
  args: {
    conversationId: v.id("conversations"),
    content: v.string(),
    agentId: v.id("agents"),
    agentName: v.string(),
    confidence: v.number(),
    intent: v.optional(v.string()),
    sentiment: v.optional(v.string()),
    metadata: v.optional(v.object(messageMetadata)),
  },
  handler: (ctx, { conversationId, content, metadata, ...agentMetadata }) =>
    add(ctx, { conversationId, role: "assistant", content, metadata, agentMetadata }, { agentId: agentMetadata.agentId }),
});

export const addToolCallMessage = mutation({
  args: {
    conversationId: v.id("conversations"),
    toolName: v.string(),
    toolInput: v.any(),
    toolOutput: v.any(),
    duration: v.optional(v.number()),
  },
  handler: (ctx, { conversationId, toolName, toolInput, toolOutput, duration }) =>
    add(ctx, {
      conversationId,
      role: "tool",
      content: `Tool ${toolName} was called`,
      metadata: { latency: duration, toolCalls: [{ name: toolName, input: toolInput, output: toolOutput }] },
    }),
});

export const getMessageStats = query({
  args: { conversationId: v.optional(v.id("conversations")), startDate: v.optional(v.number()), endDate: v.optional(v.number()) },
  handler: async (ctx, { conversationId, startDate = 0, endDate = Infinity }) => {
    const table = ctx.db.query("messages");
    const messages = await (conversationId === undefined
      ? table.withIndex("by_created", (q) => q.gte("createdAt", startDate).lte("createdAt", endDate))
      : table.withIndex("by_conversation_created", (q) =>
          q.eq("conversationId", conversationId).gte("createdAt", startDate).lte("createdAt", endDate),
        )
    ).collect();
    const stats = { total: 0, byRole: {} as Partial<Record<string, number>>, withAttachments: 0, edited: 0, deleted: 0, totalTokens: 0, totalCost: 0 };
    for (const { role, attachments = [], editedAt, deletedAt, metadata } of messages) {
      stats.total += 1;
      stats.byRole[role] = (stats.byRole[role] ?? 0) + 1;
      stats.withAttachments += attachments.length > 0 ? 1 : 0;
      stats.edited += editedAt === undefined ? 0 : 1;
      stats.deleted += deletedAt === undefined ? 0 : 1;
      stats.totalTokens += metadata?.tokens?.total ?? 0;
      stats.totalCost += metadata?.cost ?? 0;
    }
    return stats;
  },
});

/** Messages that contain a term, those that are nothing else first, then the newest. */
export const searchMessages = query({
  args: {
    searchTerm: v.string(),
    conversationId: v.optional(v.id("conversations")),
    role: v.optional(messageRole),
    limit: v.optional(v.number()),
  },
  handler: async (ctx, { searchTerm, conversationId, role, limit = 50 }) => {
    const table = ctx.db.query("messages");
    const some = conversationId === undefined ? table : table.withIndex("by_conversation", (q) => q.eq("conversationId", conversationId));
    const term = searchTerm.toLowerCase();
    const found = (await some.order("desc").take(SEARCHED)).filter(
      (message) =>
        message.deletedAt === undefined &&
        (role === undefined || message.role === role) &&
        message.content.toLowerCase().includes(term),
    );
    const exact = ({ content }: Doc<"messages">): number => (content.toLowerCase() === term ? 0 : 1);
    return found.sort((one, other) => exact(one) - exact(other) || other.createdAt - one.createdAt).slice(0, limit);
  },
});

/** The newest message, unless it was deleted. */
export const getLatestMessage = query({
  args: { conversationId: v.id("conversations") },
  handler: async (ctx, { conversationId }) => {
    const message = await ctx.db
      .query("messages")
      .withIndex("by_conversation_created", (q) => q.eq("conversationId", conversationId))
      .order("desc")
      .first();
    return message?.deletedAt === undefined ? message : null;
  },
});

export const getMessage = query({
  args: { messageId: v.id("messages") },
  handler: (ctx, { messageId }) => ctx.db.get(messageId),
});
