import { doc } from "convex-helpers/validators";
import { v } from "convex/values";
import type { Doc, Id } from "./_generated/dataModel";
import type { DatabaseReader } from "./_generated/server";
import { adminMutation, adminQuery } from "./auth";
import { RECOMMENDED_SKILLS } from "./lib/skills";
import schema from "./schema";

const skill = doc(schema, "skills");
const { name, description, enabled, config } = skill.fields;

/** The skills of an owner, or those that have none. */
const skillsOf = (db: DatabaseReader, owner: Id<"users"> | undefined): Promise<Doc<"skills">[]> =>
  db
    .query("skills")
    .withIndex("by_ownerUserId", (q) => q.eq("ownerUserId", owner))
    .collect();

/** A skill that the user may change: their own, or one without an owner, which becomes theirs by the change. */
async function changeable(db: DatabaseReader, id: Id<"skills">, userId: Id<"users">): Promise<Doc<"skills"> | null> {
  const found = await db.get(id);
  return found && (found.ownerUserId === undefined || found.ownerUserId === userId) ? found : null;
}

/** The user's own skills, or, if there are none, those without an owner. */
export const list = adminQuery({
  args: {},
  returns: v.array(skill),
  handler: async (ctx) => {
    const own = await skillsOf(ctx.db, ctx.auth.user._id);
    return own.length > 0 ? own : await skillsOf(ctx.db, undefined);
  },
});

export const getByName = adminQuery({
  args: { name: v.string() },
  returns: v.union(skill, v.null()),
  handler: async (ctx, args) => {
    const all = await ctx.db
      .query("skills")
      .withIndex("by_name", (q) => q.eq("name", args.name))
      .collect();
    const of = (owner: Id<"users"> | undefined) => all.find(({ ownerUserId }) => ownerUserId === owner);
    return of(ctx.auth.user._id) ?? of(undefined) ?? null;
  },
});

export const create = adminMutation({
  args: { name, description, enabled, config },
  returns: v.id("skills"),
  handler: (ctx, args) => ctx.db.insert("skills", { ...args, ownerUserId: ctx.auth.user._id }),
});

export const toggle = adminMutation({
  args: { id: v.id("skills") },
  returns: v.union(v.id("skills"), v.null()),
  handler: async (ctx, { id }) => {
    const userId = ctx.auth.user._id;
    const found = await changeable(ctx.db, id, userId);
    if (!found) return null;
    await ctx.db.patch(id, { enabled: !found.enabled, ownerUserId: userId });
    return id;
  },
});

export const update = adminMutation({
  args: {
    id: v.id("skills"),
    name: v.optional(name),
    description: v.optional(description),
    enabled: v.optional(enabled),
    config,
  },
  returns: v.union(v.id("skills"), v.null()),
  handler: async (ctx, { id, ...changes }) => {
    const userId = ctx.auth.user._id;
    if (!(await changeable(ctx.db, id, userId))) return null;
    await ctx.db.patch(id, { ...changes, ownerUserId: userId });
    return id;
  },
});

export const remove = adminMutation({
  args: { id: v.id("skills") },
  returns: v.union(v.id("skills"), v.null()),
  handler: async (ctx, { id }) => {
    if (!(await changeable(ctx.db, id, ctx.auth.user._id))) return null;
    await ctx.db.delete(id);
    return id;
  },
});

/** Gives the user the skills that come with the application, but those they have. */
export const seedRecommended = adminMutation({
  args: {},
  returns: v.object({ created: v.number(), existing: v.number(), total: v.number() }),
  handler: async (ctx) => {
    const ownerUserId = ctx.auth.user._id;
    const known = new Set((await skillsOf(ctx.db, ownerUserId)).map((one) => one.name.toLowerCase()));
    const missing = RECOMMENDED_SKILLS.filter((one) => !known.has(one.name.toLowerCase()));
    for (const one of missing) await ctx.db.insert("skills", { ...one, ownerUserId });
    const total = RECOMMENDED_SKILLS.length;
    return { created: missing.length, existing: total - missing.length, total };
  },
});

/** Makes the user the owner of all skills that have none. */
export const claimLegacy = adminMutation({
  args: {},
  returns: v.object({ adopted: v.number() }),
  handler: async (ctx) => {
    const unowned = await skillsOf(ctx.db, undefined);
    for (const { _id } of unowned) await ctx.db.patch(_id, { ownerUserId: ctx.auth.user._id });
    return { adopted: unowned.length };
  },
});
