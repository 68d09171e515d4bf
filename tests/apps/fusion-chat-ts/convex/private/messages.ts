import { generateText } from "ai";
import { paginationOptsValidator } from "convex/server";
import { v } from "convex/values";
import { internal } from "../_generated/api";
import { action, mutation, query } from "../_generated/server";
import { badRequest, wrongArguments } from "../lib/errors";
import { conversationOfThread, operatorsConversation, requireOperator } from "../lib/guards";
import { chatModel } from "../lib/models";
import { messagesOf, say } from "../lib/threads";
import { ENHANCE } from "../system/ai/prompts";

/** An operator's draft, put better. With `threadId` and `message`, the other form of the arguments, the answer is an object. */
export const enhanceResponse = action({
  args: { prompt: v.optional(v.string()), threadId: v.optional(v.string()), message: v.optional(v.string()) },
  handler: async (ctx, { prompt, threadId, message }): Promise<string | { message: string }> => {
    const operator = await requireOperator(ctx);
    const enhance = async (draft: string): Promise<string> =>
      (await generateText({ model: chatModel(), system: ENHANCE, prompt: draft })).text;
    if (prompt !== undefined && threadId === undefined && message === undefined) return enhance(prompt);
    if (prompt === undefined && threadId !== undefined && message !== undefined) {
      operatorsConversation(operator, await ctx.runQuery(internal.system.conversations.getByThreadId, { threadId }));
      return { message: await enhance(message) };
    }
    throw wrongArguments("Give either `prompt`, or `threadId` and `message`.");
  },
});

/** Says something to the visitor: `prompt` and `conversationId`, or `message` and `threadId`. Who speaks takes over from the assistant. */
export const create = mutation({
  args: {
    prompt: v.optional(v.string()),
    conversationId: v.optional(v.id("conversations")),
    threadId: v.optional(v.string()),
    message: v.optional(v.string()),
  },
  handler: async (ctx, { prompt, conversationId, threadId, message }) => {
    const operator = await requireOperator(ctx);
    const text = prompt ?? message;
    const byId = prompt !== undefined && conversationId !== undefined && threadId === undefined && message === undefined;
    const byThread = prompt === undefined && conversationId === undefined && threadId !== undefined && message !== undefined;
    if (text === undefined || !(byId || byThread)) {
      throw wrongArguments("Give either `prompt` and `conversationId`, or `message` and `threadId`.");
    }
    const found = byId ? await ctx.db.get(conversationId) : await conversationOfThread(ctx, threadId ?? "");
    const conversation = operatorsConversation(operator, found);
    if (conversation.status === "resolved") throw badRequest("Conversation resolved");
    if (conversation.status === "unresolved") await ctx.db.patch(conversation._id, { status: "escalated" });
    await say(ctx, conversation.threadId, text, operator.familyName);
    return null;
  },
});

export const getMany = query({
  args: { threadId: v.string(), paginationOpts: paginationOptsValidator },
  handler: async (ctx, { threadId, paginationOpts }) => {
    const operator = await requireOperator(ctx);
    operatorsConversation(operator, await conversationOfThread(ctx, threadId));
    return messagesOf(ctx, threadId, paginationOpts);
  },
});
