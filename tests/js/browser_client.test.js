// The clients over WebSocket, npm `ConvexClient` and Fusion's own, against a real server process.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { api } from "./support/api.js";
import { clients } from "./support/clients.js";
import { callAsAdmin, startServer } from "./support/server.js";
import { until } from "./support/wait.js";

for (const { name, connect, ErrorWithData } of clients) describe(name, () => {
  let server;
  const stops = [];
  before(async () => {
    server = await startServer({ after: (stop) => stops.push(stop) });
  });
  after(() => Promise.all(stops.map((stop) => stop())));

  test("a subscription follows what mutations write", async (t) => {
    const client = connect(t, server);
    const seen = [];
    client.onUpdate(api.messages.list, { channel: "follow" }, (messages) => seen.push(messages.map(({ body }) => body)));
    await until("the first result", () => seen.length > 0);
    const id = await client.mutation(api.messages.send, { channel: "follow", body: "one" });
    assert.equal(typeof id, "string");
    // The promise resolves with the transition that shows the write, not before it.
    assert.deepEqual(seen.at(-1), ["one"]);
    await client.mutation(api.messages.send, { channel: "follow", body: "two" });
    await client.mutation(api.messages.edit, { id, body: "uno" });
    assert.deepEqual(seen.at(-1), ["uno", "two"]);
    await client.mutation(api.messages.remove, { id });
    assert.deepEqual(seen.at(-1), ["two"]);
    assert.deepEqual(seen, [[], ["one"], ["one", "two"], ["uno", "two"], ["two"]]);
  });

  test("another client's write arrives, and an unrelated one sends nothing", async (t) => {
    const [writer, reader] = [connect(t, server), connect(t, server)];
    const seen = [];
    reader.onUpdate(api.counters.get, { name: "mine" }, (value) => seen.push(value));
    await until("the first result", () => seen.length > 0);
    await writer.mutation(api.counters.add, { name: "other", by: 1 });
    await writer.mutation(api.counters.add, { name: "mine", by: 2 });
    await until("the change", () => seen.at(-1) === 2);
    assert.deepEqual(seen, [0, 2]);
  });

  test("one-off queries and actions answer", async (t) => {
    const client = connect(t, server);
    assert.equal(await client.query(api.counters.get, { name: "nobody" }), 0);
    const id = await client.action(api.messages.sendFromAction, { channel: "from action", body: "hi" });
    const [message] = await client.query(api.messages.list, { channel: "from action" });
    assert.equal(message._id, id);
    assert.equal(message.body, "hi");
    assert.ok(message._creationTime > 1.7e12);
  });

  test("every kind of value makes the round trip, in queries and in actions", async (t) => {
    const client = connect(t, server);
    const value = {
      null: null, yes: true, no: false, float: 0.1, whole: 3, "minus zero": -0, nan: NaN, inf: Infinity, ninf: -Infinity,
      int: 9007199254740993n, min: -(2n ** 63n), text: "smörgås 🐟 \u0000", list: [1, [2n, "x"], {}], nested: { a: { b: [] } },
      bytes: new Uint8Array([0, 1, 254, 255]).buffer,
    };
    assert.deepEqual(await client.query(api.values.echo, { value }), value);
    assert.deepEqual(await client.action(api.values.actionEcho, { value }), value);
  });

  test("a result of many megabytes arrives whole", async (t) => {
    const client = connect(t, server);
    const value = Array.from({ length: 60 }, (_, i) => `${i} smörgås 🐟 `.repeat(8000));
    const result = await client.query(api.values.echo, { value });
    assert.ok(result.length === 60 && result.every((text, i) => text === value[i]));
  });

  test("errors reach the caller with their data", async (t) => {
    const client = connect(t, server);
    const plain = await client.query(api.values.fail, { text: "no such luck" }).then(assert.fail, (error) => error);
    assert.match(plain.message, /no such luck/);
    assert.ok(!(plain instanceof ErrorWithData));
    for (const [call, reference] of [["query", api.values.failWith], ["mutation", api.values.mutationFailWith]]) {
      for (const data of ["text", { code: 7n, list: [1] }, null]) {
        const error = await client[call](reference, { value: data }).then(assert.fail, (error) => error);
        assert.ok(error instanceof ErrorWithData, `${call}: ${error}`);
        assert.deepEqual(error.data, data);
      }
    }
    const error = await client.action(api.values.actionFail, { text: "E" }).then(assert.fail, (error) => error);
    assert.deepEqual(error.data, { code: "E" });
  });

  test("a failing subscription calls onError and recovers with the data", async (t) => {
    const client = connect(t, server);
    const errors = [];
    client.onUpdate(api.values.fail, { text: "always" }, assert.fail, (error) => errors.push(error));
    await until("the error", () => errors.length > 0);
    assert.match(errors[0].message, /always/);
  });

  test("wrong arguments, unknown and internal functions and wrong kinds say what is wrong", async (t) => {
    const client = connect(t, server);
    const message = (promise) => promise.then(assert.fail, (error) => error.message);
    assert.match(await message(client.query(api.counters.get, { name: 7 })), /ArgumentValidationError[^]*Path: \.name[^]*Value: 7/);
    assert.match(await message(client.query(api.counters.get, {})), /missing the required field `name`/);
    assert.match(await message(client.query(api.counters.get, { name: "x", more: 1 })), /extra field `more`/);
    assert.match(await message(client.query(api.nowhere.get, {})), /Could not find public function for 'nowhere:get'/);
    assert.match(await message(client.query(api.secret.answer, {})), /Could not find public function for 'secret:answer'/);
    assert.equal(await client.query(api.values.internal, {}), 42);
    assert.match(await message(client.mutation(api.counters.get, { name: "x" })), /as Mutation, but it is defined as Query/);
    assert.match(await message(client.query(api.counters.add, { name: "x", by: 1 })), /as Query, but it is defined as Mutation/);
    assert.equal(await client.query(api.counters.get, { name: "x" }), 0);
  });

  test("a failed mutation leaves nothing behind, neither rows nor jobs", async (t) => {
    const client = connect(t, server);
    await assert.rejects(client.mutation(api.counters.addAndFail, { name: "rolled back", by: 5 }), /It would be 5/);
    await client.mutation(api.counters.addLater, { name: "sentinel", by: 1, delayMs: 0 });
    await until("the scheduled job", async () => (await client.query(api.counters.get, { name: "sentinel" })) === 1);
    assert.equal(await client.query(api.counters.get, { name: "rolled back" }), 0);
  });

  test("a scheduled mutation shows in subscriptions when it is due", async (t) => {
    const client = connect(t, server);
    const seen = [];
    client.onUpdate(api.counters.get, { name: "later" }, (value) => seen.push([value, performance.now()]));
    const start = performance.now();
    await client.mutation(api.counters.addLater, { name: "later", by: 3, delayMs: 300 });
    await until("the job", () => seen.at(-1)?.[0] === 3);
    assert.ok(seen.at(-1)[1] - start >= 295, "the job ran too early");
  });

  test("an optimistic update shows at once and never flickers", async (t) => {
    const client = connect(t, server);
    const seen = [];
    client.onUpdate(api.counters.get, { name: "optimistic" }, (value) => seen.push(value));
    await until("the first result", () => seen.length > 0);
    const optimisticUpdate = (store) => {
      const current = store.getQuery(api.counters.get, { name: "optimistic" });
      if (current !== undefined) store.setQuery(api.counters.get, { name: "optimistic" }, current + 1);
    };
    const calls = Array.from({ length: 20 }, () =>
      client.mutation(api.counters.add, { name: "optimistic", by: 1 }, { optimisticUpdate }),
    );
    await Promise.all(calls);
    assert.equal(seen.at(-1), 20);
    for (const [i, value] of seen.entries()) assert.ok(i === 0 || value >= seen[i - 1], `flickers: ${seen}`);
  });

  test("mutations of one client are applied in order", async (t) => {
    const client = connect(t, server);
    await Promise.all(Array.from({ length: 200 }, (_, i) => client.mutation(api.messages.send, { channel: "order", body: String(i) })));
    const messages = await client.query(api.messages.list, { channel: "order" });
    assert.deepEqual(messages.map(({ body }) => Number(body)), Array.from({ length: 200 }, (_, i) => i));
  });

  test("twenty clients on one counter: no call fails and none is lost", async (t) => {
    const clients = Array.from({ length: 20 }, () => connect(t, server));
    await Promise.all(clients.flatMap((client) => Array.from({ length: 10 }, () => client.mutation(api.counters.add, { name: "hot", by: 1 }))));
    assert.equal(await callAsAdmin(server, "counters:get", { name: "hot" }), 200);
  });

  test("an action in flight when the connection breaks fails, and the client goes on", async (t) => {
    const data = await startServer(t);
    const client = connect(t, data);
    await client.query(api.counters.get, { name: "x" });
    const waiting = client.action(api.values.wait, { ms: 60_000 });
    const failed = assert.rejects(waiting, /Connection lost while action was in flight/);
    await data.kill();
    await startServer(t, { data: data.data, port: Number(new URL(data.url).port) });
    await failed;
    assert.equal(await client.mutation(api.counters.add, { name: "x", by: 1 }), 1);
  });

  test("log lines come to the client's console", async (t) => {
    const lines = [];
    const push = (...args) => lines.push(args.join(" "));
    const client = connect(t, server, { logger: { logVerbose() {}, log: push, warn: push, error: push } });
    await client.query(api.values.log, { text: "seen from afar" });
    await until("the lines", () => lines.length >= 2);
    assert.ok(lines.some((line) => line.includes("seen from afar")), lines.join("\n"));
  });
});
