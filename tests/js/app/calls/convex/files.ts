import { v } from "convex/values";
import { components } from "./_generated/api";
import { mutation, query } from "./_generated/server";

export const store = mutation({
  args: { text: v.string(), sha256: v.optional(v.string()), fails: v.optional(v.boolean()) },
  handler: async (ctx, { text, sha256, fails }) => {
    const id = await ctx.storage.store(new Blob([text], { type: "text/plain" }), { sha256 });
    const own = await (await ctx.storage.get(id))!.text();
    if (fails) throw new Error(`told to fail ${id}`);
    return { id, own, url: await ctx.storage.getUrl(id), metadata: await ctx.storage.getMetadata(id) };
  },
});

export const get = mutation({
  args: { id: v.string() },
  handler: async (ctx, { id }) => {
    const blob = await ctx.storage.get(id as never);
    return blob === null ? null : { text: await blob.text(), type: blob.type };
  },
});

export const remove = mutation({
  args: { id: v.id("_storage"), fails: v.boolean() },
  handler: async (ctx, { id, fails }) => {
    await ctx.storage.delete(id);
    if (fails) throw new Error("told to fail");
  },
});

/** A child stores and fails, another stores: only that is there. */
export const inChildren = mutation({
  args: {},
  handler: async (ctx) => {
    await ctx.runMutation(components.child.lib.keep, { text: "gone", fails: true }).catch(() => {});
    const id: string = await ctx.runMutation(components.sibling.lib.keep, { text: "kept" });
    return {
      id,
      sibling: (await ctx.runMutation(components.sibling.lib.content, { id })) as string | null,
      child: await ctx.runMutation(components.child.lib.content, { id }).catch((error: Error) => error.message),
    };
  },
});

export const count = query({ args: {}, handler: async (ctx) => (await ctx.db.system.query("_storage").collect()).length });
