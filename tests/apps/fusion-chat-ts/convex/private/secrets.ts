import { v } from "convex/values";
import { internal } from "../_generated/api";
import { mutation } from "../_generated/server";
import { badRequest, wrongArguments } from "../lib/errors";
import { requireOperator } from "../lib/guards";
import { connect, disconnect } from "../lib/plugins";
import { namePrefix } from "../lib/secrets";
import { requireActiveSubscription } from "../lib/subscriptions";
import { service } from "../lib/validators";

/** Keeps keys of a service, after this has returned; or names a secret that is there already. */
export const upsert = mutation({
  args: {
    service,
    value: v.optional(v.object({ publicApiKey: v.string(), privateApiKey: v.string() })),
    secretName: v.optional(v.string()),
  },
  handler: async (ctx, args) => {
    const { organizationId } = await requireOperator(ctx);
    await requireActiveSubscription(ctx, organizationId);
    if ((args.value === undefined) === (args.secretName === undefined)) {
      throw wrongArguments("Give either `value` or `secretName`.");
    }
    if (args.value !== undefined) {
      const { value } = args;
      await ctx.scheduler.runAfter(0, internal.system.secrets.upsert, { organizationId, service: args.service, value });
      return null;
    }
    if (!args.secretName?.startsWith(namePrefix(organizationId))) {
      throw badRequest("The name of a secret must begin with tenant/<organization id>/");
    }
    await connect(ctx, organizationId, args.service, args.secretName);
    return null;
  },
});

/** Forgets the connection to a service, and soon after that its keys. */
export const remove = mutation({
  args: { service },
  handler: async (ctx, args) => {
    const { organizationId } = await requireOperator(ctx);
    await disconnect(ctx, organizationId, args.service);
    await ctx.scheduler.runAfter(0, internal.system.secrets.remove, { organizationId, service: args.service });
    return null;
  },
});
