// What Fusion's hooks have that the official ones have not, or have in another way, for React and for Preact.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { Component as PreactComponent } from "preact";
import { Component as ReactComponent, StrictMode } from "react";
import WebSocket from "ws";
import { api } from "./support/api.js";
import { kinds } from "./support/components.js";
import { callAsAdmin, startServer } from "./support/server.js";
import { until } from "./support/wait.js";

for (const kind of kinds.filter(({ name }) => name.startsWith("fusion"))) describe(kind.name, () => {
  const { createElement, recorder, render, connect, Provider } = kind;
  const { useAction, useConnectionState, useMutation, usePaginatedQuery, useQuery, useQueryResult } = kind;
  const provide = (client, ...children) => createElement(Provider, { client }, ...children);
  /** Without what is the same as before. */
  const changes = (renders) => renders.filter((value, i) => i === 0 || JSON.stringify(value) !== JSON.stringify(renders[i - 1]));

  let server;
  const stops = [];
  before(async () => {
    server = await startServer({ after: (stop) => stops.push(stop) });
  });
  after(() => Promise.all(stops.map((stop) => stop())));

  test("a query that is skipped loads, and other arguments never show the result of those before", async (t) => {
    await callAsAdmin(server, "counters:add", { name: "skipped a", by: 1 });
    const { Recorder, renders } = recorder(({ name }) => [name, useQueryResult(api.counters.get, name === undefined ? "skip" : { name })]);
    const client = connect(t, server);
    const { rerender } = render(t, provide(client, createElement(Recorder, {})));
    const last = () => renders.at(-1)?.[1];
    await until("nothing", () => last()?.status === "loading");
    rerender(provide(client, createElement(Recorder, { name: "skipped a" })));
    await until("the first", () => last().value === 1);
    rerender(provide(client, createElement(Recorder, { name: "skipped b" })));
    await until("the second", () => last().value === 0);
    rerender(provide(client, createElement(Recorder, {})));
    await until("nothing again", () => last().status === "loading");
    assert.deepEqual(changes(renders.map(([name, { status, value }]) => [name, status, value])), [
      [undefined, "loading", undefined],
      ["skipped a", "loading", undefined],
      ["skipped a", "success", 1],
      ["skipped b", "loading", undefined],
      ["skipped b", "success", 0],
      [undefined, "loading", undefined],
    ]);
  });

  test("an error is a state of useQueryResult, and useQuery throws it to the boundary", async (t) => {
    const shown = recorder(() => {
      const { status, error } = useQueryResult(api.values.failWith, { value: { code: 7 } });
      return [status, error?.data];
    });
    const thrown = recorder(() => useQuery(api.values.fail, { text: "for the boundary" }));
    let caught;
    class Boundary extends (kind.name.endsWith("preact") ? PreactComponent : ReactComponent) {
      state = {};
      static getDerivedStateFromError(error) {
        caught = error;
        return { hasFailed: true };
      }
      render() {
        return this.state.hasFailed ? "failed" : this.props.children;
      }
    }
    const { container } = render(t, provide(connect(t, server), createElement(shown.Recorder), createElement(Boundary, null, createElement(thrown.Recorder))));
    await until("both", () => shown.renders.at(-1)?.[0] === "error" && container.textContent.includes("failed"));
    assert.deepEqual(shown.renders.at(-1), ["error", { code: 7 }]);
    assert.match(caught.message, /for the boundary/);
  });

  test("calls are the same functions in every render, and answer", async (t) => {
    const { Recorder, renders } = recorder(() => ({
      add: useMutation(api.counters.add),
      act: useAction(api.values.actionEcho),
      value: useQuery(api.counters.get, { name: "stable" }),
    }));
    render(t, provide(connect(t, server), createElement(Recorder)));
    await until("the result", () => renders.at(-1)?.value === 0);
    assert.equal(await renders[0].add({ name: "stable", by: 2 }), 2);
    assert.equal(await renders[0].act({ value: 5n }), 5n);
    await until("the change", () => renders.at(-1).value === 2);
    for (const { add, act } of renders) assert.ok(add === renders[0].add && act === renders[0].act);
  });

  test("components with the same query share one subscription, which ends with the last of them", async (t) => {
    const sent = [];
    class ObservedSocket extends WebSocket {
      send(text) {
        sent.push(...(JSON.parse(text).modifications ?? []));
        super.send(text);
      }
    }
    const client = connect(t, server, { webSocketConstructor: ObservedSocket });
    const [one, other] = [0, 1].map(() => recorder(() => useQuery(api.counters.get, { name: "shared" })));
    const both = () => [createElement(one.Recorder, { key: 1 }), createElement(other.Recorder, { key: 2 })];
    const inMode = (...children) => {
      const tree = provide(client, ...children);
      return kind.name.endsWith("react") ? createElement(StrictMode, null, tree) : tree;
    };
    const { rerender, unmount } = render(t, inMode(...both()));
    await until("both results", () => one.renders.at(-1) === 0 && other.renders.at(-1) === 0);
    rerender(inMode(both()[1]));
    await callAsAdmin(server, "counters:add", { name: "shared", by: 1 });
    await until("the change", () => other.renders.at(-1) === 1);
    assert.deepEqual(sent.map(({ type }) => type), ["Add"]);
    unmount();
    await until("the end", () => sent.length === 2);
    assert.equal(sent[1].type, "Remove");
  });

  test("the connection state is shown", async (t) => {
    const own = await startServer(t);
    const { Recorder, renders } = recorder(() => useConnectionState().isWebSocketConnected);
    render(t, provide(connect(t, own), createElement(Recorder)));
    await until("a connection", () => renders.at(-1) === true);
    await own.kill();
    await until("its end", () => renders.at(-1) === false);
  });

  test("a list in pages: skipped, of one channel, of another one, and one that fails", async (t) => {
    for (const [channel, count] of [["pages a", 3], ["pages b", 5]]) {
      for (let rank = 0; rank < count; rank++) await callAsAdmin(server, "messages:send", { channel, body: `${channel} ${rank}`, rank });
    }
    let view;
    const { Recorder, renders } = recorder(({ channel }) => {
      view = usePaginatedQuery(api.messages.page, channel === undefined ? "skip" : { channel }, { initialNumItems: 2 });
      return [channel, view.status, view.results.map(({ rank }) => rank), view.error?.message.match(/ArgumentValidationError/)?.[0]];
    });
    const client = connect(t, server);
    const { rerender } = render(t, provide(client, createElement(Recorder, {})));
    await until("nothing", () => renders.length > 0);
    rerender(provide(client, createElement(Recorder, { channel: "pages a" })));
    await until("a page", () => view.status === "CanLoadMore");
    view.loadMore(2);
    await until("the end", () => view.status === "Exhausted");
    rerender(provide(client, createElement(Recorder, { channel: "pages b" })));
    await until("another page", () => view.status === "CanLoadMore");
    rerender(provide(client, createElement(Recorder, { channel: 7 })));
    await until("the error", () => view.error !== undefined);
    // Whether more is being loaded may be over before it is rendered.
    assert.deepEqual(changes(renders.filter(([, status]) => status !== "LoadingMore")), [
      [undefined, "LoadingFirstPage", [], undefined],
      ["pages a", "LoadingFirstPage", [], undefined],
      ["pages a", "CanLoadMore", [2, 1], undefined],
      ["pages a", "Exhausted", [2, 1, 0], undefined],
      ["pages b", "LoadingFirstPage", [], undefined],
      ["pages b", "CanLoadMore", [4, 3], undefined],
      [7, "LoadingFirstPage", [], undefined],
      [7, "LoadingFirstPage", [], "ArgumentValidationError"],
    ]);
  });
});
