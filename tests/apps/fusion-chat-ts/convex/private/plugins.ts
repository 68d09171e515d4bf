import { mutation, query } from "../_generated/server";
import { requireOperator } from "../lib/guards";
import { disconnect, pluginOf } from "../lib/plugins";
import { service } from "../lib/validators";

export const getOne = query({
  args: { service },
  handler: async (ctx, args) => pluginOf(ctx, (await requireOperator(ctx)).organizationId, args.service),
});

/** Forgets the connection to a service; its keys stay in the store. */
export const remove = mutation({
  args: { service },
  handler: async (ctx, args) => {
    await disconnect(ctx, (await requireOperator(ctx)).organizationId, args.service);
    return null;
  },
});
