// An app of tests/js/components: npm components, pushed with their sources as they are.

import assert from "node:assert/strict";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { ConvexHttpClient } from "convex/browser";
import { project } from "./cli.js";
import { fusion } from "./fusion.js";
import { startServer } from "./server.js";

const folder = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../components");

/**
 * `{server, app, client, start}`: `start` starts the server again, with its data. `env` is set before the push, `by` the command that
 * pushes: "convex", the official one, or "fusion".
 */
export async function startComponentApp(t, name, { env = {}, by = "convex" } = {}) {
  const start = (more = {}) => startServer(t, { program: "fusion", args: ["serve"], ...more });
  const server = await start();
  const app = project(t, name, { from: folder, packages: true });
  const run = async (...args) => {
    const { code, stderr } = await fusion(app.folder, ...args, "--url", server.url, "--admin-key", server.adminKey);
    assert.equal(code, 0, stderr);
  };
  for (const [variable, value] of Object.entries(env)) await run("env", "set", variable, value);
  const deploy = ["deploy", "--typecheck", "disable"];
  if (by === "fusion") {
    await run(...deploy);
  } else {
    const { code, output } = await app.run(server, deploy);
    assert.equal(code, 0, output);
  }
  return { server, app, client: new ConvexHttpClient(server.url, { logger: false }), start: () => start({ data: server.data }) };
}
