// A counter over several documents, so that many can count at once.

import { ShardedCounter } from "@convex-dev/sharded-counter";
import { v } from "convex/values";
import { components } from "./_generated/api";
import { mutation, query } from "./_generated/server";

const counter = new ShardedCounter(components.shardedCounter, { shards: { clicks: 8 } });

export const add = mutation({
  args: { n: v.number() },
  handler: async (ctx, { n }) => await counter.add(ctx, "clicks", n),
});

/** Counts, then fails: nothing of it stays. */
export const addAndFail = mutation({
  args: { n: v.number() },
  handler: async (ctx, { n }) => {
    await counter.add(ctx, "clicks", n);
    throw new Error("after counting");
  },
});

export const count = query({ args: {}, handler: async (ctx) => await counter.count(ctx, "clicks") });
