// Ways to and from Node actions, and what they are installed with: crons, files, components, packages that change while
// one works, other programs than the machine's own.

import assert from "node:assert/strict";
import { chmodSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { project } from "./support/cli.js";
import { startFusion } from "./support/fusion.js";
import { PUSH, failure, folder, greeting, start, withPackage } from "./support/node_project.js";
import { http, push, serve } from "./support/push.js";
import { startRegistry } from "./support/registry.js";
import { temporaryFolder } from "./support/server.js";
import { advanceClock } from "./support/test_clock.js";
import { until } from "./support/wait.js";

const GENERIC = 'import { actionGeneric as action, componentsGeneric, defineApp, defineComponent } from "convex/server";\n';

test("crons and jobs of tomorrow call Node actions when their time has come", async (t) => {
  const server = await serve(t, { args: ["serve", "--test-clock"] });
  const app = project(t, "project", { from: folder });
  app.write(
    "convex/crons.js",
    `import { cronJobs, makeFunctionReference } from "convex/server";
const crons = cronJobs();
crons.interval("add", { hours: 12 }, makeFunctionReference("work:addFromNode"), { n: 100 });
export default crons;
`,
  );
  await push(app, server, PUSH);
  const client = http(server);
  const sum = () => client.query("store:sum", {});
  await advanceClock(server, 13 * 3_600_000);
  await until("the cron to have run", async () => (await sum()) >= 100);
  const before = await sum();
  await client.mutation("store:scheduleIn", { ms: 3_600_000, n: 7 });
  assert.equal(await sum(), before);
  await advanceClock(server, 3_600_000);
  await until("the job to have run", async () => (await sum()) % 100 === 7);
});

test("a file of 20 MB goes from a Node action into storage and back into another", async (t) => {
  const server = await serve(t);
  const app = project(t, "project", { from: folder });
  app.write(
    "convex/big.js",
    `"use node";
${GENERIC}
import { createHash } from "node:crypto";
import { createReadStream, mkdtempSync, openAsBlob, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
const hash = (bytes) => createHash("sha256").update(bytes).digest("hex");
export const store = action(async (ctx) => {
  // By way of a folder of its own.
  const folder = mkdtempSync(path.join(tmpdir(), "big-"));
  const file = path.join(folder, "bytes");
  const bytes = Buffer.alloc(20_000_000, "0123456789abcdef!");
  writeFileSync(file, bytes);
  const id = await ctx.storage.store(await openAsBlob(file, { type: "application/x-big" }));
  const read = createHash("sha256");
  for await (const chunk of createReadStream(file)) read.update(chunk);
  rmSync(folder, { recursive: true });
  return { id, hash: hash(bytes), fromFile: read.digest("hex"), left: readdirSync(tmpdir()), url: await ctx.storage.getUrl(id) };
});
export const load = action(async (ctx, { id }) => {
  const blob = await ctx.storage.get(id);
  return { size: blob.size, type: blob.type, hash: hash(Buffer.from(await blob.arrayBuffer())) };
});
`,
  );
  await push(app, server, PUSH);
  const client = http(server);
  const stored = await client.action("big:store", {});
  assert.deepEqual([stored.fromFile, stored.left], [stored.hash, []]);
  assert.deepEqual(await client.action("big:load", { id: stored.id }), { size: 20_000_000, type: "application/x-big", hash: stored.hash });
  const response = await fetch(stored.url);
  assert.equal(response.headers.get("content-type"), "application/x-big");
  assert.equal((await response.arrayBuffer()).byteLength, 20_000_000);
});

test("a Node action calls functions of components", async (t) => {
  const server = await serve(t);
  const app = project(t, "project", { from: folder });
  app.write("convex/convex.config.js", `${GENERIC}import counter from "./counter/convex.config.js";\nconst app = defineApp();\napp.use(counter);\nexport default app;\n`);
  app.write("convex/counter/convex.config.js", `${GENERIC}export default defineComponent("counter");\n`);
  app.write(
    "convex/counter/tally.js",
    `import { actionGeneric as action, mutationGeneric as mutation, queryGeneric as query } from "convex/server";
export const add = mutation(async (ctx, { n }) => {
  if (n < 0) throw new Error("only upwards");
  await ctx.db.insert("tally", { n });
});
export const total = query(async (ctx) => (await ctx.db.query("tally").collect()).reduce((sum, { n }) => sum + n, 0));
export const twice = action(async (ctx, { n }) => n * 2);
`,
  );
  app.write(
    "convex/count.js",
    `"use node";
${GENERIC}const { counter } = componentsGeneric();
export const count = action(async (ctx, { n }) => {
  await ctx.runMutation(counter.tally.add, { n });
  await ctx.runMutation(counter.tally.add, { n: await ctx.runAction(counter.tally.twice, { n }) });
  const refused = await ctx.runMutation(counter.tally.add, { n: -1 }).catch((error) => error.message);
  await ctx.scheduler.runAfter(0, counter.tally.add, { n: 1000 });
  return { total: await ctx.runQuery(counter.tally.total, {}), refused, version: process.version };
});
`,
  );
  await push(app, server, PUSH);
  const counted = await http(server).action("count:count", { n: 2 });
  assert.equal(counted.version, process.version);
  assert.match(counted.refused, /only upwards/);
  assert.ok([6, 1006].includes(counted.total), String(counted.total));
  await until("what was scheduled to have run", async () => {
    const { output } = await app.run(server, ["run", "--component", "counter", "tally:total"]);
    return output.trim() === "1006";
  });

  // Components have none themselves, and a push says so.
  app.write("convex/counter/node.js", `"use node";\n${GENERIC}export const no = action(async () => 1);\n`);
  const { code, output } = await app.run(server, PUSH);
  assert.equal(code, 1, output);
  assert.match(output, /"use node"|Node/);
});

test("install scripts of packages run if the server is told so, and not otherwise", async (t) => {
  const script = `node -e "require('fs').writeFileSync('made.txt', 'made')"`;
  const files = {
    ...greeting("1.2.3", script),
    "index.cjs": `exports.greet = () => require("node:fs").existsSync(__dirname + "/made.txt") ? "made" : "not made";`,
  };
  const registry = await startRegistry(t, [files]);
  const app = withPackage(t, files);
  const data = path.join(temporaryFolder(), "data");
  const careful = await serve(t, { env: registry.environment, data });
  await push(app, careful, PUSH);
  assert.equal(await http(careful).action("greet:hello", {}), "not made");
  await careful.stop();
  // What was installed without is of no use.
  const trusting = await serve(t, { args: ["serve", "--node-install-scripts"], env: registry.environment, data });
  await push(app, trusting, [...PUSH, "--push-all-modules"]);
  assert.equal(await http(trusting).action("greet:hello", {}), "made");
});

const says = (text) => ({ ...greeting(text), "index.cjs": `exports.greet = () => ${JSON.stringify(text)};` });

/** Puts another version of the package into a project, as `npm install` does, or takes it away. */
function install(app, version) {
  const at = path.join(app.folder, "node_modules/tiny-greeting");
  rmSync(at, { recursive: true });
  const manifest = JSON.parse(app.read("package.json"));
  delete manifest.dependencies["tiny-greeting"];
  if (version !== undefined) {
    mkdirSync(at);
    for (const [name, text] of Object.entries(says(version))) writeFileSync(path.join(at, name), text);
    manifest.dependencies["tiny-greeting"] = `^${version}`;
  }
  app.write("package.json", JSON.stringify(manifest));
}

/** Starts a command that pushes what changes: the official one beside a server, and ours with one in it. */
const develop = {
  convex: async (t, app, env) => {
    const server = await serve(t, { env });
    return [server, app.start(server, ["dev", "--typecheck", "disable", "--codegen", "disable", "--tail-logs", "disable"])];
  },
  fusion: async (t, app, env) => {
    // Its server has the environment of the command.
    Object.assign(process.env, env);
    t.after(() => Object.keys(env).forEach((name) => delete process.env[name]));
    const dev = startFusion(t, app.folder, "dev", "--typecheck", "disable", "--port", "0", "--site-port", "0");
    await dev.said("Functions are ready");
    return [JSON.parse(app.read(".fusion/running.json")), dev];
  },
};

for (const command of Object.keys(develop)) {
  test(`${command} dev installs a package's other version, and says when it is gone`, async (t) => {
    const registry = await startRegistry(t, [says("1.0.0"), says("2.0.0")]);
    const app = withPackage(t, says("1.0.0"));
    const [server, dev] = await develop[command](t, app, registry.environment);
    const client = http(server);
    const greet = () => client.action("greet:hello", {}).catch((error) => error.message);
    const sees = (what, condition) =>
      until(what, condition).catch((error) => {
        throw new Error(`${error.message}; it said\n${dev.output()}`);
      });
    await sees("the first version", async () => (await greet()) === "1.0.0");
    install(app, "2.0.0");
    // A change of the code has it pushed, whether the tool looks at packages or not.
    app.write("convex/touched.js", "export const touched = 2;\n");
    await sees("the second version", async () => (await greet()) === "2.0.0");
    install(app, undefined);
    app.write("convex/touched.js", "export const touched = 3;\n");
    await sees("the missing package to be named", () => /tiny-greeting/.test(dev.output()));
    assert.equal(await greet(), "2.0.0", "the former push goes on serving");
    app.write("convex/greet.js", `"use node";\n${GENERIC}export const hello = action(async () => "alone");\n`);
    await sees("the package not to be needed", async () => (await greet()) === "alone");
  });
}

/** A program that does something else or more than Node.js. */
function wrapper(text) {
  const file = path.join(temporaryFolder(), "my node");
  writeFileSync(file, `#!/bin/sh\n${text}\n`);
  chmodSync(file, 0o755);
  return file;
}

test("the program of Node actions is the one that is named, and an old one is refused", async (t) => {
  const program = wrapper(`exec ${JSON.stringify(process.execPath)} --title=named "$@"`);
  const server = await serve(t, { args: ["serve", "--node", program] });
  const app = project(t, "project", { from: folder });
  app.write("convex/title.js", `"use node";\n${GENERIC}export const title = action(async () => process.title);\n`);
  await push(app, server, PUSH);
  assert.equal(await http(server).action("title:title", {}), "named");

  const old = wrapper("echo v18.20.4");
  const { client } = await start(t, { args: ["serve", "--node", old] });
  const { text } = await failure(client.action("work:pid", {}));
  assert.match(text, /Node actions need Node\.js 20 or newer, but .*my node is v18\.20\.4\./);
});

test("without npm a push with external packages is accepted, and a call says what is missing", async (t) => {
  const node = wrapper(`exec ${JSON.stringify(process.execPath)} "$@"`);
  const options = { args: ["serve", "--node", node], env: { PATH: temporaryFolder() } };
  const server = await serve(t, options);
  await push(withPackage(t, greeting()), server, PUSH);
  const { text } = await failure(http(server).action("greet:hello", {}));
  assert.match(text, /External packages need npm, and this server's machine has none/);
  await http(server).mutation("store:add", { n: 1 });
  // Where nothing is to be installed nothing is missing.
  const { client } = await start(t, options);
  assert.ok((await client.action("work:pid", {})) > 0);
});
