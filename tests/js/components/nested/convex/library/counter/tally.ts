import { v } from "convex/values";
import { mutation } from "./_generated/server";

/** Adds to the tally and tells it. */
export const add = mutation({
  args: { n: v.number() },
  returns: v.number(),
  handler: async (ctx, { n }) => {
    const found = await ctx.db.query("tally").first();
    if (!found) await ctx.db.insert("tally", { n });
    else await ctx.db.patch(found._id, { n: found.n + n });
    return (found?.n ?? 0) + n;
  },
});
