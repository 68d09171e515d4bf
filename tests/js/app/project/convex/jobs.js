// Work for later: by mutations and by actions, that succeeds, fails, schedules more or is called off.

import { actionGeneric, anyApi, internalActionGeneric, internalMutationGeneric, mutationGeneric, queryGeneric } from "convex/server";
import { ConvexError, v } from "convex/values";

const api = anyApi;
const labelled = (db, label) => db.query("scheduled").withIndex("by_label", (q) => q.eq("label", label)).first();

/** Leaves a mark with the identity, which nothing scheduled has. */
export const mark = internalMutationGeneric({
  args: { label: v.string(), then: v.optional(v.union(v.literal("throw"), v.literal("data"))) },
  handler: async (ctx, { label, then }) => {
    await ctx.db.insert("marks", { label, who: (await ctx.auth.getUserIdentity())?.subject ?? null });
    if (then === "throw") throw new Error("after the mark");
    if (then === "data") throw new ConvexError({ after: label });
  },
});

export const markInAction = internalActionGeneric({
  args: { label: v.string(), then: v.optional(v.union(v.literal("throw"), v.literal("data"))) },
  handler: async (ctx, { label, then }) => {
    await ctx.runMutation(api.jobs.mark, { label });
    if (then === "throw") throw new Error("after the mark");
    if (then === "data") throw new ConvexError({ after: label });
  },
});

/** Schedules itself until nothing is left. */
export const countDown = internalMutationGeneric({
  args: { label: v.string(), left: v.number() },
  handler: async ({ db, scheduler }, { label, left }) => {
    await db.insert("marks", { label: `${label} ${left}`, who: null });
    if (left > 0) await scheduler.runAfter(0, api.jobs.countDown, { label, left: left - 1 });
  },
});

const work = {
  label: v.string(),
  /** In milliseconds; a day for what is not meant to run. */
  delay: v.number(),
  kind: v.union(v.literal("mark"), v.literal("markInAction"), v.literal("countDown"), v.literal("wrongArguments")),
  then: v.optional(v.union(v.literal("throw"), v.literal("data"))),
};

const schedule = async (scheduler, { label, delay, kind, then }) => {
  if (kind === "countDown") return await scheduler.runAfter(delay, api.jobs.countDown, { label, left: 2 });
  if (kind === "wrongArguments") return await scheduler.runAfter(delay, api.jobs.mark, { label, unknown: 1 });
  return await scheduler.runAt(Date.now() + delay, api.jobs[kind], then ? { label, then } : { label });
};

export const begin = mutationGeneric({
  args: { ...work, fail: v.boolean() },
  handler: async ({ db, scheduler }, { fail, ...args }) => {
    const job = await schedule(scheduler, args);
    await db.insert("scheduled", { label: args.label, job });
    // What failed has scheduled nothing.
    if (fail) throw new ConvexError("not after all");
    return (await db.system.get(job)).state.kind;
  },
});

export const beginInAction = actionGeneric({
  args: { ...work, fail: v.boolean() },
  handler: async ({ runMutation, scheduler }, { fail, ...args }) => {
    const job = await schedule(scheduler, args);
    await runMutation(api.jobs.remember, { label: args.label, job });
    // What an action has scheduled stays so.
    if (fail) throw new ConvexError("not after all");
  },
});

export const remember = internalMutationGeneric({
  args: { label: v.string(), job: v.id("_scheduled_functions") },
  handler: ({ db }, args) => db.insert("scheduled", args),
});

export const cancel = mutationGeneric({
  args: { label: v.string() },
  handler: async ({ db, scheduler }, { label }) => {
    const found = await labelled(db, label);
    if (!found) return "unknown";
    await scheduler.cancel(found.job);
    return (await db.system.get(found.job)).state.kind;
  },
});

/** All of it by label, without what is each deployment's own. */
export const state = queryGeneric({
  args: {},
  handler: async ({ db }) => {
    const jobs = await db.system.query("_scheduled_functions").collect();
    return {
      jobs: jobs
        .map(({ name, args, state }) => ({ name: name.replace(".js:", ":"), args, kind: state.kind }))
        .sort((a, b) => (JSON.stringify([a.name, a.args]) < JSON.stringify([b.name, b.args]) ? -1 : 1)),
      marks: (await db.query("marks").withIndex("by_label").collect()).map(({ label, who }) => [label, who]),
      remembered: (await db.query("scheduled").withIndex("by_label").collect()).map(({ label }) => label),
    };
  },
});

/** For crons. */
export const tick = internalMutationGeneric({
  args: { label: v.string() },
  handler: ({ db }, { label }) => db.insert("marks", { label, who: null }),
});

export const marks = queryGeneric({
  args: { label: v.string() },
  handler: async ({ db }, { label }) => (await db.query("marks").withIndex("by_label", (q) => q.eq("label", label)).collect()).length,
});
