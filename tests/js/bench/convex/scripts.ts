// What the fixture's `counters` and `transfer` do in Rust, on the same tables.

import { v } from "convex/values";
import { mutationGeneric as mutation, queryGeneric as query } from "convex/server";

export const get = query({
  args: { name: v.string() },
  returns: v.number(),
  handler: async (ctx, { name }) => {
    const counter = await ctx.db
      .query("counters")
      .withIndex("by_name", (q) => q.eq("name", name))
      .unique();
    return counter?.value ?? 0;
  },
});

export const add = mutation({
  args: { name: v.string(), by: v.number() },
  returns: v.number(),
  handler: async (ctx, { name, by }) => {
    const counter = await ctx.db
      .query("counters")
      .withIndex("by_name", (q) => q.eq("name", name))
      .unique();
    const value = (counter?.value ?? 0) + by;
    if (counter === null) await ctx.db.insert("counters", { name, value });
    else await ctx.db.patch(counter._id, { value });
    return value;
  },
});

export const transfer = mutation({
  args: { from_id: v.number(), to_id: v.number(), amount: v.number() },
  returns: v.null(),
  handler: async (ctx, { from_id, to_id, amount }) => {
    const account = (id: number) =>
      ctx.db
        .query("accounts")
        .withIndex("by_number", (q) => q.eq("id", id))
        .unique();
    const [from, to] = await Promise.all([account(from_id), account(to_id)]);
    if (from === null || to === null || from.balance < amount) return null;
    await ctx.db.patch(from._id, { balance: from.balance - amount });
    await ctx.db.patch(to._id, { balance: to.balance + amount });
    return null;
  },
});
