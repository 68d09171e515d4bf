import { v } from "convex/values";
import { internal } from "../_generated/api";
import type { Doc } from "../_generated/dataModel";
import { internalAction } from "../_generated/server";
import { namePrefix, putSecret, removeSecret } from "../lib/secrets";
import { service } from "../lib/validators";

type Done = { status: "success" };

/** Keeps an organisation's keys for a service and makes the connection known. */
export const upsert = internalAction({
  args: { organizationId: v.string(), service, value: v.any() },
  handler: async (ctx, args): Promise<Done> => {
    const secretName = `${namePrefix(args.organizationId)}${args.service}`;
    await putSecret(secretName, args.value);
    await ctx.runMutation(internal.system.plugins.upsert, { organizationId: args.organizationId, service: args.service, secretName });
    return { status: "success" };
  },
});

/** Forgets an organisation's keys, unless it has connected the service again meanwhile. */
export const remove = internalAction({
  args: { organizationId: v.string(), service },
  handler: async (ctx, args): Promise<Done> => {
    const plugin: Doc<"plugins"> | null = await ctx.runQuery(internal.system.plugins.getByOrganizationIdAndService, args);
    if (plugin === null) await removeSecret(`${namePrefix(args.organizationId)}${args.service}`);
    return { status: "success" };
  },
});
