// `fusion init`, `dev`, `deploy`, `codegen` and `run` on a project, without the official command line.

import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import path from "node:path";
import { test } from "node:test";
import { isDeepStrictEqual } from "node:util";
import { brotliDecompressSync } from "node:zlib";
import { ConvexClient, ConvexHttpClient } from "convex/browser";
import { anyApi } from "convex/server";
import { fusion, linkConvex, linkPackages, run, startFusion } from "../support/fusion.js";
import { callAsAdmin, startServer, temporaryFolder } from "../support/server.js";
import { sleep, until } from "../support/wait.js";
import { unzipped } from "../support/zip.js";

const api = anyApi;
const PORTS = ["--port", "0", "--site-port", "0"];

/** A new app, as `fusion init` makes it. */
async function newApp() {
  const folder = path.join(temporaryFolder(), "app");
  const made = await fusion(path.dirname(folder), "init", "app");
  assert.equal(made.code, 0, made.stderr);
  linkPackages(folder);
  return folder;
}

/** Changes a file of an app. */
function edit(folder, name, change) {
  const file = path.join(folder, name);
  writeFileSync(file, change(existsSync(file) ? readFileSync(file, "utf8") : ""));
}

/** Where the server of `fusion dev` is. */
function running(folder) {
  return JSON.parse(readFileSync(path.join(folder, ".fusion/running.json"), "utf8"));
}

test("init makes an app and refuses to overwrite one", async () => {
  const folder = await newApp();
  for (const name of ["package.json", "convex/schema.ts", "convex/messages.ts", "convex/tsconfig.json", "public/index.html"]) {
    assert.ok(existsSync(path.join(folder, name)), name);
  }
  const again = await fusion(folder, "init");
  assert.equal(again.code, 1);
  assert.match(again.stderr, /these files are there already, and nothing was written: package.json/);
});

test("an app is pushed once, called, edited and pushed again", async (t) => {
  const folder = await newApp();
  const server = await startServer(t, { program: "fusion", args: ["serve"], data: path.join(folder, ".fusion") });
  const first = await fusion(folder, "dev", "--once");
  assert.equal(first.code, 0, first.stderr);
  assert.match(first.stderr, /Using the server that runs here: http/);

  const client = new ConvexHttpClient(server.url, { logger: false });
  await client.mutation(api.messages.send, { author: "amy", body: "hello" });
  const bodies = async () => (await client.query(api.messages.list, {})).map(({ body }) => body);
  assert.deepEqual(await bodies(), ["hello"]);

  edit(folder, "convex/messages.ts", (text) => text.replace("messages.reverse()", 'messages.map((m) => ({ ...m, body: m.body + "!" }))'));
  const second = await fusion(folder, "deploy", "--verbose");
  assert.equal(second.code, 0, second.stderr);
  // What did not change is not sent.
  assert.match(second.stderr, /Sending 1 of \d+ modules/);
  assert.deepEqual(await bodies(), ["hello!"]);

  const dry = await fusion(folder, "deploy", "--dry-run");
  assert.equal(dry.code, 0, dry.stderr);
  assert.match(dry.stderr, /Nothing was changed on/);

  const ran = await fusion(folder, "run", "messages:list");
  assert.equal(JSON.parse(ran.stdout)[0].body, "hello!");
  edit(folder, "convex/messages.ts", (text) => text.replace('"!"', '"?"'));
  const pushed = await fusion(folder, "run", "--push", "messages:list");
  assert.equal(JSON.parse(pushed.stdout)[0]?.body, "hello?", pushed.stderr);
});

