import { defineSchema, defineTable } from "convex/server";
import { v } from "convex/values";

export default defineSchema({
  scores: defineTable({ game: v.string(), player: v.string(), score: v.number(), level: v.optional(v.string()) }),
  chats: defineTable({ prompt: v.string(), stream: v.string() }),
  clicks: defineTable({ button: v.string() }),
});
