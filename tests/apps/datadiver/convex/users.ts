// Users: Clerk tells of them, they set their own preferences.

import { ConvexError, v } from "convex/values";
import type { Id } from "./_generated/dataModel";
import { internalMutation, mutation, query, type MutationCtx } from "./_generated/server";
import { currentUser, requireUser, userByExternalId } from "./auth";
import { endSessionsOf } from "./sessions";
import { freeForm } from "./validators";

type ClerkUser = { id: string; name: string; email?: string };
type EmailAddress = { id?: unknown; email_address?: unknown };

/** What the app keeps of Clerk's user; Clerk writes null where it knows nothing. */
function clerkUser(data: Record<string, unknown>): ClerkUser {
  const { id, first_name, last_name, email_addresses, primary_email_address_id } = data;
  if (typeof id !== "string") throw new ConvexError("the user's field id must be a string");
  const name = [first_name, last_name].filter((part) => typeof part === "string" && part !== "").join(" ");
  const addresses: EmailAddress[] = Array.isArray(email_addresses) ? email_addresses : [];
  const primary = addresses.find((address) => address.id === primary_email_address_id) ?? addresses[0];
  const email = primary?.email_address;
  return { id, name, ...(typeof email === "string" ? { email } : {}) };
}

/** Payments may be told of before the one who pays. */
async function linkPayments(ctx: MutationCtx, externalId: string, userId: Id<"users">): Promise<void> {
  const attempts = await ctx.db
    .query("paymentAttempts")
    .withIndex("by_payer_user_id", (q) => q.eq("payer.user_id", externalId))
    .collect();
  for (const attempt of attempts) await ctx.db.patch(attempt._id, { userId });
}

/** The user who calls, or null. */
export const current = query({ args: {}, handler: currentUser });

/** The same under the name of the app's document. */
export const getCurrentUser = current;

/** Changes the caller's own name and preferences; preferences that are not named stay. */
export const update = mutation({
  args: { name: v.optional(v.string()), preferences: v.optional(freeForm) },
  handler: async (ctx, { name, preferences }) => {
    const user = await requireUser(ctx);
    await ctx.db.patch(user._id, {
      ...(name === undefined ? {} : { name }),
      ...(preferences === undefined ? {} : { preferences: { ...user.preferences, ...preferences } }),
      updatedAt: Date.now(),
    });
    return ctx.db.get(user._id);
  },
});

/** What only the caller may see. */
export const getPrivateData = query({
  args: {},
  handler: async (ctx) => {
    const user = await requireUser(ctx);
    const payments = await ctx.db
      .query("paymentAttempts")
      .withIndex("by_user", (q) => q.eq("userId", user._id))
      .order("desc")
      .take(10);
    return { email: user.email ?? null, preferences: user.preferences ?? {}, payments };
  },
});

/** Takes over what Clerk's webhook says of a user: all that Clerk sends, or the few fields that are kept. */
export const upsertFromClerk = internalMutation({
  args: { data: freeForm },
  handler: async (ctx, { data }) => {
    const { id, name, email } = clerkUser(data);
    const now = Date.now();
    const user = await userByExternalId(ctx, id);
    if (user !== null) {
      await ctx.db.patch(user._id, { name, email, updatedAt: now });
      return;
    }
    const userId = await ctx.db.insert("users", { name, externalId: id, email, createdAt: now, updatedAt: now });
    await linkPayments(ctx, id, userId);
  },
});

/** Forgets a user whom Clerk has deleted, and ends their sessions. */
export const deleteFromClerk = internalMutation({
  args: { clerkUserId: v.string() },
  handler: async (ctx, { clerkUserId }) => {
    const user = await userByExternalId(ctx, clerkUserId);
    if (user === null) {
      console.warn(`Can't delete user, there is none for Clerk user ID: ${clerkUserId}`);
      return;
    }
    await endSessionsOf(ctx, clerkUserId);
    await ctx.db.delete(user._id);
  },
});
