// What the assistant can do.

import { createTool, type ToolCtx } from "@convex-dev/agent";
import { generateText } from "ai";
import { z } from "zod";
import { internal } from "../../_generated/api";
import type { DataModel, Doc } from "../../_generated/dataModel";
import { chatModel } from "../../lib/models";
import { say } from "../../lib/threads";
import { INTERPRET, NOTHING_FOUND, retrieved } from "./prompts";
import { rag } from "./rag";

type Ctx = ToolCtx<DataModel>;
type Conversation = Doc<"conversations">;

const PASSAGES_MAX = 5;
const MISSING = "Missing thread ID";
const NO_CONVERSATION = "Conversation not found";

const conversationOf = (ctx: Ctx, threadId: string): Promise<Conversation | null> =>
  ctx.runQuery(internal.system.conversations.getByThreadId, { threadId });

export const escalateConversationTool = createTool({
  description: "Hand the conversation over to a human operator",
  inputSchema: z.object({}),
  execute: async (ctx: Ctx): Promise<string> => {
    if (ctx.threadId === undefined) return MISSING;
    const conversation = await conversationOf(ctx, ctx.threadId);
    if (conversation === null) return NO_CONVERSATION;
    if (conversation.status !== "unresolved") return `Conversation already ${conversation.status}`;
    await ctx.runMutation(internal.system.conversations.escalate, { threadId: ctx.threadId });
    await say(ctx, ctx.threadId, "Conversation escalated to a human operator.");
    return "Conversation escalated to a human operator";
  },
});

export const resolveConversationTool = createTool({
  description: "Mark the conversation as resolved, once the visitor needs nothing more",
  inputSchema: z.object({}),
  execute: async (ctx: Ctx): Promise<string> => {
    if (ctx.threadId === undefined) return MISSING;
    const conversation = await conversationOf(ctx, ctx.threadId);
    if (conversation === null) return NO_CONVERSATION;
    if (conversation.status === "resolved") return "Conversation already resolved";
    await ctx.runMutation(internal.system.conversations.resolve, { threadId: ctx.threadId });
    await say(ctx, ctx.threadId, "Conversation resolved.");
    return "Conversation resolved";
  },
});

export const searchTool = createTool({
  description: "Search the organization's documents for what answers a question",
  inputSchema: z.object({ query: z.string().describe("The question to search for") }),
  execute: async (ctx: Ctx, { query }): Promise<string> => {
    if (ctx.threadId === undefined) return MISSING;
    const conversation = await conversationOf(ctx, ctx.threadId);
    if (conversation === null) return NO_CONVERSATION;
    const { text, entries } = await rag().search(ctx, { namespace: conversation.organizationId, query, limit: PASSAGES_MAX });
    if (entries.length === 0 || text.trim() === "") return NOTHING_FOUND;
    const answer = await generateText({ model: chatModel(), system: INTERPRET, prompt: retrieved(query, text), temperature: 0 });
    return answer.text.trim() || NOTHING_FOUND;
  },
});
