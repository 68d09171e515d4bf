import { mutation, query } from "../_generated/server";
import { notFound } from "../lib/errors";
import { requireOperator } from "../lib/guards";
import { pluginOf } from "../lib/plugins";
import { service } from "../lib/validators";

export const getOne = query({
  args: { service },
  handler: async (ctx, args) => pluginOf(ctx, (await requireOperator(ctx)).organizationId, args.service),
});

/** Forgets the connection to a service; its keys stay in the store. */
export const remove = mutation({
  args: { service },
  handler: async (ctx, args) => {
    const { organizationId } = await requireOperator(ctx);
    const plugin = await pluginOf(ctx, organizationId, args.service);
    if (plugin === null) throw notFound("Plugin not found");
    await ctx.db.delete(plugin._id);
    return null;
  },
});
