// Functions that misbehave: each ends in an error that says why, within its limits, and the next call is served as if
// nothing had been.

import assert from "node:assert/strict";
import { test } from "node:test";
import { anyApi as api } from "convex/server";
import { project } from "../support/cli.js";
import { http, push, refused, serve } from "../support/push.js";

const HEAD = 'import { action, mutation, query } from "./_generated/server";\n';

const BAD = `${HEAD}
export const good = query(async (ctx) => {
  const notes = await ctx.db.query("notes").collect();
  const odd = globalThis as any;
  return [notes.length, [3, 1, 2].sort().join(), odd.leak ?? null, ({} as any).leak ?? null, JSON.stringify({ a: [1] })];
});
export const memory = query(async () => { const kept: unknown[] = []; for (;;) kept.push(new Array(100_000).fill(kept.length)); });
export const buffers = query(async () => { const kept: unknown[] = []; for (;;) kept.push(new Uint8Array(1 << 20)); });
export const stack = query(async () => { const deeper = (): number => deeper() + 1; return deeper(); });
export const text = query(async () => "x".repeat(100 << 20));
export const grown = query(async () => { let text = "x"; for (;;) text += text; });
export const result = query(async () => ["y".repeat(17 << 20)]);
export const argument = mutation(async (ctx, { text }: { text: string }) => text.length);
export const endless = query(async () => { for (;;); });
export const endlessWrites = mutation(async (ctx) => { for (;;) await ctx.db.insert("journal", { text: "x".repeat(1000) }); });
export const caught = query(async () => { for (;;) try { for (;;); } catch {} });
export const pattern = query(async () => /^(a+)+$/.test("a".repeat(60) + "b"));
export const sparse = query(async () => { const list: number[] = []; list[1_700_000_000] = 1; return list.join(); });
export const map = query(async () => new Map([["a", 1]]) as any);
export const cyclic = query(async () => { const value: any = {}; value.value = value; return value; });
export const nested = query(async () => { let value: any = 1; for (let i = 0; i < 100; i++) value = [value]; return value; });
export const func = query(async () => (() => 1) as any);
export const never = query(async () => await new Promise(() => {}));
export const late = query(async () => { Promise.reject(new Error("too late")); return "answered"; });
export const pollute = query(async () => {
  (globalThis as any).leak = 1;
  (Object.prototype as any).leak = 2;
  Array.prototype.sort = () => { throw new Error("mine"); };
  Promise.prototype.then = () => { throw new Error("mine"); };
  JSON.stringify = () => "mine";
  return "done";
});
export const replace = query(async () => { delete (globalThis as any).Convex; (globalThis as any).Object = null; return 1; });
export const actionEndless = action(async () => { Promise.reject(new Error("gone")); await new Promise(() => {}); });
`;

/** Changes the world of whatever is loaded with it, and loads. */
const POLLUTING = `${HEAD}
(globalThis as any).leak = 1;
(Object.prototype as any).leak = 2;
(Object.prototype as any).isPublic = true;
Array.prototype.sort = () => { throw new Error("polluted"); };
export const seen = query(async () => [(globalThis as any).leak]);
`;

test("bad functions end in clear errors and disturb nobody", async (t) => {
  const server = await serve(t);
  const app = project(t, "notes");
  app.write("convex/schema.ts", "");
  app.remove("convex/schema.ts");
  app.write("convex/bad.ts", BAD);
  const pushed = (args = []) => push(app, server, ["dev", "--once", "--typecheck", "disable", ...args]);
  await pushed();
  const client = http(server);
  const good = async () => assert.deepEqual(await client.query(api.bad.good, {}), [0, "1,2,3", null, null, '{"a":[1]}']);
  await good();
  const failing = {
    memory: /JavaScript execution ran out of memory \(maximum memory usage: 128 MB\)/,
    buffers: /ran out of memory/,
    stack: /RangeError: Maximum call stack size exceeded/,
    text: /ran out of memory/,
    grown: /ran out of memory|string too long/,
    result: /Return value of bad\.js:result too large|ran out of memory|timed out/,
    endless: /Function execution timed out \(maximum duration: 1s\)/,
    caught: /Function execution timed out/,
    pattern: /Function execution timed out/,
    sparse: /RangeError: The array is too long for join\(\)/,
    map: /Map\S* is not a supported Convex type/,
    cyclic: /Maximum call stack size exceeded|too deep|circular/i,
    nested: /nested too deeply|too deep|nesting/i,
    func: /is not a supported Convex type/,
    never: /it waits for a promise that can never settle/,
  };
  for (const [name, pattern] of Object.entries(failing)) {
    await assert.rejects(client.query(api.bad[name], {}), (error) => {
      assert.match(error.message, pattern, name);
      return true;
    });
    await good();
  }
  await assert.rejects(client.mutation(api.bad.endlessWrites, {}), /timed out|Too many (bytes|documents) written|Too many writes/);
  await assert.rejects(client.action(api.bad.actionEndless, {}), /can never settle/);
  await assert.rejects(client.mutation(api.bad.argument, { text: "z".repeat(17 << 20) }), /TooLarge/);
  assert.equal(await client.query(api.bad.late, {}), "answered");
  for (const name of ["pollute", "replace"]) {
    // Whatever becomes of the call itself.
    await client.query(api.bad[name], {}).catch(() => {});
    await good();
  }

  // What a module does to its world while it is loaded is not seen by the others, nor does it hide their functions.
  app.write("convex/a_polluting.ts", POLLUTING);
  await pushed();
  await good();
  assert.deepEqual(await client.query(api.a_polluting.seen, {}).catch(() => [1]), [1]);
  await good();
  app.remove("convex/a_polluting.ts");

  for (const [source, ...words] of [
    ['throw new TypeError("at import");', "TypeError: at import", "convex/broken.ts"],
    ["for (;;);", "timed out"],
    ["const kept: unknown[] = []; for (;;) kept.push(new Array(100_000).fill(0));", "ran out of memory"],
    ["await new Promise(() => {});", "never settle"],
    ["await fetch('http://127.0.0.1:9');", "Can't use fetch() at import time"],
  ]) {
    app.write("convex/broken.ts", `${HEAD}export const one = query(async () => 1);\n${source}\n`);
    await refused(app, server, ...words);
    await good();
  }
  app.remove("convex/broken.ts");
  const schema = (text) => app.write("convex/schema.ts", `import { defineSchema, defineTable } from "convex/server";\nimport { v } from "convex/values";\n${text}\n`);
  schema("const node = v.object({ child: node });\nexport default defineSchema({ nodes: defineTable(node) });");
  await refused(app, server, "schema");
  schema("const fields: any = {};\nfields.child = v.object(fields);\nfields.child.fields.child = fields.child;\nexport default defineSchema({ nodes: defineTable(fields) });");
  await refused(app, server, "schema");
  await good();
  // Tables may well refer to each other.
  schema('export default defineSchema({ a: defineTable({ b: v.id("b") }), b: defineTable({ a: v.optional(v.id("a")) }) });');
  await pushed();
  await good();
});
