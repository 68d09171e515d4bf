// Changes of data that are run once, by the command line: `fusion run migrations:backfillUserRoles`.

import { v } from "convex/values";
import { internalMutation } from "./_generated/server";
import { roleOf } from "./auth/roles";

const outcome = v.object({ updated: v.number(), total: v.number() });

/** Writes down the roles of users who have none. */
export const backfillUserRoles = internalMutation({
  args: {},
  returns: outcome,
  handler: async (ctx) => {
    const users = await ctx.db.query("users").collect();
    const without = users.filter(({ role }) => role === undefined);
    for (const user of without) await ctx.db.patch(user._id, { role: roleOf(user), updatedAt: Date.now() });
    return { updated: without.length, total: users.length };
  },
});

/** Gives the skills that belong to nobody to somebody. */
export const backfillSkillOwners = internalMutation({
  args: { ownerUserId: v.id("users") },
  returns: outcome,
  handler: async (ctx, { ownerUserId }) => {
    const skills = await ctx.db.query("skills").collect();
    const without = skills.filter((skill) => skill.ownerUserId === undefined);
    for (const { _id } of without) await ctx.db.patch(_id, { ownerUserId });
    return { updated: without.length, total: skills.length };
  },
});
