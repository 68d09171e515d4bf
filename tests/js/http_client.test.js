// npm `ConvexHttpClient`, plain HTTP, HTTP actions and files against a real server process.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { ConvexHttpClient } from "convex/browser";
import { ConvexError } from "convex/values";
import { api } from "./support/api.js";
import { callAsAdmin, startServer } from "./support/server.js";

const client = (server) => new ConvexHttpClient(server.url, { logger: false });

test("queries, mutations and actions over HTTP", async (t) => {
  const server = await startServer(t);
  const http = client(server);
  assert.equal(await http.query(api.counters.get, { name: "a" }), 0);
  assert.equal(await http.mutation(api.counters.add, { name: "a", by: 2 }), 2);
  assert.equal(await http.query(api.counters.get, { name: "a" }), 2);
  assert.deepEqual(await http.action(api.values.actionEcho, { value: [1n, "x", null] }), [1n, "x", null]);
  const results = await Promise.all(Array.from({ length: 30 }, () => http.mutation(api.counters.add, { name: "b", by: 1 })));
  assert.deepEqual(results, Array.from({ length: 30 }, (_, i) => i + 1));
});

test("errors over HTTP carry their data", async (t) => {
  const server = await startServer(t);
  const http = client(server);
  const error = await http.mutation(api.values.mutationFailWith, { value: { code: 9n } }).then(assert.fail, (error) => error);
  assert.ok(error instanceof ConvexError);
  assert.deepEqual(error.data, { code: 9n });
  await assert.rejects(http.query(api.values.fail, { text: "plainly" }), /plainly/);
  await assert.rejects(http.query(api.secret.answer, {}), /Could not find public function for 'secret:answer'/);
  assert.equal(await callAsAdmin(server, "secret:answer"), 42);
});

test("cursors of other queries, ids of other tables and ids of nothing say what is wrong", async (t) => {
  const server = await startServer(t);
  const http = client(server);
  const failure = (promise) => promise.then(assert.fail, (error) => error);
  const page = (channel, cursor) => http.query(api.messages.page, { channel, paginationOpts: { cursor, numItems: 1 } });
  const ids = [];
  for (const channel of ["a", "a", "b"]) ids.push(await http.mutation(api.messages.send, { channel, body: "text" }));
  const { continueCursor } = await page("a", null);
  assert.equal((await page("a", continueCursor)).page.length, 1);
  for (const cursor of [continueCursor, "no cursor at all"]) {
    const error = await failure(page("b", cursor));
    // React starts over from the first page when it finds this in the text or in the data.
    assert.match(error.message, /InvalidCursor/);
    assert.deepEqual(error.data, { isConvexSystemError: true, paginationError: "InvalidCursor" });
  }
  const removed = ids[0];
  await http.mutation(api.messages.remove, { id: removed });
  assert.match((await failure(http.mutation(api.messages.edit, { id: removed, body: "new" }))).message, new RegExp(`nonexistent document ID ${removed}`));
  await http.mutation(api.notes.write, { title: "t", owner: "amy", body: "b", public: true });
  const notes = { table: "notes", order: "asc", paginationOpts: { cursor: null, numItems: 1 } };
  const other = (await callAsAdmin(server, "_system/cli/tableData", notes)).page[0]._id;
  assert.match((await failure(http.mutation(api.messages.edit, { id: other, body: "new" }))).message, /notes.*messages|messages.*notes/s);
  assert.match((await failure(http.mutation(api.messages.edit, { id: "no id", body: "new" }))).message, /does not match|Value does not match validator|ArgumentValidationError/);
  assert.equal((await http.query(api.messages.list, { channel: "b" })).length, 1);
});

test("a consistent query stays at its timestamp", async (t) => {
  const server = await startServer(t);
  const http = client(server);
  await http.mutation(api.counters.add, { name: "c", by: 1 });
  assert.equal(await http.consistentQuery(api.counters.get, { name: "c" }), 1);
  await client(server).mutation(api.counters.add, { name: "c", by: 1 });
  assert.equal(await http.consistentQuery(api.counters.get, { name: "c" }), 1);
  assert.equal(await client(server).consistentQuery(api.counters.get, { name: "c" }), 2);
});

