// What the official command line does against a server with functions in Rust: everything but pushes.

import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { versions } from "./cli.js";
import { plainProject as project } from "./plain_project.js";
import { callAsAdmin, startServer } from "./server.js";
import { until } from "./wait.js";
import { unzipped } from "./zip.js";

const lines = (text) => text.split("\n").filter((line) => line !== "");

/** Registers the tests for a version. */
export function testData(version) {
  const packageName = versions[version];
  test(`${version}: env`, async (t) => {
    const { convex, convexReading, done, write } = project(t, await startServer(t), packageName);
    const all = async () => lines(await done("env", "list", ...(version === "1.48" ? ["--include-values"] : [])));
    await done("env", "set", "GREETING", "hello world");
    assert.equal(await done("env", "get", "GREETING"), "hello world\n");
    await done("env", "set", "OTHER", "1");
    assert.match((await all()).join("\n"), /GREETING=.?hello world.?\nOTHER=1/);
    await done("env", "remove", "OTHER");
    assert.deepEqual((await all()).length, 1);
    assert.equal((await convex("env", "set", "1BAD", "x")).code, 1);
    assert.equal((await convex("env", "get", "NOWHERE")).stdout, "");
    if (version === "1.31") return;
    const alone = await convexReading("typed in\n", "env", "set", "TYPED");
    assert.equal(alone.code, 0, alone.stderr);
    assert.equal(await done("env", "get", "TYPED"), "typed in\n");
    await done("env", "remove", "TYPED");
    // Many at once, from a file or typed, which overwrites nothing unless it is told to.
    write("all.env", 'A=1\nB="two words"\n# none\nGREETING=other\n');
    const kept = await convex("env", "set", "--from-file", "all.env");
    assert.equal(kept.code, 1, kept.stderr);
    assert.equal((await all()).length, 1);
    await done("env", "set", "--from-file", "all.env", "--force");
    assert.deepEqual([await done("env", "get", "B"), await done("env", "get", "GREETING")], ["two words\n", "other\n"]);
    const typed = await convexReading("C=3\n", "env", "set");
    assert.equal(typed.code, 0, typed.stderr);
    assert.equal(await done("env", "get", "C"), "3\n");
    if (version === "1.48") assert.deepEqual(lines(await done("env", "list", "--names-only")), ["A", "B", "C", "GREETING"]);
  });

  test(`${version}: data, function-spec, network-test`, async (t) => {
    const server = await startServer(t);
    const { convex, done } = project(t, server, packageName);
    for (let number = 0; number < 12; number += 1) {
      await callAsAdmin(server, "messages:send", { channel: "c", body: `body ${number}`, rank: number });
    }
    assert.ok(lines(await done("data")).includes("messages"));
    const table = await convex("data", "messages", "--limit", "3");
    assert.match(table.stdout, /body 11/);
    assert.doesNotMatch(table.stdout, /body 8/);
    assert.match(await done("data", "messages", "--limit", "3", "--order", "asc"), /body 0/);
    const ranks = (text) => JSON.parse(text).map(({ rank }) => rank);
    assert.deepEqual(ranks(await done("data", "messages", "--limit", "2", "--format", "jsonArray")), [11, 10]);
    assert.equal(lines(await done("data", "messages", "--order", "desc", "--format", "jsonl")).length, 12);
    assert.match(await done("data", "messages", "--limit", "1", "--format", "pretty"), /\| "body 11" \|/);
    assert.equal((await convex("data", "messages", "--component", "other")).code, 1);
    assert.equal((await convex("data", "_storage")).code, 0);
    assert.equal((await convex("data", "_scheduled_functions")).code, 0);
    const spec = JSON.parse(await done("function-spec"));
    assert.equal(spec.url, server.url);
    assert.ok(spec.functions.some((entry) => entry.identifier === "messages.js:list" && entry.functionType === "Query"));
    assert.ok(spec.functions.some((entry) => entry.functionType === "HttpAction" && entry.path === "/hello"));
    await done("network-test");
    await done("network-test", "--timeout", "20", "--ip-family", "ipv4", "--speed-test");
    await done("network-test", "--url", server.url);
  });

  // Later versions have it only where functions are pushed.
  if (version === "1.31") {
    test(`${version}: the target in a file`, async (t) => {
      const server = await startServer(t);
      const nowhere = { CONVEX_SELF_HOSTED_URL: undefined, CONVEX_SELF_HOSTED_ADMIN_KEY: undefined };
      const { done, start, write } = project(t, server, packageName, nowhere);
      write("target.env", `CONVEX_SELF_HOSTED_URL=${server.url}\nCONVEX_SELF_HOSTED_ADMIN_KEY=${server.adminKey}\n`);
      write("a.csv", "name,value\none,1\n");
      const there = ["--env-file", "target.env"];
      await done("env", "set", "A", "1", ...there);
      assert.equal(await done("env", "get", "A", ...there), "1\n");
      assert.match(await done("env", "list", ...there), /A=1/);
      await done("env", "remove", "A", ...there);
      await done("import", "--table", "counters", "a.csv", ...there);
      assert.match(await done("data", "counters", ...there), /one/);
      await done("export", "--path", "a.zip", ...there);
      await done("network-test", ...there);
      await callAsAdmin(server, "counters:add", { name: "a", by: 1 });
      const logs = start("logs", "--history", "1", "--success", ...there);
      await until("the history", () => /counters:add/.test(logs.output.stdout));
    });
  }

  test(`${version}: logs`, async (t) => {
    const server = await startServer(t);
    const { start } = project(t, server, packageName);
    await callAsAdmin(server, "values:log", {}).catch(() => undefined);
    await callAsAdmin(server, "counters:add", { name: "a", by: 1 });
    const logs = start("logs", "--history", "10", "--success");
    await until("the history", () => /counters:add/.test(logs.output.stdout));
    assert.match(logs.output.stdout, /\[CONVEX M\(counters:add\)\] Function executed in \d+ ms/);
    await callAsAdmin(server, "values:fail", { text: "in the log" }).catch(() => undefined);
    await until("a new entry", () => /in the log/.test(logs.output.stdout));
    const structured = start("logs", "--history", "10", "--jsonl");
    await until("the history as JSON", () => lines(structured.output.stdout).length >= 2);
    const entries = lines(structured.output.stdout).map((line) => JSON.parse(line));
    assert.ok(entries.every((entry) => entry.kind === "Completion" && typeof entry.requestId === "string"));
  });

  test(`${version}: import in every format and mode, and what is wrong`, async (t) => {
    const server = await startServer(t);
    const { convex, done, write } = project(t, server, packageName);
    const documents = async (table) => lines(await done("data", table, "--format", "jsonLines", "--order", "asc")).map((line) => JSON.parse(line));
    write("a.csv", "name,value\r\none,1\r\n\"t,wo\",2.5\r\n");
    await done("import", "--table", "counters", "a.csv");
    assert.deepEqual((await documents("counters")).map(({ name, value }) => [name, value]), [["one", 1], ["t,wo", 2.5]]);
    const again = await convex("import", "--table", "counters", "a.csv");
    assert.equal(again.code, 1);
    assert.match(again.stderr, /Table counters already exists\. Please choose a new table name or use replace\/append modes\./);
    write("b.jsonl", '\u{feff}{"name":"three","value":3}\n{"name":"four","value":4}\n');
    await done("import", "--table", "counters", "--append", "b.jsonl");
    assert.equal((await documents("counters")).length, 4);
    write("c.json", '[{"name":"five","value":5}]');
    const asked = await convex("import", "--table", "counters", "--replace", "--yes", "c.json");
    assert.equal(asked.code, 0, asked.stderr);
    assert.match(asked.stderr, /Import change summary:/);
    assert.deepEqual((await documents("counters")).map(({ name }) => name), ["five"]);
    write("bad.jsonl", '{"name":"six","value":6}\n{"name":"seven"}\n');
    const bad = await convex("import", "--table", "counters", "--append", "bad.jsonl");
    assert.equal(bad.code, 1);
    assert.match(bad.stderr, /Line 2: [\s\S]*missing the required field `value`/);
    assert.deepEqual((await documents("counters")).map(({ name }) => name), ["five"]);
    write("broken.csv", "name,value\none,1\ntwo\n");
    assert.match((await convex("import", "--table", "counters", "--append", "broken.csv")).stderr, /Line 3: The row has 1 cells/);
    write("d.txt", '{"name":"eight","value":8}\n');
    await done("import", "--table", "counters", "--append", "--format", "jsonLines", "d.txt");
    assert.equal((await documents("counters")).length, 2);
    const component = await convex("import", "--table", "counters", "--component", "other", "--append", "b.jsonl");
    assert.equal(component.code, 1);
    assert.match(component.stderr, /other/);
    write("not.zip", "no zip");
    assert.match((await convex("import", "not.zip")).stderr, /not a ZIP file/);
  });

  test(`${version}: a snapshot goes out and comes back`, async (t) => {
    const first = await startServer(t);
    const out = project(t, first, packageName, { CONVEX_IMPORT_CHUNK_SIZE: "1000" });
    await callAsAdmin(first, "documents:seed", { start: 0, count: 200 });
    await callAsAdmin(first, "messages:send", { channel: "c", body: "with an \u{e4}", rank: 1.5 });
    const uploadUrl = await callAsAdmin(first, "values:uploadUrl");
    await fetch(uploadUrl, { method: "POST", body: "<b>file</b>", headers: { "Content-Type": "text/html" } });
    await out.done("export", "--include-file-storage", "--path", "first.zip");
    const taken = await out.convex("export", "--path", "first.zip");
    assert.equal(taken.code, 1);

    const second = await startServer(t);
    const back = project(t, second, packageName, { CONVEX_IMPORT_CHUNK_SIZE: "1000" });
    await callAsAdmin(second, "messages:send", { channel: "c", body: "goes", rank: 1 });
    await back.done("import", "--replace-all", "--yes", path.join(out.folder, "first.zip"));
    await back.done("export", "--include-file-storage", "--path", ".");
    const name = readdirSync(back.folder).find((name) => /^snapshot_.*\.zip$/.test(name));
    assert.deepEqual(unzipped(path.join(back.folder, name)), unzipped(path.join(out.folder, "first.zip")));
    assert.equal((await callAsAdmin(second, "documents:count")), 200);
  });
}
