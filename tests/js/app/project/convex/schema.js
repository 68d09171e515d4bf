import { defineSchema, defineTable } from "convex/server";
import { v } from "convex/values";

/** One field of every kind of value. */
export const fields = {
  n: v.number(),
  text: v.string(),
  flag: v.boolean(),
  big: v.int64(),
  bytes: v.bytes(),
  nothing: v.null(),
  any: v.any(),
  list: v.array(v.number()),
  object: v.object({ a: v.number(), b: v.optional(v.string()) }),
  record: v.record(v.string(), v.number()),
  union: v.union(v.number(), v.literal("x"), v.literal(true), v.null()),
  optional: v.optional(v.union(v.number(), v.string())),
  other: v.optional(v.id("items")),
};

export default defineSchema({
  items: defineTable(fields)
    .index("by_n", ["n"])
    .index("by_text_n", ["text", "n"])
    .index("by_union", ["union"])
    .index("by_optional", ["optional", "n"])
    .index("by_nested", ["object.a", "object.b"]),
  /** What scheduled functions and crons leave behind. */
  marks: defineTable({ label: v.string(), who: v.union(v.null(), v.string()) }).index("by_label", ["label"]),
  /** Which job a test means: ids are each deployment's own. */
  scheduled: defineTable({ label: v.string(), job: v.id("_scheduled_functions") }).index("by_label", ["label"]),
  /** Everybody's own notes. */
  notes: defineTable({ owner: v.string(), text: v.string() }).index("by_owner", ["owner"]),
  files: defineTable({ name: v.string(), file: v.id("_storage") }).index("by_name", ["name"]),
});