test("formats, batches, paths and GET", async (t) => {
  const server = await startServer(t);
  const post = async (path, body, headers = {}) => {
    const init = { method: "POST", headers: { "Content-Type": "application/json", ...headers }, body: JSON.stringify(body) };
    const response = await fetch(`${server.url}${path}`, init);
    return { status: response.status, body: await response.json() };
  };
  const value = { $integer: "AQAAAAAAAAA=" };
  const echo = { path: "values:echo", args: { value } };
  assert.deepEqual(await post("/api/query", { ...echo, format: "json" }), { status: 200, body: { status: "success", value: "1" } });
  assert.deepEqual((await post("/api/query", { ...echo, format: "convex_encoded_json" })).body.value, value);
  assert.deepEqual((await post("/api/query", { ...echo, args: [{ value }] })).body.value, "1");
  assert.equal((await post("/api/query", { ...echo, format: "xml" })).status, 400);
  assert.equal((await post("/api/query", { path: "a:b:c", args: {} })).status, 400);
  const batch = await post("/api/query_batch", { queries: [echo, { path: "counters:get", args: { name: "x" } }] });
  assert.deepEqual(batch.body.results.map((result) => result.value), ["1", 0]);
  assert.equal((await post("/api/run/counters/add", { args: { name: "run", by: 4 } })).body.value, 4);
  const url = `${server.url}/api/query?path=counters:get&args=${encodeURIComponent('{"name":"run"}')}&format=json`;
  assert.equal((await (await fetch(url)).json()).value, 4);
  const denied = await post("/api/function", { path: "counters:get", args: { name: "x" } });
  assert.ok([401, 403].includes(denied.status), `${denied.status}`);
  const wrongKey = await post("/api/function", { path: "counters:get", args: { name: "x" } }, { Authorization: "Convex nobody|1234" });
  assert.equal(wrongKey.status, 403);
  assert.equal(wrongKey.body.code, "BadDeployKey");
  const malformed = await fetch(`${server.url}/api/query`, { method: "POST", body: "{", headers: { "Content-Type": "application/json" } });
  assert.equal(malformed.status, 400);
  assert.equal(typeof (await malformed.json()).code, "string");
});

test("CORS and health", async (t) => {
  const server = await startServer(t);
  const preflight = await fetch(`${server.url}/api/mutation`, {
    method: "OPTIONS",
    headers: { Origin: "http://app.example", "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type" },
  });
  assert.equal(preflight.headers.get("access-control-allow-origin"), "http://app.example");
  assert.equal(preflight.headers.get("access-control-allow-credentials"), "true");
  for (const path of ["/version", "/instance_version", "/instance_name"]) {
    const response = await fetch(server.url + path);
    assert.equal(response.status, 200, path);
    assert.ok((await response.text()).length > 0, path);
  }
  assert.match(await (await fetch(server.url)).text(), /This Convex deployment is running/);
  const echo = await fetch(`${server.url}/echo`, { method: "POST", body: "back" });
  assert.equal(await echo.text(), "back");
  const metrics = await (await fetch(`${server.url}/metrics`)).text();
  assert.match(metrics, /^# TYPE /m);
});

test("HTTP actions answer on their own port and under /http", async (t) => {
  const server = await startServer(t);
  assert.equal(await (await fetch(`${server.siteUrl}/hello`)).text(), "hello number 1");
  assert.equal(await (await fetch(`${server.url}/http/hello`)).text(), "hello number 2");
  const echoed = await fetch(`${server.siteUrl}/echo/deep/path?x=1`, { method: "POST", body: "12345" });
  assert.match(await echoed.text(), /\/echo\/deep\/path\?x=1 5 bytes$/);
  assert.equal((await fetch(`${server.siteUrl}/nothing`)).status, 404);
  assert.equal((await fetch(`${server.siteUrl}/hello`, { method: "POST" })).status, 404);
  const head = await fetch(`${server.siteUrl}/hello`, { method: "HEAD" });
  assert.deepEqual([head.status, await head.text()], [200, ""]);
});

test("files go up, come down whole and in ranges, and vanish", async (t) => {
  const server = await startServer(t);
  const http = client(server);
  const content = Buffer.from(Array.from({ length: 70_000 }, (_, i) => i % 251));
  const digest = createHash("sha256").update(content).digest("base64");
  const uploadUrl = await http.mutation(api.values.uploadUrl, {});
  const headers = { "Content-Type": "image/png", Digest: `sha-256=${digest}` };
  const uploaded = await fetch(uploadUrl, { method: "POST", body: content, headers });
  assert.equal(uploaded.status, 200);
  const { storageId } = await uploaded.json();
  const url = await http.query(api.values.fileUrl, { id: storageId });
  const whole = await fetch(url);
  assert.equal(whole.headers.get("content-type"), "image/png");
  assert.ok(Buffer.from(await whole.arrayBuffer()).equals(content));
  const part = await fetch(url, { headers: { Range: "bytes=100-199" } });
  assert.equal(part.status, 206);
  assert.equal(part.headers.get("content-range"), "bytes 100-199/70000");
  assert.ok(Buffer.from(await part.arrayBuffer()).equals(content.subarray(100, 200)));
  assert.equal((await fetch(url, { headers: { Range: "bytes=70000-" } })).status, 416);
  const wrong = await fetch(uploadUrl, { method: "POST", body: "other", headers });
  assert.equal(wrong.status, 400);
  assert.equal((await wrong.json()).code, "Sha256Mismatch");
  const forged = await fetch(`${server.url}/api/storage/upload?token=forged`, { method: "POST", body: "x" });
  assert.equal(forged.status, 401);
  assert.equal((await fetch(`${server.url}/api/storage/00000000-0000-4000-8000-000000000000`)).status, 404);
  assert.equal((await fetch(`${server.url}/api/storage/not-a-uuid`)).status, 400);
});
