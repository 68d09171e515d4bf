// What agents remember, found again by meaning.

import { doc } from "convex-helpers/validators";
import { ConvexError, v } from "convex/values";
import { internal } from "./_generated/api";
import type { Doc, Id } from "./_generated/dataModel";
import { internalMutation, internalQuery } from "./_generated/server";
import { serviceAction, serviceQuery } from "./auth";
import schema, { EMBEDDING_DIMENSIONS } from "./schema";

const memory = doc(schema, "memories");
const { conversationId, content, embedding, source } = memory.fields;
const DEFAULT_LIMIT = 5;
const MAX_LIMIT = 256;

function checkEmbedding({ length }: number[]): void {
  if (length !== EMBEDDING_DIMENSIONS) {
    throw new ConvexError(`An embedding has ${EMBEDDING_DIMENSIONS} dimensions, not ${length}`);
  }
}

export const listByConversation = serviceQuery({
  args: { conversationId: v.id("conversations") },
  returns: v.array(memory),
  handler: (ctx, args) =>
    ctx.db
      .query("memories")
      .withIndex("by_conversationId", (q) => q.eq("conversationId", args.conversationId))
      .collect(),
});

export const store = serviceAction({
  args: { conversationId, content, embedding, source },
  returns: v.id("memories"),
  handler: async (ctx, args): Promise<Id<"memories">> => {
    checkEmbedding(args.embedding);
    return await ctx.runMutation(internal.memories.insertMemory, args);
  },
});

/** The memories nearest in meaning, of all conversations or of one, each with its score. */
export const search = serviceAction({
  args: { embedding, limit: v.optional(v.number()), conversationId },
  returns: v.array(v.object({ id: v.id("memories"), content: v.string(), source, score: v.number() })),
  handler: async (ctx, args) => {
    checkEmbedding(args.embedding);
    const limit = Math.min(Math.max(Math.trunc(args.limit ?? DEFAULT_LIMIT), 1), MAX_LIMIT);
    const found = await ctx.vectorSearch("memories", "by_embedding", {
      vector: args.embedding,
      limit,
      filter: args.conversationId && ((q) => q.eq("conversationId", args.conversationId)),
    });
    const memories: (Doc<"memories"> | null)[] = await ctx.runQuery(internal.memories.fetchResults, {
      ids: found.map(({ _id }) => _id),
    });
    // One that was removed meanwhile is left out; the others keep their scores.
    return found.flatMap(({ _id, _score }, at) => {
      const one = memories[at];
      return one ? [{ id: _id, content: one.content, source: one.source, score: _score }] : [];
    });
  },
});

export const fetchResults = internalQuery({
  args: { ids: v.array(v.id("memories")) },
  returns: v.array(v.union(memory, v.null())),
  handler: (ctx, { ids }) => Promise.all(ids.map((id) => ctx.db.get(id))),
});

export const insertMemory = internalMutation({
  args: { conversationId, content, embedding, source },
  returns: v.id("memories"),
  handler: (ctx, args) => ctx.db.insert("memories", { ...args, createdAt: Date.now() }),
});

export const removeMemory = internalMutation({
  args: { id: v.id("memories") },
  returns: v.null(),
  handler: async (ctx, { id }) => {
    if (await ctx.db.get(id)) await ctx.db.delete(id);
    return null;
  },
});
