import { customCtx, customMutation, customQuery } from "convex-helpers/server/customFunctions";
import { filter } from "convex-helpers/server/filter";
import { getAll, getManyFrom, getManyVia, getOneFrom } from "convex-helpers/server/relationships";
import { wrapDatabaseReader, wrapDatabaseWriter } from "convex-helpers/server/rowLevelSecurity";
import { Triggers } from "convex-helpers/server/triggers";
import { v } from "convex/values";
import { mutation as rawMutation, query as rawQuery } from "./_generated/server";

const triggers = new Triggers<any>();
triggers.register("posts", async (ctx: any, change: any) => {
  const author = (change.newDoc ?? change.oldDoc).author;
  const by = (change.newDoc ? 1 : 0) - (change.oldDoc ? 1 : 0);
  const total = await getOneFrom(ctx.db, "totals", "author", author);
  if (total) await ctx.db.patch(total._id, { posts: total.posts + by });
  else await ctx.db.insert("totals", { author, posts: by });
});
const mutation = customMutation(rawMutation as any, customCtx(triggers.wrapDB as any));

// Users write under their name, and read the posts that are published or theirs.
const byUser = {
  args: { user: v.string() },
  input: async (ctx: any, { user }: any) => {
    const me = await getOneFrom(ctx.db, "users", "name", user);
    if (!me) throw new Error(`There is no user ${user}.`);
    const rules: any = {
      posts: {
        read: async (_: any, post: any) => post.published || post.author === me._id,
        modify: async (_: any, post: any) => post.author === me._id,
        insert: async (_: any, post: any) => post.author === me._id,
      },
    };
    const wrap: any = ctx.db.insert ? wrapDatabaseWriter : wrapDatabaseReader;
    return { ctx: { me, db: wrap({}, ctx.db, rules) }, args: {} };
  },
};
const userQuery = customQuery(rawQuery as any, byUser as any);
const userMutation = customMutation(rawMutation as any, byUser as any);

export const fill = mutation({
  args: {},
  handler: async ({ db }: any) => {
    const [ada, bob] = [await db.insert("users", { name: "ada" }), await db.insert("users", { name: "bob" })];
    const [red, blue] = [await db.insert("tags", { label: "red" }), await db.insert("tags", { label: "blue" })];
    const first = await db.insert("posts", { author: ada, title: "first", published: true });
    const draft = await db.insert("posts", { author: ada, title: "draft", published: false });
    await db.insert("posts", { author: bob, title: "other", published: true });
    for (const [post, tag] of [[first, red], [first, blue], [draft, blue]]) await db.insert("postTags", { post, tag });
    return { ada, bob, first, draft };
  },
});

export const related = rawQuery({
  args: { author: v.id("users"), post: v.id("posts") },
  handler: async ({ db }: any, { author, post }) => ({
    posts: (await getManyFrom(db, "posts", "author", author)).map(({ title }: any) => title),
    tags: (await getManyVia(db, "postTags", "tag", "post", post)).map((tag: any) => tag.label),
    all: (await getAll(db, [author, author])).map((user: any) => user.name),
    long: (await filter(db.query("posts"), (doc: any) => doc.title.length === 5).collect()).map(({ title }: any) => title),
  }),
});

export const totals = rawQuery({
  args: { author: v.id("users") },
  handler: async ({ db }: any, { author }) => (await getOneFrom(db, "totals", "author", author))?.posts ?? 0,
});

export const remove = mutation({ args: { post: v.id("posts") }, handler: async ({ db }: any, { post }: any) => db.delete(post) });

export const failAfterTrigger = mutation({
  args: { post: v.id("posts") },
  handler: async ({ db }: any, { post }: any) => {
    await db.delete(post);
    throw new Error("after the trigger");
  },
});

export const visible = userQuery({
  args: {},
  handler: async ({ db }: any) => (await db.query("posts").collect()).map(({ title }: any) => title),
} as any);

export const rename = userMutation({
  args: { post: v.id("posts"), title: v.string() },
  handler: async ({ db }: any, { post, title }: any) => db.patch(post, { title }),
} as any);
