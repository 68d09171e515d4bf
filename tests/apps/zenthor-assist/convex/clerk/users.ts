// Users as Clerk knows them.

import { v } from "convex/values";
import { internalMutation } from "../_generated/server";
import { userByExternalId } from "../auth/caller";
import { defaultRole } from "../auth/roles";
import { clerkUser } from "../lib/clerk";

/** Brings in what Clerk says of a user. The role of one who has a role stays. */
export const upsertFromClerk = internalMutation({
  args: { user: clerkUser },
  returns: v.object({ id: v.id("users"), created: v.boolean() }),
  handler: async (ctx, { user }) => {
    const now = Date.now();
    const found = await userByExternalId(ctx.db, user.externalId);
    const role = found?.role ?? defaultRole(user.email);
    if (found) {
      await ctx.db.patch(found._id, { ...user, image: user.image, role, status: "active", updatedAt: now });
      return { id: found._id, created: false };
    }
    const id = await ctx.db.insert("users", { ...user, role, status: "active", createdAt: now, updatedAt: now });
    return { id, created: true };
  },
});

/** Keeps who was removed at Clerk, with what is theirs, but as nobody who is active. */
export const deactivateFromClerk = internalMutation({
  args: { externalId: v.string() },
  returns: v.null(),
  handler: async (ctx, { externalId }) => {
    const found = await userByExternalId(ctx.db, externalId);
    if (found) await ctx.db.patch(found._id, { status: "inactive", updatedAt: Date.now() });
    return null;
  },
});
