// A migration that gives every score a level.

import { Migrations } from "@convex-dev/migrations";
import { v } from "convex/values";
import { components, internal } from "./_generated/api";
import type { DataModel } from "./_generated/dataModel";
import { mutation, query } from "./_generated/server";

const migrations = new Migrations<DataModel>(components.migrations);

export const setLevel = migrations.define({
  table: "scores",
  batchSize: 10,
  migrateOne: (_ctx, doc) => ({ level: doc.score >= 50 ? "high" : "low" }),
});

export const run = migrations.runner(internal.migrations.setLevel);

export const start = mutation({
  args: {},
  handler: async (ctx) => await migrations.runOne(ctx, internal.migrations.setLevel),
});

export const status = query({
  args: {},
  handler: async (ctx) => (await migrations.getStatus(ctx, { migrations: [internal.migrations.setLevel] }))[0],
});

export const seed = mutation({
  args: { count: v.number() },
  handler: async (ctx, { count }) => {
    for (let n = 0; n < count; n++) await ctx.db.insert("scores", { game: "seeded", player: `p${n}`, score: n });
  },
});

export const levels = query({
  args: {},
  handler: async (ctx) => {
    const all = await ctx.db.query("scores").collect();
    return all.map(({ level }) => level ?? null);
  },
});
