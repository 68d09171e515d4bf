import { defineSchema, defineTable } from "convex/server";
import { v } from "convex/values";

export default defineSchema({ tally: defineTable({ n: v.number() }) });
