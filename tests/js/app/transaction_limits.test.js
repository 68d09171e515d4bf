// What a transaction has used and may still use, and calls that are held to less.

import assert from "node:assert/strict";
import { test } from "node:test";
import { anyApi as api } from "convex/server";
import { startCallsApp } from "../support/calls_app.js";

const NAMES = [
  "bytesRead",
  "bytesWritten",
  "databaseQueries",
  "documentsRead",
  "documentsWritten",
  "fileReadBytes",
  "fileWriteBytes",
  "filesRead",
  "filesWritten",
  "functionsScheduled",
  "scheduledFunctionArgsBytes",
];

test("calls inside a transaction are held to the limits they are given", async (t) => {
  const { client } = await startCallsApp(t);
  await client.mutation(api.limits.fill, { n: 20 });

  await t.test("metrics tell what is used and what is left", async () => {
    const { before, inside } = await client.query(api.limits.reads, { n: 7 });
    assert.deepEqual(Object.keys(before).sort(), NAMES);
    assert.deepEqual(before.documentsRead, { used: 0, remaining: 32_000 });
    assert.deepEqual(inside.metrics.documentsRead, { used: 7, remaining: 31_993 });
    assert.equal(inside.metrics.databaseQueries.used, 1);
    assert.ok(inside.metrics.bytesRead.used > 7 * 20);
    assert.equal(inside.metrics.bytesRead.remaining, 16 * 2 ** 20 - inside.metrics.bytesRead.used);
  });

  await t.test("reads", async () => {
    const enough = await client.query(api.limits.reads, { n: 7, limits: { documentsRead: 7 } });
    assert.deepEqual(enough.inside.metrics.documentsRead, { used: 7, remaining: 0 });
    assert.deepEqual(enough.after.documentsRead, { used: 8, remaining: 31_992 }, "the call over, the limit is gone");
    const few = await client.query(api.limits.reads, { n: 7, limits: { documentsRead: 6 } });
    assert.match(few.inside.error, /Too many documents read in a single function execution \(limit: 6, set by `transactionLimits\.documentsRead` of the call\)\./);
    assert.equal(few.after.documentsRead.used, 8, "what was read is read");
    const none = await client.query(api.limits.reads, { n: 1, limits: { databaseQueries: 0 } });
    assert.match(none.inside.error, /Too many reads in a single function execution \(limit: 0, set by `transactionLimits\.databaseQueries` of the call\)/);
    const small = await client.query(api.limits.reads, { n: 7, limits: { bytesRead: 100 } });
    assert.match(small.inside.error, /Too many bytes read in a single function execution \(limit: 100 bytes, set by/);
  });

  await t.test("reads of the state the mutation began with", async () => {
    const before = await client.query(api.limits.count, {});
    const { inside, counts, after } = await client.mutation(api.limits.stale, { n: 5, limits: { documentsRead: 100 } });
    assert.deepEqual(inside.metrics.documentsRead, { used: 5, remaining: 95 });
    assert.deepEqual(counts, [before, before + 1]);
    // They count for the mutation, too.
    assert.equal(after.documentsRead.used, 5 + before + before + 1);
    assert.equal(after.documentsWritten.used, 1);
    const few = await client.mutation(api.limits.stale, { n: 5, limits: { documentsRead: 4 } }).catch((error) => error.message);
    assert.match(few, /Too many documents read .*limit: 4, set by/);
  });

  await t.test("writes, jobs and files", async () => {
    const use = async (use, limits) => (await client.mutation(api.limits.writes, { use, limits })).inside;
    const before = await client.query(api.limits.count, {});
    const enough = await use({ documents: 3, jobs: 2, files: 2 }, { documentsWritten: 100, functionsScheduled: 2, filesWritten: 2, filesRead: 2 });
    assert.deepEqual(enough.metrics.functionsScheduled, { used: 2, remaining: 0 });
    assert.deepEqual(enough.metrics.filesWritten, { used: 2, remaining: 0 });
    assert.deepEqual(enough.metrics.filesRead, { used: 2, remaining: 0 });
    assert.deepEqual([enough.metrics.fileWriteBytes.used, enough.metrics.fileReadBytes.used], [12, 12]);
    assert.equal(await client.query(api.limits.count, {}), before + 5);
    for (const [what, limits, text] of [
      [{ documents: 3 }, { documentsWritten: 2 }, /Too many writes in a single function execution \(limit: 2, set by `transactionLimits\.documentsWritten` of the call\)/],
      [{ documents: 3 }, { bytesWritten: 50 }, /Too many bytes written in a single function execution \(limit: 50 bytes, set by/],
      [{ jobs: 3 }, { functionsScheduled: 2 }, /Too many functions scheduled by this mutation \(limit: 2, set by .*Schedule one function/],
      [{ jobs: 1 }, { scheduledFunctionArgsBytes: 1 }, /Too large total size of the arguments of scheduled functions from this mutation \(limit: 1 bytes, set by/],
      [{ files: 3 }, { filesWritten: 2 }, /Too many files stored by this mutation \(limit: 2, set by .*in an action instead/],
      [{ files: 3 }, { fileWriteBytes: 12 }, /Too many bytes of files stored by this mutation \(limit: 12 bytes, set by/],
      [{ files: 3 }, { filesRead: 2 }, /Too many files read by this mutation \(limit: 2, set by/],
      [{ files: 3 }, { fileReadBytes: 12 }, /Too many bytes of files read by this mutation \(limit: 12 bytes, set by/],
    ]) {
      const before = await client.query(api.limits.count, {});
      const { inside, after } = await client.mutation(api.limits.writes, { use: what, limits });
      assert.match(inside.error, text);
      // What the call did is gone and counts no more; the caller goes on.
      assert.equal(await client.query(api.limits.count, {}), before + 2);
      assert.deepEqual([after.documentsWritten.used, after.functionsScheduled.used, after.filesWritten.used], [2, 0, 0]);
    }
  });

  await t.test("calls in calls, into components, too", async () => {
    const write = (n, outer, inner) => client.mutation(api.limits.nested, { n, outer, inner });
    assert.deepEqual((await write(2, 5, 3)).metrics.documentsWritten, { used: 2, remaining: 1 });
    assert.match((await write(4, 5, 3)).error, /limit: 3, set by/);
    assert.match((await write(4, 3, 5)).error, /limit: 3, set by/, "the caller's limit holds for what it calls");
    const { documentsWritten } = await client.mutation(api.limits.rolledBack, {});
    assert.equal(documentsWritten.used, 3);
  });

  await t.test("limits can only be lowered, and only those there are", async () => {
    const { inside } = await client.query(api.limits.reads, { n: 1, limits: Object.fromEntries(NAMES.map((name) => [name, 1e15])) });
    assert.deepEqual(inside.metrics.documentsRead, { used: 1, remaining: 31_999 });
    const unknown = await client.query(api.limits.reads, { n: 1, limits: { documents: 1 } });
    assert.match(unknown.inside.error, /`transactionLimits` has no "documents"\. What can be limited: bytesRead, /);
    const negative = await client.query(api.limits.reads, { n: 1, limits: { documentsRead: -1 } });
    assert.match(negative.inside.error, /`transactionLimits\.documentsRead` must be a number from 0 on, not -1/);
  });
});
