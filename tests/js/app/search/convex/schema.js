import { defineSchema, defineTable } from "convex/server";
import { v } from "convex/values";

const notes = defineTable({
  number: v.number(),
  body: v.string(),
  channel: v.optional(v.string()),
  about: v.object({ title: v.string() }),
}).index("by_number", ["number"]);

export default defineSchema({
  notes: notes
    .searchIndex("by_body", { searchField: "body", filterFields: ["channel", "about.title"] })
    .searchIndex("by_title", { searchField: "about.title" }),
});
