import { defineSchema, defineTable } from "convex/server";
import { v } from "convex/values";

export default defineSchema({
  stamps: defineTable({ name: v.string(), at: v.optional(v.commitTs()), past: v.optional(v.array(v.object({ at: v.commitTs() }))) })
    .index("by_at", ["at"])
    .index("by_name", ["name"]),
  numbers: defineTable({ n: v.number() }),
  seen: defineTable({ name: v.string(), request: v.any() }),
});
