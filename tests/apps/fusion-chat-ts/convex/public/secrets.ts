import { v } from "convex/values";
import { internal } from "../_generated/api";
import type { Doc } from "../_generated/dataModel";
import { action } from "../_generated/server";
import { vapiKeys } from "../lib/secrets";

/** The key with which the widget calls; the private one stays here. */
export const getVapiSecrets = action({
  args: { organizationId: v.string() },
  handler: async (ctx, { organizationId }): Promise<{ publicApiKey: string } | null> => {
    const plugin: Doc<"plugins"> | null = await ctx.runQuery(internal.system.plugins.getByOrganizationIdAndService, {
      organizationId,
      service: "vapi",
    });
    if (plugin === null) return null;
    const keys = await vapiKeys(plugin.secretName);
    return keys?.publicApiKey && keys.privateApiKey ? { publicApiKey: keys.publicApiKey } : null;
  },
});
