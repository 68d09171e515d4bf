import { v } from "convex/values";
import { components } from "./_generated/api";
import { mutation, query } from "./_generated/server";

const instances = { one: components.one, two: components.two };
const args = { instance: v.union(v.literal("one"), v.literal("two")), name: v.string() };

export const add = mutation({
  args,
  handler: async (ctx, { instance, name }): Promise<string> => await ctx.runMutation(instances[instance].lib.add, { name }),
});

export const count = query({
  args,
  handler: async (ctx, { instance, name }): Promise<number> => await ctx.runQuery(instances[instance].lib.count, { name }),
});
