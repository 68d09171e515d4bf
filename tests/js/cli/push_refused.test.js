// Pushes that the server refuses, as the official command line shows it.

import assert from "node:assert/strict";
import { test } from "node:test";
import { anyApi as api } from "convex/server";
import { project } from "../support/cli.js";
import { http, push, refused, serve } from "../support/push.js";

test("a schema that does not fit the data is refused with the document, and the old code goes on", async (t) => {
  const server = await serve(t);
  const app = project(t, "notes");
  await push(app, server);
  const client = http(server);
  const id = await client.mutation(api.notes.add, { author: "Ada", text: "one" });
  const schema = app.read("convex/schema.ts");
  app.write("convex/schema.ts", schema.replace("text: v.string()", "text: v.number()"));
  await refused(app, server, "Schema validation failed", `Document with ID "${id}" in table "notes" does not match the schema`);
  assert.deepEqual(await client.query(api.notes.list, {}), ["Ada: one"]);
  app.write(
    "convex/schema.ts",
    schema.replace("text: v.string()", "text: v.number()").replace(/\}\);\s*$/, "}, { schemaValidation: false });\n"),
  );
  await push(app, server);
  app.write("convex/schema.ts", schema.replace('v.id("authors")', 'v.id("nobody")'));
  await refused(app, server, '"nobody"');
});

test("broken code is refused with file and line, and the old code goes on", async (t) => {
  const server = await serve(t);
  const app = project(t, "notes");
  await push(app, server);
  const attempts = [
    ["export const x = (;\n", "broken.ts"],
    ['import { x } from "./nowhere";\nexport const y = x;\n', "nowhere"],
    ['import fs from "fs";\nexport const y = fs.readFileSync;\n', "fs"],
    ['\n\nexport const y = 1;\nthrow new Error("oh no");\n', "oh no", "broken.ts:4"],
    ["export const y = 1;\nfor (;;) {}\n", "timed out"],
    ['export const y = 1;\nawait fetch("http://127.0.0.1:1/");\n', "fetch"],
  ];
  for (const [source, ...words] of attempts) {
    app.write("convex/broken.ts", source);
    await refused(app, server, ...words);
  }
  app.remove("convex/broken.ts");
  app.write(
    "convex/crons.ts",
    'import { cronJobs } from "convex/server";\nimport { anyApi } from "convex/server";\nconst crons = cronJobs();\ncrons.hourly("lost", { minuteUTC: 1 }, anyApi.notes.nothing);\nexport default crons;\n',
  );
  await refused(app, server, "InvalidCron", "lost");
  assert.equal(await http(server).query(api.notes.hello, { name: "Ada" }), "Hello, Ada!");
});

test("settings that need an environment variable are refused until it is set", async (t) => {
  const server = await serve(t);
  const app = project(t, "notes");
  app.write(
    "convex/auth.config.ts",
    'export default { providers: [{ domain: process.env.ISSUER!, applicationID: "convex" }] };\n',
  );
  await refused(app, server, "Environment variable ISSUER is used in auth config file");
  assert.equal((await app.run(server, ["env", "set", "ISSUER", "https://issuer.example"])).code, 0);
  await push(app, server);
  app.write(
    "convex/convex.config.ts",
    'import { defineApp } from "convex/server";\nimport { v } from "convex/values";\nexport default defineApp({ env: { NEEDED: v.string() } });\n',
  );
  await refused(app, server, "NEEDED");
  assert.equal((await app.run(server, ["env", "set", "NEEDED", "x"])).code, 0);
  await push(app, server);
});

test("dev goes on by itself once the data or the environment are repaired", async (t) => {
  const server = await serve(t);
  const app = project(t, "notes");
  app.write(
    "convex/repair.ts",
    `import { v } from "convex/values";
import { mutation } from "./_generated/server";
export const repair = mutation({
  args: { id: v.id("notes") },
  handler: async ({ db }, { id }) => {
    const note = (await db.get(id))!;
    await db.replace(id, { author: note.author, text: "short" });
  },
});
`,
  );
  const dev = app.start(server, ["dev"]);
  let at = await dev.says("Convex functions ready");
  const client = http(server);
  const id = await client.mutation(api.notes.add, { author: "Ada", text: "far too long" });
  const schema = app.read("convex/schema.ts");
  app.write("convex/schema.ts", schema.replace("text: v.string()", 'text: v.literal("short")'));
  at = await dev.says(`Document with ID "${id}"`, at);
  // It watches the table from a moment after it has said so.
  const repairing = setInterval(() => client.mutation(api.repair.repair, { id }), 500);
  t.after(() => clearInterval(repairing));
  at = await dev.says("Convex functions ready", at);
  clearInterval(repairing);
  await assert.rejects(client.mutation(api.notes.add, { author: "Ada", text: "long" }), /does not match the schema/);

  app.write(
    "convex/auth.config.ts",
    'export default { providers: [{ domain: process.env.ISSUER!, applicationID: "convex" }] };\n',
  );
  at = await dev.says("ISSUER", at);
  assert.equal((await app.run(server, ["env", "set", "ISSUER", "https://issuer.example"])).code, 0);
  await dev.says("Convex functions ready", at);
});
