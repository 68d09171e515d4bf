// Rate limits in windows that are aligned to the epoch. Each kind counts in rows of its own.

import type { MutationCtx } from "../_generated/server";
import { rateLimited } from "./errors";

const limits = {
  messages: { windowMs: 60_000, max: 30 },
  sessions: { windowMs: 300_000, max: 5 },
  conversations: { windowMs: 60_000, max: 10 },
};

export type LimitKey = keyof typeof limits;

export async function checkRateLimit(ctx: MutationCtx, kind: LimitKey, of: string): Promise<void> {
  const { windowMs, max } = limits[kind];
  const now = Date.now();
  const windowStart = Math.floor(now / windowMs) * windowMs;
  const key = `${kind}:${of}`;
  const counted = await ctx.db
    .query("rateLimits")
    .withIndex("by_key_and_window", (q) => q.eq("key", key).eq("windowStart", windowStart))
    .unique();
  if (counted === null) {
    await ctx.db.insert("rateLimits", { key, windowStart, count: 1 });
  } else if (counted.count >= max) {
    throw rateLimited(Math.ceil((windowStart + windowMs - now) / 1000));
  } else {
    await ctx.db.patch(counted._id, { count: counted.count + 1 });
  }
}
