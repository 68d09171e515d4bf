import { defineSchema, defineTable } from "convex/server";
import { v } from "convex/values";

export default defineSchema({
  notes: defineTable({ text: v.string(), n: v.number(), big: v.optional(v.int64()), raw: v.optional(v.bytes()) }).index("by_n", ["n"]),
  people: defineTable({ name: v.string(), tags: v.optional(v.array(v.string())) }),
});
