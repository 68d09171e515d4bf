import { v } from "convex/values";
import { query } from "../_generated/server";

export const getByOrganizationId = query({
  args: { organizationId: v.string() },
  handler: (ctx, { organizationId }) =>
    ctx.db
      .query("widgetSettings")
      .withIndex("by_organization_id", (q) => q.eq("organizationId", organizationId))
      .unique(),
});
