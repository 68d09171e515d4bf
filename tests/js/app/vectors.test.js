// `ctx.vectorSearch` of actions: what is found, with every form of filter, and what is refused.

import assert from "node:assert/strict";
import { test } from "node:test";
import { ConvexHttpClient } from "convex/browser";
import { anyApi as api } from "convex/server";
import { project } from "../support/cli.js";
import { seeded } from "../support/random.js";
import { startServer } from "../support/server.js";

const SCHEMA = `import { defineSchema, defineTable } from "convex/server";
import { v } from "convex/values";
export default defineSchema({
  pieces: defineTable({ embedding: v.any(), org: v.string(), lang: v.optional(v.union(v.string(), v.int64())), meta: v.any() })
    .vectorIndex("by_embedding", { vectorField: "embedding", dimensions: 3, filterFields: ["org", "lang", "meta.deep"] }),
  // STAGED
});
`;
const STAGED = `others: defineTable({ place: v.array(v.float64()) })
    .vectorIndex("by_place", { vectorField: "place", dimensions: 2, staged: true }),`;

const FUNCTIONS = `import { v } from "convex/values";
import { action, mutation, query } from "./_generated/server";
import { anyApi as api } from "convex/server";

export const add = mutation({ args: { piece: v.any() }, handler: ({ db }, { piece }) => db.insert("pieces", piece) });
export const replace = mutation({ args: { id: v.id("pieces"), piece: v.any() }, handler: ({ db }, { id, piece }) => db.replace(id, piece) });
export const remove = mutation({ args: { id: v.id("pieces") }, handler: ({ db }, { id }) => db.delete(id) });
export const load = query({ args: { ids: v.array(v.id("pieces")) }, handler: ({ db }, { ids }) => Promise.all(ids.map((id) => db.get(id))) });

function filter(q, wanted) {
  if (wanted.or) return q.or(...wanted.or.map((part) => filter(q, part)));
  if (wanted.plain) return wanted.plain.value;
  return q.eq(wanted.field, "value" in wanted ? wanted.value : undefined);
}

export const search = action({
  args: { vector: v.any(), limit: v.optional(v.any()), filter: v.optional(v.any()), index: v.optional(v.string()), table: v.optional(v.string()) },
  handler: (ctx, { vector, limit, filter: wanted, index, table }) =>
    ctx.vectorSearch(table ?? "pieces", index ?? "by_embedding", { vector, limit, ...(wanted && { filter: (q) => filter(q, wanted) }) }),
});

/** What an action has written it finds. */
export const addAndFind = action({
  args: { piece: v.any() },
  handler: async (ctx, { piece }) => {
    const id = await ctx.runMutation(api.vectors.add, { piece });
    const found = await ctx.vectorSearch("pieces", "by_embedding", { vector: piece.embedding, limit: 1, filter: (q) => q.eq("org", piece.org) });
    const [document] = await ctx.runQuery(api.vectors.load, { ids: found.map(({ _id }) => _id) });
    return { id, found, org: document?.org };
  },
});

export const fromQuery = query((ctx: any) => typeof ctx.vectorSearch);
`;

async function start(t) {
  const server = await startServer(t);
  const app = project(t, "notes");
  for (const file of ["notes.ts", "crons.ts", "http.ts"]) app.remove(`convex/${file}`);
  app.write("convex/schema.ts", SCHEMA);
  app.write("convex/vectors.ts", FUNCTIONS);
  const push = async () => {
    const { code, output } = await app.run(server, ["dev", "--once", "--typecheck", "disable"]);
    assert.equal(code, 0, output);
    return output;
  };
  await push();
  return { app, push, client: new ConvexHttpClient(server.url, { logger: false }) };
}

const piece = (embedding, org, more = {}) => ({ embedding, org, meta: null, ...more });

