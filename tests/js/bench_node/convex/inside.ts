import { actionGeneric as action, queryGeneric as query } from "convex/server";
import { v } from "convex/values";

export const add = action({ args: { n: v.number() }, handler: async (_ctx, { n }) => n + 1 });
export const one = query({ args: {}, handler: async () => 1 });
