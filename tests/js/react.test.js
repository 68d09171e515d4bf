// The hooks against a real server process, npm `convex/react` and Fusion's own for React and Preact: queries, pages,
// optimistic updates, authentication.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import WebSocket from "ws";
import { api } from "./support/api.js";
import { kinds } from "./support/components.js";
import { startIssuer } from "./support/issuer.js";
import { seeded } from "./support/random.js";
import { callAsAdmin, startServer } from "./support/server.js";
import { sleep, until } from "./support/wait.js";

for (const kind of kinds) describe(kind.name, () => {
  const { createElement, recorder, render, connect, Provider, ProviderWithAuth } = kind;
  const { useAuthState, useMutation, usePaginatedQuery, useQueries, useQuery } = kind;
  const provide = (client, ...children) => createElement(Provider, { client }, ...children);

  test("useQuery renders undefined, then the result, then every change", async (t) => {
    const server = await startServer(t);
    const client = connect(t, server);
    const { Recorder, renders } = recorder(() => useQuery(api.counters.get, { name: "a" }));
    const { container } = render(t, provide(client, createElement(Recorder)));
    await until("the first result", () => renders.at(-1) === 0);
    assert.equal(renders[0], undefined);
    for (let i = 1; i <= 3; i++) {
      await callAsAdmin(server, "counters:add", { name: "a", by: 1 });
      await until("the change", () => renders.at(-1) === i);
    }
    assert.equal(container.textContent, "3");
    assert.deepEqual(renders.filter((value, i) => i === 0 || value !== renders[i - 1]), [undefined, 0, 1, 2, 3]);
  });

  test("queries of one render change together", async (t) => {
    const server = await startServer(t);
    const client = connect(t, server);
    const queries = {
      left: { query: api.transfer.balance, args: { id: 0 } },
      right: { query: api.transfer.balance, args: { id: 1 } },
    };
    const { Recorder, renders } = recorder(() => useQueries(queries));
    await callAsAdmin(server, "transfer:seed", { start: 0, count: 2, balance: 100 });
    render(t, provide(client, createElement(Recorder)));
    await until("the results", () => renders.at(-1)?.left === 100 && renders.at(-1)?.right === 100);
    for (let i = 0; i < 30; i++) await callAsAdmin(server, "transfer:transfer", { from_id: 0, to_id: 1, amount: 1 });
    await until("the last change", () => renders.at(-1).left === 70);
    for (const { left, right } of renders) {
      if (left !== undefined && right !== undefined) assert.equal(left + right, 200, "a torn transition");
    }
  });

  test("useMutation with an optimistic update never flickers", async (t) => {
    const server = await startServer(t);
    const client = connect(t, server);
    let add;
    const { Recorder, renders } = recorder(() => {
      add = useMutation(api.counters.add).withOptimisticUpdate((store, { name, by }) => {
        const current = store.getQuery(api.counters.get, { name });
        if (current !== undefined) store.setQuery(api.counters.get, { name }, current + by);
      });
      return useQuery(api.counters.get, { name: "o" });
    });
    render(t, provide(client, createElement(Recorder)));
    await until("the first result", () => renders.at(-1) === 0);
    const calls = [];
    for (let i = 0; i < 30; i++) {
      calls.push(add({ name: "o", by: 1 }));
      if (i % 3 === 0) await sleep(3);
    }
    assert.ok(renders.at(-1) > 0, "the optimistic value was not shown at once");
    await Promise.all(calls);
    await until("the end", () => renders.at(-1) === 30);
    const values = renders.filter((value) => value !== undefined);
    for (let i = 1; i < values.length; i++) assert.ok(values[i] >= values[i - 1], `flickers: ${values}`);
  });

  test("an optimistic update of a failing mutation is taken back", async (t) => {
    const server = await startServer(t);
    let socket;
    class ObservedSocket extends WebSocket {
      constructor(...args) {
        super(...args);
        socket = this;
      }
    }
    const client = connect(t, server, { webSocketConstructor: ObservedSocket });
    let fail;
    const { Recorder, renders } = recorder(() => {
      fail = useMutation(api.counters.addAndFail).withOptimisticUpdate((store, { name, by }) => store.setQuery(api.counters.get, { name }, by));
      return useQuery(api.counters.get, { name: "f" });
    });
    render(t, provide(client, createElement(Recorder)));
    await until("the first result", () => renders.at(-1) === 0);
    // The answer is held back until the optimistic value is on the page: it could be there before React renders.
    socket.pause();
    const failure = assert.rejects(fail({ name: "f", by: 9 }), /It would be 9/);
    await until("the optimistic value", () => renders.at(-1) === 9);
    socket.resume();
    await failure;
    await until("the real value", () => renders.at(-1) === 0);
  });

  test("usePaginatedQuery stays gapless and without duplicates under inserts and deletes", async (t) => {
    const random = seeded(t);
    const server = await startServer(t);
    const client = connect(t, server);
    const model = new Map();
    const send = async () => {
      const rank = random.below(1_000_000);
      const id = await callAsAdmin(server, "messages:send", { channel: "p", body: `at ${rank}`, rank });
      model.set(id, rank);
    };
    const remove = async () => {
      const ids = [...model.keys()];
      if (ids.length === 0) return;
      const id = ids[random.below(ids.length)];
      await callAsAdmin(server, "messages:remove", { id });
      model.delete(id);
    };
    for (let i = 0; i < 40; i++) await send();
    let view;
    const { Recorder, renders } = recorder(() => {
      view = usePaginatedQuery(api.messages.page, { channel: "p" }, { initialNumItems: 10 });
      return view.results.map(({ _id, rank }) => [_id, rank]);
    });
    render(t, provide(client, createElement(Recorder)));
    await until("the first page", () => view?.status === "CanLoadMore");
    assert.equal(view.results.length, 10);
    for (let round = 0; round < 60; round++) {
      await (random.unit() < 0.6 ? send() : remove());
      if (round % 10 === 9) {
        await until("the page before", () => view.status !== "LoadingMore" && view.status !== "LoadingFirstPage");
        if (view.status === "CanLoadMore") view.loadMore(7);
      }
    }
    await until("the last page", async () => {
      if (view.status === "CanLoadMore") view.loadMore(20);
      await sleep(20);
      return view.status === "Exhausted";
    });
    const expected = [...model].sort((a, b) => b[1] - a[1]).map(([id]) => id);
    await until("everything to be shown", () => JSON.stringify(view.results.map(({ _id }) => _id)) === JSON.stringify(expected));
    for (const rows of renders) {
      assert.equal(new Set(rows.map(([id]) => id)).size, rows.length, "a row is shown twice");
      for (let i = 1; i < rows.length; i++) assert.ok(rows[i - 1][1] >= rows[i][1], "rows out of order");
    }
  });

  test("a page that grew too large is split and stays whole", async (t) => {
    const server = await startServer(t);
    const client = connect(t, server);
    await callAsAdmin(server, "messages:send", { channel: "s", body: "last", rank: -1 });
    let view;
    const { Recorder } = recorder(() => {
      view = usePaginatedQuery(api.messages.page, { channel: "s" }, { initialNumItems: 5 });
      return view.results.length;
    });
    render(t, provide(client, createElement(Recorder)));
    await until("the first page", () => view?.results.length === 1);
    for (let i = 0; i < 60; i++) await callAsAdmin(server, "messages:send", { channel: "s", body: `${i}`, rank: i });
    await until("all rows", () => view.results.length === 61);
    assert.deepEqual(view.results.map(({ rank }) => rank), Array.from({ length: 61 }, (_, i) => 59 - i));
  });

  test("a provider with authentication signs in, refreshes, and signs out", async (t) => {
    const issuer = await startIssuer(t);
    const server = await startServer(t, { args: ["--auth-providers", JSON.stringify([issuer.provider])] });
    const client = connect(t, server, { authRefreshTokenLeewaySeconds: 2 });
    const forced = [];
    let signedIn = true;
    const fetchAccessToken = async ({ forceRefreshToken }) => {
      forced.push(forceRefreshToken);
      return issuer.token("amy", { seconds: 4, claims: { jti: String(forced.length) } });
    };
    const useAuth = () => ({ isLoading: false, isAuthenticated: signedIn, fetchAccessToken });
    const states = recorder(() => {
      const { isLoading, isAuthenticated } = useAuthState();
      return isLoading ? "loading" : isAuthenticated ? "in" : "out";
    });
    const who = recorder(() => useQuery(api.notes.whoami, {}));
    const tree = () =>
      createElement(ProviderWithAuth, { client, useAuth }, createElement(states.Recorder), createElement(who.Recorder));
    const { rerender } = render(t, tree());
    await until("amy", () => who.renders.at(-1) === `${issuer.url}|amy` && states.renders.at(-1) === "in");
    assert.equal(states.renders[0], "loading");
    await until("two refreshes", () => forced.filter(Boolean).length >= 3, 60_000);
    const sinceSignIn = states.renders.slice(states.renders.indexOf("in"));
    assert.deepEqual([...new Set(sinceSignIn)], ["in"], "signed out during a refresh");
    signedIn = false;
    rerender(tree());
    await until("nobody", () => who.renders.at(-1) === null && states.renders.at(-1) === "out");
  });
});
