// Full-text search through the official client: what `withSearchIndex` gives, live, paged, within mutations, after a push
// over existing documents and after a crash.

import assert from "node:assert/strict";
import path from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { ConvexHttpClient } from "convex/browser";
import { anyApi as api } from "convex/server";
import { convexTest } from "convex-test";
import { project } from "../support/cli.js";
import { seeded } from "../support/random.js";
import { connectClient, startServer, temporaryFolder } from "../support/server.js";
import { until } from "../support/wait.js";
import * as notes from "./search/convex/notes.js";
import schema from "./search/convex/schema.js";

const here = path.dirname(fileURLToPath(import.meta.url));
const WITHOUT_SEARCH = `import { defineSchema, defineTable } from "convex/server";
import { v } from "convex/values";
export default defineSchema({ notes: defineTable(v.any()).index("by_number", ["number"]) });
`;

async function push(app, server) {
  const { code, output } = await app.run(server, ["dev", "--once", "--typecheck", "disable"]);
  assert.equal(code, 0, output);
}

const body = (text, eq = []) => ({ index: "by_body", field: "body", text, eq });
const note = (number, text, more = {}) => ({ number, body: text, about: { title: `title ${number}` }, ...more });

test("random searches find what convex-test finds", async (t) => {
  const server = await startServer(t, { program: "fusion", args: ["serve"] });
  const app = project(t, "search", { from: here });
  const indexed = app.read("convex/schema.js");
  app.write("convex/schema.js", WITHOUT_SEARCH);
  await push(app, server);
  const fusion = new ConvexHttpClient(server.url, { logger: false });
  const modules = { "./convex/notes.js": async () => notes, "./convex/_generated/api.js": async () => ({}) };
  const model = convexTest({ schema, modules });
  const { below } = seeded(t);
  const pick = (list) => list[below(list.length)];
  // None of them begins another one: convex-test takes every word as the beginning of one, Fusion the last.
  const words = ["alpha", "bravo", "charlie", "delta", "echo", "foxtrot", "golf", "Hotel", "élan"];
  const text = () => Array.from({ length: below(7) }, () => pick(words)).join(" ");
  const random = (number) => {
    const channel = pick([{}, { channel: "a" }, { channel: "b" }]);
    return { number, body: text(), about: { title: pick(words) }, ...channel };
  };
  const both = async (name, args) => {
    for (const target of [fusion, model]) await target.mutation(api.notes[name], args);
  };
  for (let number = 0; number < 40; number++) await both("put", { note: random(number) });
  // The index is built over what is there already.
  app.write("convex/schema.js", indexed);
  await push(app, server);

  const sorted = (numbers) => [...numbers].sort((a, b) => a - b);
  let found = 0;
  for (let round = 0; round < 150; round++) {
    const number = below(60);
    await (below(4) ? both("put", { note: random(number) }) : both("remove", { number }));
    const typed = pick(words);
    const last = typed.slice(0, 1 + below(typed.length));
    const args = pick([
      () => body([...Array.from({ length: below(3) }, () => pick(words)), last].join(" "), pick([[], [["channel", "a"]], [["channel", "b"], ["about.title", pick(words)]]])),
      () => ({ index: "by_title", field: "about.title", text: last, eq: [] }),
    ])();
    const [ours, theirs] = [await fusion.query(api.notes.search, args), await model.query(api.notes.search, args)];
    assert.deepEqual(sorted(ours), sorted(theirs), `round ${round}: ${JSON.stringify(args)}`);
    found += ours.length;

    assert.deepEqual(await fusion.query(api.notes.search, { ...args, take: 3 }), ours.slice(0, 3));
    assert.equal(await fusion.query(api.notes.first, args), ours[0] ?? null);
    assert.deepEqual(
      await fusion.query(api.notes.filtered, { ...args, above: 20 }),
      ours.filter((number) => number > 20),
    );
    const pages = [];
    for (let cursor = null, isDone = false; !isDone; ) {
      const page = await fusion.query(api.notes.page, { ...args, paginationOpts: { cursor, numItems: 4 } });
      pages.push(...page.page);
      ({ continueCursor: cursor, isDone } = page);
    }
    assert.deepEqual(pages, ours);
  }
  t.diagnostic(`${found} documents found`);
});

test("a search is live, ranked, and survives a crash", async (t) => {
  const options = { program: "fusion", args: ["serve"], data: temporaryFolder() };
  let server = await startServer(t, options);
  const app = project(t, "search", { from: here });
  await push(app, server);
  const client = connectClient(t, server);
  const put = (number, text, more) => client.mutation(api.notes.put, { note: note(number, text, more) });
  await put(1, "the weather of tomorrow");
  await put(2, "weather weather");
  await put(3, "whether or not", { channel: "a" });

  const shown = [];
  client.onUpdate(api.notes.search, body("weather tom"), (numbers) => shown.push(numbers));
  await until("the first result", () => shown.length === 1);
  await put(4, "nothing of that kind");
  await put(5, "Tomorrow, tomorrow!");
  await until("what was inserted", () => shown.at(-1).includes(5));
  await client.mutation(api.notes.remove, { number: 1 });
  await until("what was removed", () => !shown.at(-1).includes(1));
  assert.deepEqual(shown.map((numbers) => [...numbers].sort()), [[1, 2], [1, 2, 5], [2, 5]]);
  assert.equal(shown[0][0], 1, "who has both words comes first");

  const own = await client.mutation(api.notes.putAndSearch, { note: note(6, "weathered", { channel: "a" }), ...body("weather", [["channel", "a"]]) });
  assert.deepEqual(own, [[], [6]]);

  // Equal scores: the newest first.
  for (const number of [10, 11, 12]) await put(number, "same words");
  const same = () => new ConvexHttpClient(server.url, { logger: false }).query(api.notes.search, body("same"));
  assert.deepEqual(await same(), [12, 11, 10]);

  for (const number of [20, 21, 22, 23, 24, 25, 26, 27]) await put(number, "before the crash");
  await client.mutation(api.notes.remove, { number: 20 });
  await client.close();
  await server.kill();
  server = await startServer(t, options);
  const after = new ConvexHttpClient(server.url, { logger: false });
  assert.deepEqual(await after.query(api.notes.search, body("crash bef")), [27, 26, 25, 24, 23, 22, 21]);
  assert.deepEqual(await same(), [12, 11, 10]);
  assert.deepEqual(await after.query(api.notes.search, body("weather", [["channel", "a"]])), [6]);
});

test("wrong searches say what is wrong", async (t) => {
  const server = await startServer(t, { program: "fusion", args: ["serve"] });
  await push(project(t, "search", { from: here }), server);
  const fusion = new ConvexHttpClient(server.url, { logger: false });
  const fails = (args, text) => assert.rejects(fusion.query(api.notes.search, args), (error) => error.message.includes(text));
  await fails({ ...body("x"), index: "by_nothing" }, "Index notes.by_nothing not found.");
  await fails({ ...body("x"), index: "by_number" }, "is not a search index");
  await fails({ ...body("x"), field: "channel" }, "searches the field \"body\", not \"channel\"");
  await fails(body("x", [["number", 1]]), "cannot filter by \"number\"");
  await fails(body("x", Array(9).fill(["channel", "a"])), "9 filters, at most 8");
});
