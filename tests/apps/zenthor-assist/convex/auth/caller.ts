// Who calls: the user behind a token.

import type { Auth } from "convex/server";
import { ConvexError } from "convex/values";
import type { Doc } from "../_generated/dataModel";
import type { DatabaseReader } from "../_generated/server";
import { type Role, roleOf } from "./roles";

export interface Caller {
  identitySubject: string;
  user: Doc<"users">;
  role: Role;
  isAdmin: boolean;
}

/** The user with this id at Clerk. */
export const userByExternalId = (db: DatabaseReader, externalId: string): Promise<Doc<"users"> | null> =>
  db
    .query("users")
    .withIndex("by_externalId", (q) => q.eq("externalId", externalId))
    .first();

/** The caller, who must be signed in and known. */
export async function getCaller(ctx: { auth: Auth; db: DatabaseReader }): Promise<Caller> {
  const identity = await ctx.auth.getUserIdentity();
  if (!identity) throw new ConvexError("Not authenticated");
  const user = await userByExternalId(ctx.db, identity.subject);
  if (!user) throw new ConvexError("User not found");
  const role = roleOf(user);
  return { identitySubject: identity.subject, user, role, isAdmin: role === "admin" };
}

/** The caller, who must be an administrator. */
export async function getAdmin(ctx: { auth: Auth; db: DatabaseReader }): Promise<Caller> {
  const caller = await getCaller(ctx);
  if (!caller.isAdmin) throw new ConvexError("Forbidden");
  return caller;
}
