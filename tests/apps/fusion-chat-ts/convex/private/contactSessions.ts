import { v } from "convex/values";
import { query } from "../_generated/server";
import { operatorsConversation, requireOperator } from "../lib/guards";

export const getOneByConversationId = query({
  args: { conversationId: v.id("conversations") },
  handler: async (ctx, { conversationId }) => {
    const operator = await requireOperator(ctx, "Unauthorized");
    const conversation = operatorsConversation(operator, await ctx.db.get(conversationId), "Invalid organization id");
    return ctx.db.get(conversation.contactSessionId);
  },
});
