import { defineSchema, defineTable } from "convex/server";
import { v } from "convex/values";

export default defineSchema({
  // What happened, in the order in which it did.
  events: defineTable({ name: v.string(), detail: v.any() }).index("by_name", ["name"]),
});
