// The knowledge base: articles, found by what they mean.

import { v } from "convex/values";
import { internal } from "./_generated/api";
import type { Doc, Id } from "./_generated/dataModel";
import { action, internalMutation, internalQuery, mutation, query } from "./_generated/server";
import { track } from "./model/analytics";
import { embed } from "./model/embeddings";
import { limitAddress, limitUser } from "./model/rateLimits";
import { article, articleType } from "./model/validators";

const SHOWN = 50;
const FOUND = 5;
/** The most a vector search gives. */
const CANDIDATES_MAX = 256;

type Article = Omit<Doc<"knowledge">, "embedding">;
type Hit = Article & { score: number };

const withoutEmbedding = ({ embedding, ...rest }: Doc<"knowledge">): Article => rest;
const searchable = ({ title, content }: { title: string; content: string }): string => `${title}\n\n${content}`;

export const add = action({
  args: article,
  handler: async (ctx, args): Promise<Id<"knowledge">> =>
    ctx.runMutation(internal.knowledge.insert, { article: args, embedding: await embed(searchable(args)) }),
});

export const insert = internalMutation({
  args: { article: v.object(article), embedding: v.array(v.number()) },
  handler: async (ctx, args) => {
    const now = Date.now();
    const id = await ctx.db.insert("knowledge", {
      ...args.article,
      embedding: args.embedding,
      active: true,
      createdAt: now,
      updatedAt: now,
    });
    await track(ctx, { type: "system", event: "knowledge.added", data: { id, type: args.article.type } });
    return id;
  },
});

/** Changes an article's text; it is found by the new one. */
export const update = action({
  args: { id: v.id("knowledge"), title: v.optional(v.string()), content: v.optional(v.string()) },
  handler: async (ctx, { id, ...changes }): Promise<Article> => {
    const before = await ctx.runQuery(internal.knowledge.load, { ids: [id] });
    if (before[0] === undefined) throw new Error("Article not found");
    const { title, content } = { ...before[0], ...changes };
    const embedding = await embed(searchable({ title, content }));
    return ctx.runMutation(internal.knowledge.replaceText, { id, title, content, embedding });
  },
});

export const replaceText = internalMutation({
  args: { id: v.id("knowledge"), title: v.string(), content: v.string(), embedding: v.array(v.number()) },
  handler: async (ctx, { id, ...changes }) => {
    await ctx.db.patch(id, { ...changes, updatedAt: Date.now() });
    const after = await ctx.db.get(id);
    if (after === null) throw new Error("Article not found");
    return withoutEmbedding(after);
  },
});

/** Lets searches find an article, or not. */
export const setActive = mutation({
  args: { id: v.id("knowledge"), active: v.boolean() },
  handler: async (ctx, { id, active }) => {
    if ((await ctx.db.get(id)) === null) throw new Error("Article not found");
    await ctx.db.patch(id, { active, updatedAt: Date.now() });
    return null;
  },
});

export const remove = mutation({
  args: { id: v.id("knowledge") },
  handler: async (ctx, { id }) => {
    if ((await ctx.db.get(id)) === null) throw new Error("Article not found");
    await ctx.db.delete(id);
    return null;
  },
});

export const get = query({
  args: { id: v.id("knowledge") },
  handler: async (ctx, { id }) => {
    const found = await ctx.db.get(id);
    return found === null ? null : withoutEmbedding(found);
  },
});

export const list = query({
  args: { type: v.optional(articleType), active: v.optional(v.boolean()), limit: v.optional(v.number()) },
  handler: async (ctx, { type, active, limit = SHOWN }) => {
    const table = ctx.db.query("knowledge");
    if (type !== undefined) {
      const ofType = table.withIndex("by_type", (q) => q.eq("type", type)).order("desc");
      const wanted = active === undefined ? ofType : ofType.filter((q) => q.eq(q.field("active"), active));
      return (await wanted.take(limit)).map(withoutEmbedding);
    }
    const some = active === undefined ? table : table.withIndex("by_active", (q) => q.eq("active", active));
    return (await some.order("desc").take(limit)).map(withoutEmbedding);
  },
});

/** The articles that are still there, in the order of their ids. */
export const load = internalQuery({
  args: { ids: v.array(v.id("knowledge")) },
  handler: async (ctx, { ids }) => {
    const found = await Promise.all(ids.map((id) => ctx.db.get(id)));
    return found.flatMap((one) => (one === null ? [] : [withoutEmbedding(one)]));
  },
});

/** Counts a search: of a user if one is named, and of the address it comes from. */
export const countSearch = internalMutation({
  args: { userId: v.optional(v.id("users")), ipAddress: v.optional(v.string()), query: v.string() },
  handler: async (ctx, { userId, ipAddress, query: text }) => {
    await limitAddress(ctx, "searchFrom", ipAddress);
    if (userId !== undefined) await limitUser(ctx, "search", userId);
    await track(ctx, { type: "system", event: "knowledge.searched", userId, data: { length: text.length } });
  },
});

/** The active articles that are closest in meaning, the closest first. */
export const search = action({
  args: {
    query: v.string(),
    type: v.optional(articleType),
    limit: v.optional(v.number()),
    userId: v.optional(v.id("users")),
    ipAddress: v.optional(v.string()),
  },
  handler: async (ctx, { query: text, type, limit = FOUND, userId, ipAddress }): Promise<Hit[]> => {
    if (text.trim() === "") throw new Error("The query must not be empty");
    await ctx.runMutation(internal.knowledge.countSearch, { userId, ipAddress, query: text });
    // A search filters by fields that are equal to something, or by one of several; both fields at once it cannot.
    const hits = await ctx.vectorSearch("knowledge", "by_embedding", {
      vector: await embed(text),
      limit: type === undefined ? Math.min(limit, CANDIDATES_MAX) : CANDIDATES_MAX,
      filter: (q) => (type === undefined ? q.eq("active", true) : q.eq("type", type)),
    });
    const articles = await ctx.runQuery(internal.knowledge.load, { ids: hits.map(({ _id }) => _id) });
    const scores = new Map(hits.map(({ _id, _score }) => [_id, _score]));
    return articles
      .filter(({ active }) => active)
      .slice(0, limit)
      .map((found) => ({ ...found, score: scores.get(found._id) ?? 0 }));
  },
});
