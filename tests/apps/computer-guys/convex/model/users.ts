import type { Doc } from "../_generated/dataModel";
import type { QueryCtx } from "../_generated/server";

/** A user without what is nobody else's business. */
export type PublicUser = Omit<Doc<"users">, "passwordHash" | "verificationToken" | "verificationExpiry" | "loginAttempts">;

export function publicUser(user: Doc<"users">): PublicUser;
export function publicUser(user: Doc<"users"> | null): PublicUser | null;
export function publicUser(user: Doc<"users"> | null): PublicUser | null {
  if (user === null) return null;
  const { passwordHash, verificationToken, verificationExpiry, loginAttempts, ...rest } = user;
  return rest;
}

/** The form in which addresses are kept and compared. */
export const normalizedEmail = (email: string): string => email.trim().toLowerCase();

export function userByEmail(ctx: QueryCtx, email: string): Promise<Doc<"users"> | null> {
  return ctx.db
    .query("users")
    .withIndex("by_email", (q) => q.eq("email", normalizedEmail(email)))
    .unique();
}
