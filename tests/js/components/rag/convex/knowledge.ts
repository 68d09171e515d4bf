// A knowledge base for each team.

import { createOpenAI } from "@ai-sdk/openai";
import { RAG, vEntryId } from "@convex-dev/rag";
import { paginationOptsValidator } from "convex/server";
import { v } from "convex/values";
import { components } from "./_generated/api";
import { action, mutation, query } from "./_generated/server";

type Filters = { category: string };

const rag = () =>
  new RAG<Filters>(components.rag, {
    textEmbeddingModel: createOpenAI({ baseURL: process.env.MODEL_URL, apiKey: "key" }).embedding("text-embedding-3-small"),
    embeddingDimension: 1536,
    filterNames: ["category"],
  });

export const add = action({
  args: { team: v.string(), key: v.string(), text: v.string(), category: v.string() },
  handler: async (ctx, { team, key, text, category }) => {
    const filterValues = [{ name: "category" as const, value: category }];
    const { entryId, created, replacedEntry } = await rag().add(ctx, { namespace: team, key, title: key, text, filterValues });
    return { entryId, created, replaced: replacedEntry?.entryId ?? null };
  },
});

export const search = action({
  args: { team: v.string(), query: v.string(), limit: v.optional(v.number()), category: v.optional(v.string()) },
  handler: async (ctx, { team, query: asked, limit = 3, category }) => {
    const filters = category === undefined ? [] : [{ name: "category" as const, value: category }];
    const { entries, text } = await rag().search(ctx, { namespace: team, query: asked, limit, filters });
    return { text, titles: entries.map(({ title }) => title ?? "") };
  },
});

export const list = query({
  args: { team: v.string(), paginationOpts: paginationOptsValidator },
  handler: async (ctx, { team, paginationOpts }) => {
    const namespace = await rag().getNamespace(ctx, { namespace: team });
    if (namespace === null) return { page: [], isDone: true, continueCursor: "" };
    const { namespaceId } = namespace;
    const entries = await rag().list(ctx, { namespaceId, status: "ready", order: "asc", paginationOpts });
    return { ...entries, page: entries.page.map(({ key }) => key) };
  },
});

export const chunks = query({
  args: { entryId: vEntryId, paginationOpts: paginationOptsValidator },
  handler: async (ctx, args) => (await rag().listChunks(ctx, { ...args, order: "asc" })).page.map(({ text }) => text),
});

export const remove = mutation({
  args: { entryId: vEntryId, fail: v.optional(v.boolean()) },
  handler: async (ctx, { entryId, fail }) => {
    await rag().deleteAsync(ctx, { entryId });
    if (fail) throw new Error("nothing of this happened");
  },
});
