// Workflows: steps in an order, each tracked in the workflow's document. A step that failed is tried again later; one that was cut
// off, by the end of the server, too, begins again; what was completed is not repeated.

import { v } from "convex/values";
import { internal } from "./_generated/api";
import type { Doc, Id } from "./_generated/dataModel";
import { internalAction, internalMutation, internalQuery, mutation, query, type MutationCtx } from "./_generated/server";
import { track } from "./model/analytics";
import { MINUTE, SECOND } from "./model/time";
import { workflowStatus } from "./model/validators";
import { definitions, type Input, type WorkflowType } from "./model/workflowDefinitions";

const RETRIES_MAX = 3;
/** A step that has not ended after this time was cut off: actions may take ten minutes. */
const STALLED_MS = 11 * MINUTE;
const BATCH = 100;

type Workflow = Doc<"workflows">;

const isOpen = ({ status }: Workflow): boolean => status === "pending" || status === "running";

/** Begins a workflow; its steps run after this transaction. */
export async function begin<Type extends WorkflowType>(ctx: MutationCtx, type: Type, input: Input<Type>): Promise<Id<"workflows">> {
  const workflowId = await ctx.db.insert("workflows", {
    name: definitions[type].title,
    type,
    status: "pending",
    input,
    steps: [],
    retries: 0,
    createdAt: Date.now(),
  });
  await ctx.scheduler.runAfter(0, internal.workflows.advance, { workflowId });
  return workflowId;
}

function stepNames(workflow: Workflow): string[] {
  const definition = definitions[workflow.type as WorkflowType];
  if (definition === undefined) throw new Error(`there are no workflows of type ${workflow.type}`);
  return Object.keys(definition.steps);
}

/** Replaces the last step that was begun. */
function withLast(workflow: Workflow, change: Partial<Workflow["steps"][number]>): Workflow["steps"] {
  return workflow.steps.map((step, at) => (at === workflow.steps.length - 1 ? { ...step, ...change } : step));
}

const results = (workflow: Workflow): Record<string, unknown> =>
  Object.fromEntries(workflow.steps.filter(({ status }) => status === "completed").map(({ name, result }) => [name, result]));

async function finish(ctx: MutationCtx, workflow: Workflow, change: Partial<Workflow>): Promise<void> {
  await ctx.db.patch(workflow._id, { ...change, completedAt: Date.now() });
  const data = { workflowId: workflow._id, type: workflow.type };
  await track(ctx, { type: "system", event: `workflow.${change.status}`, data });
}

/** Begins the next step, or the last one again, or ends the workflow. */
export const advance = internalMutation({
  args: { workflowId: v.id("workflows") },
  handler: async (ctx, { workflowId }) => {
    const workflow = await ctx.db.get(workflowId);
    if (workflow === null || !isOpen(workflow)) return;
    const now = Date.now();
    const last = workflow.steps.at(-1);
    if (last?.status === "running") return;
    const again = last?.status === "pending";
    const name = again ? last.name : stepNames(workflow)[workflow.steps.length];
    if (name === undefined) {
      await finish(ctx, workflow, { status: "completed", output: results(workflow) });
      return;
    }
    const begun = { status: "running" as const, startedAt: now };
    await ctx.db.patch(workflowId, {
      status: "running",
      startedAt: workflow.startedAt ?? now,
      steps: again ? withLast(workflow, begun) : [...workflow.steps, { name, ...begun }],
    });
    const step = again ? workflow.steps.length - 1 : workflow.steps.length;
    await ctx.scheduler.runAfter(0, internal.workflows.runStep, { workflowId, step, attempt: workflow.retries });
  },
});

const attemptArgs = { workflowId: v.id("workflows"), step: v.number(), attempt: v.number() };
type Attempt = { workflowId: Id<"workflows">; step: number; attempt: number };

/** The workflow, if this attempt is still the one that counts. */
async function current(ctx: MutationCtx, { workflowId, step, attempt }: Attempt): Promise<Workflow | null> {
  const workflow = await ctx.db.get(workflowId);
  if (workflow === null || workflow.status !== "running" || workflow.retries !== attempt) return null;
  return workflow.steps.length === step + 1 && workflow.steps[step]?.status === "running" ? workflow : null;
}

export const load = internalQuery({
  args: { workflowId: v.id("workflows") },
  handler: (ctx, { workflowId }) => ctx.db.get(workflowId),
});

