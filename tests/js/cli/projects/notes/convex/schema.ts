import { defineSchema, defineTable } from "convex/server";
import { v } from "convex/values";

export default defineSchema({
  notes: defineTable({ author: v.id("authors"), text: v.string(), answers: v.optional(v.array(v.id("notes"))) })
    .index("by_author", ["author"]),
  // Tables that refer to each other in a circle.
  authors: defineTable({ name: v.string(), favourite: v.optional(v.id("notes")) }).index("by_name", ["name"]),
});
