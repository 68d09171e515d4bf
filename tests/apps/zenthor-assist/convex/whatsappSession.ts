// What the WhatsApp connection has to keep over restarts, by key.

import { v } from "convex/values";
import type { Doc } from "./_generated/dataModel";
import type { DatabaseReader } from "./_generated/server";
import { serviceMutation, serviceQuery } from "./auth";

const byKey = (db: DatabaseReader, key: string): Promise<Doc<"whatsappSession"> | null> =>
  db
    .query("whatsappSession")
    .withIndex("by_key", (q) => q.eq("key", key))
    .first();

export const get = serviceQuery({
  args: { key: v.string() },
  returns: v.union(v.string(), v.null()),
  handler: async (ctx, { key }) => (await byKey(ctx.db, key))?.data ?? null,
});

export const set = serviceMutation({
  args: { key: v.string(), data: v.string() },
  returns: v.null(),
  handler: async (ctx, { key, data }) => {
    const found = await byKey(ctx.db, key);
    if (found) await ctx.db.patch(found._id, { data });
    else await ctx.db.insert("whatsappSession", { key, data });
    return null;
  },
});

export const remove = serviceMutation({
  args: { key: v.string() },
  returns: v.null(),
  handler: async (ctx, { key }) => {
    const found = await byKey(ctx.db, key);
    if (found) await ctx.db.delete(found._id);
    return null;
  },
});

export const getAll = serviceQuery({
  args: {},
  returns: v.array(v.object({ key: v.string(), data: v.string() })),
  handler: async (ctx) => (await ctx.db.query("whatsappSession").collect()).map(({ key, data }) => ({ key, data })),
});

export const clearAll = serviceMutation({
  args: {},
  returns: v.null(),
  handler: async (ctx) => {
    for (const { _id } of await ctx.db.query("whatsappSession").collect()) await ctx.db.delete(_id);
    return null;
  },
});
