// What data connectors read, over HTTP: all documents by pages, what changed since, schemas, and what is refused.

import assert from "node:assert/strict";
import path from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { anyApi as api } from "convex/server";
import { project } from "./support/cli.js";
import { Connector, page } from "./support/connector.js";
import { http, push, serve } from "./support/push.js";
import { callAsAdmin, startServer } from "./support/server.js";

const components = path.join(path.dirname(fileURLToPath(import.meta.url)), "components");

const add = (server, table, documents) => callAsAdmin(server, "_system/frontend/addDocument", { table, documents });

const remove = (server, tableName, ids) =>
  callAsAdmin(server, "_system/frontend/deleteDocuments", { toDelete: ids.map((id) => ({ id, tableName })) });

const notes = (from, count) => Array.from({ length: count }, (_, i) => ({ n: from + i, text: `note ${from + i} `.repeat(10) }));

/** The documents of a table by id, read another way. */
async function exported(server, table) {
  const response = await fetch(`${server.url}/api/export/table/${table}`, {
    headers: { Authorization: `Convex ${server.adminKey}` },
  });
  const lines = (await response.text()).split("\n").filter((line) => line !== "");
  return Object.fromEntries(lines.map((line) => JSON.parse(line)).map((document) => [document._id, document]));
}

test("a copy of thousands of documents is right after writes, deletions and a killed server in between", async (t) => {
  let server = await serve(t);
  for (let from = 0; from < 12_000; from += 4_000) await add(server, "notes", notes(from, 4_000));
  await add(server, "tasks", notes(0, 50));
  const whole = new Connector(server);
  const tasks = new Connector(server, { tableName: "tasks" }, { method: "POST" });
  await whole.read();
  assert.ok(whole.copy.size > 1_000 && whole.copy.size < 12_050, `${whole.copy.size} on the first page`);

  const ids = Object.keys(await exported(server, "notes"));
  await remove(server, "notes", ids.filter((_, i) => i % 10 === 0));
  await callAsAdmin(server, "_system/frontend/patchDocumentsFields", { table: "notes", fields: { n: -1 }, ids: ids.slice(1, 5) });
  await add(server, "notes", notes(20_000, 100));
  await whole.read();
  assert.equal((await tasks.follow()).size, 50);
  await server.kill();
  server = await serve(t, { data: server.data });
  whole.server = tasks.server = server;
  await remove(server, "notes", [ids[1], ids[11]]);
  await callAsAdmin(server, "_system/frontend/clearTablePage", { tableName: "tasks", cursor: null });
  await whole.follow();
  assert.deepEqual(whole.of("", "notes"), await exported(server, "notes"));
  assert.equal(Object.keys(whole.of("", "notes")).length, 12_000 - 1_200 + 100 - 2);
  assert.deepEqual(whole.of("", "tasks"), {});
  assert.equal((await tasks.follow()).size, 0);

  const rows = whole.rows;
  await whole.follow();
  assert.equal(whole.rows, rows, "what was read is not read again");
  await add(server, "notes", notes(30_000, 3));
  await whole.follow();
  assert.equal(whole.rows, rows + 3);
  await server.stop();
});

test("tables that imports replace and tables that are deleted", async (t) => {
  const server = await serve(t);
  await add(server, "notes", notes(0, 2_500));
  await add(server, "kept", notes(0, 10));
  const connector = new Connector(server);
  await connector.follow();
  const before = await exported(server, "notes");
  const post = (path, body) =>
    fetch(`${server.url}/api/${path}`, {
      method: "POST",
      headers: { Authorization: `Convex ${server.adminKey}` },
      body,
    });
  const lines = Object.values(before).slice(0, 100).map((document) => JSON.stringify({ ...document, n: 7 }));
  const imported = await post("import?tableName=notes&mode=replace&format=jsonLines", lines.join("\n"));
  assert.equal(imported.status, 200, await imported.text());
  await connector.follow();
  assert.equal(Object.keys(connector.of("", "notes")).length, 100);
  assert.deepEqual(connector.of("", "notes"), await exported(server, "notes"));
  const deleted = await post("delete_tables", JSON.stringify({ tableNames: ["notes"] }));
  assert.equal(deleted.status, 200);
  await connector.follow();
  assert.deepEqual(connector.of("", "notes"), {});
  assert.equal(Object.keys(connector.of("", "kept")).length, 10);
  await server.stop();
});

