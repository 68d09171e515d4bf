import { defineSchema, defineTable } from "convex/server";
import { v } from "convex/values";

export default defineSchema({
  users: defineTable({ name: v.string() }).index("name", ["name"]),
  posts: defineTable({ author: v.id("users"), title: v.string(), published: v.boolean() }).index("author", ["author"]),
  tags: defineTable({ label: v.string() }),
  postTags: defineTable({ post: v.id("posts"), tag: v.id("tags") }).index("post", ["post"]),
  // Kept by a trigger on `posts`.
  totals: defineTable({ author: v.id("users"), posts: v.number() }).index("author", ["author"]),
});
