// Signing in by e-mail, and sessions.

import { ConvexError, v } from "convex/values";
import { internal } from "./_generated/api";
import type { Doc, Id } from "./_generated/dataModel";
import { action, internalMutation, mutation, query, type MutationCtx, type QueryCtx } from "./_generated/server";
import { track } from "./model/analytics";
import { limitAddress, limitUser } from "./model/rateLimits";
import { DAY, HOUR } from "./model/time";
import { secureToken } from "./model/tokens";
import { publicUser, userByEmail, type PublicUser } from "./model/users";
import { insertUser, verifyToken } from "./users";
import { begin } from "./workflows";

const LIFETIME = HOUR;
const REFRESH_LIFETIME = 7 * DAY;
const BATCH = 500;

type Tokens = { token: string; refreshToken: string; expiresAt: number; refreshExpiresAt: number };
type NewSession = Tokens & { sessionId: Id<"sessions"> };
type PublicSession = Omit<Doc<"sessions">, "token" | "refreshToken">;
type Login =
  | { success: true; requiresVerification: true; message: string }
  | { success: true; requiresVerification: false; session: NewSession };

function newTokens(): Tokens {
  const now = Date.now();
  return { token: secureToken(), refreshToken: secureToken(), expiresAt: now + LIFETIME, refreshExpiresAt: now + REFRESH_LIFETIME };
}

/** A session without the secrets that make one its owner. */
function publicSession({ token, refreshToken, ...rest }: Doc<"sessions">): PublicSession {
  return rest;
}

function sessionByToken(ctx: QueryCtx, token: string): Promise<Doc<"sessions"> | null> {
  return ctx.db.query("sessions").withIndex("by_token", (q) => q.eq("token", token)).unique();
}

async function insertSession(
  ctx: MutationCtx,
  owner: { userId: Id<"users">; ipAddress?: string; userAgent?: string },
): Promise<NewSession> {
  const [tokens, now] = [newTokens(), Date.now()];
  const sessionId = await ctx.db.insert("sessions", { ...owner, ...tokens, lastActivity: now, createdAt: now });
  await track(ctx, { type: "user", event: "session.created", userId: owner.userId, data: {} });
  return { sessionId, ...tokens };
}

export const createSession = mutation({
  args: { userId: v.id("users"), ipAddress: v.optional(v.string()), userAgent: v.optional(v.string()) },
  handler: async (ctx, args) => {
    if ((await ctx.db.get(args.userId)) === null) throw new Error("User not found");
    return insertSession(ctx, args);
  },
});

type Validity = { valid: false; reason: string } | { valid: true; session: PublicSession; user: PublicUser };

export const validateSession = query({
  args: { token: v.string() },
  handler: async (ctx, { token }): Promise<Validity> => {
    const session = await sessionByToken(ctx, token);
    if (session === null) return { valid: false, reason: "Session not found" };
    if (session.expiresAt < Date.now()) return { valid: false, reason: "Session expired" };
    const user = await ctx.db.get(session.userId);
    if (user === null) return { valid: false, reason: "User not found" };
    return { valid: true, session: publicSession(session), user: publicUser(user) };
  },
});

/** Gives a session new tokens; the old ones are good no more. */
export const refreshSession = mutation({
  args: { refreshToken: v.string() },
  handler: async (ctx, { refreshToken }) => {
    const session = await ctx.db
      .query("sessions")
      .withIndex("by_refresh_token", (q) => q.eq("refreshToken", refreshToken))
      .unique();
    if (session === null) throw new Error("Invalid refresh token");
    const now = Date.now();
    if (session.refreshExpiresAt < now) throw new Error("Refresh token expired");
    const tokens = newTokens();
    await ctx.db.patch(session._id, { ...tokens, lastActivity: now });
    return tokens;
  },
});

