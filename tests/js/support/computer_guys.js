// Computer Guys on a server of its own, with the services it talks to.

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
