// The same functions on Fusion, through the official client, and on npm `convex-test`: random calls, compared one by one.
// README.md beside this lists the known differences, which the comparison leaves out.

import assert from "node:assert/strict";
import { test } from "node:test";
import { anyApi as api } from "convex/server";
import { outcome, same, shown, startApp, startModel } from "../support/app.js";
import { seeded } from "../support/random.js";

const CALLS = 400;

/** Inputs that meet each other often. */
function inputs({ below }) {
  const pick = (list) => list[below(list.length)];
  const number = () => pick([0, 1, 2, 3, 4, 5, -1, 1.5]);
  const text = () => pick(["", "a", "ab", "b", "ä", "z"]);
  const union = () => pick([number(), "x", true, null]);
  const item = () => ({
    n: below(20),
    text: text(),
    flag: below(2) === 1,
    big: BigInt(below(7) - 3) * 2n ** 40n,
    bytes: new Uint8Array([below(3), below(256)]).buffer,
    nothing: null,
    any: pick([null, 1, "s", [1, [2]], { deep: { x: 1n } }]),
    list: Array.from({ length: below(4) }, number),
    object: below(2) ? { a: number() } : { a: number(), b: text() },
    record: below(2) ? {} : { k: number(), other: number() },
    union: union(),
    ...(below(2) ? { optional: pick([number(), text()]) } : {}),
  });
  const numeric = [["field", "n"], ["field", "object.a"], 2, 7];
  const leaf = () => pick([["field", "n"], ["field", "object.a"], ["field", "optional"], ["field", "union"], ["field", "text"], number(), text()]);
  const count = (depth) => (depth > 0 && below(2) ? [pick(["add", "sub"]), ["field", "n"], number()] : pick(numeric));
  const filter = (depth = 2) =>
    depth > 0 && below(2)
      ? pick([() => ["not", filter(depth - 1)], () => [pick(["and", "or"]), filter(depth - 1), filter(depth - 1)]])()
      : pick([() => [pick(["eq", "neq"]), count(1), leaf()], () => [pick(["lt", "lte", "gt", "gte"]), count(1), pick(numeric)]])();
  const bounds = (field, value) =>
    pick([
      () => [],
      () => [["eq", field, value()]],
      () => [[pick(["gt", "gte"]), field, value()]],
      () => [[pick(["lt", "lte"]), field, value()]],
      () => [[pick(["gt", "gte"]), field, value()], [pick(["lt", "lte"]), field, value()]],
    ])();
  const index = () =>
    pick([
      () => ({ index: null, range: [] }),
      () => ({ index: "by_n", range: bounds("n", () => below(20)) }),
      () => ({ index: "by_text_n", range: bounds("text", text) }),
      () => ({ index: "by_text_n", range: [["eq", "text", text()], ...bounds("n", () => below(20))] }),
      () => ({ index: "by_union", range: bounds("union", union) }),
      () => ({ index: "by_optional", range: bounds("optional", () => pick([number(), text()])) }),
      () => ({ index: "by_nested", range: [["eq", "object.a", number()], ...bounds("object.b", text)] }),
    ])();
  const asked = () => ({ ...index(), order: pick(["asc", "desc"]), filter: below(2) ? filter() : null });
  const n = () => below(20);
  return {
    asked,
    call: () =>
      pick([
        () => ["mutation", "insert", below(2) ? { item: item() } : { item: item(), other: n() }],
        () => ["mutation", "insert", { item: { ...item(), text: below(8) ? text() : 7 } }],
        () => ["mutation", "patch", { n: n(), fields: pick([{ text: text() }, { union: union() }, { list: ["wrong"] }]), unset: pick([[], ["optional"], ["other"], ["text"]]) }],
        () => ["mutation", "replace", { n: n(), item: pick([item(), item(), { n: 1 }]) }],
        () => ["mutation", "remove", { n: n() }],
        () => ["mutation", "nested", { n: n(), fail: below(2) === 1, bear: below(2) === 1 }],
        () => ["action", "viaAction", { n: n() }],
        () => ["query", "find", { ...asked(), take: pick([null, 1, 3]) }],
        () => ["query", "find", { ...asked(), take: null }],
        () => ["query", "only", asked()],
      ])(),
  };
}

test("random calls give the same on Fusion and on convex-test", async (t) => {
  const { client: fusion } = await startApp(t);
  const model = await startModel();
  const random = inputs(seeded(t));
  const kinds = {};
  for (let number = 0; number < CALLS; number++) {
    const [kind, name, args] = random.call();
    const [ours, theirs] = [await outcome(fusion[kind](api.items[name], args)), await outcome(model[kind](api.items[name], args))];
    const result = `${name} ${same(ours, theirs, `call ${number}: ${name} ${shown(args)}`)}`;
    kinds[result] = (kinds[result] ?? 0) + 1;
  }
  t.diagnostic(JSON.stringify(kinds));

  for (let round = 0; round < 10; round++) {
    const asked = random.asked();
    const pages = async (target) => {
      const found = [];
      let cursor = null;
      for (;;) {
        const result = await target.query(api.items.page, { ...asked, paginationOpts: { cursor, numItems: 3 } });
        found.push(...result.page);
        if (result.isDone) return found;
        cursor = result.continueCursor;
      }
    };
    assert.deepEqual(await pages(fusion), await pages(model), JSON.stringify(asked));
  }
});
