import { literals } from "convex-helpers/validators";
import { defineSchema, defineTable } from "convex/server";
import { v } from "convex/values";
import * as fields from "./lib/fields";

/** The dimensions of the embeddings in `memories`. */
export const EMBEDDING_DIMENSIONS = 1536;

const people = {
  users: defineTable({
    externalId: v.string(),
    name: v.string(),
    email: v.string(),
    role: v.optional(fields.role),
    emailVerified: v.optional(v.boolean()),
    image: v.optional(v.string()),
    phone: v.optional(v.string()),
    status: literals("active", "inactive"),
    createdAt: v.number(),
    updatedAt: v.number(),
  })
    .index("by_externalId", ["externalId"])
    .index("by_email", ["email"])
    .index("by_phone", ["phone"]),
  contacts: defineTable({
    phone: v.string(),
    name: v.string(),
    isAllowed: v.boolean(),
    userId: v.optional(v.id("users")),
  })
    .index("by_phone", ["phone"])
    .index("by_userId", ["userId"]),
  phoneVerifications: defineTable({
    userId: v.id("users"),
    phone: v.string(),
    code: v.string(),
    status: literals("pending", "verified", "expired"),
    /** How many wrong codes were tried. */
    wrongCodes: v.optional(v.number()),
    createdAt: v.number(),
    verifiedAt: v.optional(v.number()),
  })
    .index("by_userId_status", ["userId", "status"])
    .index("by_phone_status", ["phone", "status"])
    .index("by_createdAt", ["createdAt"]),
};

const chat = {
  conversations: defineTable({
    channel: fields.channel,
    userId: v.optional(v.id("users")),
    contactId: v.optional(v.id("contacts")),
    agentId: v.optional(v.id("agents")),
    title: v.optional(v.string()),
    status: literals("active", "archived"),
  })
    .index("by_userId", ["userId"])
    .index("by_contactId", ["contactId"]),
  messages: defineTable({
    conversationId: v.id("conversations"),
    role: literals("user", "assistant", "system"),
    content: v.string(),
    channel: fields.channel,
    toolCalls: v.optional(v.array(fields.toolCall)),
    /** Whether more is to come: true from the placeholder until the message is final. */
    streaming: v.optional(v.boolean()),
    status: literals("pending", "sent", "delivered", "failed"),
  }).index("by_conversationId", ["conversationId"]),
  memories: defineTable({
    conversationId: v.optional(v.id("conversations")),
    content: v.string(),
    embedding: v.array(v.float64()),
    source: fields.memorySource,
    createdAt: v.number(),
  })
    .index("by_conversationId", ["conversationId"])
    .vectorIndex("by_embedding", {
      vectorField: "embedding",
      dimensions: EMBEDDING_DIMENSIONS,
      filterFields: ["source", "conversationId"],
    }),
};

const work = {
  agentQueue: defineTable({
    messageId: v.id("messages"),
    conversationId: v.id("conversations"),
    agentId: v.optional(v.id("agents")),
    status: fields.jobStatus,
    /** How many runs came to nothing; absent is none. */
    attemptCount: v.optional(v.number()),
    /** A job that is to be retried later is hidden from workers until then. */
    notBefore: v.optional(v.number()),
    errorReason: v.optional(v.string()),
    errorMessage: v.optional(v.string()),
    modelUsed: v.optional(v.string()),
    processorId: v.optional(v.string()),
    lockedUntil: v.optional(v.number()),
    startedAt: v.optional(v.number()),
    lastHeartbeatAt: v.optional(v.number()),
  })
    .index("by_status", ["status"])
    .index("by_status_lockedUntil", ["status", "lockedUntil"])
    .index("by_status_notBefore", ["status", "notBefore"])
    .index("by_conversationId", ["conversationId"])
    .index("by_conversationId_status", ["conversationId", "status"]),
  outboundMessages: defineTable({
    channel: fields.channel,
    accountId: v.optional(v.string()),
    conversationId: v.id("conversations"),
    messageId: v.id("messages"),
    to: v.optional(v.string()),
    payload: v.object({ content: v.string(), metadata: v.optional(fields.outboundMetadata) }),
    status: fields.outboundStatus,
    processorId: v.optional(v.string()),
    lockedUntil: v.optional(v.number()),
    attemptCount: v.optional(v.number()),
    lastError: v.optional(v.string()),
    createdAt: v.number(),
    updatedAt: v.number(),
  })
    .index("by_status_accountId", ["status", "accountId"])
    .index("by_status_accountId_channel", ["status", "accountId", "channel", "createdAt"])
    .index("by_conversationId", ["conversationId"]),
  toolApprovals: defineTable({
    conversationId: v.id("conversations"),
    jobId: v.id("agentQueue"),
    toolName: v.string(),
    toolInput: v.any(),
    status: literals("pending", "approved", "rejected"),
    channel: fields.channel,
    createdAt: v.number(),
    resolvedAt: v.optional(v.number()),
  })
    .index("by_jobId", ["jobId"])
    .index("by_conversationId_status", ["conversationId", "status"])
    .index("by_status_createdAt", ["status", "createdAt"]),
  scheduledTasks: defineTable({
    name: v.string(),
    description: v.optional(v.string()),
    cronExpression: v.optional(v.string()),
    intervalMs: v.optional(v.number()),
    payload: v.string(),
    enabled: v.boolean(),
    lastRunAt: v.optional(v.number()),
    nextRunAt: v.optional(v.number()),
    conversationId: v.optional(v.id("conversations")),
    createdAt: v.number(),
  })
    .index("by_enabled", ["enabled"])
    .index("by_nextRunAt", ["nextRunAt"])
    .index("by_enabled_nextRunAt", ["enabled", "nextRunAt"]),
};