/** Runs one attempt of one step and records how it ended. */
export const runStep = internalAction({
  args: attemptArgs,
  handler: async (ctx, attempt): Promise<void> => {
    const workflow = await ctx.runQuery(internal.workflows.load, { workflowId: attempt.workflowId });
    const step = workflow?.steps[attempt.step];
    if (workflow === null || step === undefined) return;
    const { steps } = definitions[workflow.type as WorkflowType];
    const run = steps[step.name];
    try {
      if (run === undefined) throw new Error(`there is no step ${step.name}`);
      const result = await ctx.runAction(run, { input: workflow.input, results: results(workflow) });
      await ctx.runMutation(internal.workflows.completeStep, { ...attempt, result: result ?? null });
    } catch (error) {
      await ctx.runMutation(internal.workflows.failStep, { ...attempt, error: error instanceof Error ? error.message : String(error) });
    }
  },
});

export const completeStep = internalMutation({
  args: { ...attemptArgs, result: v.any() },
  handler: async (ctx, { result, ...attempt }) => {
    const workflow = await current(ctx, attempt);
    if (workflow === null) return;
    const steps = withLast(workflow, { status: "completed", completedAt: Date.now(), result, error: undefined });
    await ctx.db.patch(workflow._id, { steps, retries: 0 });
    await ctx.scheduler.runAfter(0, internal.workflows.advance, { workflowId: workflow._id });
  },
});

async function tryAgain(ctx: MutationCtx, workflow: Workflow, error: string): Promise<void> {
  const retries = workflow.retries + 1;
  if (retries > RETRIES_MAX) {
    const steps = withLast(workflow, { status: "failed", completedAt: Date.now(), error });
    await finish(ctx, workflow, { status: "failed", error, steps });
    return;
  }
  await ctx.db.patch(workflow._id, { retries, steps: withLast(workflow, { status: "pending", error }) });
  await ctx.scheduler.runAfter(SECOND * 2 ** retries, internal.workflows.advance, { workflowId: workflow._id });
}

export const failStep = internalMutation({
  args: { ...attemptArgs, error: v.string() },
  handler: async (ctx, { error, ...attempt }) => {
    const workflow = await current(ctx, attempt);
    if (workflow !== null) await tryAgain(ctx, workflow, error);
  },
});

/** Takes up workflows whose step was cut off. */
export const resumeStalled = internalMutation({
  args: {},
  handler: async (ctx) => {
    const running = await ctx.db
      .query("workflows")
      .withIndex("by_status", (q) => q.eq("status", "running"))
      .take(BATCH);
    const begunBefore = Date.now() - STALLED_MS;
    for (const workflow of running) {
      const last = workflow.steps.at(-1);
      if (last?.status === "running" && last.startedAt < begunBefore) await tryAgain(ctx, workflow, "The step was cut off");
    }
  },
});

export const get = query({
  args: { workflowId: v.id("workflows") },
  handler: (ctx, { workflowId }) => ctx.db.get(workflowId),
});

/** The newest workflows, of one status or one type if it is given. */
export const list = query({
  args: { status: v.optional(workflowStatus), type: v.optional(v.string()), limit: v.optional(v.number()) },
  handler: (ctx, { status, type, limit = 50 }) => {
    const table = ctx.db.query("workflows");
    const some =
      status !== undefined
        ? table.withIndex("by_status", (q) => q.eq("status", status))
        : type !== undefined
          ? table.withIndex("by_type", (q) => q.eq("type", type))
          : table;
    const newest = some.order("desc");
    return (status !== undefined && type !== undefined ? newest.filter((q) => q.eq(q.field("type"), type)) : newest).take(limit);
  },
});

/** Stops a workflow before its next step. */
export const cancel = mutation({
  args: { workflowId: v.id("workflows") },
  handler: async (ctx, { workflowId }) => {
    const workflow = await ctx.db.get(workflowId);
    if (workflow === null) throw new Error("Workflow not found");
    if (!isOpen(workflow)) throw new Error(`Cannot cancel a ${workflow.status} workflow`);
    await finish(ctx, workflow, { status: "cancelled" });
    return { success: true };
  },
});

/** Takes up a failed workflow at the step that failed. */
export const retry = mutation({
  args: { workflowId: v.id("workflows") },
  handler: async (ctx, { workflowId }) => {
    const workflow = await ctx.db.get(workflowId);
    if (workflow === null) throw new Error("Workflow not found");
    if (workflow.status !== "failed") throw new Error(`Cannot retry a ${workflow.status} workflow`);
    const steps = withLast(workflow, { status: "pending", completedAt: undefined });
    await ctx.db.patch(workflowId, { status: "running", retries: 0, error: undefined, completedAt: undefined, steps });
    await ctx.scheduler.runAfter(0, internal.workflows.advance, { workflowId });
    return { success: true };
  },
});
