import { v } from "convex/values";
import { api, components, internal } from "./_generated/api";
import { action, internalAction, internalMutation, mutation, query } from "./_generated/server";

export const inMutation = mutation({ args: {}, handler: async (ctx): Promise<unknown> => await ctx.meta.getRequestMetadata() });

export const inAction = action({ args: {}, handler: async (ctx): Promise<unknown> => await ctx.meta.getRequestMetadata() });

/** What an action and all that it calls see. */
export const fromAction = action({
  args: {},
  handler: async (ctx): Promise<Record<string, unknown>> => ({
    own: await ctx.meta.getRequestMetadata(),
    mutation: await ctx.runMutation(api.requests.inMutation, {}),
    action: await ctx.runAction(api.requests.inAction, {}),
    node: await ctx.runAction(api.inNode.request, {}),
    child: await ctx.runMutation(components.child.lib.request, {}),
  }),
});

export const fromMutation = mutation({
  args: {},
  handler: async (ctx): Promise<Record<string, unknown>> => ({
    own: await ctx.meta.getRequestMetadata(),
    mutation: await ctx.runMutation(api.requests.inMutation, {}),
    child: await ctx.runMutation(components.child.lib.request, {}),
  }),
});

declare const Convex: { asyncSyscall(op: string, args: string): Promise<string> };

/** A query has no such method; it asks the server all the same. */
export const inQuery = query({ args: {}, handler: async () => await Convex.asyncSyscall("1.0/getRequestMetadata", "{}") });

export const queryInMutation = mutation({ args: {}, handler: async (ctx): Promise<unknown> => await ctx.runQuery(api.requests.inQuery, {}) });

export const note = internalMutation({
  args: { name: v.string() },
  handler: async (ctx, { name }) => {
    await ctx.db.insert("seen", { name, request: await ctx.meta.getRequestMetadata() });
  },
});

export const noteByAction = internalAction({
  args: {},
  handler: async (ctx) => {
    await ctx.runMutation(internal.requests.note, { name: "action" });
  },
});

export const schedule = mutation({
  args: {},
  handler: async (ctx): Promise<string[]> => [
    await ctx.scheduler.runAfter(0, internal.requests.note, { name: "mutation" }),
    await ctx.scheduler.runAfter(0, internal.requests.noteByAction, {}),
  ],
});

export const seen = query({ args: {}, handler: async (ctx) => await ctx.db.query("seen").collect() });
