import { defineSchema, defineTable } from "convex/server";
import { v } from "convex/values";
import { paymentAttemptData } from "./paymentAttemptTypes";
import { freeForm } from "./validators";

export default defineSchema({
  users: defineTable({
    name: v.string(),
    /** Clerk's id of the user, the `subject` of their tokens. */
    externalId: v.string(),
    email: v.optional(v.string()),
    preferences: v.optional(freeForm),
    createdAt: v.number(),
    updatedAt: v.number(),
  }).index("by_external_id", ["externalId"]),

  sessions: defineTable({
    /** The `externalId` of the user. */
    userId: v.string(),
    sessionId: v.string(),
    active: v.boolean(),
    metadata: v.optional(freeForm),
    createdAt: v.number(),
    lastActivity: v.number(),
  })
    .index("by_user", ["userId", "active", "lastActivity"])
    .index("by_session", ["sessionId"])
    .index("by_activity", ["active", "lastActivity"]),

  // What Clerk Billing says of an attempt, under its names, beside what the app reads.
  paymentAttempts: defineTable({
    ...paymentAttemptData.partial().fields,
    payment_id: v.string(),
    status: v.string(),
    /** Missing while the payer is unknown. */
    userId: v.optional(v.id("users")),
    amount: v.optional(v.number()),
    currency: v.optional(v.string()),
    metadata: v.optional(freeForm),
    createdAt: v.number(),
  })
    .index("by_user", ["userId", "createdAt"])
    .index("by_payment_id", ["payment_id"])
    .index("by_payer_user_id", ["payer.user_id", "createdAt"]),
});
