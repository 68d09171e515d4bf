import { v } from "convex/values";
import { mutation, query } from "./_generated/server";

/** The last messages, oldest first. Whoever shows them sees new ones at once. */
export const list = query({
  args: {},
  handler: async (ctx) => {
    const messages = await ctx.db.query("messages").order("desc").take(50);
    return messages.reverse();
  },
});

/** Adds a message. */
export const send = mutation({
  args: { author: v.string(), body: v.string() },
  handler: async (ctx, { author, body }) => {
    if (body.trim() === "") {
      throw new Error("A message needs a text.");
    }
    return await ctx.db.insert("messages", { author, body });
  },
});
