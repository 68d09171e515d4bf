import { v } from "convex/values";
import { api, components, internal } from "./_generated/api";
import { internalMutation, internalQuery, mutation, query } from "./_generated/server";

const limits = v.optional(v.record(v.string(), v.number()));

export const fill = mutation({
  args: { n: v.number() },
  handler: async (ctx, { n }) => {
    for (let i = 0; i < n; i++) await ctx.db.insert("numbers", { n: i });
  },
});

export const count = query({ args: {}, handler: async (ctx) => (await ctx.db.query("numbers").collect()).length });

/** Reads so many documents and tells what is used and left. */
export const read = internalQuery({
  args: { n: v.number() },
  handler: async (ctx, { n }): Promise<any> => {
    await ctx.db.query("numbers").take(n);
    return await ctx.meta.getTransactionMetrics();
  },
});

/** Writes so many documents, schedules so many functions, stores so many files. */
export const use = internalMutation({
  args: { documents: v.optional(v.number()), jobs: v.optional(v.number()), files: v.optional(v.number()) },
  handler: async (ctx, { documents = 0, jobs = 0, files = 0 }): Promise<any> => {
    for (let i = 0; i < documents; i++) await ctx.db.insert("numbers", { n: i });
    for (let i = 0; i < jobs; i++) await ctx.scheduler.runAfter(3_600_000, internal.limits.use, {});
    for (let i = 0; i < files; i++) await ctx.storage.get(await ctx.storage.store(new Blob([`file ${i}`])));
    return await ctx.meta.getTransactionMetrics();
  },
});

const outcome = (promise: Promise<any>): Promise<any> =>
  promise.then(
    (metrics) => ({ metrics }),
    (error) => ({ error: String(error.message) }),
  );

/** Reads `n` documents within limits, and then what is left without. */
export const reads = query({
  args: { n: v.number(), limits },
  handler: async (ctx, { n, limits: transactionLimits }): Promise<any> => {
    const before = await ctx.meta.getTransactionMetrics();
    const inside = await outcome(ctx.runQuery(internal.limits.read, { n }, { transactionLimits }));
    const after = await ctx.runQuery(internal.limits.read, { n: 1 });
    return { before, inside, after };
  },
});

/** As `reads`, in a mutation that reads the state it began with. */
export const stale = mutation({
  args: { n: v.number(), limits },
  handler: async (ctx, { n, limits: transactionLimits }): Promise<any> => {
    await ctx.db.insert("numbers", { n: -1 });
    const options = { useStaleSnapshot: true, transactionLimits };
    const inside = await outcome(ctx.runQuery(internal.limits.read, { n }, options));
    const counts = [await ctx.runQuery(api.limits.count, {}, options), await ctx.runQuery(api.limits.count, {})];
    return { inside, counts, after: await ctx.meta.getTransactionMetrics() };
  },
});

/** Uses something within limits; then writes on. */
export const writes = mutation({
  args: { use: v.object({ documents: v.optional(v.number()), jobs: v.optional(v.number()), files: v.optional(v.number()) }), limits },
  handler: async (ctx, { use, limits: transactionLimits }): Promise<any> => {
    const inside = await outcome(ctx.runMutation(internal.limits.use, use, { transactionLimits }));
    const after = await ctx.runMutation(internal.limits.use, { documents: 2 });
    return { inside, after };
  },
});

/** A call in a call, each with a limit; the child is a component. */
export const inner = internalMutation({
  args: { n: v.number(), limit: v.number() },
  handler: async (ctx, { n, limit }): Promise<any> =>
    await ctx.runMutation(components.child.lib.write, { n }, { transactionLimits: { documentsWritten: limit } }),
});

export const nested = mutation({
  args: { n: v.number(), outer: v.number(), inner: v.number() },
  handler: async (ctx, { n, outer, inner }): Promise<any> => {
    const transactionLimits = { documentsWritten: outer };
    return await outcome(ctx.runMutation(internal.limits.inner, { n, limit: inner }, { transactionLimits }));
  },
});

/** What a child wrote counts, unless it failed. */
export const rolledBack = mutation({
  args: {},
  handler: async (ctx): Promise<any> => {
    await ctx.db.insert("numbers", { n: 0 });
    await ctx.runMutation(components.child.lib.write, { n: 3, fails: true }).catch(() => {});
    await ctx.runMutation(components.child.lib.write, { n: 2 });
    return await ctx.meta.getTransactionMetrics();
  },
});
