"use node";

import { actionGeneric as action, makeFunctionReference } from "convex/server";
import { v } from "convex/values";

export const add = action({ args: { n: v.number() }, handler: async (_ctx, { n }) => n + 1 });
export const ask = action({
  args: { n: v.number() },
  handler: async (ctx, { n }) => n + (await ctx.runQuery(makeFunctionReference<"query">("inside:one"), {})),
});
