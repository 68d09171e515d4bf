// What happened. The functions record their own events; clients may add theirs.

import { v } from "convex/values";
import { mutation, query, type QueryCtx } from "./_generated/server";
import { track } from "./model/analytics";
import { analyticsEvent, eventType } from "./model/validators";

const SHOWN = 100;

export const trackEvent = mutation({
  args: analyticsEvent,
  handler: async (ctx, event) => {
    await track(ctx, event);
    return null;
  },
});

type Range = { startDate?: number; endDate?: number };
const range = { startDate: v.optional(v.number()), endDate: v.optional(v.number()) };

function eventsIn(ctx: QueryCtx, { startDate = 0, endDate = Infinity }: Range) {
  return ctx.db.query("analytics").withIndex("by_timestamp", (q) => q.gte("timestamp", startDate).lte("timestamp", endDate));
}

/** The newest events: of one kind, of one user, or all. */
export const list = query({
  args: {
    type: v.optional(eventType),
    event: v.optional(v.string()),
    userId: v.optional(v.id("users")),
    limit: v.optional(v.number()),
    ...range,
  },
  handler: (ctx, { type, event, userId, limit = SHOWN, startDate = 0, endDate = Infinity }) => {
    const table = ctx.db.query("analytics");
    const some =
      event !== undefined
        ? table.withIndex("by_event", (q) => q.eq("event", event).gte("timestamp", startDate).lte("timestamp", endDate))
        : type !== undefined
          ? table.withIndex("by_type", (q) => q.eq("type", type).gte("timestamp", startDate).lte("timestamp", endDate))
          : eventsIn(ctx, { startDate, endDate });
    const newest = some.order("desc");
    return (userId === undefined ? newest : newest.filter((q) => q.eq(q.field("userId"), userId))).take(limit);
  },
});

/** How often what happened. */
export const summary = query({
  args: range,
  handler: async (ctx, args) => {
    const byType: Record<string, number> = {};
    const byEvent: Record<string, number> = {};
    let total = 0;
    for await (const { type, event } of eventsIn(ctx, args)) {
      total += 1;
      byType[type] = (byType[type] ?? 0) + 1;
      byEvent[event] = (byEvent[event] ?? 0) + 1;
    }
    return { total, byType, byEvent };
  },
});
