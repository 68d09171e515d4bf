// Channels deliver a message more than once: only its first delivery counts.

import { v } from "convex/values";
import { internal } from "./_generated/api";
import { internalMutation } from "./_generated/server";
import { serviceMutation } from "./auth";
import { BATCH, DAY_MS } from "./lib/batch";
import * as fields from "./lib/fields";

export const checkAndRegister = serviceMutation({
  args: { channel: fields.channel, channelMessageId: v.string(), accountId: v.optional(v.string()) },
  returns: v.object({ isDuplicate: v.boolean() }),
  handler: async (ctx, args) => {
    const found = await ctx.db
      .query("inboundDedupe")
      .withIndex("by_channel_messageId", (q) =>
        q.eq("channel", args.channel).eq("channelMessageId", args.channelMessageId),
      )
      .first();
    if (found) return { isDuplicate: true };
    await ctx.db.insert("inboundDedupe", { ...args, createdAt: Date.now() });
    return { isDuplicate: false };
  },
});

/** Forgets what is older; gives how many these were. */
export const cleanup = internalMutation({
  args: { olderThanMs: v.optional(v.number()) },
  returns: v.number(),
  handler: async (ctx, { olderThanMs = DAY_MS }) => {
    const old = await ctx.db
      .query("inboundDedupe")
      .withIndex("by_createdAt", (q) => q.lt("createdAt", Date.now() - olderThanMs))
      .take(BATCH);
    for (const { _id } of old) await ctx.db.delete(_id);
    if (old.length === BATCH) await ctx.scheduler.runAfter(0, internal.inboundDedupe.cleanup, { olderThanMs });
    return old.length;
  },
});