test("dev serves an app, pushes what changes and keeps the last good push", async (t) => {
  const folder = await newApp();
  const dev = startFusion(t, folder, "dev", "--typecheck", "disable", ...PORTS);
  await dev.said("Functions are ready");
  const { url, siteUrl } = running(folder);
  assert.equal(readFileSync(path.join(folder, ".env.local"), "utf8"), `CONVEX_URL=${url}\n\nCONVEX_SITE_URL=${siteUrl}\n`);

  // The page and what it loads.
  for (const [name, part] of [["", "<title>app</title>"], ["main.js", "onUpdate"], ["convex.js", "ConvexClient"]]) {
    assert.match(await (await fetch(`${url}/app/${name}`)).text(), new RegExp(part), name);
  }
  assert.equal((await fetch(`${url}/app/../.env.local`)).status, 404);
  assert.equal((await fetch(`${url}/app/%2e%2e/.env.local`)).status, 404);

  const client = new ConvexClient(url, { logger: false });
  t.after(() => client.close());
  let shown;
  client.onUpdate(api.messages.list, {}, (messages) => (shown = messages.map(({ body }) => body)));
  await until("the query to be shown", () => shown && { shown });
  await client.mutation(api.messages.send, { author: "amy", body: "one" });
  await until("the message to be shown", () => shown.length === 1 || undefined);

  // An edit reaches those who look.
  edit(folder, "convex/messages.ts", (text) => text.replace("messages.reverse()", "messages.map((m) => ({ ...m, body: m.body.toUpperCase() }))"));
  await dev.said("Functions are ready");
  await until("the new code to be seen", () => shown[0] === "ONE" || undefined);

  // A syntax error is shown with its place; the functions go on.
  const good = readFileSync(path.join(folder, "convex/messages.ts"), "utf8");
  edit(folder, "convex/messages.ts", (text) => `${text}\nexport const x = query({ handler: ( => 1 });\n`);
  const syntax = await dev.said("Waiting for a change.");
  assert.match(syntax, /convex\/messages\.ts:\d+:\d+/);
  assert.match(syntax, /The functions pushed before go on serving/);
  assert.deepEqual(await client.query(api.messages.list, {}).then((all) => all.map(({ body }) => body)), ["ONE"]);

  // A module that throws, likewise.
  edit(folder, "convex/messages.ts", () => `${good}\nthrow new Error("at import");\n`);
  assert.match(await dev.said("Waiting for a change."), /at import/);

  // A schema that the documents do not match.
  edit(folder, "convex/messages.ts", () => good);
  await dev.said("Functions are ready");
  edit(folder, "convex/schema.ts", (text) => text.replace("body: v.string()", "body: v.number()"));
  assert.match(await dev.said("or of table messages."), /the schema does not fit: [^]*fusion data messages/);
  // Either can change: here the documents.
  await sleep(500);
  writeFileSync(path.join(folder, "none.json"), "[]");
  const emptied = await fusion(folder, "import", "--table", "messages", "--replace", "--yes", "none.json");
  assert.equal(emptied.code, 0, emptied.stderr);
  const between = await dev.said("Functions are ready");
  assert.doesNotMatch(between, /does not fit/, "it is not tried again for nothing");
  edit(folder, "convex/schema.ts", (text) => text.replace("body: v.number()", "body: v.string()"));
  await dev.said("Functions are ready");

  // What functions log is shown.
  edit(folder, "convex/messages.ts", () => good.replace("if (body.trim()", 'console.warn("sending", body);\n    if (body.trim()'));
  await dev.said("Functions are ready");
  await client.mutation(api.messages.send, { author: "amy", body: "two" });
  await dev.said("[CONVEX M(messages:send)] [WARN] 'sending' 'two'");

  assert.equal(await dev.interrupt(), 0, dev.output());
  assert.match(dev.output(), /Stopped\./);
});

test("commands run before a push and beside it", async (t) => {
  const folder = await newApp();
  // Before the server watches: it would push again, at the same time as the command below.
  edit(folder, "package.json", (text) => text.replace('"convex"', '"vite": "7", "convex"'));
  edit(folder, "convex/init.ts", () => 'import { internalMutation } from "./_generated/server";\nexport default internalMutation(async (ctx) => { await ctx.db.insert("messages", { author: "init", body: "first" }); return "made"; });\n');
  const dev = startFusion(t, folder, "dev", "--typecheck", "disable", "--run", "init", "--start", "echo beside; exec sleep 600", ...PORTS);
  assert.match(await dev.said("beside"), /Ran init:default:\n"made"/);
  const { url, siteUrl, adminKey } = running(folder);
  const client = new ConvexHttpClient(url, { logger: false });
  assert.equal((await client.query(api.messages.list, {}))[0].body, "first");

  writeFileSync(path.join(folder, "target.env"), `CONVEX_SELF_HOSTED_URL=${url}\nCONVEX_SELF_HOSTED_ADMIN_KEY='${adminKey}'\n`);
  const built = await fusion(folder, "deploy", "--env-file", "target.env", "--typecheck", "disable", "--cmd", "echo $VITE_CONVEX_URL $VITE_CONVEX_SITE_URL > urls");
  assert.equal(built.code, 0, built.stderr);
  assert.equal(readFileSync(path.join(folder, "urls"), "utf8"), `${url} ${siteUrl}\n`);
  const failed = await fusion(folder, "deploy", "--cmd", "exit 3");
  assert.equal(failed.code, 1);
  assert.match(failed.stderr, /nothing was pushed/);
  assert.equal(await dev.interrupt(), 0, dev.output());
});

