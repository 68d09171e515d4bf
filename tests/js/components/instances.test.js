// Instances of components from outside: mounted, unmounted, mounted again and deleted; exported and imported; their data as
// tools see them.

import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { anyApi as api } from "convex/server";
import { project } from "../support/cli.js";
import { http, push, serve } from "../support/push.js";
import { callAsAdmin } from "../support/server.js";
import { unzipped } from "../support/zip.js";

const here = path.dirname(fileURLToPath(import.meta.url));
const DEPLOY = ["deploy", "--typecheck", "disable"];

/** Changes a file of an app. */
function edit(app, name, change) {
  const file = path.join(app.folder, name);
  writeFileSync(file, change(readFileSync(file, "utf8")));
}

const states = async (server) => {
  const list = await callAsAdmin(server, "_system/frontend/components:list", {});
  return Object.fromEntries(list.map(({ path, state }) => [path, state]));
};

test("instances are mounted, unmounted with their data kept, mounted again and deleted", async (t) => {
  const server = await serve(t);
  const app = project(t, "own", { packages: true, from: here });
  const first = await push(app, server, DEPLOY);
  assert.match(first, /Installed component one\./);
  const client = http(server);
  await client.mutation(api.counting.add, { instance: "one", name: "a" });
  await client.mutation(api.counting.add, { instance: "one", name: "a" });
  await client.mutation(api.counting.add, { instance: "two", name: "a" });
  assert.equal(await client.query(api.counting.count, { instance: "one", name: "a" }), 2);
  assert.equal(await client.query(api.counting.count, { instance: "two", name: "a" }), 1);

  const tables = await app.run(server, ["data", "--component", "two"]);
  assert.match(tables.output, /counts/);
  const ran = await app.run(server, ["run", "--component", "two", "lib:count", '{"name":"a"}']);
  assert.equal(ran.output.trim(), "1");

  const uses = 'app.use(counter, { name: "two" });\n';
  edit(app, "convex/convex.config.ts", (text) => text.replace(uses, ""));
  edit(app, "convex/counting.ts", (text) => text.replace("components.two", "components.one"));
  assert.match(await push(app, server, DEPLOY), /Unmounted component two\./);
  assert.deepEqual(await states(server), { "": "active", one: "active", two: "unmounted" });

  edit(app, "convex/convex.config.ts", (text) => text.replace("export default", `${uses}export default`));
  edit(app, "convex/counting.ts", (text) => text.replace("two: components.one", "two: components.two"));
  assert.match(await push(app, server, DEPLOY), /Remounted component two\./);
  assert.equal(await client.query(api.counting.count, { instance: "two", name: "a" }), 1);

  const remove = async (path) => {
    const { id } = (await callAsAdmin(server, "_system/frontend/components:list", {})).find((row) => row.path === path);
    return await fetch(`${server.url}/api/delete_component`, {
      method: "POST",
      headers: { Authorization: `Convex ${server.adminKey}`, "Content-Type": "application/json" },
      body: JSON.stringify({ componentId: id }),
    });
  };
  assert.equal((await remove("two")).status, 400, "it is mounted");
  edit(app, "convex/convex.config.ts", (text) => text.replace(uses, ""));
  edit(app, "convex/counting.ts", (text) => text.replace("components.two", "components.one"));
  await push(app, server, DEPLOY);
  assert.equal((await remove("two")).status, 200);
  assert.deepEqual(await states(server), { "": "active", one: "active" });
});

test("a push that fails leaves every instance as it was", async (t) => {
  const server = await serve(t);
  const app = project(t, "own", { packages: true, from: here });
  await push(app, server, DEPLOY);
  const client = http(server);
  await client.mutation(api.counting.add, { instance: "one", name: "a" });
  edit(app, "convex/counter/schema.ts", (text) => text.replace("n: v.number()", "n: v.string()"));
  const failed = await app.run(server, DEPLOY);
  assert.equal(failed.code, 1, failed.output);
  assert.match(failed.output, /does not match the schema/);
  assert.equal(await client.query(api.counting.count, { instance: "one", name: "a" }), 1);
  assert.deepEqual(await states(server), { "": "active", one: "active", two: "active" });
});

test("exports have a folder for each instance, and imports take it back", async (t) => {
  const server = await serve(t);
  const app = project(t, "own", { packages: true, from: here });
  await push(app, server, DEPLOY);
  const client = http(server);
  for (let n = 0; n < 3; n++) await client.mutation(api.counting.add, { instance: "two", name: "a" });
  const exported = await app.run(server, ["export", "--path", "snapshot.zip"]);
  assert.equal(exported.code, 0, exported.output);
  const entries = unzipped(path.join(app.folder, "snapshot.zip"));
  assert.ok("_components/two/counts/documents.jsonl" in entries, Object.keys(entries).join());

  await client.mutation(api.counting.add, { instance: "two", name: "a" });
  const back = await app.run(server, ["import", "--replace-all", "--yes", "snapshot.zip"]);
  assert.equal(back.code, 0, back.output);
  assert.equal(await client.query(api.counting.count, { instance: "two", name: "a" }), 3);
  assert.equal(await client.query(api.counting.count, { instance: "one", name: "a" }), 0);

  writeFileSync(path.join(app.folder, "more.jsonl"), '{"name":"b","n":7}\n');
  const into = await app.run(server, ["import", "--table", "counts", "--append", "--component", "one", "more.jsonl"]);
  assert.equal(into.code, 0, into.output);
  assert.equal(await client.query(api.counting.count, { instance: "one", name: "b" }), 7);
});
