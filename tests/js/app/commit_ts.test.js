// The commit's timestamp, which a mutation writes before anybody knows it.

import assert from "node:assert/strict";
import { test } from "node:test";
import { anyApi as api } from "convex/server";
import { startCallsApp } from "../support/calls_app.js";
import { connectClient } from "../support/server.js";
import { until } from "../support/wait.js";

test("`db.vars.commitTs` becomes the timestamp of the commit", async (t) => {
  const { server, client, restart } = await startCallsApp(t);

  await t.test("one for a commit, in the app and in components, in documents and in what is returned", async () => {
    const returned = await client.mutation(api.stamps.everywhere, { name: "first" });
    assert.equal(typeof returned.at, "bigint");
    assert.deepEqual(returned.nested, [returned.at]);
    const { here, child, sibling, now } = await client.query(api.stamps.all, {});
    assert.deepEqual(here, [
      { name: "first", at: returned.at },
      { name: "first", at: returned.at, past: [{ at: returned.at }] },
    ]);
    assert.deepEqual([child, sibling], [[{ name: "first", at: returned.at }], [{ name: "first", at: returned.at }]]);
    assert.ok(now >= returned.at);
  });

  await t.test("later commits have later ones, and the index has them in that order", async () => {
    const { at: first } = await client.mutation(api.stamps.everywhere, { name: "second" });
    const rest = await Promise.all(["a", "b", "c"].map((name) => client.mutation(api.stamps.everywhere, { name })));
    assert.equal(new Set(rest.map(({ at }) => at)).size, 3);
    for (const { at } of rest) assert.ok(at > first);
    const { child, here } = await client.query(api.stamps.all, {});
    for (const rows of [child, here]) {
      const sorted = rows.map(({ at }) => at);
      assert.deepEqual(sorted, [...sorted].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0)));
    }
  });

  await t.test("a mutation sees the placeholder, after everything that is committed", async () => {
    assert.deepEqual(await client.mutation(api.stamps.ownView, {}), {
      same: true,
      last: true,
      used: "This commit timestamp is unresolved: its value is assigned when the mutation commits. Read the document after the mutation completes to get its value.",
      above: [true],
    });
  });

  await t.test("patched and replaced", async () => {
    const at = async (name) => (await client.query(api.stamps.all, {})).here.find((row) => row.name === name)?.at;
    await client.mutation(api.stamps.insert, { name: "p", at: 5n });
    assert.equal(await at("p"), 5n);
    await client.mutation(api.stamps.patch, { name: "p" });
    const patched = await at("p");
    assert.ok(patched > 5n);
    await client.mutation(api.stamps.replace, { name: "p", as: "r" });
    assert.ok((await at("r")) > patched);
    assert.equal(await at("p"), undefined);
  });

  await t.test("its validator takes whole numbers of 64 bits and nothing else", async () => {
    await assert.rejects(client.mutation(api.stamps.insert, { name: "x", at: 5 }), /commitTs|int64/);
    await assert.rejects(client.mutation(api.stamps.insert, { name: "x", at: "5" }), /commitTs|int64/);
  });

  await t.test("a live query shows it, and it stays what it was", async (t) => {
    const live = connectClient(t, server);
    let shown;
    live.onUpdate(api.stamps.all, {}, (value) => (shown = value));
    const { at } = await live.mutation(api.stamps.everywhere, { name: "live" });
    await until("the documents to be shown", () => shown?.here.filter((row) => row.at === at).length === 2);
    await live.close();
    const before = await client.query(api.stamps.all, {});
    const again = await restart();
    const answer = await fetch(`${again.url}/api/query`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ path: "stamps:all", args: {}, format: "json" }),
    });
    const { value } = await answer.json();
    assert.deepEqual(
      value.here.map((row) => row.at),
      before.here.map((row) => String(row.at)),
    );
  });
});
