import type { Doc } from "../_generated/dataModel";
import { mutation, query, type QueryCtx } from "../_generated/server";
import { requireOperator } from "../lib/guards";
import { widgetSettings } from "../lib/validators";

function settingsOf(ctx: QueryCtx, organizationId: string): Promise<Doc<"widgetSettings"> | null> {
  return ctx.db
    .query("widgetSettings")
    .withIndex("by_organization_id", (q) => q.eq("organizationId", organizationId))
    .unique();
}

export const getOne = query({
  args: {},
  handler: async (ctx) => settingsOf(ctx, (await requireOperator(ctx)).organizationId),
});

export const upsert = mutation({
  args: widgetSettings,
  handler: async (ctx, settings) => {
    const { organizationId } = await requireOperator(ctx);
    const known = await settingsOf(ctx, organizationId);
    if (known === null) await ctx.db.insert("widgetSettings", { organizationId, ...settings });
    else await ctx.db.patch(known._id, settings);
    return null;
  },
});
