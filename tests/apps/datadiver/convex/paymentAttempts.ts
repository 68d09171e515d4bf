// Payment attempts, as Clerk Billing tells of them.

import { ConvexError, v, type Infer } from "convex/values";
import type { Doc, Id } from "./_generated/dataModel";
import { internalMutation, query, type MutationCtx } from "./_generated/server";
import { requireUser, userByExternalId } from "./auth";
import { paymentAttemptData, transformWebhookData, type PaymentAttemptData } from "./paymentAttemptTypes";
import { freeForm } from "./validators";

type Attempt = Omit<Doc<"paymentAttempts">, "_id" | "_creationTime">;

/** Inserts an attempt or brings it up to date. Webhooks come in any order: what is older than what is known changes nothing. */
async function save(ctx: MutationCtx, attempt: Omit<Attempt, "createdAt">, createdAt: number): Promise<void> {
  const known = await ctx.db
    .query("paymentAttempts")
    .withIndex("by_payment_id", (q) => q.eq("payment_id", attempt.payment_id))
    .unique();
  if (known === null) {
    await ctx.db.insert("paymentAttempts", { ...attempt, createdAt });
  } else if ((attempt.updated_at ?? Infinity) >= (known.updated_at ?? 0)) {
    await ctx.db.patch(known._id, attempt);
  }
}

async function saveClerks(ctx: MutationCtx, data: PaymentAttemptData): Promise<void> {
  const user = await userByExternalId(ctx, data.payer.user_id);
  const { amount, currency } = data.totals.grand_total;
  // A call leaves out what is undefined, but an attempt that was paid in the end has no failure any more.
  const { failed_at, failed_reason, paid_at } = data;
  await save(ctx, { ...data, failed_at, failed_reason, paid_at, userId: user?._id, amount, currency }, data.created_at);
}

/** Saves an attempt in the form of Clerk's webhook. */
export const savePaymentAttempt = internalMutation({
  args: { paymentAttemptData },
  returns: v.null(),
  handler: async (ctx, args) => {
    await saveClerks(ctx, args.paymentAttemptData);
    return null;
  },
});

type FreeForm = Infer<typeof freeForm>;

function wrong(name: string, what: string): ConvexError<string> {
  return new ConvexError(`the payment attempt's field ${name} must be ${what}`);
}

function text(data: FreeForm, name: string): string {
  const value: unknown = data[name];
  if (typeof value !== "string") throw wrong(name, "a string");
  return value;
}

function number(data: FreeForm, name: string): number {
  const value: unknown = data[name];
  if (typeof value !== "number") throw wrong(name, "a number");
  return value;
}

function record(data: FreeForm, name: string): FreeForm {
  const value: unknown = data[name];
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw wrong(name, "an object");
  return value as FreeForm;
}

async function payerOf(ctx: MutationCtx, named: string): Promise<Id<"users">> {
  const userId = ctx.db.normalizeId("users", named);
  const user = (userId === null ? null : await ctx.db.get(userId)) ?? (await userByExternalId(ctx, named));
  if (user === null) throw new ConvexError(`there is no user ${named}`);
  return user._id;
}

/**
 * Saves an attempt: all that Clerk sends, or, in the form of the app's document, `payment_id`, `status`, and what is known of
 * `userId` (the user's id here or at Clerk), `amount`, `currency`, `metadata` and `createdAt`; other fields become metadata.
 */
export const upsertPaymentAttempt = internalMutation({
  args: { data: freeForm },
  handler: async (ctx, { data }) => {
    if (data.payer !== undefined) {
      await saveClerks(ctx, transformWebhookData(data));
      return;
    }
    const { payment_id, status, userId, amount, currency, metadata, createdAt, ...rest } = data;
    const free = { ...rest, ...(metadata === undefined ? {} : record(data, "metadata")) };
    await save(
      ctx,
      {
        payment_id: text(data, "payment_id"),
        status: text(data, "status"),
        ...(userId === undefined ? {} : { userId: await payerOf(ctx, text(data, "userId")) }),
        ...(amount === undefined ? {} : { amount: number(data, "amount") }),
        ...(currency === undefined ? {} : { currency: text(data, "currency") }),
        ...(Object.keys(free).length === 0 ? {} : { metadata: free }),
      },
      createdAt === undefined ? Date.now() : number(data, "createdAt"),
    );
  },
});

/** The caller's latest attempt, or null. `userId` is theirs, here or at Clerk; pages ask before they know it. */
export const getLatest = query({
  args: { userId: v.optional(v.string()) },
  handler: async (ctx, { userId }) => {
    if (userId === undefined) return null;
    const user = await requireUser(ctx);
    if (userId !== user._id && userId !== user.externalId) throw new ConvexError("Forbidden");
    return ctx.db
      .query("paymentAttempts")
      .withIndex("by_user", (q) => q.eq("userId", user._id))
      .order("desc")
      .first();
  },
});
