import { mutationGeneric as mutation, paginationOptsValidator, queryGeneric as query } from "convex/server";
import { v } from "convex/values";

const asked = { index: v.string(), field: v.string(), text: v.string(), eq: v.array(v.array(v.any())) };
const build = (db, { index, field, text, eq }) =>
  db.query("notes").withSearchIndex(index, (q) => eq.reduce((q, [name, value]) => q.eq(name, value), q.search(field, text)));
const numbers = (docs) => docs.map(({ number }) => number);

export const search = query({
  args: { ...asked, take: v.optional(v.number()) },
  handler: async ({ db }, { take, ...args }) => numbers(await (take === undefined ? build(db, args).collect() : build(db, args).take(take))),
});

export const first = query({ args: asked, handler: async ({ db }, args) => (await build(db, args).first())?.number ?? null });

export const filtered = query({
  args: { ...asked, above: v.number() },
  handler: async ({ db }, { above, ...args }) =>
    numbers(
      await build(db, args)
        .filter((q) => q.gt(q.field("number"), above))
        .collect(),
    ),
});

export const page = query({
  args: { ...asked, paginationOpts: paginationOptsValidator },
  handler: async ({ db }, { paginationOpts, ...args }) => {
    const result = await build(db, args).paginate(paginationOpts);
    return { ...result, page: numbers(result.page) };
  },
});

const find = (db, number) =>
  db
    .query("notes")
    .withIndex("by_number", (q) => q.eq("number", number))
    .first();

export const put = mutation({
  args: { note: v.any() },
  handler: async ({ db }, { note }) => {
    const known = await find(db, note.number);
    if (known) await db.replace(known._id, note);
    else await db.insert("notes", note);
  },
});

export const remove = mutation({
  args: { number: v.number() },
  handler: async ({ db }, { number }) => {
    const known = await find(db, number);
    if (known) await db.delete(known._id);
  },
});

/** What a mutation finds of its own. */
export const putAndSearch = mutation({
  args: { note: v.any(), ...asked },
  handler: async ({ db }, { note, ...args }) => {
    const before = numbers(await build(db, args).collect());
    await db.insert("notes", note);
    return [before, numbers(await build(db, args).collect())];
  },
});
