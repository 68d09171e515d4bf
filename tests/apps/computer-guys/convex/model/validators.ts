// The forms of what is stored and of what functions take.

import { v } from "convex/values";
import { literals } from "convex-helpers/validators";

export const role = literals("user", "admin", "agent");
export const conversationStatus = literals("active", "archived", "resolved", "escalated");
export const priority = literals("low", "medium", "high", "urgent");
export const channel = literals("web", "whatsapp", "email", "api");
export const messageRole = literals("user", "assistant", "system", "tool");
export const agentType = literals("chat", "support", "technical", "sales", "escalation");
export const agentStatus = literals("active", "inactive");
export const workflowStatus = literals("pending", "running", "completed", "failed", "cancelled");
export const stepStatus = literals("pending", "running", "completed", "failed");
export const articleType = literals("product", "service", "faq", "documentation", "policy");
export const eventType = literals("conversation", "message", "user", "agent", "system");

export const preferences = v.object({ notifications: v.boolean(), language: v.string(), timezone: v.string() });

export const user = {
  email: v.string(),
  emailVerified: v.boolean(),
  passwordHash: v.optional(v.string()),
  verificationToken: v.optional(v.string()),
  verificationExpiry: v.optional(v.number()),
  name: v.optional(v.string()),
  role,
  status: v.optional(literals("active", "inactive", "suspended", "deleted")),
  customerId: v.optional(v.string()),
  profile: v.optional(
    v.object({
      firstName: v.optional(v.string()),
      lastName: v.optional(v.string()),
      phone: v.optional(v.string()),
      avatar: v.optional(v.string()),
      company: v.optional(v.string()),
      address: v.optional(v.string()),
    }),
  ),
  preferences: v.optional(preferences),
  metadata: v.optional(v.any()),
  loginAttempts: v.optional(v.array(v.object({ success: v.boolean(), ip: v.string(), timestamp: v.number() }))),
  lastLoginAt: v.optional(v.number()),
  createdAt: v.number(),
  updatedAt: v.number(),
  lastActive: v.optional(v.number()),
  subscription: v.optional(
    v.object({ tier: literals("free", "pro", "enterprise"), validUntil: v.number(), features: v.array(v.string()) }),
  ),
};

/** Where a conversation comes from. */
export const origin = v.object({
  source: v.optional(v.string()),
  referrer: v.optional(v.string()),
  userAgent: v.optional(v.string()),
  ipAddress: v.optional(v.string()),
});

export const attachment = v.object({ type: v.string(), url: v.string(), name: v.string(), size: v.number() });

export const messageMetadata = {
  model: v.optional(v.string()),
  tokens: v.optional(v.object({ prompt: v.number(), completion: v.number(), total: v.number() })),
  latency: v.optional(v.number()),
  cost: v.optional(v.number()),
  citations: v.optional(v.array(v.string())),
};

export const toolCall = v.object({
  id: v.string(),
  type: v.string(),
  function: v.optional(v.object({ name: v.string(), arguments: v.string() })),
});

export const modelConfig = v.object({
  provider: v.string(),
  model: v.string(),
  temperature: v.number(),
  maxTokens: v.number(),
  systemPrompt: v.string(),
});

export const agent = {
  name: v.string(),
  type: agentType,
  capabilities: v.array(v.string()),
  tools: v.array(v.string()),
  modelConfig,
};

export const specialization = v.object({
  products: v.array(v.string()),
  categories: v.array(v.string()),
  languages: v.array(v.string()),
});

export const article = {
  type: articleType,
  title: v.string(),
  content: v.string(),
  metadata: v.object({
    source: v.string(),
    category: v.optional(v.string()),
    tags: v.array(v.string()),
    version: v.optional(v.string()),
    productId: v.optional(v.string()),
    url: v.optional(v.string()),
  }),
};

export const analyticsEvent = {
  type: eventType,
  event: v.string(),
  userId: v.optional(v.id("users")),
  conversationId: v.optional(v.id("conversations")),
  agentId: v.optional(v.id("agents")),
  data: v.any(),
};
