// Shared by the tests of pushes.

import assert from "node:assert/strict";
import { ConvexHttpClient } from "convex/browser";
import { startServer } from "./server.js";

/** A server without an application of its own. */
export const serve = (t, options = {}) => startServer(t, { program: "fusion", args: ["serve"], ...options });

/** The official HTTP client. */
export const http = (server) => new ConvexHttpClient(server.url, { logger: false });

/** Pushes, which must work, and gives what the command said. */
export async function push(app, server, args = ["dev", "--once"]) {
  const { code, output } = await app.run(server, args);
  assert.equal(code, 0, output);
  return output;
}

/** A push that must be refused with these words. */
export async function refused(app, server, ...words) {
  const { code, output } = await app.run(server, ["dev", "--once"]);
  assert.equal(code, 1, output);
  for (const word of words) assert.ok(output.includes(word), `${JSON.stringify(word)} is not in\n${output}`);
}
