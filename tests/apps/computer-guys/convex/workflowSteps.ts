// The steps of workflows. A step may run more than once, if the server ends while it runs.

import { v } from "convex/values";
import { api, internal } from "./_generated/api";
import type { Doc, Id } from "./_generated/dataModel";
import { internalAction, internalMutation } from "./_generated/server";
import { issueToken } from "./users";

const SUMMARIZED = 10;
const results = v.record(v.string(), v.any());
const escalation = { input: v.object({ conversationId: v.id("conversations"), reason: v.optional(v.string()) }), results };
const verification = { input: v.object({ userId: v.id("users") }), results };

/** Posts JSON to another service; anything but success fails the step. */
async function post(url: string, key: string | undefined, body: unknown): Promise<void> {
  const authorization: Record<string, string> = key ? { Authorization: `Bearer ${key}` } : {};
  const headers = { "Content-Type": "application/json", ...authorization };
  const response = await fetch(url, { method: "POST", headers, body: JSON.stringify(body) });
  if (!response.ok) throw new Error(`the service at ${new URL(url).host} answered ${response.status}`);
}

/** What was said last, for the human who takes over. */
export const summarize = internalAction({
  args: escalation,
  handler: async (ctx, { input }): Promise<string> => {
    const messages: Doc<"messages">[] = await ctx.runQuery(api.messages.getMessages, {
      conversationId: input.conversationId,
      limit: SUMMARIZED,
    });
    return messages
      .filter(({ role }) => role === "user" || role === "assistant")
      .map(({ role, content }) => `${role}: ${content}`)
      .join("\n");
  },
});

export const assign = internalAction({
  args: escalation,
  handler: async (ctx, { input }): Promise<Id<"agents"> | null> => {
    const agent: Doc<"agents"> | null = await ctx.runQuery(api.agents.getAvailableAgent, { type: "escalation" });
    if (agent === null) return null;
    await ctx.runMutation(internal.workflowSteps.setAgent, { conversationId: input.conversationId, agentId: agent._id });
    return agent._id;
  },
});

export const setAgent = internalMutation({
  args: { conversationId: v.id("conversations"), agentId: v.id("agents") },
  handler: async (ctx, { conversationId, agentId }) => {
    await ctx.db.patch(conversationId, { agentId, updatedAt: Date.now() });
  },
});

/** Tells the people on duty, if `ESCALATION_WEBHOOK_URL` says where. */
export const notify = internalAction({
  args: escalation,
  handler: async (_ctx, { input, results: earlier }): Promise<{ notified: boolean }> => {
    const url = process.env.ESCALATION_WEBHOOK_URL;
    if (!url) return { notified: false };
    await post(url, undefined, { ...input, summary: earlier.summarize, agentId: earlier.assign });
    return { notified: true };
  },
});

/** Makes a new code. It is not the step's result: whoever sees the workflow must not see the code. */
export const issue = internalAction({
  args: verification,
  handler: async (ctx, { input }): Promise<{ expiry: number }> => ctx.runMutation(internal.workflowSteps.issueCode, input),
});

export const issueCode = internalMutation({
  args: { userId: v.id("users") },
  handler: async (ctx, { userId }) => {
    const { expiry } = await issueToken(ctx, userId);
    return { expiry };
  },
});

/** Sends the code through `MAIL_API_URL`. */
export const mail = internalAction({
  args: verification,
  handler: async (ctx, { input }): Promise<{ sent: boolean }> => {
    const user: Doc<"users"> | null = await ctx.runQuery(internal.users.getForMail, input);
    const url = process.env.MAIL_API_URL;
    if (user?.verificationToken === undefined || !url) {
      if (!url) console.warn("no mail is sent: MAIL_API_URL is not set");
      return { sent: false };
    }
    const link = `${process.env.CONVEX_SITE_URL}/verify-email?token=${user.verificationToken}`;
    const text = `Your verification code is ${user.verificationToken}\n\nOr follow this link: ${link}\n`;
    await post(url, process.env.MAIL_API_KEY, { to: user.email, subject: "Your verification code", text });
    return { sent: true };
  },
});
