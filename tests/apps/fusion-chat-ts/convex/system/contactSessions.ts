import { v } from "convex/values";
import { internalMutation, internalQuery } from "../_generated/server";
import { badRequest, notFound } from "../lib/errors";
import { REFRESH_THRESHOLD_MS, SESSION_DURATION_MS } from "../lib/sessions";

const args = { contactSessionId: v.id("contactSessions") };

/** Lets a session that is used last longer. */
export const refresh = internalMutation({
  args,
  handler: async (ctx, { contactSessionId }) => {
    const session = await ctx.db.get(contactSessionId);
    if (session === null) throw notFound("Contact session not found");
    const now = Date.now();
    if (session.expiresAt < now) throw badRequest("Contact session expired");
    if (session.expiresAt - now >= REFRESH_THRESHOLD_MS) return session;
    const expiresAt = now + SESSION_DURATION_MS;
    await ctx.db.patch(contactSessionId, { expiresAt });
    return { ...session, expiresAt };
  },
});

export const getOne = internalQuery({ args, handler: (ctx, { contactSessionId }) => ctx.db.get(contactSessionId) });
