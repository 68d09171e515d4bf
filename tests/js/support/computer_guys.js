// Computer Guys on a server of its own, with the services it talks to.

import assert from "node:assert/strict";
import { startExample } from "./example.js";
import { startOutsideServices } from "./outside_services.js";

/** The app of `startExample` with `outside`, the services; `empty(table)` removes a table's documents. */
export async function startComputerGuys(t, options = {}) {
  const outside = await startOutsideServices(t);
  const env = {
    EMBEDDINGS_BASE_URL: `${outside.url}/v1`,
    OPENAI_API_KEY: "embedding-key",
    MAIL_API_URL: `${outside.url}/mail`,
    MAIL_API_KEY: "mail-key",
    ESCALATION_WEBHOOK_URL: `${outside.url}/notice`,
    TRUSTED_PROXY_IPS: "127.0.0.1",
    OPENROUTER_API_KEY: "a-secret",
  };
  const app = await startExample(t, "computer-guys", { env, ...options });
  app.write("nothing.jsonl", "");
  const empty = (table) => app.fusion("import", "--table", table, "--replace", "--yes", "nothing.jsonl");
  return Object.assign(app, { outside, empty });
}

/**
 * Calls until the rate limit is met, and gives what the refusal says. Nothing is refused before `max` calls, and on a slow machine
 * the window may have changed once in between.
 */
export async function exhaust(max, call) {
  for (let count = 0; count <= 2 * max; count += 1) {
    const error = await call().then(() => undefined, (error) => error);
    if (error === undefined) continue;
    assert.equal(error.data?.code, "RATE_LIMITED", error.message);
    assert.ok(count >= max, `${count} of ${max}`);
    return error.data;
  }
  return assert.fail(`more than ${2 * max} calls`);
}
