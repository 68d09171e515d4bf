// What is said, by users, assistants and the system. An assistant's answer begins as a placeholder that grows until it is final.

import { doc } from "convex-helpers/validators";
import { ConvexError, v } from "convex/values";
import type { Doc, Id } from "./_generated/dataModel";
import type { MutationCtx } from "./_generated/server";
import { authMutation, authQuery, serviceMutation } from "./auth";
import { getConversationIfOwnedByUser } from "./auth/ownership";
import { receiveUserMessage } from "./lib/conversations";
import * as fields from "./lib/fields";
import schema from "./schema";

const message = doc(schema, "messages");
const spoken = { conversationId: v.id("conversations"), content: v.string(), channel: v.optional(fields.channel) };

/** Says something as the signed-in user; null if the conversation is not theirs. */
export const send = authMutation({
  args: spoken,
  returns: v.union(v.id("messages"), v.null()),
  handler: async (ctx, { conversationId, content, channel }) => {
    const conversation = await getConversationIfOwnedByUser(ctx.db, conversationId, ctx.auth.user._id);
    return conversation && (await receiveUserMessage(ctx.db, conversation, content, channel));
  },
});

async function existing(ctx: MutationCtx, conversationId: Id<"conversations">): Promise<Doc<"conversations">> {
  const conversation = await ctx.db.get(conversationId);
  if (!conversation) throw new ConvexError("Conversation not found");
  return conversation;
}

/** Says something as the user of a conversation, for the services that bring it in. */
export const sendService = serviceMutation({
  args: spoken,
  returns: v.id("messages"),
  handler: async (ctx, { conversationId, content, channel }) =>
    await receiveUserMessage(ctx.db, await existing(ctx, conversationId), content, channel),
});

/** Stores an answer that is complete. */
export const addAssistantMessage = serviceMutation({
  args: { ...spoken, toolCalls: v.optional(v.array(fields.toolCall)) },
  returns: v.id("messages"),
  handler: async (ctx, { channel, ...rest }) => {
    const conversation = await existing(ctx, rest.conversationId);
    return await ctx.db.insert("messages", {
      ...rest,
      role: "assistant",
      channel: channel ?? conversation.channel,
      status: "sent",
    });
  },
});

/** Stores a summary of what was said before. */
export const addSummaryMessage = serviceMutation({
  args: spoken,
  returns: v.id("messages"),
  handler: async (ctx, { channel, ...rest }) => {
    const conversation = await existing(ctx, rest.conversationId);
    return await ctx.db.insert("messages", {
      ...rest,
      role: "system",
      channel: channel ?? conversation.channel,
      status: "sent",
    });
  },
});

/** Begins an answer. */
export const createPlaceholder = serviceMutation({
  args: { conversationId: v.id("conversations"), channel: v.optional(fields.channel) },
  returns: v.id("messages"),
  handler: async (ctx, { conversationId, channel }) => {
    const conversation = await existing(ctx, conversationId);
    return await ctx.db.insert("messages", {
      conversationId,
      role: "assistant",
      content: "",
      channel: channel ?? conversation.channel,
      streaming: true,
      status: "pending",
    });
  },
});

/** Shows what there is of an answer. What is final stays as it is. */
export const updateStreamingContent = serviceMutation({
  args: { messageId: v.id("messages"), content: v.string() },
  returns: v.null(),
  handler: async (ctx, { messageId, content }) => {
    const found = await ctx.db.get(messageId);
    if (found?.streaming) await ctx.db.patch(messageId, { content });
    return null;
  },
});

/** Ends an answer. */
export const finalizeMessage = serviceMutation({
  args: { messageId: v.id("messages"), content: v.string(), toolCalls: v.optional(v.array(fields.toolCall)) },
  returns: v.null(),
  handler: async (ctx, { messageId, content, toolCalls }) => {
    if (!(await ctx.db.get(messageId))) return null;
    await ctx.db.patch(messageId, { content, toolCalls, streaming: false, status: "sent" });
    return null;
  },
});

/** Ends an answer that came to nothing; what is final stays as it is. */
export const failPlaceholder = serviceMutation({
  args: { messageId: v.id("messages") },
  returns: v.null(),
  handler: async (ctx, { messageId }) => {
    const found = await ctx.db.get(messageId);
    if (found?.streaming) await ctx.db.patch(messageId, { streaming: false, status: "failed" });
    return null;
  },
});

/** All messages of a conversation, oldest first; none if it is somebody else's. */
export const listByConversation = authQuery({
  args: { conversationId: v.id("conversations") },
  returns: v.array(message),
  handler: async (ctx, { conversationId }) => {
    if (!(await getConversationIfOwnedByUser(ctx.db, conversationId, ctx.auth.user._id))) return [];
    return await ctx.db
      .query("messages")
      .withIndex("by_conversationId", (q) => q.eq("conversationId", conversationId))
      .collect();
  },
});

export const get = authQuery({
  args: { id: v.id("messages") },
  returns: v.union(message, v.null()),
  handler: async (ctx, { id }) => {
    const found = await ctx.db.get(id);
    if (!found) return null;
    return (await getConversationIfOwnedByUser(ctx.db, found.conversationId, ctx.auth.user._id)) && found;
  },
});
