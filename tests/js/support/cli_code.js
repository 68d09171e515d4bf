// What the official command line does with functions: pushes, of which kind ever, and what it asks of pushed code.

import assert from "node:assert/strict";
import { test } from "node:test";
import { anyApi as api } from "convex/server";
import { project, versions } from "./cli.js";
import { refusingProxy } from "./outside.js";
import { http, push, serve } from "./push.js";

const TALK = `import { query } from "./_generated/server";
export const say = query({ args: {}, handler: async () => { console.log("said in passing"); return "said"; } });
`;
/** What `codegen --init` writes, without remarks. */
const TSCONFIG = {
  compilerOptions: {
    allowJs: true,
    strict: true,
    moduleResolution: "Bundler",
    jsx: "react-jsx",
    skipLibCheck: true,
    target: "ESNext",
    lib: ["ES2021", "dom"],
    module: "ESNext",
    isolatedModules: true,
    noEmit: true,
  },
  include: ["./**/*"],
  exclude: ["./_generated"],
};
/** Hosts that the command line asks for what is new, in the background, and does without. */
const ASKED = /^(version|api|.*\.ingest)\.(convex\.dev|sentry\.io)$/;

/** Registers the tests for a version. */
export function testCode(version) {
  const convex = versions[version];
  const isNew = version === "1.48";
  /** A command beside \`dev\`, which was renamed. */
  const beside = version === "1.48" ? "--start" : "--run-sh";

  /** A server that may ask nobody, a project, and commands that must work; at the end nobody was asked. */
  async function setUp(t, options = {}) {
    const outside = await refusingProxy(t);
    const server = await serve(t, { env: outside.env });
    const app = project(t, "notes", { convex, ...options });
    const target = `CONVEX_SELF_HOSTED_URL=${server.url}\nCONVEX_SELF_HOSTED_ADMIN_KEY=${server.adminKey}\n`;
    app.write("target.env", target);
    if (options.typescript) app.write("convex/tsconfig.json", JSON.stringify(TSCONFIG));
    /** Without the server in the environment. */
    const nowhere = { env: { CONVEX_SELF_HOSTED_URL: undefined, CONVEX_SELF_HOSTED_ADMIN_KEY: undefined } };
    const done = async (...args) => {
      const options = typeof args.at(-1) === "object" ? args.pop() : {};
      const { code, output } = await app.run(server, args, options);
      assert.equal(code, 0, output);
      return output;
    };
    const nobodyAsked = () => {
      assert.deepEqual(outside.asked, [], "the server has asked outside");
      for (const host of app.triedToReach()) assert.match(host, ASKED);
    };
    return { server, app, client: http(server), done, nowhere, nobodyAsked };
  }

  test(`${version}: pushes, deploys and generates code`, async (t) => {
    const { server, app, client, done, nobodyAsked } = await setUp(t);
    const began = performance.now();
    assert.match(await push(app, server), /Convex functions ready/);
    assert.ok(app.has("convex/_generated/api.d.ts"));
    assert.match(app.read(".env.local"), new RegExp(`CONVEX_URL=${server.url}`));
    await client.mutation(api.notes.add, { author: "Ada", text: "one" });
    assert.deepEqual(await client.query(api.notes.list, {}), ["Ada: one"]);
    assert.equal(await client.query(api.notes.hello, { name: "Ada" }), "Hello, Ada!");
    for (const url of [`${server.siteUrl}/ping`, `${server.url}/http/ping`]) assert.equal(await (await fetch(url)).text(), "pong");
    await assert.rejects(client.mutation(api.notes.clear, {}), /Could not find public function/);
    await assert.rejects(client.mutation(api.notes.add, { author: 7, text: "x" }), /ArgumentValidationError/);

    const more = (value) => `import { query } from "./_generated/server";\nexport const one = query(async () => ${value});\n`;
    app.write("convex/more.ts", more(1));
    assert.match(await done("deploy"), /Deployed Convex functions/);
    assert.equal(await client.query(api.more.one, {}), 1);
    app.remove("convex/_generated");
    await done("codegen");
    assert.match(app.read("convex/_generated/api.d.ts"), /more/);
    // Generating code changes nothing, and neither does a rehearsal.
    app.write("convex/more.ts", more(2));
    await done("codegen");
    await done("deploy", "--dry-run");
    assert.equal(await client.query(api.more.one, {}), 1);
    t.diagnostic(`six commands took ${((performance.now() - began) / 1000).toFixed(1)} s`);
    t.diagnostic(`hosts that were tried: ${app.triedToReach().join(", ") || "none"}`);
    nobodyAsked();
  });

  test(`${version}: dev pushes edits, shows what is wrong until it is repaired, and what functions log`, async (t) => {
    const { server, app, client, nobodyAsked } = await setUp(t);
    app.write("convex/talk.ts", TALK);
    const dev = app.start(server, ["dev", "--verbose", "--tail-logs", "always", "--codegen", "enable", "--run", "notes:list"]);
    let at = await dev.says("Convex functions ready");
    const edit = (text) => app.write("convex/lib/greeting.ts", `export const greet = (name: string) => ${text};\n`);
    const hello = () => client.query(api.notes.hello, { name: "Ada" });
    edit('"Hi, " + name');
    at = await dev.says("Convex functions ready", at);
    assert.equal(await hello(), "Hi, Ada");
    // Code that throws, then code that is none: what was pushed before goes on.
    app.write("convex/broken.ts", 'throw new Error("boom while loading");\nexport {};\n');
    at = await dev.says("boom while loading", at);
    app.write("convex/broken.ts", "export const x = (;\n");
    at = await dev.says("broken.ts:1:", at);
    assert.equal(await hello(), "Hi, Ada");
    app.remove("convex/broken.ts");
    at = await dev.says("Convex functions ready", at);
    edit('"Bye, " + name');
    at = await dev.says("Convex functions ready", at);
    assert.equal(await hello(), "Bye, Ada");
    // A new module, and one that is gone.
    app.write("convex/more.ts", 'import { query } from "./_generated/server";\nexport const one = query(async () => 1);\n');
    at = await dev.says("Convex functions ready", at);
    assert.equal(await client.query(api.more.one, {}), 1);
    app.remove("convex/more.ts");
    at = await dev.says("Convex functions ready", at);
    await assert.rejects(client.query(api.more.one, {}), /Could not find public function for 'more:one'/);
    await client.query(api.talk.say, {});
    await dev.says("[CONVEX Q(talk:say)] [LOG] 'said in passing'");
    nobodyAsked();
  });

  test(`${version}: dev once, until success, with a target and commands of its own`, async (t) => {
    const { app, client, done, nowhere, server, nobodyAsked } = await setUp(t, { typescript: true });
    // `--run-component` wants a component, which there is not.
    const component = await app.run(server, ["dev", "--once", "--typecheck", "disable", "--run", "notes:list", "--run-component", "other"]);
    assert.equal(component.code, 1, component.output);
    const shell = await done("dev", "--until-success", "--typecheck", "enable", "--typecheck-components", beside, "echo beside it", "--env-file", "target.env", nowhere);
    assert.match(shell, /beside it/);
    assert.deepEqual(await client.query(api.notes.list, {}), []);
    assert.match(await done("dev", "--once", "--tail-logs", "disable", "--run", "notes:list"), /\[\]/);
    app.write("convex/wrong.ts", 'import { query } from "./_generated/server";\nexport const x = query(async (): Promise<string> => 1);\n');
    const wrong = await app.run(server, ["dev", "--once", "--typecheck", "enable"]);
    assert.equal(wrong.code, 1, wrong.output);
    assert.match(wrong.output, /TS2322/);
    nobodyAsked();
  });

  test(`${version}: deploy with every flag`, async (t) => {
    const { app, client, done, nowhere, server, nobodyAsked } = await setUp(t, { typescript: true });
    await done("codegen", "--typecheck", "disable");
    const rehearsed = await done("deploy", "--dry-run", "-v", "--typecheck", "disable", "--codegen", "disable");
    assert.match(rehearsed, /notes/);
    await assert.rejects(client.query(api.notes.list, {}), /Could not find public function/);
    const more = isNew ? ["--message", "the first", "--skip-large-indexes-check", "--allow-unstaging-schema"] : version === "1.31" ? ["-y"] : [];
    await done("deploy", "--typecheck", "enable", "--typecheck-components", "--codegen", "enable", "--env-file", "target.env", ...more, nowhere);
    assert.deepEqual(await client.query(api.notes.list, {}), []);
    await done("deploy", "--typecheck", "disable", "--cmd", "echo $WHERE > where", "--cmd-url-env-var-name", "WHERE");
    assert.equal(app.read("where"), `${server.url}\n`);
    const failed = await app.run(server, ["deploy", "--typecheck", "disable", "--cmd", "exit 3"]);
    assert.notEqual(failed.code, 0, failed.output);
    nobodyAsked();
  });

  test(`${version}: run pushes first where it is asked to`, async (t) => {
    const { app, done, server, nobodyAsked } = await setUp(t, { typescript: true });
    const args = '{"name":"Ada"}';
    assert.match(await done("run", "--push", "--typecheck", "disable", "--typecheck-components", "--codegen", "enable", "notes:hello", args), /"Hello, Ada!"/);
    app.write("convex/lib/greeting.ts", "export const greet = (name: string) => `Hi, ${name}!`;\n");
    assert.match(await done("run", "--no-push", "notes:hello", args), /"Hello, Ada!"/);
    assert.match(await done("run", "--push", "notes:hello", args), /"Hi, Ada!"/);
    if (isNew) {
      assert.match(await done("run", "--inline-query", 'await ctx.db.query("notes").take(3)'), /\[\]/);
      const wrong = await app.run(server, ["run", "--inline-query", 'throw new Error("within")']);
      assert.equal(wrong.code, 1);
      assert.match(wrong.output, /within/);
    }
    if (version === "1.31") await done("run", "--env-file", "target.env", "notes:hello", args);
    nobodyAsked();
  });

  test(`${version}: codegen with every flag, and function-spec`, async (t) => {
    const { app, done, nowhere, nobodyAsked } = await setUp(t, { typescript: true });
    await done("codegen", "--init", "--typecheck", "enable");
    assert.ok(app.has("convex/_generated/api.d.ts"));
    const generated = app.read("convex/_generated/api.d.ts");
    app.write("convex/more.ts", "export const x = 1;\n");
    assert.match(await done("codegen", "--dry-run", "--typecheck", "disable"), /_generated\/api/);
    assert.equal(app.read("convex/_generated/api.d.ts"), generated);
    app.write(
      "convex/http.ts",
      `import { httpRouter } from "convex/server";
import { httpAction } from "./_generated/server";
const http = httpRouter();
const handler = httpAction(async () => new Response("x"));
http.route({ path: "/ping", method: "GET", handler });
http.route({ pathPrefix: "/", method: "GET", handler });
http.route({ pathPrefix: "/files/", method: "POST", handler });
export default http;
`,
    );
    await done("deploy", "--typecheck", "disable");
    const spec = JSON.parse(await done("function-spec"));
    const routes = spec.functions.filter(({ functionType }) => functionType === "HttpAction").map(({ method, path }) => `${method} ${path}`);
    assert.deepEqual(routes.sort(), ["GET /*", "GET /ping", "POST /files/*"]);
    const hello = spec.functions.find(({ identifier }) => identifier === "notes.js:hello");
    assert.deepEqual(hello.args, { type: "object", value: { name: { fieldType: { type: "string" }, optional: false } } });
    const named = await done("function-spec", "--file", ...(version === "1.31" ? ["--env-file", "target.env", nowhere] : []));
    const [file] = /function_spec_\d+\.json/.exec(named);
    assert.deepEqual(JSON.parse(app.read(file)), spec);
    nobodyAsked();
  });
}
