// Plugins: what there is, where it is installed, and which tools are allowed where.

import { doc } from "convex-helpers/validators";
import { v } from "convex/values";
import { adminMutation, adminQuery, serviceMutation, serviceQuery } from "./auth";
import * as fields from "./lib/fields";
import { effectiveInstalls, effectivePolicy, layers } from "./lib/pluginLayers";
import schema from "./schema";

const definition = doc(schema, "pluginDefinitions");
const install = doc(schema, "pluginInstalls");
const policy = doc(schema, "pluginPolicies");

export const listDefinitions = adminQuery({
  args: {},
  returns: v.array(definition),
  handler: (ctx) => ctx.db.query("pluginDefinitions").collect(),
});

export const listInstalls = adminQuery({
  args: {},
  returns: v.array(install),
  handler: (ctx) => ctx.db.query("pluginInstalls").collect(),
});

export const listPolicies = adminQuery({
  args: {},
  returns: v.array(policy),
  handler: (ctx) => ctx.db.query("pluginPolicies").collect(),
});

export const upsertInstall = adminMutation({
  args: fields.pluginInstall,
  returns: v.id("pluginInstalls"),
  handler: async (ctx, args) => {
    const now = Date.now();
    const found = await ctx.db
      .query("pluginInstalls")
      .withIndex("by_scope_agent_channel", (q) =>
        q.eq("workspaceScope", args.workspaceScope).eq("agentId", args.agentId).eq("channel", args.channel),
      )
      .filter((q) => q.eq(q.field("pluginName"), args.pluginName))
      .first();
    if (!found) return await ctx.db.insert("pluginInstalls", { ...args, createdAt: now, updatedAt: now });
    await ctx.db.patch(found._id, { enabled: args.enabled, config: args.config, updatedAt: now });
    return found._id;
  },
});

export const upsertPolicy = adminMutation({
  args: fields.pluginPolicy,
  returns: v.id("pluginPolicies"),
  handler: async (ctx, args) => {
    const now = Date.now();
    const found = await ctx.db
      .query("pluginPolicies")
      .withIndex("by_scope_agent_channel", (q) =>
        q.eq("workspaceScope", args.workspaceScope).eq("agentId", args.agentId).eq("channel", args.channel),
      )
      .first();
    if (!found) return await ctx.db.insert("pluginPolicies", { ...args, createdAt: now, updatedAt: now });
    await ctx.db.patch(found._id, { allow: args.allow, deny: args.deny, updatedAt: now });
    return found._id;
  },
});

/** Says what plugin there is; a worker does so when it starts. */
export const upsertDefinition = serviceMutation({
  args: fields.pluginDefinition,
  returns: v.id("pluginDefinitions"),
  handler: async (ctx, { name, ...rest }) => {
    const now = Date.now();
    const found = await ctx.db
      .query("pluginDefinitions")
      .withIndex("by_name", (q) => q.eq("name", name))
      .first();
    if (!found) return await ctx.db.insert("pluginDefinitions", { name, ...rest, createdAt: now, updatedAt: now });
    await ctx.db.patch(found._id, { ...rest, checksum: rest.checksum, updatedAt: now });
    return found._id;
  },
});

/** Says how loading a plugin went; nothing happens for one that nobody knows. */
export const upsertDiagnostics = serviceMutation({
  args: { name: v.string(), diagnosticStatus: fields.diagnosticStatus, diagnosticMessages: v.array(v.string()) },
  returns: v.null(),
  handler: async (ctx, { name, diagnosticStatus, diagnosticMessages }) => {
    const found = await ctx.db
      .query("pluginDefinitions")
      .withIndex("by_name", (q) => q.eq("name", name))
      .first();
    if (found) await ctx.db.patch(found._id, { diagnosticStatus, diagnosticMessages, updatedAt: Date.now() });
    return null;
  },
});

export const listDiagnostics = serviceQuery({
  args: {},
  returns: v.array(
    v.object({
      name: v.string(),
      version: v.string(),
      diagnosticStatus: v.optional(fields.diagnosticStatus),
      diagnosticMessages: v.optional(v.array(v.string())),
    }),
  ),
  handler: async (ctx) => {
    const all = await ctx.db.query("pluginDefinitions").collect();
    return all.map(({ name, version, diagnosticStatus, diagnosticMessages }) => ({
      name,
      version,
      diagnosticStatus,
      diagnosticMessages,
    }));
  },
});

/** What is installed at a place, of all layers that hold there. */
export const getEffectiveInstallSet = serviceQuery({
  args: fields.pluginPlace,
  returns: v.array(install),
  handler: async (ctx, args) => {
    const found = await Promise.all(
      layers(args).map(({ agentId, channel }) =>
        ctx.db
          .query("pluginInstalls")
          .withIndex("by_scope_agent_channel", (q) =>
            q.eq("workspaceScope", args.workspaceScope).eq("agentId", agentId).eq("channel", channel),
          )
          .collect(),
      ),
    );
    return effectiveInstalls(found.flat());
  },
});

/** Which tools are allowed at a place, by all policies that hold there. */
export const getEffectivePolicy = serviceQuery({
  args: fields.pluginPlace,
  returns: fields.toolPolicy,
  handler: async (ctx, args) => {
    const found = await Promise.all(
      layers(args).map(({ agentId, channel }) =>
        ctx.db
          .query("pluginPolicies")
          .withIndex("by_scope_agent_channel", (q) =>
            q.eq("workspaceScope", args.workspaceScope).eq("agentId", agentId).eq("channel", channel),
          )
          .first(),
      ),
    );
    return effectivePolicy(found.filter((one) => one !== null));
  },
});
