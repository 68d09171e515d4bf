// Crons that are registered while the app runs.

import { Crons } from "@convex-dev/crons";
import { v } from "convex/values";
import { components, internal } from "./_generated/api";
import { mutation, query } from "./_generated/server";

const crons = new Crons(components.crons);

export const register = mutation({
  args: { name: v.string(), ms: v.number() },
  handler: (ctx, { name, ms }) =>
    crons.register(ctx, { kind: "interval", ms }, internal.events.note, { name: "rang", detail: name }, name),
});

export const remove = mutation({
  args: { name: v.string() },
  handler: async (ctx, { name }) => {
    await crons.delete(ctx, { name });
  },
});

export const names = query({
  args: {},
  handler: async (ctx) => (await crons.list(ctx)).map((cron) => cron.name),
});
