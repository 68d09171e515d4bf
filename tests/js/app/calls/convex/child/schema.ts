import { defineSchema, defineTable } from "convex/server";
import { v } from "convex/values";

export default defineSchema({
  stamps: defineTable({ name: v.string(), at: v.commitTs() }).index("by_at", ["at"]),
});
