import { saveMessage } from "@convex-dev/agent";
import { paginationOptsValidator } from "convex/server";
import { v } from "convex/values";
import { components, internal } from "../_generated/api";
import { action, query } from "../_generated/server";
import { badRequest } from "../lib/errors";
import { conversationOfThread, requireVisitor, validSession, visitorsConversation } from "../lib/guards";
import { messagesOf } from "../lib/threads";
import { supportAgent } from "../system/ai/supportAgent";

const PROMPT_LENGTH_MAX = 2000;

/** Says something. While the conversation is unresolved the assistant answers; an escalated one waits for an operator. */
export const create = action({
  args: { prompt: v.string(), threadId: v.string(), contactSessionId: v.id("contactSessions") },
  handler: async (ctx, { prompt, threadId, contactSessionId }): Promise<null> => {
    const session = validSession(await ctx.runQuery(internal.system.contactSessions.getOne, { contactSessionId }));
    await ctx.runMutation(internal.system.rateLimits.checkRateLimitInternal, { key: session._id, limitKey: "messages" });
    const conversation = visitorsConversation(await ctx.runQuery(internal.system.conversations.getByThreadId, { threadId }), session._id);
    if (prompt.length > PROMPT_LENGTH_MAX) throw badRequest(`Message too long. Maximum ${PROMPT_LENGTH_MAX} characters.`);
    if (conversation.status === "resolved") throw badRequest("Conversation resolved");
    await ctx.runMutation(internal.system.contactSessions.refresh, { contactSessionId });
    if (conversation.status === "escalated") {
      await saveMessage(ctx, components.agent, { threadId, prompt });
    } else {
      await supportAgent().generateText(ctx, { threadId }, { prompt });
    }
    return null;
  },
});

/** The messages of a conversation of the session, newest first. */
export const getMany = query({
  args: { threadId: v.string(), paginationOpts: paginationOptsValidator, contactSessionId: v.id("contactSessions") },
  handler: async (ctx, { threadId, paginationOpts, contactSessionId }) => {
    const session = await requireVisitor(ctx, contactSessionId);
    visitorsConversation(await conversationOfThread(ctx, threadId), session._id);
    return messagesOf(ctx, threadId, paginationOpts);
  },
});