const assistants = {
  agents: defineTable({
    name: v.string(),
    description: v.string(),
    systemPrompt: v.string(),
    model: v.optional(v.string()),
    fallbackModel: v.optional(v.string()),
    enabled: v.boolean(),
    toolPolicy: v.optional(fields.toolPolicy),
  })
    .index("by_name", ["name"])
    .index("by_enabled", ["enabled"]),
  skills: defineTable({
    ownerUserId: v.optional(v.id("users")),
    name: v.string(),
    description: v.string(),
    enabled: v.boolean(),
    config: v.optional(fields.skillConfig),
  })
    .index("by_name", ["name"])
    .index("by_enabled", ["enabled"])
    .index("by_ownerUserId", ["ownerUserId"])
    .index("by_ownerUserId_enabled", ["ownerUserId", "enabled"]),
  pluginDefinitions: defineTable({
    ...fields.pluginDefinition,
    diagnosticStatus: v.optional(fields.diagnosticStatus),
    diagnosticMessages: v.optional(v.array(v.string())),
    createdAt: v.number(),
    updatedAt: v.number(),
  }).index("by_name", ["name"]),
  pluginInstalls: defineTable({
    ...fields.pluginInstall,
    createdAt: v.number(),
    updatedAt: v.number(),
  })
    .index("by_scope_agent_channel", ["workspaceScope", "agentId", "channel"])
    .index("by_pluginName", ["pluginName"]),
  pluginPolicies: defineTable({
    ...fields.pluginPolicy,
    createdAt: v.number(),
    updatedAt: v.number(),
  }).index("by_scope_agent_channel", ["workspaceScope", "agentId", "channel"]),
};

const services = {
  todoistConnections: defineTable({
    ...fields.todoistConnection,
    createdAt: v.number(),
    updatedAt: v.number(),
  }).index("by_userId", ["userId"]),
  todoistOauthStates: defineTable({
    userId: v.id("users"),
    state: v.string(),
    expiresAt: v.number(),
    createdAt: v.number(),
  })
    .index("by_state", ["state"])
    .index("by_userId", ["userId"])
    .index("by_expiresAt", ["expiresAt"]),
  whatsappSession: defineTable({ key: v.string(), data: v.string() }).index("by_key", ["key"]),
  whatsappAccounts: defineTable({
    accountId: v.string(),
    phone: v.string(),
    enabled: v.boolean(),
    meta: v.optional(v.any()),
    createdAt: v.number(),
    updatedAt: v.number(),
  })
    .index("by_accountId", ["accountId"])
    .index("by_enabled", ["enabled"]),
  whatsappLeases: defineTable({
    accountId: v.string(),
    ownerId: v.string(),
    expiresAt: v.number(),
    heartbeatAt: v.number(),
  })
    .index("by_accountId", ["accountId"])
    .index("by_ownerId", ["ownerId"]),
  inboundDedupe: defineTable({
    channel: fields.channel,
    channelMessageId: v.string(),
    accountId: v.optional(v.string()),
    createdAt: v.number(),
  })
    .index("by_channel_messageId", ["channel", "channelMessageId"])
    .index("by_createdAt", ["createdAt"]),
};

export default defineSchema({ ...people, ...chat, ...work, ...assistants, ...services });
