import { v } from "convex/values";
import { mutation } from "../_generated/server";
import { badRequest } from "../lib/errors";
import { checkRateLimit } from "../lib/rateLimit";
import { SESSION_DURATION_MS } from "../lib/sessions";
import { contactMetadata } from "../lib/validators";

const NAME_LENGTH_MAX = 100;
const EMAIL_LENGTH_MAX = 254;

/** Begins a visitor's session. */
export const create = mutation({
  args: { name: v.string(), email: v.string(), organizationId: v.string(), metadata: v.optional(contactMetadata) },
  handler: async (ctx, args) => {
    if (args.name.trim() === "" || args.name.length > NAME_LENGTH_MAX) {
      throw badRequest(`Name must be between 1 and ${NAME_LENGTH_MAX} characters`);
    }
    if (args.email.length > EMAIL_LENGTH_MAX) throw badRequest("Email address too long");
    await checkRateLimit(ctx, "sessions", args.organizationId);
    return ctx.db.insert("contactSessions", { ...args, expiresAt: Date.now() + SESSION_DURATION_MS });
  },
});

/** Whether a session that the browser remembers is still good. */
export const validate = mutation({
  args: { contactSessionId: v.id("contactSessions") },
  handler: async (ctx, { contactSessionId }) => {
    const contactSession = await ctx.db.get(contactSessionId);
    if (contactSession === null) return { valid: false as const, reason: "Contact session not found" };
    if (contactSession.expiresAt < Date.now()) return { valid: false as const, reason: "Contact session expired" };
    return { valid: true as const, contactSession };
  },
});
