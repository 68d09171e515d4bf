// All users of Clerk at once, for a deployment that comes after them: `fusion run clerk/sync:syncAllUsers`.

import { createClerkClient, type User } from "@clerk/backend";
import { ConvexError, type Infer, v } from "convex/values";
import { internal } from "../_generated/api";
import { internalAction } from "../_generated/server";
import type { clerkUser } from "../lib/clerk";

const PAGE = 100;

function fromApi(user: User): Infer<typeof clerkUser> {
  const primary = user.primaryEmailAddress ?? user.emailAddresses[0];
  return {
    externalId: user.id,
    name: user.fullName ?? "User",
    email: (primary?.emailAddress ?? "").toLowerCase(),
    emailVerified: primary?.verification?.status === "verified",
    image: user.imageUrl || undefined,
  };
}

export const syncAllUsers = internalAction({
  args: {},
  returns: v.object({ synced: v.number(), created: v.number(), updated: v.number() }),
  handler: async (ctx) => {
    const secretKey = process.env.CLERK_SECRET_KEY;
    if (!secretKey) throw new ConvexError("CLERK_SECRET_KEY is not set");
    const clerk = createClerkClient({ secretKey, apiUrl: process.env.CLERK_API_URL });
    let [synced, created] = [0, 0];
    for (;;) {
      const { data } = await clerk.users.getUserList({ limit: PAGE, offset: synced, orderBy: "+created_at" });
      for (const user of data) {
        const outcome = await ctx.runMutation(internal.clerk.users.upsertFromClerk, { user: fromApi(user) });
        if (outcome.created) created += 1;
      }
      synced += data.length;
      if (data.length < PAGE) return { synced, created, updated: synced - created };
    }
  },
});
