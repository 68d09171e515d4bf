import { v } from "convex/values";
import { components } from "./_generated/api";
import { mutation, query } from "./_generated/server";

/** Two documents here, one in each component: one commit. */
export const everywhere = mutation({
  args: { name: v.string() },
  handler: async (ctx, { name }) => {
    const at = ctx.db.vars.commitTs;
    await ctx.db.insert("stamps", { name, at });
    await ctx.runMutation(components.child.lib.stamp, { name });
    await ctx.runMutation(components.sibling.lib.stamp, { name });
    await ctx.db.insert("stamps", { name, at, past: [{ at }] });
    return { at, nested: [at] };
  },
});

/** What a mutation sees of what it writes itself. */
export const ownView = mutation({
  args: {},
  handler: async (ctx) => {
    const at = ctx.db.vars.commitTs;
    const id = await ctx.db.insert("stamps", { name: "own", at });
    const found = await ctx.db.get(id);
    const last = await ctx.db.query("stamps").withIndex("by_at").order("desc").first();
    let used = "";
    try {
      used = String((found!.at as unknown as bigint) + 1n);
    } catch (error) {
      used = (error as Error).message;
    }
    const above = await ctx.db.query("stamps").withIndex("by_at", (q) => q.gt("at", ctx.meta.getSnapshotTs())).collect();
    return { same: found!.at === at, last: last!._id === id, used, above: above.map((doc) => doc._id === id) };
  },
});

export const patch = mutation({
  args: { name: v.string() },
  handler: async (ctx, { name }) => {
    const stamp = await ctx.db.query("stamps").withIndex("by_name", (q) => q.eq("name", name)).first();
    await ctx.db.patch(stamp!._id, { at: ctx.db.vars.commitTs });
  },
});

export const replace = mutation({
  args: { name: v.string(), as: v.string() },
  handler: async (ctx, { name, as }) => {
    const stamp = await ctx.db.query("stamps").withIndex("by_name", (q) => q.eq("name", name)).first();
    await ctx.db.replace(stamp!._id, { name: as, at: ctx.db.vars.commitTs });
  },
});

export const insert = mutation({
  args: { name: v.string(), at: v.any() },
  handler: async (ctx, { name, at }) => {
    await ctx.db.insert("stamps", { name, at });
  },
});

export const all = query({
  args: {},
  handler: async (ctx) => ({
    here: (await ctx.db.query("stamps").withIndex("by_at").collect()).map(({ name, at, past }) => ({ name, at, past })),
    child: await ctx.runQuery(components.child.lib.stamps, {}),
    sibling: await ctx.runQuery(components.sibling.lib.stamps, {}),
    now: ctx.meta.getSnapshotTs(),
  }),
});
