// Node actions: pushed by the official command line, called by the official client.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import path from "node:path";
import { test } from "node:test";
import { ConvexError } from "convex/values";
import { fusion } from "./support/fusion.js";
import { PUSH, failure, greeting, start, withPackage } from "./support/node_project.js";
import { http, push, serve } from "./support/push.js";
import { startRegistry } from "./support/registry.js";
import { startIssuer } from "./support/issuer.js";
import { callAsAdmin, connectClient, temporaryFolder } from "./support/server.js";
import { until } from "./support/wait.js";

/** The processes of Node.js that a server has started. */
function children(server) {
  const found = execFileSync("ps", ["-eo", "pid=,ppid=,args="], { encoding: "utf8" });
  return found
    .split("\n")
    .map((line) => line.trim().split(/\s+/))
    .filter(([, parent, ...args]) => Number(parent) === server.pid && args.some((arg) => arg.endsWith("main.mjs")))
    .map(([pid]) => Number(pid));
}

test("everything that an action's context offers, and the official client's values", async (t) => {
  const { client } = await start(t);
  const seen = await client.action("work:tour", { numbers: [1, 2, 3] });
  assert.equal(seen.sum, 6);
  assert.deepEqual([seen.stored.text, seen.stored.type], ["from Node", "text/plain"]);
  assert.match(seen.stored.url, /^http/);
  assert.deepEqual([seen.gone, seen.isHandle, seen.total, seen.subject], [null, true, 106, null]);
  assert.ok(seen.score > 0.99, seen.score);
  assert.equal(seen.version, process.version);

  const value = { big: 7n, bytes: new Uint8Array([1, 2]).buffer, list: [null, -0, Number.NaN], text: "ä\u{1F600}" };
  assert.deepEqual(await client.action("work:values", { value }), value);
});

test("an action acts for its user, and so does what it calls", async (t) => {
  const issuer = await startIssuer(t);
  const { server, client } = await start(t, { env: { AUTH_PROVIDERS: JSON.stringify([issuer.provider]) } });
  client.setAuth(issuer.token("amy"));
  const seen = await client.action("work:tour", { numbers: [] });
  assert.deepEqual([seen.subject, seen.subjectInside], ["amy", "amy"]);
  assert.ok(server.pid > 0);
});

test("arguments and results of 16 MB arrive", async (t) => {
  const { client } = await start(t);
  const text = "0123456789abcdef".repeat(1_000_000);
  const seen = await client.action("work:echo", { text });
  assert.deepEqual(seen, { length: text.length, hash: createHash("sha256").update(text).digest("hex") });
  assert.equal((await client.action("work:back", { length: 16_000_000 })).length, 16_000_000);
});

test("errors tell where they are in the written files, carry data, and are checked for their type", async (t) => {
  const { client } = await start(t);
  const fails = (how) => failure(client.action("work:fails", { how }));
  const thrown = await fails("shared");
  assert.match(thrown.text, /Uncaught Refusal: string refused: this\n {4}at refuse \([./]+\/convex\/shared\.js:6:\d+\)\n {4}at (handler|<anonymous>) \(\.\.\/convex\/work\.js:\d+:\d+\)/);
  const data = await fails("data");
  assert.ok(data.error instanceof ConvexError);
  assert.deepEqual(data.data, { code: 7n, text: "no" });
  const nested = await fails("nested");
  assert.deepEqual(nested.data, { reason: "no", size: 7n });
  assert.match(nested.text, /Uncaught ConvexError: Uncaught ConvexError: [^]*\.\.\/convex\/store\.js:\d+[^]*async handler \(\.\.\/convex\/work\.js:\d+/);
  assert.match((await fails("string")).text, /Uncaught (Error: )?only text/);
  assert.match((await fails("exit")).text, /process\.exit\(3\) is not available in actions/);
  assert.match((await failure(client.action("work:wrongReturn", {}))).text, /ReturnsValidationError/);
  assert.match((await failure(client.action("work:echo", { text: 1 }))).text, /ArgumentValidationError/);
  assert.match((await failure(client.action("more:refuses", {}))).text, /at refuse \([./]+\/convex\/shared\.js:6/);
});

test("what is printed goes to the function's log", async (t) => {
  const { server } = await start(t);
  const response = await fetch(`${server.url}/api/action`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ path: "work:prints", args: {}, format: "json" }),
  });
  const { logLines } = await response.json();
  assert.deepEqual(logLines.slice(0, 3), ["[LOG] 'text' 42 { a: [ 1, { b: null } ] }", "[WARN] 'careful'", "[ERROR] Map(1) { 'k' => 1n }"]);
  assert.match(logLines[3], /^\[LOG\] ┌[^]*\(index\)/);
  assert.equal(logLines[4], "[ERROR] raw");
});

