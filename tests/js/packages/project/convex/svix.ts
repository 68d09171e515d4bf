import { v } from "convex/values";
import { Webhook } from "svix";
import { action } from "./_generated/server";

export const verify = action({
  args: { secret: v.string(), payload: v.string(), headers: v.any() },
  handler: async (_ctx, { secret, payload, headers }) => {
    try {
      return { event: new Webhook(secret).verify(payload, headers) };
    } catch (error: any) {
      return { refused: error.message, name: error.constructor.name };
    }
  },
});

export const sign = action({
  args: { secret: v.string(), id: v.string(), at: v.number(), payload: v.string() },
  handler: async (_ctx, { secret, id, at, payload }) => new Webhook(secret).sign(id, new Date(at), payload),
});
