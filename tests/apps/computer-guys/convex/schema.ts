import { defineSchema, defineTable } from "convex/server";
import { v } from "convex/values";
import * as model from "./model/validators";

export default defineSchema({
  users: defineTable(model.user)
    .index("by_email", ["email"])
    .index("by_verification_token", ["verificationToken"])
    .index("by_customer_id", ["customerId"])
    .index("by_phone", ["profile.phone"]),

  conversations: defineTable({
    userId: v.id("users"),
    title: v.optional(v.string()),
    status: model.conversationStatus,
    priority: model.priority,
    agentId: v.optional(v.id("agents")),
    channel: model.channel,
    metadata: v.optional(model.origin),
    context: v.optional(
      v.object({ category: v.optional(v.string()), product: v.optional(v.string()), issue: v.optional(v.string()) }),
    ),
    workflowId: v.optional(v.id("workflows")),
    tags: v.array(v.string()),
    createdAt: v.number(),
    updatedAt: v.number(),
    resolvedAt: v.optional(v.number()),
    lastMessageAt: v.optional(v.number()),
  })
    .index("by_user", ["userId"])
    .index("by_status", ["status"])
    .index("by_agent", ["agentId"])
    .index("by_created", ["createdAt"])
    .index("by_user_status", ["userId", "status"]),

  messages: defineTable({
    conversationId: v.id("conversations"),
    role: model.messageRole,
    content: v.string(),
    attachments: v.optional(v.array(model.attachment)),
    metadata: v.optional(v.object({ ...model.messageMetadata, toolCalls: v.optional(v.array(v.any())) })),
    agentMetadata: v.optional(
      v.object({
        agentId: v.string(),
        agentName: v.string(),
        confidence: v.number(),
        intent: v.optional(v.string()),
        sentiment: v.optional(v.string()),
      }),
    ),
    editedAt: v.optional(v.number()),
    deletedAt: v.optional(v.number()),
    createdAt: v.number(),
  })
    .index("by_conversation", ["conversationId"])
    .index("by_created", ["createdAt"])
    .index("by_conversation_created", ["conversationId", "createdAt"]),

  agents: defineTable({
    ...model.agent,
    status: model.agentStatus,
    specialization: v.optional(model.specialization),
    metrics: v.optional(
      v.object({
        totalConversations: v.number(),
        avgResponseTime: v.number(),
        avgSatisfaction: v.number(),
        escalationRate: v.number(),
      }),
    ),
    createdAt: v.number(),
    updatedAt: v.number(),
  })
    .index("by_type", ["type"])
    .index("by_status", ["status"])
    .index("by_name", ["name"]),

  workflows: defineTable({
    name: v.string(),
    type: v.string(),
    status: model.workflowStatus,
    input: v.any(),
    output: v.optional(v.any()),
    error: v.optional(v.string()),
    /** The steps that were begun, in order. */
    steps: v.array(
      v.object({
        name: v.string(),
        status: model.stepStatus,
        startedAt: v.number(),
        completedAt: v.optional(v.number()),
        result: v.optional(v.any()),
        error: v.optional(v.string()),
      }),
    ),
    metadata: v.optional(v.any()),
    retries: v.number(),
    createdAt: v.number(),
    startedAt: v.optional(v.number()),
    completedAt: v.optional(v.number()),
  })
    .index("by_type", ["type"])
    .index("by_status", ["status"])
    .index("by_created", ["createdAt"]),

  knowledge: defineTable({
    ...model.article,
    embedding: v.array(v.number()),
    active: v.boolean(),
    createdAt: v.number(),
    updatedAt: v.number(),
  })
    .index("by_type", ["type"])
    .index("by_active", ["active"])
    .vectorIndex("by_embedding", { vectorField: "embedding", dimensions: 1536, filterFields: ["type", "active"] }),

  analytics: defineTable({ ...model.analyticsEvent, timestamp: v.number() })
    .index("by_type", ["type", "timestamp"])
    .index("by_event", ["event", "timestamp"])
    .index("by_timestamp", ["timestamp"])
    .index("by_user", ["userId"]),

  sessions: defineTable({
    userId: v.id("users"),
    token: v.string(),
    refreshToken: v.string(),
    expiresAt: v.number(),
    refreshExpiresAt: v.number(),
    ipAddress: v.optional(v.string()),
    userAgent: v.optional(v.string()),
    lastActivity: v.number(),
    createdAt: v.number(),
  })
    .index("by_token", ["token"])
    .index("by_refresh_token", ["refreshToken"])
    .index("by_user", ["userId"])
    .index("by_expires", ["expiresAt"]),

  rateLimits: defineTable({
    identifier: v.string(),
    type: v.union(v.literal("ip"), v.literal("user")),
    endpoint: v.string(),
    count: v.number(),
    windowStart: v.number(),
    windowEnd: v.number(),
  })
    .index("by_identifier", ["identifier", "type", "endpoint"])
    .index("by_window", ["windowEnd"]),
});
