// An assistant that knows the weather.

import { createOpenAI } from "@ai-sdk/openai";
import { Agent, createThread, createTool, listUIMessages, saveMessage, stepCountIs, syncStreams, vStreamArgs, type ToolCtx } from "@convex-dev/agent";
import { paginationOptsValidator } from "convex/server";
import { v } from "convex/values";
import { z } from "zod";
import { components, internal } from "./_generated/api";
import { action, mutation, query } from "./_generated/server";
import type { DataModel } from "./_generated/dataModel";

declare global {
  // The list of all names of models that "ai" knows is longer than what the compiler can combine with the component's types.
  interface RegisteredProviderModels {
    stub: "stub";
  }
}

const weather = createTool({
  description: "The weather of a city",
  inputSchema: z.object({ city: z.string() }),
  execute: async (ctx: ToolCtx<DataModel>, { city }): Promise<string> => {
    const known: string | null = await ctx.runQuery(internal.weather.of, { city });
    return known ?? `nothing is known of ${city}`;
  },
});

const report = createTool({
  description: "Notes the weather of a city",
  inputSchema: z.object({ city: z.string(), weather: z.string() }),
  execute: async (ctx: ToolCtx<DataModel>, args): Promise<string> => {
    if (args.weather === "unheard of") throw new Error("no such weather");
    await ctx.runMutation(internal.weather.report, args);
    return "noted";
  },
});

const assistant = () =>
  new Agent(components.agent, {
    name: "Assistant",
    languageModel: createOpenAI({ baseURL: process.env.MODEL_URL, apiKey: "key" }).chat("stub"),
    instructions: "You know the weather.",
    tools: { weather, report },
    stopWhen: stepCountIs(4),
  });

export const begin = mutation({
  args: { userId: v.string(), fail: v.optional(v.boolean()) },
  handler: async (ctx, { userId, fail }) => {
    const threadId = await createThread(ctx, components.agent, { userId, title: "The weather" });
    await saveMessage(ctx, components.agent, { threadId, message: { role: "assistant", content: "Hello!" } });
    if (fail) throw new Error("nothing of this happened");
    return threadId;
  },
});

export const ask = action({
  args: { threadId: v.string(), prompt: v.string() },
  handler: async (ctx, { threadId, prompt }) => (await assistant().generateText(ctx, { threadId }, { prompt })).text,
});

export const stream = action({
  args: { threadId: v.string(), prompt: v.string() },
  handler: async (ctx, { threadId, prompt }) => {
    const saveStreamDeltas = { chunking: "word" as const, throttleMs: 0 };
    const result = await assistant().streamText(ctx, { threadId }, { prompt }, { saveStreamDeltas });
    return result.text;
  },
});

export const messages = query({
  args: { threadId: v.string(), paginationOpts: paginationOptsValidator, streamArgs: vStreamArgs },
  handler: async (ctx, { threadId, paginationOpts, streamArgs }) => ({
    ...(await listUIMessages(ctx, components.agent, { threadId, paginationOpts })),
    streams: await syncStreams(ctx, components.agent, { threadId, streamArgs }),
  }),
});

export const threads = query({
  args: { userId: v.string(), paginationOpts: paginationOptsValidator },
  handler: (ctx, args) => ctx.runQuery(components.agent.threads.listThreadsByUserId, args),
});

export const search = query({
  args: { userId: v.string(), text: v.string() },
  handler: async (ctx, { userId, text }) => {
    const found = await ctx.runQuery(components.agent.messages.textSearch, { searchAllMessagesForUserId: userId, text, limit: 5 });
    return found.map((message) => message.text ?? "");
  },
});

export const forget = action({
  args: { threadId: v.string() },
  handler: async (ctx, { threadId }) => {
    await ctx.runAction(components.agent.threads.deleteAllForThreadIdSync, { threadId });
  },
});
