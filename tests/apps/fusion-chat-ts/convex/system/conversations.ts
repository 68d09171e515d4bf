import { v } from "convex/values";
import type { Doc } from "../_generated/dataModel";
import { internalMutation, internalQuery, type MutationCtx } from "../_generated/server";
import { notFound } from "../lib/errors";
import { conversationOfThread } from "../lib/guards";

const args = { threadId: v.string() };

async function setStatus(ctx: MutationCtx, threadId: string, status: Doc<"conversations">["status"]): Promise<null> {
  const conversation = await conversationOfThread(ctx, threadId);
  if (conversation === null) throw notFound("Conversation not found");
  await ctx.db.patch(conversation._id, { status });
  return null;
}

export const getByThreadId = internalQuery({ args, handler: (ctx, { threadId }) => conversationOfThread(ctx, threadId) });

export const escalate = internalMutation({ args, handler: (ctx, { threadId }) => setStatus(ctx, threadId, "escalated") });

export const resolve = internalMutation({ args, handler: (ctx, { threadId }) => setStatus(ctx, threadId, "resolved") });
