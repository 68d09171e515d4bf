import { v } from "convex/values";

/** Data whose form is the caller's own: metadata, preferences. */
export const freeForm = v.record(v.string(), v.any());
