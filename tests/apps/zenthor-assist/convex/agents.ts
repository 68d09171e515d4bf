import { doc } from "convex-helpers/validators";
import { v } from "convex/values";
import { adminMutation, adminQuery } from "./auth";
import schema from "./schema";

const agent = doc(schema, "agents");
const { name, description, systemPrompt, model, fallbackModel, enabled, toolPolicy } = agent.fields;

export const list = adminQuery({
  args: {},
  returns: v.array(agent),
  handler: (ctx) => ctx.db.query("agents").collect(),
});

export const get = adminQuery({
  args: { id: v.id("agents") },
  returns: v.union(agent, v.null()),
  handler: (ctx, { id }) => ctx.db.get(id),
});

/** The first agent that is enabled. */
export const getDefault = adminQuery({
  args: {},
  returns: v.union(agent, v.null()),
  handler: (ctx) =>
    ctx.db
      .query("agents")
      .withIndex("by_enabled", (q) => q.eq("enabled", true))
      .first(),
});

export const getByName = adminQuery({
  args: { name: v.string() },
  returns: v.union(agent, v.null()),
  handler: (ctx, args) =>
    ctx.db
      .query("agents")
      .withIndex("by_name", (q) => q.eq("name", args.name))
      .first(),
});

export const create = adminMutation({
  args: { name, description, systemPrompt, model, fallbackModel, enabled, toolPolicy },
  returns: v.id("agents"),
  handler: (ctx, args) => ctx.db.insert("agents", args),
});

/** Changes what is given; null if there is no such agent. */
export const update = adminMutation({
  args: {
    id: v.id("agents"),
    name: v.optional(name),
    description: v.optional(description),
    systemPrompt: v.optional(systemPrompt),
    model,
    fallbackModel,
    enabled: v.optional(enabled),
    toolPolicy,
  },
  returns: v.union(v.id("agents"), v.null()),
  handler: async (ctx, { id, ...changes }) => {
    if (!(await ctx.db.get(id))) return null;
    await ctx.db.patch(id, changes);
    return id;
  },
});

export const remove = adminMutation({
  args: { id: v.id("agents") },
  returns: v.null(),
  handler: async (ctx, { id }) => {
    if (await ctx.db.get(id)) await ctx.db.delete(id);
    return null;
  },
});
