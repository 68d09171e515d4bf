import type { QueryCtx } from "../_generated/server";
import { subscriptionInactive, subscriptionRequired } from "./errors";

/** Fails unless the organisation pays. With `SUBSCRIPTIONS_REQUIRED` other than "true" nobody has to. */
export async function requireActiveSubscription(ctx: QueryCtx, organizationId: string): Promise<void> {
  if (process.env.SUBSCRIPTIONS_REQUIRED !== "true") return;
  const subscription = await ctx.db
    .query("subscriptions")
    .withIndex("by_organization_id", (q) => q.eq("organizationId", organizationId))
    .unique();
  if (subscription === null) throw subscriptionRequired();
  if (subscription.status !== "active") throw subscriptionInactive(subscription.status);
}
