import { actionGeneric as action, internalMutationGeneric as internalMutation, mutationGeneric as mutation, queryGeneric as query } from "convex/server";
import { ConvexError, v } from "convex/values";

export const add = mutation({
  args: { n: v.number() },
  handler: async (ctx, { n }) => {
    await ctx.db.insert("numbers", { n });
  },
});

export const addLater = internalMutation({
  args: { n: v.number() },
  handler: async (ctx, { n }) => {
    await ctx.db.insert("numbers", { n });
  },
});

export const addNote = mutation({
  args: { text: v.string(), embedding: v.array(v.float64()) },
  handler: async (ctx, note) => await ctx.db.insert("notes", note),
});

export const sum = query({
  args: {},
  handler: async (ctx) => (await ctx.db.query("numbers").collect()).reduce((sum, { n }) => sum + n, 0),
});

export const who = query({ args: {}, handler: async (ctx) => (await ctx.auth.getUserIdentity())?.subject ?? null });

export const refuse = mutation({
  args: {},
  handler: async (ctx) => {
    await ctx.db.insert("numbers", { n: 1000 });
    throw new ConvexError({ reason: "no", size: 7n });
  },
});

export const schedule = mutation({
  args: { n: v.number() },
  handler: async (ctx, { n }) => {
    await ctx.scheduler.runAfter(0, "work:addFromNode", { n });
  },
});

export const scheduleIn = mutation({
  args: { ms: v.number(), n: v.number() },
  handler: async (ctx, { ms, n }) => {
    await ctx.scheduler.runAfter(ms, "work:addFromNode", { n });
  },
});

export const viaNode = action({
  args: { depth: v.number() },
  handler: async (ctx, args) => await ctx.runAction("work:nested", args),
});
