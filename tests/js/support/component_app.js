// An app of tests/js/components: npm components, pushed with their sources as they are.

import assert from "node:assert/strict";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { ConvexHttpClient } from "convex/browser";
import { project } from "./cli.js";
import { fusion } from "./fusion.js";
import { startServer } from "./server.js";

const folder = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../components");

/** `{server, app, client, start}`: `start` starts the server again, with its data. `env` is set before the push. */
export async function startComponentApp(t, name, { env = {} } = {}) {
  const start = (more = {}) => startServer(t, { program: "fusion", args: ["serve"], ...more });
  const server = await start();
  const app = project(t, name, { from: folder, packages: true });
  for (const [variable, value] of Object.entries(env)) {
    const { code, stderr } = await fusion(app.folder, "env", "set", variable, value, "--url", server.url, "--admin-key", server.adminKey);
    assert.equal(code, 0, stderr);
  }
  const { code, output } = await app.run(server, ["deploy", "--typecheck", "disable"]);
  assert.equal(code, 0, output);
  return { server, app, client: new ConvexHttpClient(server.url, { logger: false }), start: () => start({ data: server.data }) };
}