export const updateSessionActivity = mutation({
  args: { token: v.string() },
  handler: async (ctx, { token }) => {
    const session = await sessionByToken(ctx, token);
    if (session === null) throw new Error("Session not found");
    await ctx.db.patch(session._id, { lastActivity: Date.now() });
    return null;
  },
});

export const logout = mutation({
  args: { token: v.string() },
  handler: async (ctx, { token }) => {
    const session = await sessionByToken(ctx, token);
    if (session !== null) await ctx.db.delete(session._id);
    return { success: true };
  },
});

async function cleanExpired(ctx: MutationCtx): Promise<{ deleted: number }> {
  const now = Date.now();
  const expired = await ctx.db
    .query("sessions")
    .withIndex("by_expires", (q) => q.lt("expiresAt", now))
    .filter((q) => q.lt(q.field("refreshExpiresAt"), now))
    .take(BATCH);
  for (const { _id } of expired) await ctx.db.delete(_id);
  return { deleted: expired.length };
}

/** Removes sessions that cannot be refreshed any more. */
export const cleanExpiredSessions = mutation({ args: {}, handler: cleanExpired });

/** The same for the cron. */
export const cleanUp = internalMutation({ args: {}, handler: cleanExpired });

/** A user's sessions that can be used or refreshed. */
export const getUserSessions = query({
  args: { userId: v.id("users") },
  handler: async (ctx, { userId }) => {
    const sessions = await ctx.db.query("sessions").withIndex("by_user", (q) => q.eq("userId", userId)).collect();
    const now = Date.now();
    return sessions.filter(({ refreshExpiresAt }) => refreshExpiresAt >= now).map(publicSession);
  },
});

export const revokeAllUserSessions = mutation({
  args: { userId: v.id("users") },
  handler: async (ctx, { userId }) => {
    const sessions = await ctx.db.query("sessions").withIndex("by_user", (q) => q.eq("userId", userId)).collect();
    for (const { _id } of sessions) await ctx.db.delete(_id);
    return { revoked: sessions.length };
  },
});

/** Counts an attempt to sign in. It commits alone, so that failed attempts count, too. */
export const countLogin = internalMutation({
  args: { email: v.string(), ipAddress: v.optional(v.string()) },
  handler: async (ctx, { email, ipAddress }) => {
    await limitAddress(ctx, "loginFrom", ipAddress);
    await limitUser(ctx, "login", email.trim().toLowerCase());
  },
});

/** Checks a code, or begins to send one. */
export const tryLogin = internalMutation({
  args: { email: v.string(), verificationCode: v.optional(v.string()) },
  handler: async (ctx, { email, verificationCode }): Promise<Login> => {
    const user = await userByEmail(ctx, email);
    if (user !== null && verificationCode !== undefined) {
      // One answer for a wrong code and for the right one of somebody else.
      if (user.verificationToken !== verificationCode) throw new ConvexError({ code: "INVALID_CODE", message: "Invalid verification code" });
      await verifyToken(ctx, verificationCode);
      return { success: true, requiresVerification: false, session: await insertSession(ctx, { userId: user._id }) };
    }
    if (user?.emailVerified && process.env.LOGIN_WITHOUT_CODE === "true") {
      return { success: true, requiresVerification: false, session: await insertSession(ctx, { userId: user._id }) };
    }
    const userId = user?._id ?? (await insertUser(ctx, { email }));
    await begin(ctx, "verification", { userId });
    return { success: true, requiresVerification: true, message: "Verification code sent to email" };
  },
});

/** Signs in by e-mail: without a code one is sent, with the code there is a session. */
export const login = action({
  args: { email: v.string(), verificationCode: v.optional(v.string()), ipAddress: v.optional(v.string()) },
  handler: async (ctx, { ipAddress, ...args }): Promise<Login> => {
    await ctx.runMutation(internal.auth.countLogin, { email: args.email, ipAddress });
    return ctx.runMutation(internal.auth.tryLogin, args);
  },
});
