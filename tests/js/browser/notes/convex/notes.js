// Functions of every kind, that print, fail, schedule others and read the environment.

import { actionGeneric as action, internalMutationGeneric as internalMutation, makeFunctionReference, mutationGeneric as mutation, queryGeneric as query } from "convex/server";
import { v } from "convex/values";

const addNote = makeFunctionReference("notes:add");

export const list = query({
  args: {},
  handler: async (ctx) => (await ctx.db.query("notes").order("desc").take(20)).map(({ text, n }) => ({ text, n })),
});

export const add = mutation({
  args: { text: v.string(), n: v.number(), mood: v.optional(v.union(v.literal("good"), v.literal("bad"))) },
  handler: async (ctx, { text, n, mood }) => {
    console.log("adding", text, mood ?? "in no mood");
    return await ctx.db.insert("notes", { text, n });
  },
});

export const greet = query({ args: {}, handler: async () => process.env.GREETING ?? "no greeting" });

export const whoami = query({ args: {}, handler: async (ctx) => (await ctx.auth.getUserIdentity())?.name ?? "nobody" });

export const fail = mutation({
  args: {},
  handler: async () => {
    console.warn("about to fail");
    throw new Error("it failed on purpose");
  },
});

export const work = action({
  args: { text: v.string() },
  handler: async (ctx, { text }) => {
    console.log("working");
    return await ctx.runMutation(addNote, { text, n: 1 });
  },
});

export const later = mutation({
  args: {},
  handler: async (ctx) => {
    await ctx.scheduler.runAfter(3_600_000, addNote, { text: "later", n: 9 });
  },
});

export const secret = internalMutation({ args: {}, handler: async () => "inside" });