for (const version of ["convex-1-31", "convex-1-34"]) {
  test(`an app on ${version} is pushed, and its types are right`, async () => {
    const folder = path.join(temporaryFolder(), "app");
    await fusion(path.dirname(folder), "init", "app");
    linkConvex(folder, version);
    const pushed = await fusion(folder, "dev", "--once", "--typecheck", "enable", ...PORTS);
    assert.equal(pushed.code, 0, pushed.stderr);
    assert.match(pushed.stderr, /Functions are ready[^]*Stopped\./);
  });
}

test("wrong types stop a push, unless they are not checked", async (t) => {
  const folder = await newApp();
  const server = await startServer(t, { program: "fusion", args: ["serve"] });
  const target = ["--url", server.url, "--admin-key", server.adminKey];
  edit(folder, "convex/messages.ts", (text) => text.replace("author, body });", "author, body: 1 });"));
  const refused = await fusion(folder, "deploy", ...target);
  assert.equal(refused.code, 1);
  assert.match(refused.stderr, /convex\/messages\.ts\(\d+,\d+\): error TS2322/);
  assert.match(refused.stderr, /error: the types of the functions are wrong/);
  const pushed = await fusion(folder, "deploy", "--typecheck", "disable", ...target);
  assert.equal(pushed.code, 0, pushed.stderr);
});

test("a push that waits for an environment variable goes on when it is set", async (t) => {
  const folder = await newApp();
  edit(folder, "convex/auth.config.ts", () => 'export default { providers: [{ domain: process.env.ISSUER!, applicationID: "convex" }] };\n');
  const dev = startFusion(t, folder, "dev", "--typecheck", "disable", "--until-success", ...PORTS);
  const said = await dev.said("Waiting for the variable, or a change.");
  assert.match(said, /ISSUER/);
  const set = await fusion(folder, "env", "set", "ISSUER", "https://issuer.example");
  assert.equal(set.code, 0, set.stderr);
  await dev.said("Functions are ready");
  await dev.said("Stopped.");
});

