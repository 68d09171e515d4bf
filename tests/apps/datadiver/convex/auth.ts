// Who calls.

import type { UserIdentity } from "convex/server";
import { ConvexError } from "convex/values";
import type { Doc } from "./_generated/dataModel";
import type { QueryCtx } from "./_generated/server";

/** The user that Clerk knows under this id. */
export function userByExternalId(ctx: QueryCtx, externalId: string): Promise<Doc<"users"> | null> {
  return ctx.db
    .query("users")
    .withIndex("by_external_id", (q) => q.eq("externalId", externalId))
    .unique();
}

/** The user who calls; null for a visitor, and until Clerk's webhook has told of them. */
export async function currentUser(ctx: QueryCtx): Promise<Doc<"users"> | null> {
  const identity = await ctx.auth.getUserIdentity();
  return identity === null ? null : userByExternalId(ctx, identity.subject);
}

export async function requireIdentity(ctx: QueryCtx): Promise<UserIdentity> {
  const identity = await ctx.auth.getUserIdentity();
  if (identity === null) throw new Error("Unauthenticated");
  return identity;
}

export async function requireUser(ctx: QueryCtx): Promise<Doc<"users">> {
  const identity = await requireIdentity(ctx);
  const user = await userByExternalId(ctx, identity.subject);
  if (user === null) throw new ConvexError("User not found");
  return user;
}

/** Fails unless the caller's own Clerk id is this one. */
export async function requireSelf(ctx: QueryCtx, externalId: string): Promise<void> {
  const identity = await requireIdentity(ctx);
  if (identity.subject !== externalId) throw new ConvexError("Forbidden");
}
