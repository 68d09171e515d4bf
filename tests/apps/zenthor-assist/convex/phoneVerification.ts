// A user proves that a WhatsApp number is theirs: they are sent a code there.

import { v } from "convex/values";
import { internal } from "./_generated/api";
import type { Doc, Id } from "./_generated/dataModel";
import { internalMutation, type DatabaseReader, type DatabaseWriter } from "./_generated/server";
import { authMutation, authQuery } from "./auth";
import { BATCH, DAY_MS, MINUTE_MS } from "./lib/batch";
import { contactByPhone } from "./lib/contacts";
import { whatsappConversationOf } from "./lib/conversations";
import { insertOutbound, sendingAccountId } from "./lib/outbound";

const CODE_LIFETIME_MS = 5 * MINUTE_MS;
const ROW_LIFETIME_MS = DAY_MS;
/** A code is spent after so many wrong ones. */
const WRONG_CODES_MAX = 5;

/** Six random digits. */
function newCode(): string {
  const [random = 0] = crypto.getRandomValues(new Uint32Array(1));
  return String(random % 1_000_000).padStart(6, "0");
}

const pendingOf = (db: DatabaseReader, userId: Id<"users">): Promise<Doc<"phoneVerifications">[]> =>
  db
    .query("phoneVerifications")
    .withIndex("by_userId_status", (q) => q.eq("userId", userId).eq("status", "pending"))
    .collect();

/** Whether somebody else has the number. */
async function isTaken(db: DatabaseReader, phone: string, userId: Id<"users">): Promise<boolean> {
  const owners = await db
    .query("users")
    .withIndex("by_phone", (q) => q.eq("phone", phone))
    .collect();
  return owners.some(({ _id }) => _id !== userId);
}

/** Writes the code into the number's conversation on WhatsApp, and queues it for the account that sends there. */
async function sendCode(db: DatabaseWriter, user: Doc<"users">, phone: string, code: string): Promise<void> {
  const known = await contactByPhone(db, phone);
  const contactId = known?._id ?? (await db.insert("contacts", { phone, name: user.name, isAllowed: false }));
  const conversationId = await whatsappConversationOf(db, contactId);
  const content = `Your verification code is ${code}. It expires in 5 minutes.`;
  const messageId = await db.insert("messages", {
    conversationId,
    role: "system",
    content,
    channel: "whatsapp",
    status: "pending",
  });
  await insertOutbound(db, {
    channel: "whatsapp",
    accountId: await sendingAccountId(db),
    conversationId,
    messageId,
    to: phone,
    payload: { content, metadata: { kind: "phone_verification" } },
  });
}

export const requestVerification = authMutation({
  args: { phone: v.string() },
  returns: v.object({ success: v.boolean(), error: v.optional(v.string()) }),
  handler: async (ctx, { phone }) => {
    const { user } = ctx.auth;
    if (!/^\d{10,15}$/.test(phone)) return { success: false, error: "Invalid phone number format" };
    if (await isTaken(ctx.db, phone, user._id)) {
      return { success: false, error: "Phone number already linked to another account" };
    }
    for (const { _id } of await pendingOf(ctx.db, user._id)) await ctx.db.patch(_id, { status: "expired" });
    const code = newCode();
    await ctx.db.insert("phoneVerifications", { userId: user._id, phone, code, status: "pending", createdAt: Date.now() });
    await sendCode(ctx.db, user, phone, code);
    return { success: true };
  },
});

export const confirmVerification = authMutation({
  args: { code: v.string() },
  returns: v.object({ success: v.boolean(), phone: v.optional(v.string()), error: v.optional(v.string()) }),
  handler: async (ctx, { code }) => {
    const { user } = ctx.auth;
    const now = Date.now();
    const pending = (await pendingOf(ctx.db, user._id)).at(-1);
    if (!pending) return { success: false, error: "No pending verification found" };
    if (now - pending.createdAt > CODE_LIFETIME_MS) {
      await ctx.db.patch(pending._id, { status: "expired" });
      return { success: false, error: "Verification code expired" };
    }
    if (pending.code !== code) {
      const wrongCodes = (pending.wrongCodes ?? 0) + 1;
      await ctx.db.patch(pending._id, { wrongCodes, status: wrongCodes < WRONG_CODES_MAX ? "pending" : "expired" });
      return { success: false, error: "Invalid verification code" };
    }
    const { phone } = pending;
    // Somebody else may have been faster.
    if (await isTaken(ctx.db, phone, user._id)) {
      return { success: false, error: "Phone number already linked to another account" };
    }
    await ctx.db.patch(pending._id, { status: "verified", verifiedAt: now });
    await ctx.db.patch(user._id, { phone, updatedAt: now });
    const contact = await contactByPhone(ctx.db, phone);
    if (contact) await ctx.db.patch(contact._id, { userId: user._id, isAllowed: true });
    return { success: true, phone };
  },
});

/** What is being verified. */
export const getVerificationStatus = authQuery({
  args: {},
  returns: v.union(v.object({ phone: v.string(), createdAt: v.number() }), v.null()),
  handler: async (ctx) => {
    const pending = (await pendingOf(ctx.db, ctx.auth.user._id)).at(-1);
    return pending ? { phone: pending.phone, createdAt: pending.createdAt } : null;
  },
});

/** Takes the number from the user, and the user from its contact. */
export const unlinkPhone = authMutation({
  args: {},
  returns: v.null(),
  handler: async (ctx) => {
    const { user } = ctx.auth;
    await ctx.db.patch(user._id, { phone: undefined, updatedAt: Date.now() });
    const contacts = await ctx.db
      .query("contacts")
      .withIndex("by_userId", (q) => q.eq("userId", user._id))
      .collect();
    for (const { _id } of contacts) await ctx.db.patch(_id, { userId: undefined });
    return null;
  },
});

export const cleanupExpired = internalMutation({
  args: {},
  returns: v.null(),
  handler: async (ctx) => {
    const old = await ctx.db
      .query("phoneVerifications")
      .withIndex("by_createdAt", (q) => q.lt("createdAt", Date.now() - ROW_LIFETIME_MS))
      .take(BATCH);
    for (const { _id } of old) await ctx.db.delete(_id);
    if (old.length === BATCH) await ctx.scheduler.runAfter(0, internal.phoneVerification.cleanupExpired, {});
    return null;
  },
});
