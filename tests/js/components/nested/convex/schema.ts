import { defineSchema, defineTable } from "convex/server";
import { v } from "convex/values";

export default defineSchema({ readers: defineTable({ name: v.string() }) });
