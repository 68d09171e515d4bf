import { internalMutation } from "./_generated/server";

const BATCH = 500;

/** Removes windows that are over. */
export const cleanUp = internalMutation({
  args: {},
  handler: async (ctx) => {
    const over = await ctx.db
      .query("rateLimits")
      .withIndex("by_window", (q) => q.lt("windowEnd", Date.now()))
      .take(BATCH);
    for (const { _id } of over) await ctx.db.delete(_id);
  },
});
