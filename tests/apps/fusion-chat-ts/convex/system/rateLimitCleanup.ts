import { internalMutation } from "../_generated/server";

const KEPT_MS = 24 * 3_600_000;
const BATCH = 1_000;

/** Forgets windows of yesterday. */
export const cleanup = internalMutation({
  args: {},
  handler: async (ctx) => {
    const oldest = await ctx.db.query("rateLimits").take(BATCH);
    const over = oldest.filter(({ windowStart }) => windowStart < Date.now() - KEPT_MS);
    for (const { _id } of over) await ctx.db.delete(_id);
    return { deletedCount: over.length };
  },
});
