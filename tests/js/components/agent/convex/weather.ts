// What the agent's tools read and write in the app's own tables.

import { v } from "convex/values";
import { internalMutation, internalQuery } from "./_generated/server";

export const of = internalQuery({
  args: { city: v.string() },
  handler: async (ctx, { city }) => {
    const report = await ctx.db
      .query("reports")
      .withIndex("by_city", (q) => q.eq("city", city))
      .first();
    return report?.weather ?? null;
  },
});

export const report = internalMutation({
  args: { city: v.string(), weather: v.string() },
  handler: async (ctx, args) => {
    await ctx.db.insert("reports", args);
  },
});
