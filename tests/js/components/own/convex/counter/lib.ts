import { v } from "convex/values";
import { mutation, query } from "./_generated/server";

export const add = mutation({
  args: { name: v.string() },
  returns: v.string(),
  handler: async (ctx, { name }) => await ctx.db.insert("counts", { name, n: 1 }),
});

export const count = query({
  args: { name: v.string() },
  returns: v.number(),
  handler: async (ctx, { name }) => {
    const rows = await ctx.db.query("counts").withIndex("by_name", (q) => q.eq("name", name)).collect();
    return rows.reduce((sum, { n }) => sum + n, 0);
  },
});
