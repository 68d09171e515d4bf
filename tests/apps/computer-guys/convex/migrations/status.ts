import { internalQuery } from "../_generated/server";

/** How far each migration is. */
export const list = internalQuery({
  args: {},
  handler: async (ctx) => {
    const migrations = await ctx.db
      .query("workflows")
      .withIndex("by_type", (q) => q.eq("type", "migration"))
      .collect();
    return migrations.map(({ name, status, metadata }) => ({ migration: name, status, ...metadata }));
  },
});
