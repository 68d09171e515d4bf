// The agents that answer: models and people.

import { v } from "convex/values";
import type { Doc } from "./_generated/dataModel";
import { mutation, query } from "./_generated/server";
import { track } from "./model/analytics";
import { agent, agentStatus, agentType, modelConfig, specialization } from "./model/validators";

export const createAgent = mutation({
  args: agent,
  handler: (ctx, args) => {
    const now = Date.now();
    return ctx.db.insert("agents", { ...args, status: "active", createdAt: now, updatedAt: now });
  },
});

export const getAgents = query({
  args: { type: v.optional(agentType), status: v.optional(agentStatus) },
  handler: async (ctx, { type, status }) => {
    const table = ctx.db.query("agents");
    if (type !== undefined) {
      const ofType = await table.withIndex("by_type", (q) => q.eq("type", type)).collect();
      return ofType.filter((found) => status === undefined || found.status === status);
    }
    return status === undefined ? table.collect() : table.withIndex("by_status", (q) => q.eq("status", status)).collect();
  },
});

export const getAgent = query({
  args: { agentId: v.id("agents") },
  handler: (ctx, { agentId }) => ctx.db.get(agentId),
});

export const updateAgent = mutation({
  args: {
    agentId: v.id("agents"),
    updates: v.object({
      name: v.optional(v.string()),
      status: v.optional(agentStatus),
      capabilities: v.optional(v.array(v.string())),
      tools: v.optional(v.array(v.string())),
      modelConfig: v.optional(modelConfig),
      specialization: v.optional(specialization),
    }),
  },
  handler: async (ctx, { agentId, updates }) => {
    if ((await ctx.db.get(agentId)) === null) throw new Error("Agent not found");
    await ctx.db.patch(agentId, { ...updates, updatedAt: Date.now() });
    return ctx.db.get(agentId);
  },
});

/** Takes a finished conversation into the running means; rates are in percent. */
export const updateAgentMetrics = mutation({
  args: {
    agentId: v.id("agents"),
    conversationId: v.id("conversations"),
    responseTime: v.number(),
    satisfaction: v.optional(v.number()),
    escalated: v.boolean(),
  },
  handler: async (ctx, { agentId, conversationId, responseTime, satisfaction, escalated }) => {
    const found = await ctx.db.get(agentId);
    if (found === null) throw new Error("Agent not found");
    const before = found.metrics ?? { totalConversations: 0, avgResponseTime: 0, avgSatisfaction: 0, escalationRate: 0 };
    const total = before.totalConversations + 1;
    const mean = (average: number, next: number): number => (average * before.totalConversations + next) / total;
    const escalations = Math.round((before.escalationRate * before.totalConversations) / 100) + (escalated ? 1 : 0);
    await ctx.db.patch(agentId, {
      metrics: {
        totalConversations: total,
        avgResponseTime: mean(before.avgResponseTime, responseTime),
        avgSatisfaction: satisfaction === undefined ? before.avgSatisfaction : mean(before.avgSatisfaction, satisfaction),
        escalationRate: (escalations / total) * 100,
      },
      updatedAt: Date.now(),
    });
    const data = { responseTime, satisfaction, escalated };
    await track(ctx, { type: "agent", event: "agent.rated", agentId, conversationId, data });
    return null;
  },
});

/** The active agent for a case who escalates least; one who has done nothing yet comes last. */
export const getAvailableAgent = query({
  args: { type: agentType, category: v.optional(v.string()), language: v.optional(v.string()) },
  handler: async (ctx, { type, category, language }) => {
    const active = await ctx.db
      .query("agents")
      .withIndex("by_type", (q) => q.eq("type", type))
      .filter((q) => q.eq(q.field("status"), "active"))
      .collect();
    const fits = active.filter(
      ({ specialization: special }) =>
        special === undefined ||
        ((category === undefined || special.categories.includes(category)) &&
          (language === undefined || special.languages.includes(language))),
    );
    const rate = ({ metrics }: Doc<"agents">): number => metrics?.escalationRate ?? 100;
    return (fits.length > 0 ? fits : active).sort((one, other) => rate(one) - rate(other))[0] ?? null;
  },
});

/** Agents stay, for what they did; they just get nothing more to do. */
export const deleteAgent = mutation({
  args: { agentId: v.id("agents") },
  handler: async (ctx, { agentId }) => {
    if ((await ctx.db.get(agentId)) === null) throw new Error("Agent not found");
    await ctx.db.patch(agentId, { status: "inactive", updatedAt: Date.now() });
    return { success: true };
  },
});
