import { paginationOptsValidator } from "convex/server";
import { v } from "convex/values";
import { mutation, query } from "../_generated/server";
import { notFound } from "../lib/errors";
import { operatorsConversation, requireOperator } from "../lib/guards";
import { lastMessageOf } from "../lib/threads";
import { conversationStatus } from "../lib/validators";

const FIRST_PAGE = { numItems: 100, cursor: null };

/** Sets who has to act; any change is allowed. */
export const updateStatus = mutation({
  args: { conversationId: v.id("conversations"), status: conversationStatus },
  handler: async (ctx, { conversationId, status }) => {
    const operator = await requireOperator(ctx);
    const { _id } = operatorsConversation(operator, await ctx.db.get(conversationId));
    await ctx.db.patch(_id, { status });
    return null;
  },
});

export const getOne = query({
  args: { conversationId: v.id("conversations") },
  handler: async (ctx, { conversationId }) => {
    const operator = await requireOperator(ctx);
    const conversation = operatorsConversation(operator, await ctx.db.get(conversationId));
    const contactSession = await ctx.db.get(conversation.contactSessionId);
    if (contactSession === null) throw notFound("Contact Session not found");
    return { ...conversation, contactSession };
  },
});

/** The organisation's conversations, newest first. Those whose visitor is gone are left out, so a page may be shorter than asked for. */
export const getMany = query({
  args: {
    paginationOpts: v.optional(paginationOptsValidator),
    status: v.optional(v.union(conversationStatus, v.literal("all"))),
  },
  handler: async (ctx, { paginationOpts = FIRST_PAGE, status = "all" }) => {
    const { organizationId } = await requireOperator(ctx);
    const table = ctx.db.query("conversations");
    const some =
      status === "all"
        ? table.withIndex("by_organization_id", (q) => q.eq("organizationId", organizationId))
        : table.withIndex("by_status_and_organization_id", (q) => q.eq("status", status).eq("organizationId", organizationId));
    const conversations = await some.order("desc").paginate(paginationOpts);
    const page = await Promise.all(
      conversations.page.map(async (conversation) => {
        const contactSession = await ctx.db.get(conversation.contactSessionId);
        if (contactSession === null) return [];
        return [{ ...conversation, lastMessage: await lastMessageOf(ctx, conversation.threadId), contactSession }];
      }),
    );
    return { ...conversations, page: page.flat() };
  },
});