test("the push tells the functions, and the deployment its version of Node.js", async (t) => {
  const { server, app } = await start(t);
  const { code, output } = await app.run(server, ["function-spec"]);
  assert.equal(code, 0, output);
  const spec = JSON.parse(output.slice(output.indexOf("{")));
  const echo = spec.functions.find(({ identifier }) => identifier === "work.js:echo");
  assert.deepEqual([echo.functionType, echo.visibility.kind, Object.keys(echo.args.value)], ["Action", "public", ["text"]]);
  assert.equal(spec.functions.find(({ identifier }) => identifier === "work.js:addFromNode").visibility.kind, "internal");
  assert.equal(await callAsAdmin(server, "_system/frontend/node:version"), "nodejs20.x");
});

test("functions of all kinds lead to Node actions, and those to functions of all kinds", async (t) => {
  const { server, client } = await start(t);
  assert.deepEqual(await client.action("store:viaNode", { depth: 3 }), [3, 2, 1, process.version]);
  const response = await fetch(`${server.siteUrl}/hash`, { method: "POST", body: "abc" });
  assert.equal((await response.json()).length, 3);
  const live = connectClient(t, server);
  let sum;
  live.onUpdate("store:sum", {}, (value) => (sum = value));
  await client.mutation("store:schedule", { n: 5 });
  await until("the scheduled Node action to have run", () => sum === 5);
});

test("50 calls at once, on a few processes", async (t) => {
  const { server, client } = await start(t);
  const pids = await Promise.all(Array.from({ length: 50 }, () => http(server).action("work:waitFor", { ms: 200 })));
  assert.equal(await client.query("store:sum", {}), 50);
  assert.ok(new Set(pids).size <= 4, `${new Set(pids).size} processes`);
  assert.ok(children(server).length <= 4);
});

test("an error that nobody holds ends its own call, and the process is replaced", async (t) => {
  const { client } = await start(t);
  assert.equal(await client.action("work:beside", { how: "rejected" }), "went on");
  const before = await client.action("work:pid", {});
  const [waited, thrown] = await Promise.all([
    client.action("work:waitFor", { ms: 500 }),
    failure(client.action("work:beside", { how: "thrown" })),
  ]);
  assert.ok(waited > 0);
  assert.match(thrown.text, /Uncaught RangeError: thrown in a timer\n {4}at [^\n]*\.\.\/convex\/work\.js:\d+/);
  await until("another process to take the calls", async () => (await client.action("work:pid", {})) !== before);
});

test("a process that is killed fails its calls, which are not run again, and the next one is served", async (t) => {
  const { server, client } = await start(t);
  const live = connectClient(t, server);
  let sum;
  live.onUpdate("store:sum", {}, (value) => (sum = value));
  const waiting = failure(client.action("work:waitFor", { ms: 60_000 }));
  await until("the action to be under way", () => sum === 1);
  for (const pid of children(server)) process.kill(pid, "SIGKILL");
  assert.match((await waiting).text, /process that ran this action ended unexpectedly \(signal 9\)/);
  assert.ok((await client.action("work:pid", {})) > 0);
  // One that is killed while it has nothing to do is noticed, too.
  for (const pid of children(server)) process.kill(pid, "SIGKILL");
  assert.ok((await client.action("work:pid", {})) > 0);
  assert.equal(sum, 1);
});

test("an action that uses up its memory fails, and others are served", async (t) => {
  const { client } = await start(t, { env: { NODE_HEAP_SIZE: String(64 << 20) } });
  for (const name of ["work:fill", "work:fillBuffers"]) {
    assert.match((await failure(client.action(name, {}))).text, /ran out of memory \(maximum memory usage: 64 MB\)/);
  }
  assert.ok((await client.action("work:pid", {})) > 0);
});

