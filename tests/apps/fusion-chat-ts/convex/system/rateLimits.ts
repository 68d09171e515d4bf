import { v } from "convex/values";
import { internalMutation } from "../_generated/server";
import { checkRateLimit } from "../lib/rateLimit";

export const checkRateLimitInternal = internalMutation({
  args: { key: v.string(), limitKey: v.union(v.literal("messages"), v.literal("sessions"), v.literal("conversations")) },
  handler: async (ctx, { key, limitKey }) => {
    await checkRateLimit(ctx, limitKey, key);
    return null;
  },
});
