import { v } from "convex/values";
import { components } from "./_generated/api";
import { mutation, query } from "./_generated/server";

const libraries = { main: components.main, branch: components.branch };
const library = v.union(v.literal("main"), v.literal("branch"));

export const add = mutation({
  args: { library, title: v.string() },
  handler: async (ctx, { library, title }): Promise<number> => {
    console.log("at the desk");
    return await ctx.runMutation(libraries[library].books.add, { title, year: 1900 + title.length });
  },
});

export const titles = query({
  args: { library },
  handler: async (ctx, { library }): Promise<string[]> => await ctx.runQuery(libraries[library].books.titles, {}),
});

export const register = mutation({ args: { name: v.string() }, handler: async (ctx, { name }) => await ctx.db.insert("readers", { name }) });
