import { migration } from "./batches";

/** Conversations made before they knew when their last message was sent. */
export const run = migration({
  path: "migrations/backfillLastMessage:run",
  table: "conversations",
  migrate: async (ctx, { _id, lastMessageAt }) => {
    if (lastMessageAt !== undefined) return undefined;
    const newest = await ctx.db
      .query("messages")
      .withIndex("by_conversation_created", (q) => q.eq("conversationId", _id))
      .order("desc")
      .first();
    return newest === null ? undefined : { lastMessageAt: newest.createdAt };
  },
});
