// Scores, with two aggregates that are kept beside the table: one over all, one with a namespace for each game.

import { TableAggregate } from "@convex-dev/aggregate";
import { v } from "convex/values";
import { components } from "./_generated/api";
import type { DataModel } from "./_generated/dataModel";
import { mutation, query } from "./_generated/server";

const byScore = new TableAggregate<{ Key: number; DataModel: DataModel; TableName: "scores" }>(components.byScore, {
  sortKey: (doc) => doc.score,
  sumValue: (doc) => doc.score,
});
const byGame = new TableAggregate<{ Namespace: string; Key: number; DataModel: DataModel; TableName: "scores" }>(
  components.byGame,
  { namespace: (doc) => doc.game, sortKey: (doc) => doc.score },
);

export const add = mutation({
  args: { game: v.string(), player: v.string(), score: v.number() },
  handler: async (ctx, args) => {
    const id = await ctx.db.insert("scores", args);
    const doc = (await ctx.db.get(id))!;
    await byScore.insert(ctx, doc);
    await byGame.insert(ctx, doc);
    return id;
  },
});

export const change = mutation({
  args: { id: v.id("scores"), score: v.number() },
  handler: async (ctx, { id, score }) => {
    const before = (await ctx.db.get(id))!;
    await ctx.db.patch(id, { score });
    const after = (await ctx.db.get(id))!;
    await byScore.replace(ctx, before, after);
    await byGame.replace(ctx, before, after);
  },
});

export const remove = mutation({
  args: { id: v.id("scores") },
  handler: async (ctx, { id }) => {
    const doc = (await ctx.db.get(id))!;
    await ctx.db.delete(id);
    await byScore.delete(ctx, doc);
    await byGame.delete(ctx, doc);
  },
});

/** What the aggregates say. */
export const aggregated = query({
  args: { games: v.array(v.string()), from: v.number() },
  handler: async (ctx, { games, from }) => ({
    count: await byScore.count(ctx),
    sum: await byScore.sum(ctx),
    above: await byScore.count(ctx, { bounds: { lower: { key: from, inclusive: true } } }),
    max: (await byScore.max(ctx))?.key ?? null,
    games: await Promise.all(games.map(async (namespace) => await byGame.count(ctx, { namespace, bounds: {} as never }))),
  }),
});

/** The same, counted from the documents. */
export const recounted = query({
  args: { games: v.array(v.string()), from: v.number() },
  handler: async (ctx, { games, from }) => {
    const all = await ctx.db.query("scores").collect();
    const scores = all.map(({ score }) => score);
    return {
      count: all.length,
      sum: scores.reduce((sum, score) => sum + score, 0),
      above: scores.filter((score) => score >= from).length,
      max: scores.length === 0 ? null : Math.max(...scores),
      games: games.map((game) => all.filter((doc) => doc.game === game).length),
    };
  },
});
