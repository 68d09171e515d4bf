import type { Doc } from "../_generated/dataModel";
import type { MutationCtx, QueryCtx } from "../_generated/server";

type Service = Doc<"plugins">["service"];

/** An organisation's connection to a service. */
export function pluginOf(ctx: QueryCtx, organizationId: string, service: Service): Promise<Doc<"plugins"> | null> {
  return ctx.db
    .query("plugins")
    .withIndex("by_organization_id_and_service", (q) => q.eq("organizationId", organizationId).eq("service", service))
    .unique();
}

export async function connect(ctx: MutationCtx, organizationId: string, service: Service, secretName: string): Promise<void> {
  const known = await pluginOf(ctx, organizationId, service);
  if (known === null) await ctx.db.insert("plugins", { organizationId, service, secretName });
  else await ctx.db.patch(known._id, { secretName });
}
