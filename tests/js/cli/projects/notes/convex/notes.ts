import { v } from "convex/values";
import { internalMutation, mutation, query } from "./_generated/server";
import { greet } from "./lib/greeting";

export const list = query({
  args: {},
  returns: v.array(v.string()),
  handler: async (ctx) => {
    const notes = await ctx.db.query("notes").collect();
    return await Promise.all(
      notes.map(async (note) => `${(await ctx.db.get(note.author))!.name}: ${note.text}`),
    );
  },
});

export const add = mutation({
  args: { author: v.string(), text: v.string() },
  handler: async (ctx, { author, text }) => {
    const known = await ctx.db
      .query("authors")
      .withIndex("by_name", (q) => q.eq("name", author))
      .unique();
    const id = known?._id ?? (await ctx.db.insert("authors", { name: author }));
    return await ctx.db.insert("notes", { author: id, text });
  },
});

export const hello = query({ args: { name: v.string() }, handler: async (_ctx, { name }) => greet(name) });

export const clear = internalMutation({
  args: {},
  handler: async (ctx) => {
    for (const note of await ctx.db.query("notes").collect()) await ctx.db.delete(note._id);
  },
});
