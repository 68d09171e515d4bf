// Users, known by their e-mail addresses.

import { v } from "convex/values";
import type { Doc, Id } from "./_generated/dataModel";
import { internalQuery, mutation, query, type MutationCtx } from "./_generated/server";
import { track } from "./model/analytics";
import { limitAddress } from "./model/rateLimits";
import { DAY } from "./model/time";
import { secureToken } from "./model/tokens";
import { normalizedEmail, publicUser, userByEmail } from "./model/users";
import { preferences, role } from "./model/validators";

const LOGIN_ATTEMPTS_KEPT = 20;
const USERS_SHOWN = 50;

async function requireUser(ctx: MutationCtx, userId: Id<"users">): Promise<Doc<"users">> {
  const user = await ctx.db.get(userId);
  if (user === null) throw new Error("User not found");
  return user;
}

/** Inserts a user whose address nobody else has. */
export async function insertUser(
  ctx: MutationCtx,
  { email, name, customerId }: { email: string; name?: string; customerId?: string },
): Promise<Id<"users">> {
  const normalized = normalizedEmail(email);
  if (!/^[^\s@]+@[^\s@]+$/.test(normalized)) throw new Error("Invalid email address");
  if ((await userByEmail(ctx, normalized)) !== null) throw new Error("User with this email already exists");
  const now = Date.now();
  const userId = await ctx.db.insert("users", {
    email: normalized,
    emailVerified: false,
    name,
    customerId,
    role: "user",
    status: "active",
    createdAt: now,
    updatedAt: now,
  });
  await track(ctx, { type: "user", event: "user.created", userId, data: {} });
  return userId;
}

export const createUser = mutation({
  args: { email: v.string(), name: v.optional(v.string()), customerId: v.optional(v.string()), ipAddress: v.optional(v.string()) },
  handler: async (ctx, { ipAddress, ...user }) => {
    await limitAddress(ctx, "createUser", ipAddress);
    return insertUser(ctx, user);
  },
});

export const getUserByEmail = query({
  args: { email: v.string() },
  handler: async (ctx, { email }) => publicUser(await userByEmail(ctx, email)),
});

export const getUserById = query({
  args: { userId: v.id("users") },
  handler: async (ctx, { userId }) => publicUser(await ctx.db.get(userId)),
});

export const getUser = getUserById;

export const getUserByPhone = query({
  args: { phone: v.string() },
  handler: async (ctx, { phone }) =>
    publicUser(
      await ctx.db
        .query("users")
        .withIndex("by_phone", (q) => q.eq("profile.phone", phone))
        .first(),
    ),
});

/** A user with the secrets, for functions that send mail or check codes. */
export const getForMail = internalQuery({
  args: { userId: v.id("users") },
  handler: (ctx, { userId }) => ctx.db.get(userId),
});

export const updateUser = mutation({
  args: {
    userId: v.id("users"),
    updates: v.object({
      name: v.optional(v.string()),
      emailVerified: v.optional(v.boolean()),
      preferences: v.optional(preferences),
      metadata: v.optional(v.any()),
    }),
  },
  handler: async (ctx, { userId, updates }) => {
    await requireUser(ctx, userId);
    await ctx.db.patch(userId, { ...updates, updatedAt: Date.now() });
    return publicUser(await ctx.db.get(userId));
  },
});

/** Marks the address of a token's user as verified; the token is used up. */
export async function verifyToken(ctx: MutationCtx, token: string): Promise<Id<"users">> {
  const user = await ctx.db
    .query("users")
    .withIndex("by_verification_token", (q) => q.eq("verificationToken", token))
    .unique();
  if (user === null) throw new Error("Invalid verification token");
  const now = Date.now();
  if (user.verificationExpiry !== undefined && user.verificationExpiry < now) {
    throw new Error("Verification token has expired");
  }
  await ctx.db.patch(user._id, {
    emailVerified: true,
    verificationToken: undefined,
    verificationExpiry: undefined,
    updatedAt: now,
  });
  await track(ctx, { type: "user", event: "user.verified", userId: user._id, data: {} });
  return user._id;
}

export const verifyEmail = mutation({
  args: { token: v.string() },
  handler: async (ctx, { token }) => ({ success: true, userId: await verifyToken(ctx, token) }),
});

/** Gives a user a new token for 24 hours; an older one is good no more. */
export async function issueToken(ctx: MutationCtx, userId: Id<"users">): Promise<{ token: string; expiry: number }> {
  await requireUser(ctx, userId);
  const now = Date.now();
  const [token, expiry] = [secureToken(), now + DAY];
  await ctx.db.patch(userId, { verificationToken: token, verificationExpiry: expiry, updatedAt: now });
  return { token, expiry };
}