test("tables of components say whose they are, and can be chosen", async (t) => {
  const server = await serve(t);
  const app = project(t, "own", { packages: true, from: components });
  await push(app, server, ["deploy", "--typecheck", "disable"]);
  for (const [instance, name] of [["one", "a"], ["two", "a"], ["two", "b"]]) {
    await http(server).mutation(api.counting.add, { instance, name });
  }
  await add(server, "notes", notes(0, 2));
  const list = await callAsAdmin(server, "_system/frontend/components:list", {});
  const { id } = list.find((component) => component.path === "two");
  const sizes = async (selection) => {
    const copy = await new Connector(server, selection).follow();
    const places = [...copy.keys()].map((place) => place.split("/").slice(0, -1).join("/"));
    return places.sort().reduce((sizes, place) => ({ ...sizes, [place]: (sizes[place] ?? 0) + 1 }), {});
  };
  assert.deepEqual(await sizes({}), { "/notes": 2, "one/counts": 1, "two/counts": 2 });
  assert.deepEqual(await sizes({ component: "two" }), { "two/counts": 2 });
  assert.deepEqual(await sizes({ component: id, tableName: "counts" }), { "two/counts": 2 });
  assert.deepEqual(await sizes({ component: "" }), { "/notes": 2 });
  assert.deepEqual(await sizes({ tableName: "notes" }), { "/notes": 2 });
  const schemas = await page(server, "json_schemas", { component: "one" });
  assert.deepEqual(Object.keys(schemas.body), ["counts"]);
  await server.stop();
});

test("schemas, names of columns, formats and the check of the connection", async (t) => {
  const server = await startServer(t);
  const { body } = await page(server, "json_schemas", { deltaSchema: "true", format: "convex_json" });
  const { properties, required, additionalProperties } = body.messages;
  assert.equal(properties._ts.type, "integer");
  assert.deepEqual(required, ["_id", "_component", "_table", "_ts"]);
  assert.equal(additionalProperties, false);
  const plain = (await page(server, "json_schemas")).body.messages;
  assert.ok(plain.required.includes("_creationTime") && !("_ts" in plain.properties));
  const columns = (await page(server, "get_table_column_names")).body;
  assert.deepEqual(columns.messages.slice(0, 2), ["_id", "_creationTime"]);
  assert.deepEqual([...columns.messages].sort(), Object.keys(plain.properties).sort());
  assert.equal((await page(server, "test_streaming_export_connection")).body, null);

  await add(server, "loose", [{ big: { $integer: "BwAAAAAAAAA=" }, bytes: { $bytes: "AQI=" } }]);
  const value = async (format) => (await page(server, "list_snapshot", { tableName: "loose", format })).values[0];
  assert.deepEqual([(await value("json")).big, (await value("json")).bytes], ["7", "AQI="]);
  assert.deepEqual((await value("convex_json")).big, { $integer: "BwAAAAAAAAA=" });
  assert.equal((await page(server, "json_schemas")).body.loose.additionalProperties, true);
  assert.deepEqual((await page(server, "get_table_column_names")).body.loose, ["_id", "_creationTime", "big", "bytes"]);
  await server.stop();
});

test("requests that are refused say which field is wrong and what to do", async (t) => {
  const server = await serve(t);
  await add(server, "notes", notes(0, 2));
  const { snapshot } = await page(server, "list_snapshot");
  const refused = async (path, parameters, status, code, text, options) => {
    const found = await page(server, path, parameters, options);
    assert.equal(found.status, status, JSON.stringify(found.body));
    assert.equal(found.body.code, code);
    assert.match(found.body.message, text);
  };
  await refused("document_deltas", {}, 400, "MissingCursor", /cursor is missing/);
  await refused("document_deltas", { cursor: "x" }, 400, "InvalidTimestamp", /cursor must be a timestamp/);
  await refused("document_deltas", { cursor: 1.5 }, 400, "InvalidTimestamp", /cursor/, { method: "POST" });
  await refused("document_deltas", { cursor: "9000000000000000000" }, 400, "InvalidTimestamp", /cursor .* lies in the future/);
  await refused("list_snapshot", { snapshot: "-1" }, 400, "InvalidTimestamp", /snapshot must be/);
  await refused("list_snapshot", { snapshot, cursor: "page 2" }, 400, "InvalidCursor", /cursor is not one of list_snapshot/);
  await refused("list_snapshot", { format: "xml" }, 400, "BadFormat", /'xml' is not a format/);
  await refused("list_snapshot", { tableName: "absent" }, 404, "TableNotFound", /there is no table "absent"/);
  await refused("list_snapshot", { tableName: "_storage" }, 400, "InvalidTableName", /tableName/);
  await refused("list_snapshot", { component: "absent" }, 404, "ComponentNotFound", /absent/);
  await refused("list_snapshot", { selection: "x" }, 400, "UnknownParameter", /no parameter "selection"/);
  for (const path of ["list_snapshot", "document_deltas", "json_schemas", "get_table_column_names"]) {
    await refused(path, {}, 403, "BadDeployKey", /admin key/, { key: null });
  }
  await server.stop();
});

test("a cursor from before what is remembered has to start again", async (t) => {
  const server = await serve(t, { env: { DOCUMENT_RETENTION_DELAY: "0" } });
  await add(server, "notes", notes(0, 3));
  const connector = new Connector(server);
  await connector.follow();
  const [id] = Object.keys(connector.of("", "notes"));
  await remove(server, "notes", [id]);
  const found = await page(server, "document_deltas", { cursor: connector.delta });
  assert.equal(found.status, 400);
  assert.equal(found.body.code, "InvalidWindowToReadDocuments");
  assert.match(found.body.message, /Start again with list_snapshot/);
  assert.equal((await new Connector(server).follow()).size, 2);
  await server.stop();
});
