import { NoOp } from "convex-helpers/server/customFunctions";
import { zCustomQuery } from "convex-helpers/server/zod4";
import { v } from "convex/values";
import { z } from "zod";
import { query } from "./_generated/server";

const Order = z.object({
  email: z.email(),
  items: z.array(z.object({ sku: z.string().regex(/^[A-Z]{3}-\d+$/u), count: z.int().positive() })).min(1),
  note: z.string().trim().optional(),
  kind: z.discriminatedUnion("type", [
    z.object({ type: z.literal("gift"), from: z.string() }),
    z.object({ type: z.literal("plain") }),
  ]),
});

export const parse = query({
  args: { order: v.any() },
  handler: async (_ctx, { order }) => {
    const parsed = Order.safeParse(order);
    if (parsed.success) return { order: parsed.data };
    return { issues: parsed.error.issues.map(({ code, path, message }) => ({ code, path: path.join("."), message })) };
  },
});

const zQuery = zCustomQuery(query, NoOp);

export const shout = zQuery({
  args: { text: z.string().min(2).transform((text) => text.toUpperCase()) },
  handler: async (_ctx, { text }) => text,
});
