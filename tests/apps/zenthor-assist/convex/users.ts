import { doc } from "convex-helpers/validators";
import { ConvexError, v } from "convex/values";
import { mutation } from "./_generated/server";
import { adminQuery, authQuery } from "./auth";
import { userByExternalId } from "./auth/caller";
import { defaultRole, roleOf } from "./auth/roles";
import { role } from "./lib/fields";
import schema from "./schema";

const user = doc(schema, "users");

/** The caller by their own id at Clerk; null for the id of anybody else. */
export const getByExternalId = authQuery({
  args: { externalId: v.string() },
  returns: v.union(user, v.null()),
  handler: async (ctx, { externalId }) => (externalId === ctx.auth.identitySubject ? ctx.auth.user : null),
});

export const getCurrentUser = authQuery({
  args: {},
  returns: user,
  handler: async (ctx) => ctx.auth.user,
});

/** The caller with what they may do. */
export const me = authQuery({
  args: {},
  returns: v.object({ user, role, isAdmin: v.boolean() }),
  handler: async (ctx) => ({ user: ctx.auth.user, role: ctx.auth.role, isAdmin: ctx.auth.isAdmin }),
});

export const list = adminQuery({
  args: {},
  returns: v.array(user),
  handler: (ctx) => ctx.db.query("users").collect(),
});

/** Makes the caller known, also before Clerk's webhook does. */
export const getOrCreateFromClerk = mutation({
  args: { name: v.string(), email: v.optional(v.string()), image: v.optional(v.string()) },
  returns: v.id("users"),
  handler: async (ctx, { name, image, ...args }) => {
    const identity = await ctx.auth.getUserIdentity();
    if (!identity) throw new ConvexError("Not authenticated");
    const found = await userByExternalId(ctx.db, identity.subject);
    const now = Date.now();
    if (found) {
      const role = roleOf(found);
      if (found.role !== role) await ctx.db.patch(found._id, { role, updatedAt: now });
      return found._id;
    }
    // Of an address that only the caller claims nobody becomes an administrator.
    const email = (identity.email ?? "").toLowerCase();
    return await ctx.db.insert("users", {
      externalId: identity.subject,
      name,
      email: email || (args.email ?? "").toLowerCase(),
      role: defaultRole(email),
      emailVerified: identity.emailVerified,
      image,
      status: "active",
      createdAt: now,
      updatedAt: now,
    });
  },
});
