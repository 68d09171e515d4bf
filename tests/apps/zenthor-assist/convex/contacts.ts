import { doc } from "convex-helpers/validators";
import { v } from "convex/values";
import { adminMutation, adminQuery, serviceMutation, serviceQuery } from "./auth";
import { contactByPhone } from "./lib/contacts";
import schema from "./schema";

const contact = doc(schema, "contacts");

export const getByPhone = serviceQuery({
  args: { phone: v.string() },
  returns: v.union(contact, v.null()),
  handler: (ctx, { phone }) => contactByPhone(ctx.db, phone),
});

/** Makes somebody known who wrote; who is known already stays as they are. */
export const create = serviceMutation({
  args: { phone: v.string(), name: v.string(), isAllowed: v.optional(v.boolean()) },
  returns: v.id("contacts"),
  handler: async (ctx, { phone, name, isAllowed = false }) => {
    const found = await contactByPhone(ctx.db, phone);
    return found?._id ?? (await ctx.db.insert("contacts", { phone, name, isAllowed }));
  },
});

export const update = adminMutation({
  args: {
    id: v.id("contacts"),
    name: v.optional(v.string()),
    isAllowed: v.optional(v.boolean()),
    userId: v.optional(v.id("users")),
  },
  returns: v.union(v.id("contacts"), v.null()),
  handler: async (ctx, { id, ...changes }) => {
    if (!(await ctx.db.get(id))) return null;
    await ctx.db.patch(id, changes);
    return id;
  },
});

export const list = adminQuery({
  args: {},
  returns: v.array(contact),
  handler: (ctx) => ctx.db.query("contacts").collect(),
});
