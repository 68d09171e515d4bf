// Work for a pool that does three things at a time.

import { vOnCompleteArgs, Workpool } from "@convex-dev/workpool";
import { v } from "convex/values";
import { components, internal } from "./_generated/api";
import { internalAction, internalMutation, mutation } from "./_generated/server";

const pool = new Workpool(components.workpool, { maxParallelism: 3, logLevel: "ERROR" });

export const enqueue = mutation({
  args: { count: v.number() },
  handler: async (ctx, { count }) => {
    for (let number = 0; number < count; number++) {
      await pool.enqueueAction(ctx, internal.pool.work, { number }, { onComplete: internal.pool.done, context: { number } });
    }
  },
});

export const work = internalAction({
  args: { number: v.number() },
  returns: v.number(),
  handler: async (ctx, { number }) => {
    if (number % 5 === 4) throw new Error(`work ${number} fails`);
    await ctx.runMutation(internal.events.note, { name: "work", detail: number });
    return number * 2;
  },
});

export const done = internalMutation({
  args: vOnCompleteArgs(v.object({ number: v.number() })),
  handler: async (ctx, { context, result }) => {
    await ctx.db.insert("events", { name: "done", detail: { number: context.number, result } });
  },
});
