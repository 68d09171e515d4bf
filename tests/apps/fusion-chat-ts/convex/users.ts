import { v } from "convex/values";
import { mutation, query } from "./_generated/server";
import { unauthorized } from "./lib/errors";

export const getMany = query({
  args: {},
  handler: async (ctx) => {
    if ((await ctx.auth.getUserIdentity()) === null) throw unauthorized("Not authenticated");
    return ctx.db.query("users").collect();
  },
});

export const add = mutation({
  args: { name: v.string() },
  handler: async (ctx, { name }) => {
    const identity = await ctx.auth.getUserIdentity();
    if (identity === null) throw unauthorized("Not authenticated");
    if (!identity.orgId) throw unauthorized("Missing organization");
    return ctx.db.insert("users", { name });
  },
});
