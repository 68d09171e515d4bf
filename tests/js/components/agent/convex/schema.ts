import { defineSchema, defineTable } from "convex/server";
import { v } from "convex/values";

export default defineSchema({
  reports: defineTable({ city: v.string(), weather: v.string() }).index("by_city", ["city"]),
});
