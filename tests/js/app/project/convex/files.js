// Files: uploaded by clients, stored by actions, read, replaced and removed.

import { actionGeneric, anyApi, internalMutationGeneric, mutationGeneric, queryGeneric } from "convex/server";
import { ConvexError, v } from "convex/values";

const api = anyApi;
const named = (db, name) => db.query("files").withIndex("by_name", (q) => q.eq("name", name)).unique();

export const uploadUrl = mutationGeneric({ args: {}, handler: ({ storage }) => storage.generateUploadUrl() });

/** Gives a file its name; what had the name is removed. */
export const keep = mutationGeneric({
  args: { name: v.string(), file: v.id("_storage") },
  handler: async ({ db, storage }, { name, file }) => {
    const former = await named(db, name);
    if (former) {
      await storage.delete(former.file);
      await db.patch(former._id, { file });
    } else {
      await db.insert("files", { name, file });
    }
    return former !== null;
  },
});

export const store = actionGeneric({
  args: { name: v.string(), bytes: v.bytes(), type: v.union(v.null(), v.string()) },
  handler: async (ctx, { name, bytes, type }) => {
    const file = await ctx.storage.store(new Blob([bytes], type === null ? {} : { type }));
    return await ctx.runMutation(api.files.keep, { name, file });
  },
});

/** What the system table says of a file, and whether it has a URL. */
export const about = queryGeneric({
  args: { name: v.string() },
  handler: async ({ db, storage }, { name }) => {
    const found = await named(db, name);
    if (!found) return null;
    const { size, sha256 } = await db.system.get(found.file);
    return { size, sha256, url: typeof (await storage.getUrl(found.file)) };
  },
});

export const type = queryGeneric({
  args: { name: v.string() },
  handler: async ({ db }, { name }) => (await db.system.get((await named(db, name)).file)).contentType ?? null,
});

export const url = queryGeneric({
  args: { name: v.string() },
  handler: async ({ db, storage }, { name }) => {
    const found = await named(db, name);
    return found && (await storage.getUrl(found.file));
  },
});

export const all = queryGeneric({
  args: {},
  handler: async ({ db }) => (await db.system.query("_storage").collect()).map(({ size }) => size).sort((a, b) => a - b),
});

export const read = actionGeneric({
  args: { name: v.string() },
  handler: async (ctx, { name }) => {
    const file = await ctx.runQuery(api.files.id, { name });
    const blob = file && (await ctx.storage.get(file));
    return blob && { bytes: await blob.arrayBuffer(), type: blob.type };
  },
});

export const id = queryGeneric({ args: { name: v.string() }, handler: async ({ db }, { name }) => (await named(db, name))?.file ?? null });

/** Removes a file; one that fails removes nothing. */
export const remove = mutationGeneric({
  args: { name: v.string(), fail: v.boolean() },
  handler: async ({ db, storage }, { name, fail }) => {
    const found = await named(db, name);
    if (!found) return false;
    await storage.delete(found.file);
    await db.delete(found._id);
    if (fail) throw new ConvexError("still wanted");
    return (await storage.getUrl(found.file)) === null;
  },
});

/** A file that is gone: no URL, no content, and it cannot be removed again. */
export const gone = actionGeneric({
  args: {},
  handler: async (ctx) => {
    const file = await ctx.storage.store(new Blob(["soon gone"]));
    await ctx.storage.delete(file);
    const again = await ctx.storage.delete(file).then(
      () => "removed twice",
      () => "not found",
    );
    return [await ctx.storage.getUrl(file), await ctx.storage.get(file), again, await ctx.runQuery(api.files.known, { file })];
  },
});

export const known = queryGeneric({ args: { file: v.id("_storage") }, handler: async ({ db }, { file }) => (await db.system.get(file)) !== null });
