import { getAuthUserId } from "@convex-dev/auth/server";
import { query } from "./_generated/server";

/** The e-mail address of whoever asks; null for strangers. */
export const me = query({
  args: {},
  handler: async (ctx) => {
    const id = await getAuthUserId(ctx);
    return id === null ? null : ((await ctx.db.get(id))?.email ?? null);
  },
});
