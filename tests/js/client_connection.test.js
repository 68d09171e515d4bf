// Fusion's client on connections that break in every way, on sockets and a clock of the test's own.

import assert from "node:assert/strict";
import { test } from "node:test";
import { FusionClient } from "../../client-js/dist/client.js";
import { committed, fakeSockets, transition, updated, version } from "./support/fake_socket.js";

/** A client with a clock that stands still until `wait` moves it on. */
function setUp(t, options = {}) {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const { FakeSocket, sockets } = fakeSockets();
  const client = new FusionClient("https://example.com/", { webSocketConstructor: FakeSocket, logger: false, ...options });
  t.after(() => client.close());
  return { client, sockets, wait: (ms) => t.mock.timers.tick(ms), socket: () => sockets.at(-1) };
}

/** After everything that happens in microtasks. */
const settled = () => new Promise((resolve) => setImmediate(resolve));
const START = version(0, 0, 0);

test("a connection opens with one burst, in order", async (t) => {
  const { client, sockets } = setUp(t);
  client.onUpdate("messages:list", { channel: "a" }, () => {});
  client.onUpdate("messages:list", { channel: "b" }, () => {});
  const sent = client.mutation("messages:send", { body: "hi" });
  sent.catch(() => {});
  assert.equal(sockets[0].url, "wss://example.com/api/1.48.0/sync");
  sockets[0].open();
  await settled();
  const [connect, queries, mutation, ...more] = sockets[0].take();
  assert.deepEqual(more, []);
  assert.match(connect.sessionId, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  assert.equal(connect.connectionCount, 0);
  assert.equal(connect.lastCloseReason, "InitialConnect");
  assert.ok(!("maxObservedTimestamp" in connect));
  assert.deepEqual(queries, {
    type: "ModifyQuerySet",
    baseVersion: 0,
    newVersion: 1,
    modifications: [
      { type: "Add", queryId: 0, udfPath: "messages:list", args: [{ channel: "a" }] },
      { type: "Add", queryId: 1, udfPath: "messages:list", args: [{ channel: "b" }] },
    ],
  });
  assert.deepEqual(mutation, { type: "Mutation", requestId: 0, udfPath: "messages:send", args: [{ body: "hi" }] });
});

test("subscriptions of one moment go together, and those that end at once are never sent", async (t) => {
  const { client, socket } = setUp(t);
  socket().open();
  socket().take();
  const [first, second] = ["a", "b"].map((channel) => client.onUpdate("messages:list", { channel }, () => {}));
  client.onUpdate("messages:list", { channel: "c" }, () => {})();
  // The same query twice is one.
  client.onUpdate("messages:list", { channel: "a" }, () => {})();
  await settled();
  const [added, ...more] = socket().take();
  assert.deepEqual(more, []);
  assert.deepEqual(added.modifications.map(({ args }) => args[0].channel), ["a", "b"]);
  first();
  client.onUpdate("messages:list", { channel: "a" }, () => {});
  second();
  await settled();
  const [removed] = socket().take();
  assert.deepEqual(removed.modifications, [{ type: "Remove", queryId: 1 }]);
  assert.deepEqual([removed.baseVersion, removed.newVersion], [2, 3]);
});

test("nothing is sent while a token is fetched, and then everything, as somebody", async (t) => {
  const { client, sockets, wait, socket } = setUp(t, { expectAuth: true });
  const states = [];
  client.onUpdate("a:get", {}, () => {});
  socket().open();
  await settled();
  assert.deepEqual(socket().take(), []);
  const fetches = [];
  client.setAuth(({ forceRefreshToken }) => new Promise((resolve) => fetches.push({ forceRefreshToken, resolve })), (is) => states.push(is));
  client.mutation("a:set").catch(() => {});
  await settled();
  assert.deepEqual(socket().take(), []);
  fetches[0].resolve("cached");
  await settled();
  const sent = () => socket().take().map(({ type, connectionCount, value, baseVersion }) => [type, connectionCount ?? value ?? baseVersion]);
  assert.deepEqual(sent(), [["Connect", 0], ["Authenticate", "cached"], ["ModifyQuerySet", 0], ["Mutation", undefined]]);
  // The token may have been from a cache: another one is fetched at once.
  socket().receive(transition(START, version(1, 1, 1), [updated(0, "as somebody")]));
  assert.deepEqual(states, [true]);
  assert.deepEqual(fetches.map(({ forceRefreshToken }) => forceRefreshToken), [false, true]);
  fetches[1].resolve("fresh");
  await settled();
  assert.deepEqual(sent(), [["Authenticate", "fresh"]]);
  socket().receive(transition(version(1, 1, 1), version(1, 2, 2)));
  // A token that is refused is replaced on a new connection, on which nothing is sent before.
  socket().receive({ type: "AuthError", error: "too old", baseVersion: 2, authUpdateAttempted: false });
  wait(1);
  assert.equal(sockets.length, 2);
  socket().open();
  await settled();
  assert.deepEqual(socket().take(), []);
  fetches[2].resolve("fresher");
  await settled();
  assert.deepEqual(sent(), [["Connect", 1], ["Authenticate", "fresher"], ["ModifyQuerySet", 0], ["Mutation", undefined]]);
  // A word on what was before is none on what is now.
  client.setAuth(async () => "another's");
  await settled();
  socket().take();
  socket().receive({ type: "AuthError", error: "late", baseVersion: 0, authUpdateAttempted: true });
  assert.equal(sockets.length, 2);
  client.clearAuth();
  await settled();
  assert.deepEqual(socket().take().map(({ tokenType, baseVersion }) => [tokenType, baseVersion]), [["None", 2]]);
});

test("a token that is refused again and again leaves nobody, and the queries go on", async (t) => {
  const { client, sockets, wait, socket } = setUp(t);
  const states = [];
  const forced = [];
  client.onUpdate("a:get", {}, () => {});
  client.setAuth(
    async ({ forceRefreshToken }) => {
      forced.push(forceRefreshToken);
      return `token ${forced.length}`;
    },
    (is) => states.push(is),
  );
  for (let attempt = 0; attempt < 3; attempt++) {
    await settled();
    socket().open();
    await settled();
    assert.equal(socket().take()[1].value, `token ${attempt + 1}`);
    socket().receive({ type: "AuthError", error: "no", baseVersion: 0, authUpdateAttempted: true });
    wait(1);
    assert.equal(sockets.length, attempt + 2);
  }
  assert.deepEqual(forced, [false, true, true]);
  assert.deepEqual(states, [false]);
  socket().open();
  await settled();
  assert.deepEqual(socket().take().map(({ type }) => type), ["Connect", "ModifyQuerySet"]);
});

test("after a loss everything is sent again: journals, mutations under their numbers, but no action", async (t) => {
  const { client, sockets, wait, socket } = setUp(t);
  const shown = [];
  client.onUpdate("messages:page", {}, (value) => shown.push(value));
  socket().open();
  await settled();
  socket().receive(transition(START, version(1, 0, 5), [updated(0, "old", "journal of the page")]));
  const calls = [client.mutation("a:one"), client.mutation("a:two"), client.mutation("a:three")];
  const action = assert.rejects(client.action("a:act"), /Connection lost while action was in flight/);
  // The first is answered and shown, the second answered only.
  socket().receive(committed(0, "one", 6));
  socket().receive(transition(version(1, 0, 5), version(1, 0, 6)));
  assert.equal(await calls[0], "one");
  socket().receive(committed(1, "two", 7));
  const { sessionId } = sockets[0].take()[0];
  sockets[0].lose(1006, "gone");
  await action;
  const unsent = client.action("a:late");
  wait(750);
  sockets[1].open();
  await settled();
  const [connect, queries, ...requests] = sockets[1].take();
  assert.equal(connect.sessionId, sessionId);
  assert.equal(connect.connectionCount, 1);
  assert.equal(connect.lastCloseReason, "gone");
  assert.equal(Buffer.from(connect.maxObservedTimestamp, "base64").readBigUInt64LE(), 7n);
  assert.deepEqual(queries.modifications, [
    { type: "Add", queryId: 0, udfPath: "messages:page", args: [{}], journal: "journal of the page" },
  ]);
  assert.deepEqual(
    requests.map(({ type, requestId, udfPath }) => `${type} ${requestId} ${udfPath}`),
    ["Mutation 1 a:two", "Mutation 2 a:three", "Action 4 a:late"],
  );
  // The answers of the first run.
  sockets[1].receive(transition(START, version(1, 0, 8), [updated(0, "new")]));
  sockets[1].receive(committed(1, "two", 7));
  sockets[1].receive(committed(2, "three", 9));
  sockets[1].receive({ type: "ActionResponse", requestId: 4, success: true, result: "late", logLines: [] });
  sockets[1].receive(transition(version(1, 0, 8), version(1, 0, 9)));
  assert.deepEqual(await Promise.all(calls), ["one", "two", "three"]);
  assert.equal(await unsent, "late");
  assert.deepEqual(shown, ["old", "new"]);
  assert.equal(client.connectionState().connectionRetries, 0);
  assert.equal(client.connectionState().hasInflightRequests, false);
});

test("attempts are further and further apart, at most 24 s, and start anew when all is in order", async (t) => {
  const { client, sockets, wait, socket } = setUp(t);
  /** Loses the socket, and says between which delays the next one comes. */
  const nextWithin = (least, most, reason = "") => {
    const before = sockets.length;
    socket().lose(1006, reason);
    wait(least - 1);
    assert.equal(sockets.length, before, `sooner than ${least} ms`);
    wait(most - least + 2);
    assert.equal(sockets.length, before + 1, `later than ${most} ms`);
  };
  for (const base of [500, 1000, 2000, 4000, 8000, 16_000, 16_000]) nextWithin(base * 0.5, base * 1.5);
  assert.equal(client.connectionState().connectionRetries, 7);
  socket().open();
  // Being open is not enough.
  nextWithin(8000, 24_000);
  // Nor is an answer to the queries while a mutation of before has none.
  const call = client.mutation("a:one");
  socket().open();
  nextWithin(8000, 24_000);
  socket().open();
  socket().receive(transition(START, version(1, 0, 1)));
  nextWithin(8000, 24_000);
  socket().open();
  socket().receive(transition(START, version(1, 0, 1)));
  socket().receive(committed(0, null, 1));
  nextWithin(250, 750);
  await call;
  socket().open();
  socket().receive(transition(START, version(1, 0, 2)));
  nextWithin(1500, 4500, "TooManyConcurrentRequests");
  await settled();
});

test("a server that is silent for a minute is given up", async (t) => {
  const { sockets, wait, socket } = setUp(t);
  socket().open();
  for (let i = 0; i < 10; i++) {
    wait(59_000);
    socket().receive({ type: "Ping" });
  }
  assert.equal(sockets.length, 1);
  wait(60_000);
  assert.equal(sockets[0].readyState, 3);
  wait(1);
  assert.equal(sockets.length, 2);
  sockets[1].open();
  assert.equal(sockets[1].take()[0].lastCloseReason, "InactiveServer");
  // What the old one still says is nobody's.
  sockets[0].receive({ type: "FatalError", error: "late" });
});

test("when the network is back nobody waits for a timer", async (t) => {
  const events = new EventTarget();
  for (const name of ["addEventListener", "removeEventListener"]) {
    globalThis[name] = events[name].bind(events);
    t.after(() => delete globalThis[name]);
  }
  const { client, sockets, wait, socket } = setUp(t);
  for (let i = 0; i < 4; i++) {
    socket().lose();
    wait(24_000);
  }
  socket().lose();
  const before = sockets.length;
  events.dispatchEvent(new Event("online"));
  assert.equal(sockets.length, before + 1);
  socket().open();
  // A connection of before may be dead without knowing it: it is not given a whole minute.
  const old = socket();
  events.dispatchEvent(new Event("online"));
  wait(19_999);
  assert.equal(old.readyState, 1);
  wait(1);
  assert.equal(old.readyState, 3);
  await client.close();
  const closed = sockets.length;
  events.dispatchEvent(new Event("online"));
  wait(60_000);
  assert.equal(sockets.length, closed);
});

test("a query is not answered by what was shown before the connection was lost", async (t) => {
  const { client, wait, socket } = setUp(t);
  client.onUpdate("a:get", {}, () => {});
  socket().open();
  await settled();
  socket().receive(transition(START, version(1, 0, 1), [updated(0, "old")]));
  assert.equal(await client.query("a:get"), "old");
  assert.equal(socket().take().length, 2, "more than the opening was sent");
  socket().lose();
  let answer;
  client.query("a:get").then((value) => (answer = value));
  await settled();
  assert.equal(answer, undefined);
  wait(750);
  socket().open();
  await settled();
  socket().receive(transition(START, version(1, 0, 2), [updated(0, "new")]));
  await settled();
  assert.equal(answer, "new");
  // The same again is an answer, too.
  socket().lose();
  const same = client.query("a:get");
  wait(750);
  socket().open();
  await settled();
  socket().receive(transition(START, version(1, 0, 3), [updated(0, "new")]));
  assert.equal(await same, "new");
});

test("a transition in pieces is put together", async (t) => {
  const { client, socket } = setUp(t);
  const shown = [];
  client.onUpdate("a:get", {}, (value) => shown.push(value));
  socket().open();
  await settled();
  const text = JSON.stringify(transition(START, version(1, 0, 1), [updated(0, "smörgås".repeat(100))]));
  const size = Math.ceil(text.length / 7);
  for (let partNumber = 0; partNumber < 7; partNumber++) {
    const chunk = text.slice(partNumber * size, (partNumber + 1) * size);
    socket().receive({ type: "TransitionChunk", chunk, partNumber, totalParts: 7, transitionId: "1" });
  }
  assert.deepEqual(shown, ["smörgås".repeat(100)]);
});

test("messages that make no sense lead to a new connection with the whole state", async (t) => {
  const { client, sockets, wait, socket } = setUp(t);
  const shown = [];
  client.onUpdate("a:get", {}, (value) => shown.push(value));
  for (const [i, message] of [
    transition(version(3, 0, 7), version(4, 0, 8)),
    { type: "TransitionChunk", chunk: "{", partNumber: 1, totalParts: 2, transitionId: "1" },
    transition(START, version(1, 0, 1), [updated(0, { $integer: "no integer" })]),
  ].entries()) {
    socket().open();
    await settled();
    socket().receive(message);
    assert.equal(socket().readyState, 3);
    wait(24_000);
    assert.equal(sockets.length, i + 2);
  }
  socket().open();
  await settled();
  socket().receive(transition(START, version(1, 0, 9), [updated(0, "right")]));
  assert.deepEqual(shown, ["right"]);
});

test("what the server ends for good is ended, and calls say why", async (t) => {
  const { client, sockets, wait, socket } = setUp(t);
  const calls = [client.mutation("a:one"), client.action("a:two"), client.query("a:three")];
  const refused = Promise.all(calls.map((call) => assert.rejects(call, /no such thing/)));
  socket().open();
  await settled();
  socket().receive({ type: "FatalError", error: "no such thing" });
  await refused;
  wait(60_000);
  assert.equal(sockets.length, 1);
  await assert.rejects(client.mutation("a:four"), /closed/);
});

test("a long queue of mutations goes out in parts, in order", async (t) => {
  const { client, socket } = setUp(t);
  const calls = Array.from({ length: 1200 }, (_, i) => client.mutation("a:add", { i }));
  socket().open();
  await settled();
  const ids = () => socket().take().filter(({ type }) => type === "Mutation").map(({ requestId }) => requestId);
  let expected = 0;
  let ts = 1;
  let from = START;
  socket().receive(transition(from, (from = version(1, 0, ts))));
  for (let pending = ids(); pending.length > 0; pending = ids()) {
    assert.ok(pending.length <= 500);
    for (const id of pending) {
      assert.equal(id, expected++);
      socket().receive(committed(id, id, ++ts));
    }
    socket().receive(transition(from, (from = version(1, 0, ts))));
  }
  assert.deepEqual(await Promise.all(calls), Array.from({ length: 1200 }, (_, i) => i));
});

test("an optimistic update stays until the answer is shown, and what is the same stays the same object", async (t) => {
  const { client, socket } = setUp(t);
  const shown = [];
  const list = client.onUpdate("m:list", {}, (value) => shown.push(value));
  socket().open();
  await settled();
  socket().receive(transition(START, version(1, 0, 1), [updated(0, [{ _id: "1", body: "one" }])]));
  const sent = client.mutation(
    "m:send",
    { body: "two" },
    { optimisticUpdate: (store, { body }) => store.setQuery("m:list", {}, [{ _id: "new", body }, ...store.getQuery("m:list", {})]) },
  );
  assert.deepEqual(shown.at(-1).map(({ body }) => body), ["two", "one"]);
  // Somebody else's message comes first, even after the answer.
  let isDone = false;
  sent.then(() => (isDone = true));
  socket().receive(committed(0, null, 3));
  socket().receive(transition(version(1, 0, 1), version(1, 0, 2), [updated(0, [{ _id: "3", body: "three" }, { _id: "1", body: "one" }])]));
  await settled();
  assert.deepEqual(shown.at(-1).map(({ body }) => body), ["two", "three", "one"]);
  assert.equal(shown.length, 3);
  assert.equal(isDone, false);
  socket().receive(
    transition(version(1, 0, 2), version(1, 0, 3), [
      updated(0, [{ _id: "2", body: "two" }, { _id: "3", body: "three" }, { _id: "1", body: "one" }]),
    ]),
  );
  await sent;
  assert.deepEqual(shown.map((messages) => messages.map(({ _id }) => _id)), [["1"], ["new", "1"], ["new", "3", "1"], ["2", "3", "1"]]);
  assert.equal(shown[3].at(-1), shown[0][0]);
  assert.equal(list.getCurrentValue(), shown[3]);
  // The same result again is no news.
  socket().receive(transition(version(1, 0, 3), version(1, 0, 4), [updated(0, shown[3])]));
  assert.equal(shown.length, 4);
});

test("an optimistic update that throws fails its call and nothing else", async (t) => {
  const { client, socket } = setUp(t);
  const broken = client.mutation("m:send", {}, {
    optimisticUpdate: () => {
      throw new Error("cannot");
    },
  });
  await assert.rejects(broken, /cannot/);
  socket().open();
  await settled();
  assert.deepEqual(socket().take().filter(({ type }) => type === "Mutation"), []);
});

test("the connection state is told when it changes, once", async (t) => {
  const { client, sockets, wait, socket } = setUp(t);
  const states = [];
  client.subscribeToConnectionState((state) => states.push(state));
  await settled();
  socket().open();
  await settled();
  const call = client.mutation("a:one");
  await settled();
  socket().receive(transition(START, version(1, 0, 1)));
  await settled();
  socket().receive(committed(0, null, 2));
  socket().receive(transition(version(1, 0, 1), version(1, 0, 2)));
  await call;
  await settled();
  sockets[0].lose(1001);
  await settled();
  wait(750);
  assert.deepEqual(
    states.map(({ isWebSocketConnected, inflightMutations, connectionRetries }) => [isWebSocketConnected, inflightMutations, connectionRetries]),
    [[true, 0, 0], [true, 1, 0], [true, 0, 0], [false, 0, 1]],
  );
  assert.equal(client.connectionState(), states.at(-1));
});
