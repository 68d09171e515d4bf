import type { Doc } from "../_generated/dataModel";
import type { MutationCtx, QueryCtx } from "../_generated/server";
import { notFound } from "./errors";

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

/** Forgets an organisation's connection to a service; fails with NOT_FOUND if there is none. */
export async function disconnect(ctx: MutationCtx, organizationId: string, service: Service): Promise<void> {
  const plugin = await pluginOf(ctx, organizationId, service);
  if (plugin === null) throw notFound("Plugin not found");
  await ctx.db.delete(plugin._id);
}
