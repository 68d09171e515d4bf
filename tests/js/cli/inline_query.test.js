// Queries written at the command line, with the official one and with `fusion run`.

import assert from "node:assert/strict";
import { test } from "node:test";
import { anyApi as api } from "convex/server";
import { project } from "../support/cli.js";
import { fusion } from "../support/fusion.js";
import { http, push, serve } from "../support/push.js";

test("inline queries read what is there and change nothing", async (t) => {
  const server = await serve(t);
  const app = project(t, "notes");
  await push(app, server);
  await http(server).mutation(api.notes.add, { author: "Ada", text: "one" });

  const official = async (text) => {
    const { code, output } = await app.run(server, ["run", "--inline-query", text]);
    return { code, output };
  };
  const own = async (text) => {
    const target = ["--url", server.url, "--admin-key", server.adminKey];
    const { code, stdout, stderr } = await fusion(app.folder, "run", ...target, "--inline-query", text);
    return { code, output: stderr + stdout };
  };
  for (const run of [official, own]) {
    const ok = async (text, pattern) => {
      const { code, output } = await run(text);
      assert.equal(code, 0, output);
      assert.match(output, pattern);
    };
    const fails = async (text, pattern) => {
      const { code, output } = await run(text);
      assert.notEqual(code, 0, output);
      assert.match(output, pattern);
    };
    await ok("1 + 1", /^2\s*$/);
    await ok('await ctx.db.query("notes").take(5)', /"text": "one"/);
    await ok('(await ctx.db.query("authors").withIndex("by_name", (q) => q.eq("name", "Ada")).filter((q) => q.neq(q.field("name"), "Bo")).first()).name;', /"Ada"/);
    await ok('const note = await ctx.db.query("notes").first(); console.log("found", note.text); return note.text;', /\[LOG\] 'found' 'one'[^]*"one"/);
    await ok("export default query({ args: {}, handler: async (ctx) => (await ctx.db.query('notes').collect()).length });", /^1\s*$/);
    await ok('await ctx.runQuery("notes:list", {})', /"Ada: one"/);
    await ok('process.env.CONVEX_CLOUD_URL', new RegExp(server.url));
    await ok("null", /^\s*$/);
    await fails("throw new Error('plainly')", /Uncaught Error: plainly[^]*testQuery\.js:5/);
    await fails("ctx.db.insert('notes', {})", /not a function/);
    await fails("await fetch('http://127.0.0.1:9')", /Can't use fetch\(\) in queries and mutations/);
    await fails("1 +", /Failed to compile testQuery\.js/);
    await fails("export default query; // query(", /testQuery\.js does not export a query/);
    await fails("", /must not be empty|nothing after --inline-query/);
  }
  const both = await app.run(server, ["run", "notes:list", "--inline-query", "1"]);
  assert.equal(both.code, 1);
});
