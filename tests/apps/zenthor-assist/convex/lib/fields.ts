// What tables and functions share: literals and small objects.

import { literals } from "convex-helpers/validators";
import { v } from "convex/values";

export const role = literals("admin", "member");
export const channel = literals("whatsapp", "web");
export const jobStatus = literals("pending", "processing", "completed", "failed");
export const outboundStatus = literals("pending", "processing", "sent", "failed");
export const memorySource = literals("conversation", "manual");
export const diagnosticStatus = literals("activated", "conflict", "invalid");
export const pluginStatus = literals("active", "inactive");
/** How an approval is resolved. */
export const decision = literals("approved", "rejected");

/** Which tools may be called: only those of `allow` if it is there, and none of `deny`. */
export const toolPolicy = v.object({
  allow: v.optional(v.array(v.string())),
  deny: v.optional(v.array(v.string())),
});

export const skillConfig = v.object({
  systemPrompt: v.optional(v.string()),
  toolPolicy: v.optional(toolPolicy),
});

/** Inputs and outputs are whatever the tool takes and gives. */
export const toolCall = v.object({ name: v.string(), input: v.any(), output: v.optional(v.any()) });

export const outboundMetadata = v.object({ kind: v.string(), toolName: v.optional(v.string()) });

/** Where an installation or a policy of plugins holds: a workspace, in it an agent, a channel, or both. */
export const pluginPlace = {
  workspaceScope: v.string(),
  agentId: v.optional(v.id("agents")),
  channel: v.optional(channel),
};
export const pluginInstall = { ...pluginPlace, pluginName: v.string(), enabled: v.boolean(), config: v.optional(v.any()) };
export const pluginPolicy = { ...pluginPlace, allow: v.optional(v.array(v.string())), deny: v.optional(v.array(v.string())) };
export const pluginDefinition = {
  name: v.string(),
  version: v.string(),
  source: v.string(),
  status: pluginStatus,
  manifest: v.any(),
  checksum: v.optional(v.string()),
};

/** A user's Todoist account with its token. */
export const todoistConnection = {
  userId: v.id("users"),
  accessToken: v.string(),
  tokenType: v.optional(v.string()),
  scope: v.optional(v.string()),
  accountEmail: v.optional(v.string()),
  accountName: v.optional(v.string()),
};
