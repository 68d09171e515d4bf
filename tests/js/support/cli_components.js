// What the official command line does with an app of two libraries that each have a counter inside.
//
// No version tells the component in `logs` but with `--jsonl`, lists functions of components in `function-spec`, or takes
// a folder inside of `convex/` as `--component-dir`; those before 1.48 have no `--inline-query`.

import assert from "node:assert/strict";
import { cpSync, mkdirSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { anyApi as api } from "convex/server";
import { project, versions } from "./cli.js";
import { http, serve } from "./push.js";
import { callAsAdmin } from "./server.js";
import { until } from "./wait.js";
import { unzipped } from "./zip.js";

const from = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../components");

async function setUp(t, version) {
  const server = await serve(t);
  const app = project(t, "nested", { convex: versions[version], typescript: true, from });
  const done = async (...args) => {
    const { code, output } = await app.run(server, args);
    assert.equal(code, 0, `convex ${args.join(" ")}\n${output}`);
    return output;
  };
  return { server, app, client: http(server), done };
}

/** Registers the tests for a version. */
export function testComponents(version) {
  test(`${version}: nested components are pushed, run, listed and followed`, async (t) => {
    const { server, app, client, done } = await setUp(t, version);
    const pushed = await done("deploy", "--typecheck", "disable");
    for (const name of ["main", "main/counter", "branch", "branch/counter"]) assert.ok(pushed.includes(`Installed component ${name}.`), pushed);
    // Types of the components' own files, and those of what they offer.
    assert.match(app.read("convex/library/_generated/component.ts"), /recountLater: FunctionReference/);
    assert.match(app.read("convex/library/counter/_generated/component.ts"), /tally: \{\s+add: FunctionReference/);
    assert.match(app.read("convex/_generated/api.d.ts"), /components/);

    assert.equal(await client.mutation(api.desk.add, { library: "main", title: "Emma" }), 1);
    assert.match(await done("run", "--component", "main", "books:add", '{"title":"Ulysses","year":1922}'), /'shelving' 'Ulysses'\n2\n$/);
    assert.equal(await done("run", "--component", "main/counter", "tally:add", '{"n":5}'), "7\n");
    assert.match(await done("run", "--component", "branch/counter", "tally:add", '{"n":1}'), /^1\n$/);
    // Internal functions, too.
    assert.match(await done("run", "--component", "main", "books:recount", '{"note":"by hand"}'), /'recounted:' 'by hand' 2/);
    assert.deepEqual(JSON.parse(await done("run", "--component", "main", "books:titles")), ["Emma", "Ulysses"]);
    const nowhere = await app.run(server, ["run", "--component", "nowhere", "books:titles"]);
    assert.equal(nowhere.code, 1);
    assert.match(nowhere.output, /There is no component "nowhere" here/);
    const watching = app.start(server, ["run", "--watch", "--component", "main", "books:titles"]);
    await watching.says("Ulysses");
    await client.mutation(api.desk.add, { library: "main", title: "Persuasion" });
    await watching.says("Persuasion");
    watching.stop();
    if (version === "1.48") {
      const count = '(await ctx.db.query("books").withIndex("by_year", (q) => q.gt("year", 1905)).collect()).map(({ title }) => title)';
      assert.deepEqual(JSON.parse(await done("run", "--component", "main", "--inline-query", count)), ["Persuasion", "Ulysses"]);
      assert.equal(await done("run", "--component", "branch/counter", "--inline-query", '(await ctx.db.query("tally").first()).n'), "1\n");
      assert.deepEqual(JSON.parse(await done("run", "--component", "main/counter", "--inline-query", '(await ctx.db.query("books").collect())')), []);
      const unknown = await app.run(server, ["run", "--component", "nowhere", "--inline-query", "1"]);
      assert.equal(unknown.code, 1);
      assert.match(unknown.output, /nowhere/);
    }

    const words = (text) => text.trim().split("\n");
    assert.deepEqual(words(await done("data", "--component", "main")), ["books"]);
    assert.deepEqual(words(await done("data", "--component", "main/counter")), ["tally"]);
    assert.deepEqual(words(await done("data")), ["readers"]);
    const rows = words(await done("data", "books", "--component", "main", "--format", "jsonLines", "--order", "asc"));
    assert.deepEqual(rows.map((row) => JSON.parse(row).title), ["Emma", "Ulysses", "Persuasion"]);
    await done("run", "--component", "main", "books:recountLater");
    assert.match(await done("data", "_scheduled_functions", "--component", "main"), /recount/);
    assert.doesNotMatch(await done("data", "_scheduled_functions"), /recount/);

    const logs = app.start(server, ["logs", "--history", "100", "--success"]);
    await logs.says("M(books:add)] [LOG] 'shelving' 'Ulysses'");
    const structured = app.start(server, ["logs", "--history", "100", "--jsonl"]);
    const entry = await until("the entry of a component", () => {
      const entries = structured.output().split("\n").filter((line) => line.startsWith("{") && line.endsWith("}"));
      return entries.map((line) => JSON.parse(line)).find(({ identifier }) => identifier === "tally:add");
    });
    assert.equal(entry.componentPath, "main/counter");

    const { functions } = JSON.parse(await done("function-spec"));
    assert.deepEqual(functions.map(({ identifier }) => identifier), ["desk.js:add", "desk.js:register", "desk.js:titles"]);
  });

  test(`${version}: components are exported and imported`, async (t) => {
    const { server, app, client, done } = await setUp(t, version);
    await done("deploy", "--typecheck", "disable");
    for (const title of ["Emma", "Ulysses"]) await client.mutation(api.desk.add, { library: "main", title });
    await client.mutation(api.desk.register, { name: "Ada" });
    await done("export", "--path", "all.zip");
    const files = unzipped(path.join(app.folder, "all.zip"));
    for (const file of ["readers", "_components/main/books", "_components/main/_components/counter/tally", "_components/branch/_components/counter/tally"]) {
      assert.ok(`${file}/documents.jsonl` in files, Object.keys(files).join());
    }
    await client.mutation(api.desk.add, { library: "main", title: "Dubliners" });
    await client.mutation(api.desk.add, { library: "branch", title: "Dubliners" });
    await done("import", "--replace-all", "--yes", "all.zip");
    assert.deepEqual(await client.query(api.desk.titles, { library: "main" }), ["Emma", "Ulysses"]);
    assert.deepEqual(await client.query(api.desk.titles, { library: "branch" }), []);
    // The counter inside stands where it stood.
    assert.equal(await client.mutation(api.desk.add, { library: "main", title: "Dubliners" }), 3);

    app.write("tally.jsonl", '{"n":40}\n');
    await done("import", "--table", "tally", "--component", "branch/counter", "tally.jsonl");
    assert.equal(await client.mutation(api.desk.add, { library: "branch", title: "Emma" }), 41);
    await done("import", "--table", "tally", "--component", "branch/counter", "--replace", "--yes", "tally.jsonl");
    assert.equal(await callAsAdmin(server, "desk:add", { library: "branch", title: "Emma" }), 41);
  });

  test(`${version}: code is generated for the folder of a component`, async (t) => {
    const { server, app, done } = await setUp(t, version);
    // A package that offers a component has it beside \`convex/\`.
    mkdirSync(path.join(app.folder, "src"));
    cpSync(path.join(app.folder, "convex/library"), path.join(app.folder, "src/component"), { recursive: true });
    // From the inside out: the outer one imports what is generated of the inner one.
    await done("codegen", "--component-dir", "./src/component/counter");
    await done("codegen", "--component-dir", "./src/component");
    for (const file of ["api.ts", "component.ts", "dataModel.ts", "server.ts"]) assert.ok(app.has(`src/component/_generated/${file}`), file);
    assert.match(app.read("src/component/_generated/component.ts"), /books: \{\s+add: FunctionReference<\s+"mutation",\s+"internal",\s+\{ title: string; year: number \}/);
    // Nothing of it is pushed.
    assert.deepEqual((await callAsAdmin(server, "_system/frontend/components:list", {})).map((one) => one.path), [""]);
  });
}