test("processes and calls at once are as many as they are set to", async (t) => {
  const one = await start(t, { env: { NODE_PROCESSES: "1" } });
  const pids = await Promise.all(Array.from({ length: 8 }, () => http(one.server).action("work:waitFor", { ms: 200 })));
  assert.equal(new Set(pids).size, 1);

  const { server, client } = await start(t, { env: { APPLICATION_MAX_CONCURRENT_NODE_ACTIONS: "1" } });
  const first = failure(http(server).action("work:waitFor", { ms: 60_000 }));
  await until("the first action to be under way", async () => (await client.query("store:sum", {})) === 1);
  assert.match((await failure(client.action("work:pid", {}))).text, /limited to 1 concurrent Node actions\. Try again later\./);
  for (const pid of children(server)) process.kill(pid, "SIGKILL");
  await first;
  assert.ok((await client.action("work:pid", {})) > 0);
});

test("an action that computes for ever is stopped, and keeps nobody waiting meanwhile", async (t) => {
  const { server, client } = await start(t, { env: { NODE_ACTION_USER_TIMEOUT_SECS: "3" } });
  const spinning = failure(http(server).action("work:spin", {}));
  assert.ok((await client.action("work:pid", {})) > 0);
  assert.match((await spinning).text, /Function execution timed out \(maximum duration: 3s\)/);
  assert.ok((await client.action("work:pid", {})) > 0);
});

test("an action has the deployment's variables and an empty folder, and neither the server's nor its data", async (t) => {
  const { server, app, client } = await start(t, { env: { SECRET_OF_THE_SERVER: "hidden" } });
  const { code, output } = await app.run(server, ["env", "set", "COLOR", "blue"]);
  assert.equal(code, 0, output);
  const seen = await client.action("work:surroundings", { data: server.data });
  assert.deepEqual(seen, {
    variables: ["COLOR", "CONVEX_CLOUD_URL", "CONVEX_SITE_URL", "TMPDIR", "TZ"],
    secret: null,
    color: "blue",
    before: [],
    own: "mine",
    data: "ERR_ACCESS_DENIED",
    server: "ERR_ACCESS_DENIED",
    program: "ERR_ACCESS_DENIED",
  });
});

test("a server that starts again runs what was pushed", async (t) => {
  const data = path.join(temporaryFolder(), "data");
  const { server, client } = await start(t, { data });
  const before = await client.action("work:pid", {});
  assert.equal(await server.stop(), "code 0");
  await until("its processes to end, too", () => {
    try {
      process.kill(before, 0);
      return false;
    } catch {
      return true;
    }
  });
  const again = await serve(t, { data });
  assert.ok((await http(again).action("work:pid", {})) !== before);
});

test("without Node.js the push is accepted, and a call says what to install", async (t) => {
  const { server, app, client } = await start(t, { env: { FUSION_NODE: "/nowhere/node" } });
  const { text } = await failure(client.action("work:pid", {}));
  assert.match(text, /Node actions need Node\.js 20 or newer, but \/nowhere\/node cannot be started/);
  const { output } = await app.run(server, ["function-spec"]);
  assert.ok(output.includes("work.js:echo"), output);
  await client.mutation("store:add", { n: 1 });
});

test("external packages are installed once, whoever pushes, and a push says why they cannot be", async (t) => {
  const registry = await startRegistry(t, [greeting()]);
  const server = await serve(t, { env: registry.environment });
  const app = withPackage(t, greeting());
  await push(app, server, PUSH);
  const client = http(server);
  assert.equal(await client.action("greet:hello", {}), "Hello you index.cjs");
  const asked = registry.asked.length;
  assert.ok(asked >= 2, registry.asked.join(" "));
  const deployed = await fusion(app.folder, "deploy", "--url", server.url, "--admin-key", server.adminKey, "--typecheck", "disable");
  assert.equal(deployed.code, 0, deployed.stderr);
  assert.equal(await client.action("greet:hello", {}), "Hello you index.cjs");
  assert.equal(registry.asked.length, asked, "nothing was installed again");

  const missing = withPackage(t, greeting("1.9.9"));
  const { code, output } = await missing.run(server, PUSH);
  assert.equal(code, 1, output);
  assert.match(output, /The external packages tiny-greeting@1\.9\.9 could not be installed on the server/);
  assert.equal(await client.action("greet:hello", {}), "Hello you index.cjs");
});
