// Fusion's client where it is made for: in a page of another site, and in a worker, as the binary serves it.

import assert from "node:assert/strict";
import { createServer } from "node:http";
import path from "node:path";
import { test } from "node:test";
import { startBrowser } from "../support/browser.js";
import { callAsAdmin, freePort, startServer, temporaryFolder } from "../support/server.js";
import { until } from "../support/wait.js";

/** A site of its own with a page that has the client of `server` as a module, and a worker that has it, too. */
async function startSite(t, server) {
  const files = {
    "/": ["text/html", `<!doctype html><title>Site</title><script type="module" src="/page.js"></script>`],
    "/page.js": ["text/javascript", `import * as fusion from "${server.url}/client.js"; window.fusion = fusion;`],
    // A worker says everything that happens, and is told what to do.
    "/worker.js": [
      "text/javascript",
      `import { FusionClient } from "${server.url}/client.js";
       const client = new FusionClient("${server.url}");
       client.onUpdate("counters:get", { name: "worker" }, (value) => postMessage({ value }));
       onmessage = ({ data: by }) => client.mutation("counters:add", { name: "worker", by }).then((result) => postMessage({ result }));`,
    ],
  };
  const site = createServer((request, response) => {
    const [type, text] = files[request.url] ?? [];
    response.writeHead(text === undefined ? 404 : 200, { "Content-Type": type ?? "text/plain" });
    response.end(text);
  });
  await new Promise((resolve) => site.listen(0, "127.0.0.1", resolve));
  t.after(() => site.close());
  return `http://127.0.0.1:${site.address().port}`;
}

async function setUp(t, options) {
  const server = await startServer(t, options);
  const browser = await startBrowser(t);
  const context = await browser.newContext();
  const page = await context.newPage();
  const errors = [];
  page.on("pageerror", (error) => errors.push(error.message));
  await page.goto(await startSite(t, server));
  await page.waitForFunction(() => window.fusion !== undefined);
  return { server, context, page, errors };
}

test("a page of another site: values, errors, subscriptions, optimistic updates", async (t) => {
  const { server, page, errors } = await setUp(t);
  const result = await page.evaluate(async (url) => {
    const { FusionClient, FusionError, anyApi: api } = window.fusion;
    const client = new FusionClient(url);
    const seen = [];
    await new Promise((resolve) => {
      client.onUpdate(api.counters.get, { name: "page" }, (value) => {
        seen.push(value);
        resolve();
      });
    });
    const optimisticUpdate = (store) => store.setQuery(api.counters.get, { name: "page" }, store.getQuery(api.counters.get, { name: "page" }) + 1);
    const call = client.mutation(api.counters.add, { name: "page", by: 1 }, { optimisticUpdate });
    const atOnce = seen.at(-1);
    await call;
    const value = { int: 9007199254740993n, bytes: new Uint8Array([1, 2, 255]).buffer, nan: NaN, list: [-0, "🐟"] };
    const echo = await client.query(api.values.echo, { value });
    const error = await client.action(api.values.actionFail, { text: "E" }).catch((error) => error);
    return {
      seen,
      atOnce,
      echo: [echo.int === value.int, [...new Uint8Array(echo.bytes)], Number.isNaN(echo.nan), Object.is(echo.list[0], -0), echo.list[1]],
      error: [error instanceof FusionError, error.data],
    };
  }, server.url);
  assert.deepEqual(result, {
    seen: [0, 1],
    atOnce: 1,
    echo: [true, [1, 2, 255], true, true, "🐟"],
    error: [true, { code: "E" }],
  });
  assert.deepEqual(errors, []);
});

test("a worker subscribes and calls", async (t) => {
  const { server, page, errors } = await setUp(t);
  await page.evaluate(() => {
    window.said = [];
    window.worker = new Worker("/worker.js", { type: "module" });
    window.worker.onmessage = ({ data }) => window.said.push(data);
  });
  await page.waitForFunction(() => window.said.some(({ value }) => value === 0));
  await page.evaluate(() => window.worker.postMessage(2));
  await page.waitForFunction(() => window.said.some(({ result }) => result === 2));
  await callAsAdmin(server, "counters:add", { name: "worker", by: 5 });
  await page.waitForFunction(() => window.said.some(({ value }) => value === 7));
  assert.deepEqual(await page.evaluate(() => window.said), [{ value: 0 }, { value: 2 }, { result: 2 }, { value: 7 }]);
  assert.deepEqual(errors, []);
});

test("a server that is killed with mutations in flight: each is applied once, and the page catches up", async (t) => {
  const at = { port: await freePort(), data: path.join(temporaryFolder(), "data") };
  const { server, page } = await setUp(t, at);
  await page.evaluate((url) => {
    const client = new window.fusion.FusionClient(url);
    window.states = [];
    window.shown = [];
    window.calls = [];
    client.subscribeToConnectionState(({ isWebSocketConnected }) => window.states.push(isWebSocketConnected));
    client.onUpdate("messages:list", { channel: "crash" }, (messages) => (window.shown = messages.map(({ body }) => body)));
    window.timer = setInterval(() => window.calls.push(client.mutation("messages:send", { channel: "crash", body: String(window.calls.length) })), 5);
  }, server.url);
  await page.waitForFunction(() => window.shown.length > 20);
  await server.kill();
  await page.waitForFunction(() => window.states.at(-1) === false);
  const again = await startServer(t, at);
  const calls = await page.evaluate(async () => {
    clearInterval(window.timer);
    await Promise.all(window.calls);
    return window.calls.length;
  });
  const expected = Array.from({ length: calls }, (_, i) => String(i));
  const stored = await callAsAdmin(again, "messages:list", { channel: "crash" });
  assert.deepEqual(stored.map(({ body }) => body), expected);
  assert.deepEqual(await page.evaluate(() => window.shown), expected);
});

test("a page that goes offline and back sends what was said meanwhile, once, without a long wait", async (t) => {
  const { server, context, page } = await setUp(t);
  await page.evaluate((url) => {
    window.client = new window.fusion.FusionClient(url);
    window.shown = undefined;
    window.client.onUpdate("counters:get", { name: "offline" }, (value) => (window.shown = value));
  }, server.url);
  await page.waitForFunction(() => window.shown === 0);
  await context.setOffline(true);
  await callAsAdmin(server, "counters:add", { name: "offline", by: 10 });
  await page.evaluate(() => {
    window.call = window.client.mutation("counters:add", { name: "offline", by: 1 });
  });
  await context.setOffline(false);
  assert.equal(await page.evaluate(() => window.call), 11);
  assert.equal(await page.evaluate(() => window.shown), 11);
  assert.equal(await callAsAdmin(server, "counters:get", { name: "offline" }), 11);
});
