// An action that costs much, whose results are kept.

import { ActionCache } from "@convex-dev/action-cache";
import { v } from "convex/values";
import { components, internal } from "./_generated/api";
import { action, internalAction, internalMutation, query } from "./_generated/server";

const cache = new ActionCache(components.actionCache, { action: internal.cached.square, name: "square" });

export const square = internalAction({
  args: { number: v.number() },
  handler: async (ctx, { number }): Promise<number> => {
    await ctx.runMutation(internal.cached.count, {});
    return number * number;
  },
});

export const count = internalMutation({
  args: {},
  handler: async (ctx) => {
    await ctx.db.insert("clicks", { button: "square" });
  },
});

export const squares = action({
  args: { numbers: v.array(v.number()) },
  handler: async (ctx, { numbers }): Promise<number[]> => {
    const found = [];
    for (const number of numbers) found.push(await cache.fetch(ctx, { number }));
    return found;
  },
});

export const forget = action({ args: {}, handler: async (ctx) => await cache.removeAllForName(ctx) });

export const computed = query({
  args: {},
  handler: async (ctx) => (await ctx.db.query("clicks").collect()).filter(({ button }) => button === "square").length,
});