test("the nearest vectors are found, best first, with any filter", async (t) => {
  const { client } = await start(t);
  const add = (...args) => client.mutation(api.vectors.add, { piece: piece(...args) });
  const search = (vector, more = {}) => client.action(api.vectors.search, { vector, ...more });
  const ids = async (...args) => (await search(...args)).map(({ _id }) => _id);

  assert.deepEqual(await search([1, 0, 0]), []);
  const east = await add([2, 0, 0], "a", { lang: "en", meta: { deep: 1n } });
  const north = await add([0, 5, 0], "a");
  const northEast = await add([1, 1, 0], "b", { lang: 7n, meta: { deep: [null] } });
  const west = await add([-1, 0, 0], "c", { lang: "en" });
  for (const embedding of [[1, 0], [1, 0, 0, 0], ["1", 0, 0], [1n, 0n, 0n], "1,0,0", null, { x: 1 }]) {
    await add(embedding, "a");
  }
  const all = await search([3, 0, 0]);
  assert.deepEqual(all.map(({ _id }) => _id), [east, northEast, north, west]);
  assert.deepEqual(Object.keys(all[0]).sort(), ["_id", "_score"]);
  for (const [place, score] of [1, Math.SQRT1_2, 0, -1].entries()) assert.ok(Math.abs(all[place]._score - score) < 1e-6, all[place]);
  assert.deepEqual(await ids([3, 0, 0], { limit: 2 }), [east, northEast]);

  const filtered = (filter) => ids([1, 0.1, 0], { filter });
  assert.deepEqual(await filtered({ field: "org", value: "a" }), [east, north]);
  assert.deepEqual(await filtered({ field: "org", value: "nobody" }), []);
  assert.deepEqual(await filtered({ field: "lang", value: 7n }), [northEast]);
  assert.deepEqual(await filtered({ field: "lang" }), [north]);
  assert.deepEqual(await filtered({ field: "meta.deep", value: 1n }), [east]);
  assert.deepEqual(await filtered({ field: "meta.deep", value: [null] }), [northEast]);
  assert.deepEqual(await filtered({ or: [{ field: "org", value: "b" }, { field: "lang", value: "en" }] }), [east, northEast, west]);
  assert.deepEqual(await filtered({ or: [{ or: [{ field: "org", value: "b" }] }, { field: "org", value: "c" }] }), [northEast, west]);
  assert.deepEqual(await filtered({ or: [] }), []);

  await client.mutation(api.vectors.replace, { id: north, piece: piece([1, 0, 0.1], "z") });
  await client.mutation(api.vectors.remove, { id: east });
  assert.deepEqual(await ids([1, 0, 0]), [north, northEast, west]);
  const { id, found, org } = await client.action(api.vectors.addAndFind, { piece: piece([0, 0, 1], "new") });
  assert.deepEqual([found.map(({ _id }) => _id), org], [[id], "new"]);
  assert.equal(await client.query(api.vectors.fromQuery, {}), "undefined");
});

test("many writers at once find what they wrote", async (t) => {
  const { client } = await start(t);
  const { below } = seeded(t);
  const number = () => below(2001) / 1000 - 1;
  const write = async (writer) => {
    for (let round = 0; round < 15; round++) {
      const { id, found } = await client.action(api.vectors.addAndFind, { piece: piece([number(), number(), 1], `w${writer}-${round}`) });
      assert.deepEqual(found.map(({ _id }) => _id), [id]);
    }
  };
  await Promise.all(Array.from({ length: 6 }, (_, writer) => write(writer)));
  assert.equal((await client.action(api.vectors.search, { vector: [0, 0, 1], limit: 256 })).length, 90);
});

test("what does not suit an index is refused with the reason", async (t) => {
  const { client, app, push } = await start(t);
  const fails = (args, reason) => assert.rejects(client.action(api.vectors.search, { vector: [1, 0, 0], ...args }), reason);
  await fails({ vector: [1, 0] }, /index pieces.by_embedding must have 3 dimensions, but it has 2/);
  await fails({ vector: [] }, /`vector` must be a non-empty Array/);
  await fails({ vector: [1, "x", 0] }, /Invalid arguments for the operation/);
  await fails({ vector: [1, NaN, 0] }, /Invalid arguments for the operation/);
  await fails({ limit: 0 }, /`limit` must be between 1 and 256, but it is 0/);
  await fails({ limit: -1 }, /`limit` must be between 1 and 256/);
  await fails({ limit: 257 }, /`limit` must be between 1 and 256, but it is 257/);
  await fails({ limit: 1.5 }, /`limit` must be a whole number, not 1.5/);
  await fails({ index: "by_other" }, /Index pieces.by_other not found/);
  await fails({ table: "nothing" }, /Index nothing.by_embedding not found/);
  await fails({ table: "_storage" }, /Error/);
  await fails({ filter: { field: "embedding", value: 1 } }, /"embedding" is not a filter field of index pieces.by_embedding; it has "org", "lang", "meta.deep"/);
  await fails({ filter: { plain: { value: true } } }, /a filter is an `eq` of a filter field and a value/);
  const many = (count) => ({ or: Array.from({ length: count }, (_, n) => ({ field: "org", value: `${n}` })) });
  await fails({ filter: many(65) }, /the filter has 65 expressions; at most 64 are allowed/);
  assert.deepEqual(await client.action(api.vectors.search, { vector: [1, 0, 0], filter: many(64) }), []);

  app.write("convex/schema.ts", SCHEMA.replace("// STAGED", STAGED));
  await push();
  await fails({ table: "others", index: "by_place", vector: [1, 0] }, /Index others.by_place is currently staged and not available to query until it is enabled/);
  app.write("convex/schema.ts", SCHEMA.replace("// STAGED", STAGED.replace(", staged: true", "")));
  await push();
  assert.deepEqual(await client.action(api.vectors.search, { table: "others", index: "by_place", vector: [1, 0] }), []);
});

test("an index that is pushed over existing documents finds them at once", async (t) => {
  const { client, app, push } = await start(t);
  app.write("convex/schema.ts", SCHEMA.replace(/\n *\.vectorIndex\([^\n]*/, ","));
  await push();
  const ids = [];
  for (let n = 0; n < 20; n++) ids.push(await client.mutation(api.vectors.add, { piece: piece([1, n, 0], "a") }));
  await assert.rejects(client.action(api.vectors.search, { vector: [1, 0, 0] }), /Index pieces.by_embedding not found/);
  app.write("convex/schema.ts", SCHEMA);
  await push();
  const found = await client.action(api.vectors.search, { vector: [1, 0, 0], limit: 20 });
  assert.deepEqual(found.map(({ _id }) => _id), ids);
});
