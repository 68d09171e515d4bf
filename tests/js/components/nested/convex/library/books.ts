import { v } from "convex/values";
import { components, internal } from "./_generated/api";
import { action, internalMutation, mutation, query } from "./_generated/server";

/** Adds a book and tells how many there are now. */
export const add = mutation({
  args: { title: v.string(), year: v.number() },
  returns: v.number(),
  handler: async (ctx, { title, year }): Promise<number> => {
    console.log("shelving", title);
    await ctx.db.insert("books", { title, year });
    return await ctx.runMutation(components.counter.tally.add, { n: 1 });
  },
});

export const titles = query({
  args: {},
  returns: v.array(v.string()),
  handler: async (ctx) => (await ctx.db.query("books").withIndex("by_year").collect()).map(({ title }) => title),
});

/** What inventories do. */
export const recount = internalMutation({
  args: { note: v.string() },
  handler: async (ctx, { note }) => {
    console.log("recounted:", note, (await ctx.db.query("books").collect()).length);
  },
});

/** Recounts in a day. */
export const recountLater = mutation({
  args: {},
  returns: v.string(),
  handler: async (ctx) => await ctx.scheduler.runAfter(86_400_000, internal.books.recount, { note: "later" }),
});

/** Prints while it runs. */
export const announce = action({
  args: { text: v.string() },
  returns: v.null(),
  handler: async (ctx, { text }) => {
    console.warn("announcing", text);
    await ctx.runMutation(internal.books.recount, { note: text });
    return null;
  },
});
