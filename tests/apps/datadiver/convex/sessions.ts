// Chat sessions. The app's AI backend calls with the token of the user for whom it works.

import { ConvexError, v } from "convex/values";
import type { Doc } from "./_generated/dataModel";
import { internalMutation, mutation, query, type MutationCtx, type QueryCtx } from "./_generated/server";
import { requireIdentity, requireSelf } from "./auth";
import { freeForm } from "./validators";

const MINUTE = 60_000;
/** A session without activity ends after this time. */
export const IDLE_MS = 30 * MINUTE;
const BATCH = 500;

/** Most sessions that a query returns: `CONVEX_MAX_QUERY_SIZE`, where it is set. */
function maxQuerySize(): number {
  const size = Number(process.env.CONVEX_MAX_QUERY_SIZE);
  return Number.isInteger(size) && size > 0 ? size : 10_000;
}

function sessionById(ctx: QueryCtx, sessionId: string): Promise<Doc<"sessions"> | null> {
  return ctx.db
    .query("sessions")
    .withIndex("by_session", (q) => q.eq("sessionId", sessionId))
    .unique();
}

/** A session of the caller's own; one of somebody else is as good as none. */
async function ownSession(ctx: QueryCtx, sessionId: string): Promise<Doc<"sessions"> | null> {
  const { subject } = await requireIdentity(ctx);
  const session = await sessionById(ctx, sessionId);
  return session?.userId === subject ? session : null;
}

async function requireActiveSession(ctx: QueryCtx, sessionId: string): Promise<Doc<"sessions">> {
  const session = await ownSession(ctx, sessionId);
  if (session === null) throw new ConvexError("Session not found");
  if (!session.active) throw new ConvexError("Session has ended");
  return session;
}

/** Ends all sessions of a user. */
export async function endSessionsOf(ctx: MutationCtx, userId: string): Promise<void> {
  const sessions = await ctx.db
    .query("sessions")
    .withIndex("by_user", (q) => q.eq("userId", userId).eq("active", true))
    .collect();
  for (const session of sessions) await ctx.db.patch(session._id, { active: false });
}

/** Begins a session of the caller; returns its `sessionId`. */
export const create = mutation({
  args: { userId: v.string(), metadata: v.optional(freeForm) },
  handler: async (ctx, { userId, metadata }) => {
    await requireSelf(ctx, userId);
    const [sessionId, now] = [crypto.randomUUID(), Date.now()];
    await ctx.db.insert("sessions", { userId, sessionId, active: true, metadata, createdAt: now, lastActivity: now });
    return sessionId;
  },
});

export const createSession = create;

/** One of the caller's sessions, or null. */
export const get = query({
  args: { sessionId: v.string() },
  handler: (ctx, { sessionId }) => ownSession(ctx, sessionId),
});

/** The caller's active sessions, the latest activity first. Pages ask before they know their user: then there are none. */
export const getUserSessions = query({
  args: { userId: v.optional(v.string()) },
  handler: async (ctx, { userId }) => {
    if (userId === undefined) return [];
    await requireSelf(ctx, userId);
    return ctx.db
      .query("sessions")
      .withIndex("by_user", (q) => q.eq("userId", userId).eq("active", true))
      .order("desc")
      .take(maxQuerySize());
  },
});

/** Notes activity, and adds to the session's metadata. */
export const update = mutation({
  args: { sessionId: v.string(), metadata: v.optional(freeForm) },
  handler: async (ctx, { sessionId, metadata }) => {
    const session = await requireActiveSession(ctx, sessionId);
    await ctx.db.patch(session._id, {
      lastActivity: Date.now(),
      ...(metadata === undefined ? {} : { metadata: { ...session.metadata, ...metadata } }),
    });
    return null;
  },
});

export const end = mutation({
  args: { sessionId: v.string() },
  handler: async (ctx, { sessionId }) => {
    const session = await requireActiveSession(ctx, sessionId);
    await ctx.db.patch(session._id, { active: false, lastActivity: Date.now() });
    return null;
  },
});

/** Ends sessions that nobody used for a while; more than one batch goes on in the next minute. */
export const endIdle = internalMutation({
  args: {},
  handler: async (ctx) => {
    const idle = await ctx.db
      .query("sessions")
      .withIndex("by_activity", (q) => q.eq("active", true).lt("lastActivity", Date.now() - IDLE_MS))
      .take(BATCH);
    for (const session of idle) await ctx.db.patch(session._id, { active: false });
    if (idle.length > 0) console.log(`ended ${idle.length} idle sessions`);
  },
});
