import { defineSchema, defineTable } from "convex/server";
import { v } from "convex/values";
import { contactMetadata, conversationStatus, service, widgetSettings } from "./lib/validators";

export default defineSchema({
  subscriptions: defineTable({
    organizationId: v.string(),
    status: v.union(v.literal("active"), v.literal("inactive"), v.literal("canceled")),
    /** When Clerk reported it: the Rust application, which has the webhook, writes this. */
    reportedAt: v.optional(v.number()),
  }).index("by_organization_id", ["organizationId"]),

  widgetSettings: defineTable({ organizationId: v.string(), ...widgetSettings }).index("by_organization_id", ["organizationId"]),

  plugins: defineTable({ organizationId: v.string(), service, secretName: v.string() })
    .index("by_organization_id", ["organizationId"])
    .index("by_organization_id_and_service", ["organizationId", "service"]),

  conversations: defineTable({
    threadId: v.string(),
    organizationId: v.string(),
    contactSessionId: v.id("contactSessions"),
    status: conversationStatus,
  })
    .index("by_organization_id", ["organizationId"])
    .index("by_contact_session_id", ["contactSessionId"])
    .index("by_thread_id", ["threadId"])
    .index("by_status_and_organization_id", ["status", "organizationId"]),

  contactSessions: defineTable({
    name: v.string(),
    email: v.string(),
    organizationId: v.string(),
    expiresAt: v.number(),
    metadata: v.optional(contactMetadata),
  })
    .index("by_organization_id", ["organizationId"])
    .index("by_expires_at", ["expiresAt"]),

  users: defineTable({ name: v.string() }),

  rateLimits: defineTable({ key: v.string(), windowStart: v.number(), count: v.number() }).index("by_key_and_window", [
    "key",
    "windowStart",
  ]),
});
