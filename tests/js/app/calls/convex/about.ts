import { v } from "convex/values";
import { api, components, internal } from "./_generated/api";
import { action, internalQuery, mutation, query } from "./_generated/server";

export const inQuery = query({ args: {}, handler: async (ctx): Promise<unknown> => await ctx.meta.getFunctionMetadata() });

export const hidden = internalQuery({ args: {}, handler: async (ctx): Promise<unknown> => await ctx.meta.getFunctionMetadata() });

/** What functions of every kind say about themselves. */
export const inMutation = mutation({
  args: {},
  handler: async (ctx): Promise<unknown[]> => [
    await ctx.meta.getFunctionMetadata(),
    await ctx.runQuery(api.about.inQuery, {}),
    await ctx.runQuery(internal.about.hidden, {}),
    await ctx.runQuery(components.child.lib.metadata, {}),
    await ctx.runQuery(components.sibling.lib.metadata, {}),
    await ctx.meta.getFunctionMetadata(),
  ],
});

export const inAction = action({
  args: {},
  handler: async (ctx): Promise<unknown[]> => [await ctx.meta.getFunctionMetadata(), await ctx.runAction(api.inNode.metadata, {})],
});

export const deployment = query({ args: {}, handler: async (ctx) => await ctx.meta.getDeploymentMetadata() });

declare const Convex: { asyncSyscall(op: string, args: string): Promise<string> };

/** An action has no such method; it asks the server all the same. */
export const metricsInAction = action({ args: {}, handler: async () => await Convex.asyncSyscall("1.0/getTransactionMetrics", "{}") });

export const sign = mutation({
  args: { claims: v.optional(v.any()), expiresInSeconds: v.number() },
  handler: async (ctx, options) => await ctx.auth.signJwt(options),
});

export const origin = query({ args: {}, handler: async () => process.env.CONVEX_CLOUD_URL! });
