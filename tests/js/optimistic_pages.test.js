// Optimistic updates of lists that are loaded page by page: npm `convex/react` and Fusion's client do the same.

import assert from "node:assert/strict";
import { test } from "node:test";
import * as convex from "convex/react";
import * as fusion from "../../client-js/dist/client.js";
import { api } from "./support/api.js";
import { seeded } from "./support/random.js";

const paginatedQuery = api.messages.page;

/** A list in pages as a subscription loads it: some of `items` from the beginning on, or all. */
function pagesOf(items, sizes, id, isWhole) {
  let start = 0;
  return sizes.map((size, i) => {
    const page = items.slice(start, start + size);
    const args = { channel: "c", paginationOpts: { numItems: size, cursor: start === 0 ? null : `${id} ${start}`, id } };
    start += size;
    return { args, value: { page, isDone: isWhole && i === sizes.length - 1, continueCursor: `${id} ${start}` } };
  });
}

/** Results as an optimistic update sees them, and what it makes of them. */
function localStore(queries) {
  const results = new Map(queries.map(({ args, value }) => [JSON.stringify(args), { args, value }]));
  return {
    getAllQueries: () => [...results.values()],
    setQuery: (_, args, value) => results.set(JSON.stringify(args), { args, value }),
    results: () => [...results.values()],
  };
}

/** What both do must be the same, and is given. */
function done(queries, work) {
  const [theirs, ours] = [convex, fusion].map((client) => {
    const store = localStore(structuredClone(queries));
    work(client, store);
    return store.results();
  });
  assert.deepEqual(ours, theirs, JSON.stringify(queries));
  return ours;
}

test("items are inserted where the official helpers insert them", (t) => {
  const random = seeded(t);
  for (let round = 0; round < 2000; round++) {
    const sortOrder = random.unit() < 0.5 ? "asc" : "desc";
    const ranks = [...new Set(Array.from({ length: 1 + random.below(12) }, () => 2 * random.below(50)))];
    const items = ranks.sort((a, b) => (sortOrder === "asc" ? a - b : b - a)).map((rank) => ({ rank, author: `a${rank % 3}` }));
    const sizes = [];
    for (let left = items.length; left > 0 && random.unit() < 0.9; left -= sizes.at(-1)) sizes.push(1 + random.below(left));
    if (sizes.length === 0) sizes.push(0);
    const isWhole = sizes.reduce((sum, size) => sum + size) === items.length;
    const queries = [
      ...pagesOf(items, sizes, 1, isWhole),
      // Another subscription to the same list, and one that is still loading.
      ...pagesOf(items, [items.length], 2, true),
      { args: { channel: "c", paginationOpts: { numItems: 5, cursor: "3 0", id: 3 } }, value: undefined },
      { args: { channel: "other", paginationOpts: { numItems: 5, cursor: null, id: 4 } }, value: { page: [{ rank: 7 }], isDone: true, continueCursor: "4 1" } },
    ];
    const item = { rank: 2 * random.below(52) - 3, author: "new" };
    const argsToMatch = random.unit() < 0.5 ? { channel: "c" } : undefined;
    const insertion = { paginatedQuery, item, ...(argsToMatch && { argsToMatch }) };
    // Of several lists the official helpers change only one.
    const one = queries.filter(({ args }) => args.paginationOpts.id === 1);
    done(one, ({ insertAtTop }, localQueryStore) => insertAtTop({ ...insertion, localQueryStore }));
    done(one, ({ insertAtBottomIfLoaded }, localQueryStore) => insertAtBottomIfLoaded({ ...insertion, localQueryStore }));
    const sortKeyFromItem = random.unit() < 0.5 ? ({ rank }) => rank : ({ rank }) => [rank, "x"];
    const results = done(queries, ({ insertAtPosition }, localQueryStore) => insertAtPosition({ ...insertion, sortOrder, sortKeyFromItem, localQueryStore }));
    const whole = results.find(({ args }) => args.paginationOpts.id === 2).value.page.map(({ rank }) => rank);
    assert.deepEqual(whole, [...ranks, item.rank].sort((a, b) => (sortOrder === "asc" ? a - b : b - a)));
  }
});

test("what is inserted is shown in every list with the arguments", () => {
  const item = { rank: 9 };
  for (const name of ["insertAtTop", "insertAtBottomIfLoaded"]) {
    const store = localStore([...pagesOf([{ rank: 1 }], [1], 1, true), ...pagesOf([{ rank: 1 }], [1], 2, true)]);
    fusion[name]({ localQueryStore: store, paginatedQuery, item, argsToMatch: { channel: "c" } });
    fusion[name]({ localQueryStore: store, paginatedQuery, item, argsToMatch: { channel: "another" } });
    assert.deepEqual(store.results().map(({ value }) => value.page.length), [2, 2]);
  }
});

test("the first item of an empty list is shown", () => {
  const store = localStore(pagesOf([], [5], 1, true));
  fusion.insertAtPosition({ localQueryStore: store, paginatedQuery, item: { rank: 9 }, sortOrder: "asc", sortKeyFromItem: ({ rank }) => rank });
  assert.deepEqual(store.results()[0].value.page, [{ rank: 9 }]);
});

test("every loaded item can be changed", () => {
  const store = localStore(pagesOf([{ rank: 1 }, { rank: 2 }, { rank: 3 }], [2, 1], 1, true));
  fusion.updateInPages({ localQueryStore: store, paginatedQuery }, (item) => ({ ...item, rank: -item.rank }));
  assert.deepEqual(store.results().flatMap(({ value }) => value.page.map(({ rank }) => rank)), [-1, -2, -3]);
});
