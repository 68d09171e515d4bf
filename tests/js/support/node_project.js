// A project with Node actions, on a server of its own, and one that imports a package of the npm registry.

import assert from "node:assert/strict";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { project } from "./cli.js";
import { http, push, serve } from "./push.js";

/** Where the project is. */
export const folder = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../node_actions");
/** What pushes it. */
export const PUSH = ["dev", "--once", "--typecheck", "disable", "--codegen", "disable"];

/** A server with the project of this folder on it. */
export async function start(t, options) {
  const server = await serve(t, options);
  const app = project(t, "project", { from: folder });
  await push(app, server, PUSH);
  return { server, app, client: http(server) };
}

/** How a call failed: its text without the id of the request. */
export async function failure(promise) {
  const error = await promise.then(
    (value) => assert.fail(`it gave ${JSON.stringify(value)}`),
    (error) => error,
  );
  return { text: error.message.replace(/\[Request ID: [0-9a-f]+\]/, "[Request ID]"), data: error.data, error };
}

/** A package with an install script that fails; `script` is another one. */
export const greeting = (version = "1.2.3", script = "exit 1") => ({
  "package.json": JSON.stringify({ name: "tiny-greeting", version, main: "index.cjs", scripts: { install: script } }),
  "index.cjs": `exports.greet = (name) => "Hello " + name + " " + require("node:path").basename(__filename);`,
});

/** A project whose Node action imports a package that the server is to install. */
export function withPackage(t, files) {
  const app = project(t, "project", { from: folder });
  const at = path.join(app.folder, "node_modules/tiny-greeting");
  mkdirSync(at, { recursive: true });
  for (const [name, text] of Object.entries(files)) writeFileSync(path.join(at, name), text);
  const manifest = JSON.parse(readFileSync(path.join(app.folder, "package.json"), "utf8"));
  manifest.dependencies["tiny-greeting"] = "^1.0.0";
  writeFileSync(path.join(app.folder, "package.json"), JSON.stringify(manifest));
  writeFileSync(path.join(app.folder, "convex.json"), JSON.stringify({ node: { externalPackages: ["*"] } }));
  writeFileSync(
    path.join(app.folder, "convex/greet.js"),
    `"use node";
import { actionGeneric as action } from "convex/server";
import { greet } from "tiny-greeting";
export const hello = action({ args: {}, handler: async () => greet("you") });
`,
  );
  return app;
}
