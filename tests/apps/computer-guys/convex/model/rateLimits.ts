// Rate limits in fixed windows, counted in the transaction of what they limit: a call that is refused changes nothing.

import { ConvexError } from "convex/values";
import type { MutationCtx } from "../_generated/server";
import { HOUR, MINUTE } from "./time";

/** What is limited: how often in which window, for each user or each address. */
const limits = {
  createUser: { type: "ip", count: 100, windowMs: HOUR },
  loginFrom: { type: "ip", count: 50, windowMs: 15 * MINUTE },
  login: { type: "user", count: 10, windowMs: 15 * MINUTE },
  createConversation: { type: "user", count: 20, windowMs: HOUR },
  sendMessage: { type: "user", count: 60, windowMs: MINUTE },
  searchFrom: { type: "ip", count: 60, windowMs: MINUTE },
  search: { type: "user", count: 30, windowMs: MINUTE },
} as const satisfies Record<string, { type: "ip" | "user"; count: number; windowMs: number }>;

type Endpoint = keyof typeof limits;
type Of<Type> = { [Name in Endpoint]: (typeof limits)[Name]["type"] extends Type ? Name : never }[Endpoint];

async function count(ctx: MutationCtx, endpoint: Endpoint, identifier: string): Promise<void> {
  const limit = limits[endpoint];
  const now = Date.now();
  const known = await ctx.db
    .query("rateLimits")
    .withIndex("by_identifier", (q) => q.eq("identifier", identifier).eq("type", limit.type).eq("endpoint", endpoint))
    .unique();
  const window = { count: 1, windowStart: now, windowEnd: now + limit.windowMs };
  if (known === null) {
    await ctx.db.insert("rateLimits", { identifier, type: limit.type, endpoint, ...window });
  } else if (known.windowEnd <= now) {
    await ctx.db.patch(known._id, window);
  } else if (known.count < limit.count) {
    await ctx.db.patch(known._id, { count: known.count + 1 });
  } else {
    throw new ConvexError({
      code: "RATE_LIMITED",
      message: `Too many calls of ${endpoint}; try again later`,
      endpoint,
      retryAfterMs: known.windowEnd - now,
    });
  }
}

/** Counts a call of a user. */
export async function limitUser(ctx: MutationCtx, endpoint: Of<"user">, identifier: string): Promise<void> {
  await count(ctx, endpoint, identifier);
}

/**
 * Counts a call from an address. What a caller says of it counts only where the call comes from one of `TRUSTED_PROXY_IPS`, such as
 * the app's API server. What is scheduled comes from nowhere and is not counted.
 */
export async function limitAddress(ctx: MutationCtx, endpoint: Of<"ip">, said?: string): Promise<void> {
  const { ip } = await ctx.meta.getRequestMetadata();
  const proxies = (process.env.TRUSTED_PROXY_IPS ?? "").split(",").map((address) => address.trim());
  const address = ip !== null && proxies.includes(ip) ? said : ip;
  if (address) await count(ctx, endpoint, address);
}