export const generateVerificationToken = mutation({
  args: { userId: v.id("users") },
  handler: (ctx, { userId }) => issueToken(ctx, userId),
});

/** Takes over a token that the API server has made. */
export const createVerificationToken = mutation({
  args: {
    userId: v.id("users"),
    token: v.string(),
    type: v.union(v.literal("email"), v.literal("password")),
    expiresAt: v.number(),
  },
  handler: async (ctx, { userId, token, expiresAt }) => {
    await requireUser(ctx, userId);
    await ctx.db.patch(userId, { verificationToken: token, verificationExpiry: expiresAt, updatedAt: Date.now() });
    return null;
  },
});

/** The newest users, of one role if it is given. */
export const listUsers = query({
  args: { limit: v.optional(v.number()), role: v.optional(role) },
  handler: async (ctx, { limit = USERS_SHOWN, role: wanted }) => {
    const newest = ctx.db.query("users").order("desc");
    const users = wanted === undefined ? newest : newest.filter((q) => q.eq(q.field("role"), wanted));
    return (await users.take(limit)).map((user) => publicUser(user));
  },
});

export const updateLastActive = mutation({
  args: { userId: v.id("users") },
  handler: async (ctx, { userId }) => {
    await requireUser(ctx, userId);
    await ctx.db.patch(userId, { lastActive: Date.now() });
    return null;
  },
});

/** Archives what a user has, signs them out everywhere and frees their address. */
export const deleteUser = mutation({
  args: { userId: v.id("users") },
  handler: async (ctx, { userId }) => {
    const user = await requireUser(ctx, userId);
    const now = Date.now();
    const conversations = await ctx.db.query("conversations").withIndex("by_user", (q) => q.eq("userId", userId)).collect();
    for (const { _id } of conversations) await ctx.db.patch(_id, { status: "archived", updatedAt: now });
    const sessions = await ctx.db.query("sessions").withIndex("by_user", (q) => q.eq("userId", userId)).collect();
    for (const { _id } of sessions) await ctx.db.delete(_id);
    await ctx.db.patch(userId, {
      email: `deleted_${now}_${user.email}`,
      emailVerified: false,
      verificationToken: undefined,
      verificationExpiry: undefined,
      status: "deleted",
      updatedAt: now,
    });
    await track(ctx, { type: "user", event: "user.deleted", userId, data: {} });
    return { success: true };
  },
});

export const getUserCount = query({
  args: {},
  handler: async (ctx) => (await ctx.db.query("users").collect()).length,
});

export const trackLoginAttempt = mutation({
  args: { userId: v.id("users"), success: v.boolean(), ip: v.string() },
  handler: async (ctx, { userId, success, ip }) => {
    const { loginAttempts = [] } = await requireUser(ctx, userId);
    const timestamp = Date.now();
    await ctx.db.patch(userId, {
      loginAttempts: [...loginAttempts, { success, ip, timestamp }].slice(-LOGIN_ATTEMPTS_KEPT),
      ...(success ? { lastLoginAt: timestamp } : {}),
    });
    return null;
  },
});

/** Takes over a session that the API server has made; it cannot be refreshed here. */
export const createSession = mutation({
  args: {
    userId: v.id("users"),
    sessionId: v.string(),
    ip: v.string(),
    userAgent: v.string(),
    expiresAt: v.number(),
  },
  handler: async (ctx, { userId, sessionId, ip, userAgent, expiresAt }) => {
    await requireUser(ctx, userId);
    const now = Date.now();
    await ctx.db.insert("sessions", {
      userId,
      token: sessionId,
      refreshToken: secureToken(),
      expiresAt,
      refreshExpiresAt: expiresAt,
      ipAddress: ip,
      userAgent,
      lastActivity: now,
      createdAt: now,
    });
    return null;
  },
});

/** Who has this session, while it is good. */
export const getSession = query({
  args: { sessionId: v.string() },
  handler: async (ctx, { sessionId }) => {
    const session = await ctx.db.query("sessions").withIndex("by_token", (q) => q.eq("token", sessionId)).unique();
    if (session === null || session.expiresAt < Date.now()) return null;
    return { userId: session.userId, expiresAt: session.expiresAt, lastActivity: session.lastActivity };
  },
});

export const invalidateSession = mutation({
  args: { sessionId: v.string() },
  handler: async (ctx, { sessionId }) => {
    const session = await ctx.db.query("sessions").withIndex("by_token", (q) => q.eq("token", sessionId)).unique();
    if (session !== null) await ctx.db.delete(session._id);
    return null;
  },
});
