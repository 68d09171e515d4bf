import { v } from "convex/values";
import { internalMutation, internalQuery } from "../_generated/server";
import { connect, pluginOf } from "../lib/plugins";
import { service } from "../lib/validators";

export const upsert = internalMutation({
  args: { service, secretName: v.string(), organizationId: v.string() },
  handler: async (ctx, args) => {
    await connect(ctx, args.organizationId, args.service, args.secretName);
    return null;
  },
});

export const getByOrganizationIdAndService = internalQuery({
  args: { organizationId: v.string(), service },
  handler: (ctx, args) => pluginOf(ctx, args.organizationId, args.service),
});
