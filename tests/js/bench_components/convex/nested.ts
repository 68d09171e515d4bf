// The same query, called in the app and in a component.

import { anyApi, componentsGeneric, queryGeneric as query } from "convex/server";
import { v } from "convex/values";

const components = componentsGeneric();

export const leaf = query({
  args: { name: v.string() },
  returns: v.string(),
  handler: async (_ctx, { name }) => name,
});

export const inApp = query({
  args: { name: v.string() },
  returns: v.string(),
  handler: (ctx, args) => ctx.runQuery(anyApi.nested.leaf, args),
});

export const inComponent = query({
  args: { name: v.string() },
  returns: v.string(),
  handler: (ctx, args) => ctx.runQuery(components.inner.leaf.get, args),
});