test("what cannot be bundled is said clearly", async () => {
  const folder = await newApp();
  const deploy = () => fusion(folder, "deploy", "--url", "http://127.0.0.1:9", "--admin-key", "x");
  edit(folder, "convex/fs.ts", () => 'import fs from "node:fs";\nexport const x = fs;\n');
  const node = await deploy();
  assert.equal(node.code, 1);
  assert.match(node.stderr, /convex\/fs\.ts:1:\d+/);
  assert.match(node.stderr, /hint: move the actions that need Node's own modules to a file .* "use node"/);

  edit(folder, "convex/fs.ts", () => 'import "./nowhere";\nexport const x = 1;\n');
  assert.match((await deploy()).stderr, /Could not resolve "\.\/nowhere"/);
  rmSync(path.join(folder, "convex/fs.ts"));

  edit(folder, "convex/native.ts", () => '"use node";\nimport sharp from "sharp";\nexport const x = sharp;\n');
  edit(folder, "convex.json", () => JSON.stringify({ node: { externalPackages: ["sharp"] } }));
  assert.match((await deploy()).stderr, /Could not resolve "sharp"/, "an external package has to be there, too");
  rmSync(path.join(folder, "convex.json"));
  rmSync(path.join(folder, "convex/native.ts"));

  rmSync(path.join(folder, "node_modules"));
  assert.match((await deploy()).stderr, /the package `convex` is not installed in this project\nhint: npm install convex/);
  rmSync(path.join(folder, "convex"), { recursive: true });
  mkdirSync(path.join(folder, "convex/_generated"), { recursive: true });
  assert.match((await deploy()).stderr, /there are no functions in this folder/);
});

/** Answers a push like a server that takes everything, and keeps what was sent. */
async function recordingServer(t) {
  const pushes = [];
  const answers = {
    "/api/get_config_hashes": () => ({ config: { functions: "convex/", authInfo: [] }, moduleHashes: [], udfServerVersion: "1.48.0" }),
    "/api/deploy2/start_push": (request) => {
      pushes.push(request);
      const definition = { path: "", definitionType: { type: "app" }, childComponents: [], httpMounts: {}, exports: { type: "branch", branch: [] } };
      const udfConfig = { serverVersion: "1.48.0", importPhaseRngSeed: { $bytes: "" }, importPhaseUnixTimestamp: { $integer: "AAAAAAAAAAA=" } };
      return {
        environmentVariables: {},
        externalDepsId: null,
        componentDefinitionPackages: { "": {} },
        appAuth: [],
        analysis: { "": { definition, schema: null, functions: {}, udfConfig } },
        app: { definitionPath: "", componentPath: "", args: {}, childComponents: {}, httpRoutes: { httpModuleRoutes: null, mounts: [] }, exports: {} },
        schemaChange: { allocatedComponentIds: {}, schemaIds: { "": null } },
      };
    },
    "/api/deploy2/evaluate_push": () => ({ schemaChange: { allocatedComponentIds: {}, schemaIds: { "": null } } }),
    "/api/deploy2/wait_for_schema": () => ({ type: "complete" }),
    "/api/deploy2/finish_push": () => ({ authDiff: { added: [], removed: [] }, definitionDiffs: {}, componentDiffs: {} }),
  };
  const server = createServer(async (request, response) => {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    let body = Buffer.concat(chunks);
    if (request.headers["content-encoding"] === "br") body = brotliDecompressSync(body);
    const answer = answers[request.url.split("?")[0]];
    response.statusCode = answer ? 200 : 404;
    response.setHeader("Content-Type", "application/json");
    response.end(JSON.stringify(answer ? answer(JSON.parse(body.toString() || "null")) : null));
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => server.close());
  return { url: `http://127.0.0.1:${server.address().port}`, pushes };
}

/** An app with a bit of everything that is bundled. */
async function variedApp() {
  const folder = await newApp();
  const files = {
    "convex/lib/text.ts": "export const shout = (text: string) => text.toUpperCase();\nexport class Named {}\n",
    "convex/sub/dash-name.tsx":
      'import { AsyncLocalStorage } from "node:async_hooks";\nimport { internalQuery } from "../_generated/server";\nimport { shout } from "../lib/text";\nexport const a = internalQuery(async () => shout(String(new AsyncLocalStorage())));\n',
    "convex/http.js": 'import "server-only";\nimport { httpRouter } from "convex/server";\nexport default httpRouter();\n',
    "convex/delete.ts": 'import { shout } from "./lib/text";\nexport const b = shout(process.env.NODE_ENV + process.env.OTHER);\n',
    "convex/nodeish.ts": '"use node";\nimport fs from "node:fs";\nimport { action } from "./_generated/server";\nexport const c = action(async () => fs.existsSync("/"));\n',
    "convex/auth.config.ts": 'export default { providers: [{ domain: process.env.ISSUER!, applicationID: "convex" }] };\n',
    "convex/notes.test.ts": "export const d = 1;\n",
    "convex/script.ts": "const e = 1;\n",
  };
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
    writeFileSync(path.join(folder, name), content);
  }
  return folder;
}

/** The modules of a push, without what is in the names of shared chunks. */
function modules({ appDefinition }) {
  const renamed = (text) => text?.replaceAll(/\b[A-Z0-9]{8}\.js/g, "CHUNK.js");
  const all = [...appDefinition.changedModules, appDefinition.schema];
  return all
    .map(({ path, source, sourceMap, environment }) => ({ path: renamed(path), environment, source: renamed(source), sourceMap: renamed(sourceMap) }))
    // Shared chunks have one name now; their content tells them apart.
    .sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
}

const official = path.join(path.dirname(createRequire(import.meta.url).resolve("convex/package.json")), "bin/main.js");

test("fusion sends what the official command line sends", async (t) => {
  const folder = await variedApp();
  const server = await recordingServer(t);
  const ours = await fusion(folder, "deploy", "--yes", "--typecheck", "disable", "--url", server.url, "--admin-key", "x");
  assert.equal(ours.code, 0, ours.stderr);
  const theirs = await run(process.execPath, folder, [official, "codegen", "--typecheck", "disable"], {
    CONVEX_SELF_HOSTED_URL: server.url,
    CONVEX_SELF_HOSTED_ADMIN_KEY: "x",
  });
  assert.equal(theirs.code, 0, theirs.stderr);
  // Both bundle the same generated files.
  await fusion(folder, "codegen", "--typecheck", "disable");
  server.pushes.length = 0;
  await fusion(folder, "deploy", "--yes", "--codegen", "disable", "--typecheck", "disable", "--url", server.url, "--admin-key", "x");
  await run(process.execPath, folder, [official, "deploy", "--typecheck", "disable", "--codegen", "disable"], {
    CONVEX_SELF_HOSTED_URL: server.url,
    CONVEX_SELF_HOSTED_ADMIN_KEY: "x",
  });
  assert.equal(server.pushes.length, 2);
  const [push, expected] = server.pushes;
  const shim = ({ path }) => path !== "sub/dash-name.js";
  const names = (push) => modules(push).map(({ path, environment }) => `${environment} ${path}`);
  assert.deepEqual(names(push), names(expected));
  for (const [index, module] of modules(push).entries()) {
    if (shim(module)) assert.ok(isDeepStrictEqual(module, modules(expected)[index]), `${module.path} differs`);
  }
  // The one module in which a name of our making stands.
  const dashed = modules(push).find(({ path }) => path === "sub/dash-name.js").source;
  assert.match(dashed, /globalThis\.AsyncLocalStorage/);
  for (const field of ["functions", "componentDefinitions", "nodeDependencies", "forCodegen", "dryRun"]) {
    assert.deepEqual(push[field], expected[field], field);
  }
  assert.equal(push.appDefinition.udfServerVersion, expected.appDefinition.udfServerVersion);
  assert.deepEqual(push.appDefinition.dependencies, expected.appDefinition.dependencies);
  assert.equal(push.appDefinition.definition.path, expected.appDefinition.definition.path);
});

test("generated files declare what the official command line's declare", async (t) => {
  const folder = await variedApp();
  const server = await recordingServer(t);
  const generated = path.join(folder, "convex/_generated");
  const declarations = async () => {
    const files = {};
    for (const name of readdirSync(generated).sort()) {
      const text = readFileSync(path.join(generated, name), "utf8");
      // Comments are each one's own, and so is where lines end.
      files[name] = text.replaceAll(/\/\*[^]*?\*\//g, "").replaceAll(/^\/\/.*$/gm, "").replaceAll(/,\s*([}>\])])/g, "$1").split(/\s+/).join(" ").trim();
    }
    return files;
  };
  for (const [settings, change] of [
    [{}, () => {}],
    [{}, () => rmSync(path.join(folder, "convex/schema.ts"))],
    [{ generateCommonJSApi: true }, () => {}],
    [{ codegen: { fileType: "ts" } }, () => {}],
  ]) {
    change();
    edit(folder, "convex.json", () => JSON.stringify(settings));
    rmSync(generated, { recursive: true, force: true });
    const theirs = await run(process.execPath, folder, [official, "codegen", "--typecheck", "disable"], {
      CONVEX_SELF_HOSTED_URL: server.url,
      CONVEX_SELF_HOSTED_ADMIN_KEY: "x",
    });
    assert.equal(theirs.code, 0, theirs.stderr);
    const expected = await declarations();
    rmSync(generated, { recursive: true });
    const ours = await fusion(folder, "codegen", "--typecheck", "disable");
    assert.equal(ours.code, 0, ours.stderr);
    assert.deepEqual(await declarations(), expected, JSON.stringify(settings));
  }
});

test("a snapshot with files goes out, into another server, and out again the same", async (t) => {
  const folder = temporaryFolder();
  const servers = [await startServer(t), await startServer(t)];
  await callAsAdmin(servers[0], "documents:seed", { start: 0, count: 200 });
  await callAsAdmin(servers[0], "messages:send", { channel: "c", body: "with an \u{e4}", rank: 1.5 });
  for (const [body, type] of [["<b>file</b>", "text/html"], ["", "text/plain"], ["x".repeat(3_000_000), "image/png"]]) {
    const url = await callAsAdmin(servers[0], "values:uploadUrl");
    await fetch(url, { method: "POST", body, headers: { "Content-Type": type } });
  }
  await callAsAdmin(servers[1], "messages:send", { channel: "c", body: "goes", rank: 1 });
  const done = async (server, ...args) => {
    const { code, stderr } = await fusion(folder, ...args, "--url", server.url, "--admin-key", server.adminKey);
    assert.equal(code, 0, stderr);
  };
  await done(servers[0], "export", "--include-file-storage", "--path", "first.zip");
  await done(servers[1], "import", "--replace-all", "--yes", "first.zip");
  await done(servers[1], "export", "--include-file-storage", "--path", "second.zip");
  const [first, second] = ["first.zip", "second.zip"].map((name) => unzipped(path.join(folder, name)));
  assert.deepEqual(second, first);
  assert.equal(Object.keys(first).filter((name) => /^_storage\/[^/]+\.(html|txt|png)$/.test(name)).length, 3, Object.keys(first).join());
});

test("one table goes out as lines and comes back", async (t) => {
  const folder = temporaryFolder();
  const server = await startServer(t);
  const target = ["--url", server.url, "--admin-key", server.adminKey];
  await callAsAdmin(server, "messages:send", { channel: "c", body: "with an \u{e4}", rank: 1 });
  const piped = await fusion(folder, "export", "--table", "messages", ...target);
  assert.equal(piped.code, 0, piped.stderr);
  assert.match(piped.stderr, /^Exported 1 documents of messages\.$/m);
  assert.match(piped.stdout, /^\{.*"body":"with an \u{e4}".*"rank":1\.0.*\}\n$/u);

  const written = await fusion(folder, "export", "--table", "messages", "--path", ".", ...target);
  assert.equal(written.stdout, "./messages.jsonl\n", written.stderr);
  assert.equal(readFileSync(path.join(folder, "messages.jsonl"), "utf8"), piped.stdout);
  assert.match((await fusion(folder, "export", "--table", "messages", "--path", "messages.jsonl", ...target)).stderr, /is there already/);
  await callAsAdmin(server, "messages:send", { channel: "c", body: "later", rank: 2 });
  const back = await fusion(folder, "import", "--table", "messages", "--replace", "--yes", "messages.jsonl", ...target);
  assert.equal(back.code, 0, back.stderr);
  assert.equal((await fusion(folder, "export", "--table", "messages", ...target)).stdout, piped.stdout);

  for (const name of ["nope", "_storage", "no/pe"]) {
    const unknown = await fusion(folder, "export", "--table", name, ...target);
    assert.notEqual(unknown.code, 0);
    assert.match(unknown.stderr, /table[^]*hint: `fusion data` lists the tables/);
  }
});

/** An app with components: two of npm, one with another inside, and one of its own. */
async function componentApp() {
  const folder = await newApp();
  const files = {
    "convex/convex.config.ts":
      'import { defineApp } from "convex/server";\nimport aggregate from "@convex-dev/aggregate/convex.config.js";\nimport rateLimiter from "@convex-dev/rate-limiter/convex.config.js";\nimport counter from "./counter/convex.config";\n\nconst app = defineApp();\napp.use(rateLimiter);\napp.use(aggregate, { name: "byName" });\napp.use(counter);\napp.use(counter, { name: "second" });\nexport default app;\n',
    "convex/counter/convex.config.ts":
      'import { defineComponent } from "convex/server";\nimport shardedCounter from "@convex-dev/sharded-counter/convex.config.js";\n\nconst component = defineComponent("counter");\ncomponent.use(shardedCounter);\nexport default component;\n',
    "convex/counter/schema.ts":
      'import { defineSchema, defineTable } from "convex/server";\nimport { v } from "convex/values";\nexport default defineSchema({ counts: defineTable({ name: v.string(), n: v.number() }).index("by_name", ["name"]) });\n',
    "convex/counter/lib.ts":
      'import { v } from "convex/values";\nimport { internalQuery, mutation } from "./_generated/server";\nexport const add = mutation({ args: { name: v.string(), row: v.optional(v.id("counts")) }, returns: v.id("counts"), handler: async (ctx, { name }) => await ctx.db.insert("counts", { name, n: 1 }) });\nexport const hidden = internalQuery({ args: {}, handler: () => 1 });\n',
    "convex/counting.ts":
      'import { components } from "./_generated/api";\nimport { mutation } from "./_generated/server";\nexport const add = mutation({ args: {}, handler: async (ctx): Promise<string> => await ctx.runMutation(components.second.lib.add, { name: "a" }) });\n',
  };
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
    writeFileSync(path.join(folder, name), content);
  }
  return folder;
}

test("fusion sends components as the official command line does", async (t) => {
  const folder = await componentApp();
  const server = await startServer(t, { program: "fusion", args: ["serve"] });
  const target = ["--typecheck", "disable", "--url", server.url, "--admin-key", server.adminKey];
  const environment = { CONVEX_SELF_HOSTED_URL: server.url, CONVEX_SELF_HOSTED_ADMIN_KEY: server.adminKey };

  // What each generates, of the app and of its own component.
  const generated = () =>
    Object.fromEntries(
      ["convex/_generated/api.d.ts", "convex/counter/_generated/api.ts", "convex/counter/_generated/component.ts"].map((name) => {
        const text = readFileSync(path.join(folder, name), "utf8");
        const plain = text.replaceAll(/\/\*[^]*?\*\//g, "").replaceAll(/[,;]\s*([}>\])])/g, " $1").replaceAll(/\s+/g, " ");
        return [name, plain.replaceAll(/([{(<[=|]) /g, "$1").replaceAll(/ ([})>\]])/g, "$1").replaceAll(/[,;]/g, ";").replaceAll(/"(\w+)":/g, "$1:").trim()];
      }),
    );
  const ours = await fusion(folder, "deploy", "--yes", ...target);
  assert.equal(ours.code, 0, ours.stderr);
  for (const name of ["byName", "counter", "counter/shardedCounter", "rateLimiter", "second"]) {
    assert.match(ours.stderr, new RegExp(`Installed the component ${name}$`, "m"));
  }
  const written = generated();
  const theirs = await run(process.execPath, folder, [official, "codegen", "--typecheck", "disable"], environment);
  assert.equal(theirs.code, 0, theirs.stderr);
  assert.deepEqual(written, generated());

  // The functions run, each instance on its own tables.
  const client = new ConvexHttpClient(server.url, { logger: false });
  assert.equal(typeof (await client.mutation(api.counting.add, {})), "string");
  const rows = async (component) => {
    const data = await fusion(folder, "data", "counts", "--format", "jsonLines", "--component", component, ...target.slice(2));
    assert.equal(data.code, 0, data.stderr);
    return data.stdout.trim().split("\n").filter(Boolean).length;
  };
  assert.equal(await rows("second"), 1);
  assert.equal(await rows("counter"), 0);

  // What each sends.
  const recorder = await recordingServer(t);
  await fusion(folder, "deploy", "--yes", "--codegen", "disable", "--typecheck", "disable", "--url", recorder.url, "--admin-key", "x");
  await run(process.execPath, folder, [official, "deploy", "--typecheck", "disable", "--codegen", "disable"], {
    CONVEX_SELF_HOSTED_URL: recorder.url,
    CONVEX_SELF_HOSTED_ADMIN_KEY: "x",
  });
  assert.equal(recorder.pushes.length, 2);
  const [sent, expected] = recorder.pushes.map(({ appDefinition, componentDefinitions }) => ({
    dependencies: appDefinition.dependencies.toSorted(),
    components: componentDefinitions
      .map(({ definitionPath, dependencies, schema, functions, definition, udfServerVersion }) => ({
        definitionPath,
        dependencies: dependencies.toSorted(),
        definition: definition.path,
        udfServerVersion,
        modules: modules({ appDefinition: { changedModules: functions, schema: schema ?? { path: "none" } } }),
      }))
      .sort((a, b) => (a.definitionPath < b.definitionPath ? -1 : 1)),
  }));
  assert.deepEqual(sent.dependencies, expected.dependencies);
  assert.deepEqual(
    sent.components.map(({ modules, ...rest }) => ({ ...rest, modules: modules.map(({ path }) => path) })),
    expected.components.map(({ modules, ...rest }) => ({ ...rest, modules: modules.map(({ path }) => path) })),
  );
  for (const [index, component] of sent.components.entries()) {
    for (const [at, module] of component.modules.entries()) {
      assert.ok(isDeepStrictEqual(module, expected.components[index].modules[at]), `${component.definitionPath} ${module.path} differs`);
    }
  }
});
