import { createOpenAI } from "@ai-sdk/openai";
import { generateObject, generateText, stepCountIs, streamText, tool } from "ai";
import { v } from "convex/values";
import { z } from "zod";
import { action } from "./_generated/server";

const model = (url: string) => createOpenAI({ apiKey: "sk-example", baseURL: `${url}/v1` }).chat("stub");

export const text = action({
  args: { url: v.string(), prompt: v.string() },
  handler: async (_ctx, { url, prompt }) => {
    const { text, usage, finishReason } = await generateText({ model: model(url), prompt });
    return { text, tokens: usage.totalTokens, finishReason };
  },
});

export const parts = action({
  args: { url: v.string(), prompt: v.string() },
  handler: async (_ctx, { url, prompt }) => {
    const parts: string[] = [];
    for await (const part of streamText({ model: model(url), prompt }).textStream) parts.push(part);
    return parts;
  },
});

export const object = action({
  args: { url: v.string() },
  handler: async (_ctx, { url }) =>
    (await generateObject({ model: model(url), prompt: "as json", schema: z.object({ city: z.string(), people: z.number() }) })).object,
});

export const tools = action({
  args: { url: v.string() },
  handler: async (_ctx, { url }) => {
    const called: string[] = [];
    const { text, steps } = await generateText({
      model: model(url),
      prompt: "use the tool",
      stopWhen: stepCountIs(3),
      tools: {
        weather: tool({
          description: "the weather of a city",
          inputSchema: z.object({ city: z.string() }),
          execute: async ({ city }) => {
            called.push(city);
            return "sunny";
          },
        }),
      },
    });
    return { text, called, steps: steps.length };
  },
});
