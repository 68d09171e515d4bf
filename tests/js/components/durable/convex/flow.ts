// A workflow with a step of each kind. It waits at a gate, so that a test can stop the server in the middle.

import { vWorkflowId, WorkflowManager } from "@convex-dev/workflow";
import { v } from "convex/values";
import { components, internal } from "./_generated/api";
import { internalAction, internalQuery, mutation, query } from "./_generated/server";

const workflow = new WorkflowManager(components.workflow, {
  workpoolOptions: { retryActionsByDefault: true, defaultRetryBehavior: { maxAttempts: 20, initialBackoffMs: 100, base: 1.1 } },
});

export const baking = workflow.define({
  args: { what: v.string() },
  returns: v.string(),
  handler: async (step, { what }): Promise<string> => {
    await step.runMutation(internal.events.note, { name: "mixed", detail: what });
    const waited = await step.runAction(internal.flow.bake, { what });
    const times = await step.runQuery(internal.flow.times, { name: "mixed" });
    await step.runMutation(internal.events.note, { name: "served", detail: what });
    return `${waited}, mixed ${times} times`;
  },
});

/** Fails until the gate is open. */
export const bake = internalAction({
  args: { what: v.string() },
  returns: v.string(),
  handler: async (ctx, { what }) => {
    const times = await ctx.runQuery(internal.flow.times, { name: "gate" });
    if (times === 0) throw new Error("the oven is closed");
    return `${what} baked`;
  },
});

export const times = internalQuery({
  args: { name: v.string() },
  returns: v.number(),
  handler: async (ctx, { name }) =>
    (await ctx.db.query("events").withIndex("by_name", (q) => q.eq("name", name)).collect()).length,
});

export const start = mutation({
  args: { what: v.string() },
  returns: vWorkflowId,
  handler: (ctx, { what }) => workflow.start(ctx, internal.flow.baking, { what }),
});

export const status = query({
  args: { id: vWorkflowId },
  handler: (ctx, { id }) => workflow.status(ctx, id),
});
