// What the component is called for.

import { queryGeneric as query } from "convex/server";
import { v } from "convex/values";

export const get = query({
  args: { name: v.string() },
  returns: v.string(),
  handler: async (_ctx, { name }) => name,
});
