import { v } from "convex/values";
import { mutation, query } from "./_generated/server";

export const request = mutation({ args: {}, returns: v.any(), handler: async (ctx) => await ctx.meta.getRequestMetadata() });

export const metadata = query({ args: {}, returns: v.any(), handler: async (ctx) => await ctx.meta.getFunctionMetadata() });

export const stamp = mutation({
  args: { name: v.string() },
  returns: v.null(),
  handler: async (ctx, { name }) => {
    await ctx.db.insert("stamps", { name, at: ctx.db.vars.commitTs });
    return null;
  },
});

export const stamps = query({
  args: {},
  returns: v.array(v.object({ name: v.string(), at: v.int64() })),
  handler: async (ctx) => (await ctx.db.query("stamps").withIndex("by_at").collect()).map(({ name, at }) => ({ name, at: at as bigint })),
});

/** Writes so many documents, then fails if told to. */
export const write = mutation({
  args: { n: v.number(), fails: v.optional(v.boolean()) },
  returns: v.any(),
  handler: async (ctx, { n, fails }) => {
    for (let i = 0; i < n; i++) await ctx.db.insert("stamps", { name: `${i}`, at: ctx.db.vars.commitTs });
    if (fails) throw new Error("told to fail");
    return await ctx.meta.getTransactionMetrics();
  },
});

export const keep = mutation({
  args: { text: v.string(), fails: v.optional(v.boolean()) },
  returns: v.string(),
  handler: async (ctx, { text, fails }) => {
    const id = await ctx.storage.store(new Blob([text], { type: "text/plain" }));
    if (fails) throw new Error("told to fail");
    return id;
  },
});

export const content = mutation({
  args: { id: v.string() },
  returns: v.union(v.null(), v.string()),
  handler: async (ctx, { id }) => (await (await ctx.storage.get(id as never))?.text()) ?? null,
});
