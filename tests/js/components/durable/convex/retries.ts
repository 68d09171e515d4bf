// An action that fails twice before it works.

import { ActionRetrier, runIdValidator } from "@convex-dev/action-retrier";
import { v } from "convex/values";
import { components, internal } from "./_generated/api";
import { internalAction, mutation, query } from "./_generated/server";

const retrier = new ActionRetrier(components.actionRetrier, { initialBackoffMs: 50, base: 1.1, logLevel: "ERROR" });

export const start = mutation({
  args: {},
  handler: (ctx) => retrier.run(ctx, internal.retries.unsteady, {}),
});

export const unsteady = internalAction({
  args: {},
  returns: v.string(),
  handler: async (ctx) => {
    await ctx.runMutation(internal.events.note, { name: "try", detail: null });
    const tries = await ctx.runQuery(internal.flow.times, { name: "try" });
    if (tries < 3) throw new Error(`try ${tries} fails`);
    return `try ${tries} works`;
  },
});

export const status = query({
  args: { id: runIdValidator },
  handler: (ctx, { id }) => retrier.status(ctx, id),
});
