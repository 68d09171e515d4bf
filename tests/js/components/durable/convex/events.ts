// What the others leave behind, for the test to read.

import { v } from "convex/values";
import { internalMutation, mutation, query } from "./_generated/server";

export const note = internalMutation({
  args: { name: v.string(), detail: v.any() },
  returns: v.null(),
  handler: async (ctx, event) => {
    await ctx.db.insert("events", event);
    return null;
  },
});

export const named = query({
  args: { name: v.string() },
  handler: async (ctx, { name }) =>
    (await ctx.db.query("events").withIndex("by_name", (q) => q.eq("name", name)).collect()).map((event) => event.detail),
});

/** Opens the gate that a workflow waits at. */
export const open = mutation({
  args: { name: v.string() },
  handler: async (ctx, { name }) => {
    await ctx.db.insert("events", { name, detail: "open" });
  },
});
