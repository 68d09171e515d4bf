import { internal } from "../_generated/api";
import type { Doc } from "../_generated/dataModel";
import { action, type ActionCtx } from "../_generated/server";
import { notFound } from "../lib/errors";
import { requireOperator } from "../lib/guards";
import { vapiKeys } from "../lib/secrets";

/** The objects of a kind, as Vapi gives them. */
async function list(ctx: ActionCtx, path: "assistant" | "phone-number"): Promise<unknown[]> {
  const { organizationId } = await requireOperator(ctx);
  const plugin: Doc<"plugins"> | null = await ctx.runQuery(internal.system.plugins.getByOrganizationIdAndService, {
    organizationId,
    service: "vapi",
  });
  if (plugin === null) throw notFound("Plugin not found");
  const keys = await vapiKeys(plugin.secretName);
  if (keys === null) throw notFound("Credentials not found");
  if (!keys.publicApiKey || !keys.privateApiKey) {
    throw notFound("Credentials incomplete. Please reconnect your Vapi account.");
  }
  const response = await fetch(`${process.env.VAPI_BASE_URL || "https://api.vapi.ai"}/${path}`, {
    headers: { Authorization: `Bearer ${keys.privateApiKey}` },
  });
  if (!response.ok) throw new Error(`Vapi answered ${response.status}`);
  return (await response.json()) as unknown[];
}

export const getAssistants = action({ args: {}, handler: (ctx): Promise<unknown[]> => list(ctx, "assistant") });

export const getPhoneNumbers = action({ args: {}, handler: (ctx): Promise<unknown[]> => list(ctx, "phone-number") });
