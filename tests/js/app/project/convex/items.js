import { anyApi, internalMutationGeneric, mutationGeneric, paginationOptsValidator, queryGeneric, actionGeneric } from "convex/server";
import { ConvexError, v } from "convex/values";
import { fields } from "./schema.js";

const api = anyApi;
const byNumber = (db, n) => db.query("items").withIndex("by_n", (q) => q.eq("n", n)).first();

/** What can be compared between two deployments: ids and times are each one's own. */
async function plain(db, doc) {
  if (doc === null) return null;
  const { _id, _creationTime, other, ...rest } = doc;
  return { ...rest, other: other === undefined ? null : ((await db.get(other))?.n ?? "gone") };
}
const all = (db, docs) => Promise.all(docs.map((doc) => plain(db, doc)));

export const insert = mutationGeneric({
  args: { item: v.object(fields), other: v.optional(v.number()) },
  handler: async ({ db }, { item, other }) => {
    const target = other === undefined ? null : await byNumber(db, other);
    const id = await db.insert("items", target ? { ...item, other: target._id } : item);
    return await plain(db, await db.get(id));
  },
});

export const patch = mutationGeneric({
  args: { n: v.number(), fields: v.any(), unset: v.array(v.string()) },
  handler: async ({ db }, { n, fields, unset }) => {
    const found = await byNumber(db, n);
    if (!found) throw new ConvexError({ missing: n, kind: "patch" });
    await db.patch(found._id, { ...fields, ...Object.fromEntries(unset.map((name) => [name, undefined])) });
    return await plain(db, await db.get(found._id));
  },
});

export const replace = mutationGeneric({
  args: { n: v.number(), item: v.any() },
  handler: async ({ db }, { n, item }) => {
    const found = await byNumber(db, n);
    if (!found) throw new ConvexError(`nothing has ${n}`);
    await db.replace(found._id, item);
    return await plain(db, await db.get(found._id));
  },
});

export const remove = mutationGeneric({
  args: { n: v.number() },
  handler: async ({ db }, { n }) => {
    const found = await byNumber(db, n);
    if (found) await db.delete(found._id);
    return found !== null;
  },
});

/** Any expression of a filter, as arrays: `["lt", ["field", "n"], 3]`. */
const expression = (q, part) => {
  if (!Array.isArray(part)) return part;
  const [name, ...args] = part;
  return name === "field" ? q.field(args[0]) : q[name](...args.map((arg) => expression(q, arg)));
};

const asked = {
  index: v.union(v.null(), v.string()),
  /** Of the index: `["eq", field, value]` in order. */
  range: v.array(v.array(v.any())),
  order: v.union(v.literal("asc"), v.literal("desc")),
  filter: v.union(v.null(), v.any()),
};

const build = (db, { index, range, order, filter }) => {
  let query = db.query("items");
  if (index) query = query.withIndex(index, (q) => range.reduce((q, [bound, field, ...value]) => q[bound](field, value[0]), q));
  query = query.order(order);
  return filter === null ? query : query.filter((q) => expression(q, filter));
};

export const find = queryGeneric({
  args: { ...asked, take: v.union(v.null(), v.number()) },
  handler: async ({ db }, args) => {
    const query = build(db, args);
    return await all(db, await (args.take === null ? query.collect() : query.take(args.take)));
  },
});

export const only = queryGeneric({
  args: asked,
  handler: async ({ db }, args) => ({
    first: await plain(db, await build(db, args).first()),
    unique: await build(db, args).unique().then((doc) => plain(db, doc), () => "several"),
  }),
});

export const page = queryGeneric({
  args: { ...asked, paginationOpts: paginationOptsValidator },
  handler: async ({ db }, { paginationOpts, ...args }) => {
    const result = await build(db, args).paginate(paginationOpts);
    return { page: await all(db, result.page), isDone: result.isDone, continueCursor: result.continueCursor };
  },
});

export const bump = internalMutationGeneric({
  args: { n: v.number(), fail: v.boolean() },
  handler: async ({ db }, { n, fail }) => {
    const found = await byNumber(db, n);
    if (found) await db.patch(found._id, { object: { ...found.object, a: found.object.a + 1 } });
    if (fail) throw new ConvexError({ n });
    return found?.object.a ?? null;
  },
});

/** Calls within calls: what a failed one wrote is undone, alone if its failure is caught. */
export const nested = mutationGeneric({
  args: { n: v.number(), fail: v.boolean(), bear: v.boolean() },
  handler: async (ctx, { n, fail, bear }) => {
    const first = await ctx.runMutation(api.items.bump, { n, fail: false });
    const second = ctx.runMutation(api.items.bump, { n, fail });
    const seen = await (bear ? second.catch((error) => ({ caught: error.data ?? null })) : second);
    return { first, seen, now: (await byNumber(ctx.db, n))?.object.a ?? null };
  },
});

export const viaAction = actionGeneric({
  args: { n: v.number() },
  handler: async (ctx, { n }) => {
    const id = await ctx.storage.store(new Blob([`file ${n}`], { type: "text/plain" }));
    const text = await (await ctx.storage.get(id)).text();
    await ctx.storage.delete(id);
    return { text, gone: await ctx.storage.get(id), bumped: await ctx.runMutation(api.items.bump, { n, fail: false }) };
  },
});
