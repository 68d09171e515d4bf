// Who calls, seen from every kind of function, and documents that only their owner sees.

import { actionGeneric, anyApi, mutationGeneric, queryGeneric } from "convex/server";
import { ConvexError, v } from "convex/values";

const api = anyApi;
const whoever = (ctx) => ctx.auth.getUserIdentity();

export const whoami = queryGeneric({ args: {}, handler: whoever });

export const inMutation = mutationGeneric({ args: {}, handler: whoever });

/** An action's identity goes on to what it calls. */
export const inAction = actionGeneric({
  args: {},
  handler: async (ctx) => [await whoever(ctx), await ctx.runQuery(api.people.whoami, {}), await ctx.runMutation(api.people.inMutation, {})],
});

const owner = async (ctx) => {
  const identity = await whoever(ctx);
  if (!identity) throw new ConvexError("nobody is signed in");
  return identity.tokenIdentifier;
};

export const write = mutationGeneric({
  args: { text: v.string() },
  handler: async (ctx, { text }) => {
    await ctx.db.insert("notes", { owner: await owner(ctx), text });
  },
});

export const mine = queryGeneric({
  args: {},
  handler: async (ctx) => {
    const tokenIdentifier = await owner(ctx);
    const notes = await ctx.db
      .query("notes")
      .withIndex("by_owner", (q) => q.eq("owner", tokenIdentifier))
      .collect();
    return notes.map(({ text }) => text);
  },
});
