// @convex-dev/rag: ten documents of a team, found by what they mean.

import assert from "node:assert/strict";
import { test } from "node:test";
import { anyApi as api } from "convex/server";
import { startComponentApp } from "../support/component_app.js";
import { startModel } from "../support/model.js";
import { connectClient } from "../support/server.js";
import { until } from "../support/wait.js";

const all = { numItems: 50, cursor: null };

const documents = {
  "printers.md": "Printers print on paper. Change the toner when the print is pale.",
  "laptops.md": "Laptops run on batteries. Charge the battery overnight.",
  "phones.md": "Phones ring. Mute the phone in meetings.",
  "desks.md": "Desks can be raised and lowered with the lever below.",
  "chairs.md": "Chairs have wheels; do not stand on a chair.",
  "coffee.md": "The coffee machine needs water, beans and a cup.",
  "parking.md": "Parking is free for visitors behind the house.",
  "holidays.md": "Ask for holidays two weeks before you leave.",
  "expenses.md": "Hand in receipts for expenses within thirty days.",
  "security.md": "Lock the door at night and never share a password.",
};
const category = (name) => (["printers.md", "laptops.md", "phones.md"].includes(name) ? "devices" : "office");

test("ten documents: found, filtered, replaced, listed in pages, removed", async (t) => {
  const model = await startModel(t, () => ({ status: 400 }));
  const { client, server } = await startComponentApp(t, "rag", { by: "fusion", env: { MODEL_URL: model.url } });
  const add = (team, key, text) => client.action(api.knowledge.add, { team, key, text, category: category(key) });
  const entries = {};
  for (const [key, text] of Object.entries(documents)) entries[key] = (await add("a", key, text)).entryId;
  const search = async (query, more = {}) => (await client.action(api.knowledge.search, { team: "a", query, ...more })).titles;
  // Each by its own words.
  for (const [key, text] of Object.entries(documents)) assert.equal((await search(text))[0], key);
  assert.equal((await search("when is parking free for visitors", { limit: 1 }))[0], "parking.md");
  const devices = await search("the toner, the battery, the coffee machine", { category: "devices", limit: 10 });
  assert.ok(devices.length > 0 && devices.every((name) => category(name) === "devices"), devices.join());
  // Another team has its own.
  assert.deepEqual(await search("parking", { team: "b" }), []);
  await add("b", "parking.md", "Parking costs two euros here.");
  const { text } = await client.action(api.knowledge.search, { team: "b", query: "parking" });
  assert.match(text, /two euros/);
  assert.doesNotMatch(text, /free for visitors/);

  const live = [];
  connectClient(t, server).onUpdate(api.knowledge.list, { team: "a", paginationOpts: all }, ({ page }) => live.push(page));
  await until("the list", () => live.at(-1)?.length === 10);
  const pages = [];
  for (let cursor = null, isDone = false; !isDone; ) {
    const next = await client.query(api.knowledge.list, { team: "a", paginationOpts: { numItems: 4, cursor } });
    pages.push(...next.page);
    ({ isDone, continueCursor: cursor } = next);
  }
  assert.deepEqual(pages, Object.keys(documents));

  // A new text takes the place of the old one.
  const replaced = await add("a", "coffee.md", "The coffee machine is out of order. Drink tea.");
  assert.deepEqual([replaced.created, replaced.replaced], [true, entries["coffee.md"]]);
  assert.equal((await search("drink tea", { limit: 1 }))[0], "coffee.md");
  assert.match((await client.query(api.knowledge.chunks, { entryId: replaced.entryId, paginationOpts: all })).join(""), /Drink tea/);

  // A long one is split, and all of it is searched.
  const long = Array.from({ length: 60 }, (_, n) => `Paragraph number${n} speaks of topic${n}. ${"It goes on and on. ".repeat(12)}`).join("\n\n");
  const { entryId } = await add("a", "long.md", long);
  const chunks = await client.query(api.knowledge.chunks, { entryId, paginationOpts: { numItems: 500, cursor: null } });
  assert.ok(chunks.length > 10, `${chunks.length} chunks`);
  const found = await client.action(api.knowledge.search, { team: "a", query: "number47 topic47", limit: 3 });
  assert.match(found.text, /topic47/);

  // What fails undoes the component's part, too.
  await assert.rejects(client.mutation(api.knowledge.remove, { entryId, fail: true }), /nothing of this happened/);
  assert.ok((await client.query(api.knowledge.list, { team: "a", paginationOpts: all })).page.includes("long.md"));
  for (const id of [entryId, entries["parking.md"]]) await client.mutation(api.knowledge.remove, { entryId: id });
  await until("both gone", () => !live.at(-1).includes("parking.md") && !live.at(-1).includes("long.md"));
  await until("their chunks gone", async () => (await client.query(api.knowledge.chunks, { entryId, paginationOpts: all })).length === 0);
  assert.ok(!(await search("free parking for visitors", { limit: 20 })).includes("parking.md"));
});
