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
