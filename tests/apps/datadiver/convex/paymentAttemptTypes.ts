// What Clerk Billing says of a payment attempt, and how it is taken out of a webhook.

import { ConvexError, v, type Infer } from "convex/values";

const amount = v.object({
  amount: v.number(),
  amount_formatted: v.string(),
  currency: v.string(),
  currency_symbol: v.string(),
});

const payer = v.object({ email: v.string(), first_name: v.string(), last_name: v.string(), user_id: v.string() });

const subscriptionItem = v.object({
  amount,
  plan: v.object({
    id: v.string(),
    name: v.string(),
    slug: v.string(),
    amount: v.number(),
    currency: v.string(),
    period: v.string(),
    interval: v.number(),
  }),
  status: v.string(),
  period_start: v.number(),
  period_end: v.number(),
});

/** A payment attempt as Clerk Billing describes it. */
export const paymentAttemptData = v.object({
  billing_date: v.number(),
  charge_type: v.string(),
  created_at: v.number(),
  failed_at: v.optional(v.number()),
  failed_reason: v.optional(v.object({ code: v.string(), decline_code: v.optional(v.string()) })),
  invoice_id: v.string(),
  paid_at: v.optional(v.number()),
  payer,
  payment_id: v.string(),
  payment_source: v.object({ card_type: v.string(), last4: v.string() }),
  statement_id: v.string(),
  status: v.string(),
  subscription_items: v.array(subscriptionItem),
  totals: v.object({ grand_total: amount, subtotal: amount, tax_total: amount }),
  updated_at: v.number(),
});

export type PaymentAttemptData = Infer<typeof paymentAttemptData>;

type Json = Record<string, unknown>;

/** One object of a webhook, whose fields are read by name and type. */
class Fields {
  constructor(
    private readonly json: Json,
    private readonly path: string,
  ) {}

  private wrong(name: string, what: string): ConvexError<string> {
    return new ConvexError(`the payment attempt's field ${this.path}${name} must be ${what}`);
  }

  has(name: string): boolean {
    return Boolean(this.json[name]);
  }

  number(name: string): number {
    const value = this.json[name];
    if (typeof value !== "number") throw this.wrong(name, "a number");
    return value;
  }

  string(name: string): string {
    const value = this.json[name];
    if (typeof value !== "string") throw this.wrong(name, "a string");
    return value;
  }

  object(name: string): Fields {
    return Fields.of(this.json[name], `${this.path}${name}`, () => this.wrong(name, "an object"));
  }

  objects(name: string): Fields[] {
    const value = this.json[name];
    if (!Array.isArray(value)) throw this.wrong(name, "an array");
    return value.map((item: unknown, at) => Fields.of(item, `${this.path}${name}[${at}]`, () => this.wrong(`${name}[${at}]`, "an object")));
  }

  static of(value: unknown, path: string, wrong: () => Error): Fields {
    if (typeof value !== "object" || value === null || Array.isArray(value)) throw wrong();
    return new Fields(value as Json, path === "" ? "" : `${path}.`);
  }
}

function amountOf(fields: Fields): Infer<typeof amount> {
  return {
    amount: fields.number("amount"),
    amount_formatted: fields.string("amount_formatted"),
    currency: fields.string("currency"),
    currency_symbol: fields.string("currency_symbol"),
  };
}

function failureOf(fields: Fields): PaymentAttemptData["failed_reason"] {
  return { code: fields.string("code"), ...(fields.has("decline_code") ? { decline_code: fields.string("decline_code") } : {}) };
}

function subscriptionItemOf(fields: Fields): Infer<typeof subscriptionItem> {
  const plan = fields.object("plan");
  return {
    amount: amountOf(fields.object("amount")),
    plan: {
      id: plan.string("id"),
      name: plan.string("name"),
      slug: plan.string("slug"),
      amount: plan.number("amount"),
      currency: plan.string("currency"),
      period: plan.string("period"),
      interval: plan.number("interval"),
    },
    status: fields.string("status"),
    period_start: fields.number("period_start"),
    period_end: fields.number("period_end"),
  };
}

/** The fields the app keeps of a webhook's `data`; fails with the name of the first one that is missing. */
export function transformWebhookData(data: unknown): PaymentAttemptData {
  const fields = Fields.of(data, "", () => new ConvexError("the payment attempt must be an object"));
  const [from, source, totals] = [fields.object("payer"), fields.object("payment_source"), fields.object("totals")];
  return {
    billing_date: fields.number("billing_date"),
    charge_type: fields.string("charge_type"),
    created_at: fields.number("created_at"),
    failed_at: fields.has("failed_at") ? fields.number("failed_at") : undefined,
    failed_reason: fields.has("failed_reason") ? failureOf(fields.object("failed_reason")) : undefined,
    invoice_id: fields.string("invoice_id"),
    paid_at: fields.has("paid_at") ? fields.number("paid_at") : undefined,
    payer: {
      email: from.string("email"),
      first_name: from.string("first_name"),
      last_name: from.string("last_name"),
      user_id: from.string("user_id"),
    },
    payment_id: fields.string("payment_id"),
    payment_source: { card_type: source.string("card_type"), last4: source.string("last4") },
    statement_id: fields.string("statement_id"),
    status: fields.string("status"),
    subscription_items: fields.objects("subscription_items").map(subscriptionItemOf),
    totals: {
      grand_total: amountOf(totals.object("grand_total")),
      subtotal: amountOf(totals.object("subtotal")),
      tax_total: amountOf(totals.object("tax_total")),
    },
    updated_at: fields.number("updated_at"),
  };
}
