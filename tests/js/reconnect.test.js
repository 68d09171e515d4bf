// The clients through crashes: every mutation applied exactly once, every promise resolved, subscriptions right.

import assert from "node:assert/strict";
import path from "node:path";
import { test } from "node:test";
import { api } from "./support/api.js";
import { clients as kinds } from "./support/clients.js";
import { startProxy } from "./support/proxy.js";
import { seeded } from "./support/random.js";
import { callAsAdmin, freePort, startServer, temporaryFolder } from "./support/server.js";
import { sleep, until } from "./support/wait.js";

for (const { name, connect } of kinds) test(`${name}, kill -9 with mutations in flight: each is applied once, in order, and its promise resolves`, async (t) => {
  const random = seeded(t);
  const at = { port: await freePort(), data: path.join(temporaryFolder(), "data") };
  let server = await startServer(t, at);
  const clients = Array.from({ length: 4 }, () => connect(t, server));
  const shown = clients.map(() => []);
  for (const [i, client] of clients.entries()) {
    client.onUpdate(api.messages.list, { channel: `client ${i}` }, (messages) => (shown[i] = messages.map(({ body }) => Number(body))));
  }
  const calls = clients.map(() => []);
  let sending = true;
  const senders = clients.map(async (client, i) => {
    while (sending) {
      const body = String(calls[i].length);
      calls[i].push(client.mutation(api.messages.send, { channel: `client ${i}`, body }));
      await sleep(random.below(8));
    }
  });
  for (let crash = 0; crash < 5; crash++) {
    await sleep(200 + random.below(400));
    await server.kill();
    await sleep(random.below(100));
    server = await startServer(t, at);
  }
  sending = false;
  await Promise.all(senders);
  const ids = await Promise.all(calls.map((own) => Promise.all(own)));
  for (const [i, own] of calls.entries()) {
    const expected = own.map((_, number) => number);
    const stored = await callAsAdmin(server, "messages:list", { channel: `client ${i}` });
    assert.deepEqual(stored.map(({ body }) => Number(body)), expected, `client ${i}`);
    assert.deepEqual(stored.map(({ _id }) => _id), ids[i], "a replay answers with the original result");
    await until("the subscription to converge", () => shown[i].length === expected.length);
    assert.deepEqual(shown[i], expected);
  }
  t.diagnostic(`${calls.map((own) => own.length).join(" + ")} mutations over 5 crashes`);
});

for (const { name, connect } of kinds) test(`${name}, connections that break all the time: answers are lost, effects are not, and subscriptions converge`, async (t) => {
  const random = seeded(t);
  const server = await startServer(t);
  const proxy = await startProxy(t, server);
  const clients = Array.from({ length: 3 }, () => connect(t, proxy));
  const shown = clients.map((client) => {
    const own = {};
    client.onUpdate(api.counters.get, { name: "all" }, (value) => (own.count = value));
    client.onUpdate(api.messages.list, { channel: "all" }, (messages) => (own.bodies = messages.map(({ body }) => body)));
    return own;
  });
  const calls = [];
  let cuts = 0;
  for (let round = 0; round < 12; round++) {
    for (const [i, client] of clients.entries()) {
      calls.push(client.mutation(api.counters.add, { name: "all", by: 1 }));
      calls.push(client.mutation(api.messages.send, { channel: "all", body: `${i} ${round}` }));
    }
    await sleep(random.below(20));
    if (random.unit() < 0.5) cuts += proxy.cut();
    await sleep(random.below(300));
  }
  await Promise.all(calls);
  assert.equal(await callAsAdmin(server, "counters:get", { name: "all" }), 36);
  const stored = (await callAsAdmin(server, "messages:list", { channel: "all" })).map(({ body }) => body);
  for (const i of clients.keys()) {
    assert.deepEqual(stored.filter((body) => body.startsWith(`${i} `)), Array.from({ length: 12 }, (_, round) => `${i} ${round}`));
  }
  for (const own of shown) {
    await until("the subscriptions to converge", () => own.count === 36 && JSON.stringify(own.bodies) === JSON.stringify(stored));
  }
  t.diagnostic(`${calls.length} mutations, ${cuts} connections cut`);
});

for (const { name, connect } of kinds) test(`${name}, a stop with SIGTERM drains within ten seconds and loses nothing`, async (t) => {
  const at = { port: await freePort(), data: path.join(temporaryFolder(), "data") };
  const server = await startServer(t, at);
  const client = connect(t, server);
  await client.query(api.counters.get, { name: "x" });
  const calls = Array.from({ length: 50 }, () => client.mutation(api.counters.add, { name: "x", by: 1 }));
  const started = performance.now();
  assert.equal(await server.stop(), "code 0");
  assert.ok(performance.now() - started < 10_000);
  const again = await startServer(t, at);
  await Promise.all(calls);
  assert.equal(await callAsAdmin(again, "counters:get", { name: "x" }), 50);
});

test("a second process on the same data folder is refused with a sentence", async (t) => {
  const server = await startServer(t);
  const error = await startServer(t, { data: server.data }).then(assert.fail, (error) => error);
  assert.match(error.message, /ended with code [1-9]/);
  assert.match(error.message, /another|already|in use|lock/i);
  assert.equal(await callAsAdmin(server, "counters:get", { name: "still here" }), 0);
});
