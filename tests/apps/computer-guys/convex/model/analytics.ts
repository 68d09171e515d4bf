// Events that the functions themselves record, in the transaction of what they tell of.

import type { WithoutSystemFields } from "convex/server";
import type { Doc } from "../_generated/dataModel";
import type { MutationCtx } from "../_generated/server";

type Event = Omit<WithoutSystemFields<Doc<"analytics">>, "timestamp">;

export async function track(ctx: MutationCtx, event: Event): Promise<void> {
  await ctx.db.insert("analytics", { ...event, timestamp: Date.now() });
}
