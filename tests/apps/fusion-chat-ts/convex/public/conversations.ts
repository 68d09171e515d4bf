import { createThread } from "@convex-dev/agent";
import { paginationOptsValidator } from "convex/server";
import { v } from "convex/values";
import { components, internal } from "../_generated/api";
import { mutation, query } from "../_generated/server";
import { unauthorized } from "../lib/errors";
import { requireVisitor, visitorsConversation } from "../lib/guards";
import { checkRateLimit } from "../lib/rateLimit";
import { lastMessageOf, say } from "../lib/threads";

const GREETING = "Hello, how can I help you today?";

/** The session's conversations, newest first, each with its newest message. */
export const getMany = query({
  args: { contactSessionId: v.id("contactSessions"), paginationOpts: paginationOptsValidator },
  handler: async (ctx, { contactSessionId, paginationOpts }) => {
    const session = await requireVisitor(ctx, contactSessionId);
    const conversations = await ctx.db
      .query("conversations")
      .withIndex("by_contact_session_id", (q) => q.eq("contactSessionId", session._id))
      .order("desc")
      .paginate(paginationOpts);
    const page = await Promise.all(
      conversations.page.map(async ({ _id, _creationTime, status, organizationId, threadId }) => ({
        _id,
        _creationTime,
        status,
        organizationId,
        threadId,
        lastMessage: await lastMessageOf(ctx, threadId),
      })),
    );
    return { ...conversations, page };
  },
});

export const getOne = query({
  args: { conversationId: v.id("conversations"), contactSessionId: v.id("contactSessions") },
  handler: async (ctx, { conversationId, contactSessionId }) => {
    const session = await requireVisitor(ctx, contactSessionId);
    const { _id, status, threadId } = visitorsConversation(await ctx.db.get(conversationId), session._id);
    return { _id, status, threadId };
  },
});

/** Begins a conversation with the organisation's greeting. What fails undoes all of it, the thread of the component included. */
export const create = mutation({
  args: { organizationId: v.string(), contactSessionId: v.id("contactSessions") },
  handler: async (ctx, { organizationId, contactSessionId }) => {
    const session = await requireVisitor(ctx, contactSessionId);
    if (session.organizationId !== organizationId) throw unauthorized("The session belongs to another organization");
    await checkRateLimit(ctx, "conversations", session._id);
    await ctx.runMutation(internal.system.contactSessions.refresh, { contactSessionId });
    const settings = await ctx.db
      .query("widgetSettings")
      .withIndex("by_organization_id", (q) => q.eq("organizationId", organizationId))
      .unique();
    const threadId = await createThread(ctx, components.agent, { userId: organizationId });
    await say(ctx, threadId, settings?.greetMessage || GREETING);
    return ctx.db.insert("conversations", { threadId, organizationId, contactSessionId, status: "unresolved" });
  },
});
