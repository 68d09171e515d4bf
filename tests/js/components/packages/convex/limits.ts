// A limit for each key of a bucket of ten, and one over all.

import { HOUR, RateLimiter } from "@convex-dev/rate-limiter";
import { v } from "convex/values";
import { components } from "./_generated/api";
import { mutation, query } from "./_generated/server";

const limiter = new RateLimiter(components.rateLimiter, {
  send: { kind: "token bucket", rate: 10, period: HOUR, capacity: 10 },
  signUp: { kind: "fixed window", rate: 3, period: HOUR },
});

export const send = mutation({
  args: { key: v.string() },
  handler: async (ctx, { key }) => (await limiter.limit(ctx, "send", { key })).ok,
});

/** Fails with the package's own error once there is nothing left. */
export const signUp = mutation({
  args: {},
  handler: async (ctx) => {
    await ctx.db.insert("clicks", { button: "sign up" });
    await limiter.limit(ctx, "signUp", { throws: true });
  },
});

export const left = query({
  args: { key: v.string() },
  handler: async (ctx, { key }) => (await limiter.check(ctx, "send", { key })).ok,
});

export const reset = mutation({
  args: { key: v.string() },
  handler: async (ctx, { key }) => await limiter.reset(ctx, "send", { key }),
});

export const clicks = query({ args: {}, handler: async (ctx) => (await ctx.db.query("clicks").collect()).length });
