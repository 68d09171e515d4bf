// The example apps of tests/apps, pushed to a server of their own by the official command line or by `fusion deploy`.

import assert from "node:assert/strict";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { ConvexHttpClient } from "convex/browser";
import { project } from "./cli.js";
import { fusion } from "./fusion.js";
import { startServer } from "./server.js";
import { advanceClock } from "./test_clock.js";

const apps = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../../apps");

/**
 * An app on a server whose clock the test moves: `{server, folder, convex, fusion, push, http, advance, now, rows}`.
 * `env` is what the deployment's environment has before the push, `by` the command that pushes: "convex" or "fusion"; with `types`
 * the compiler checks the app first, which takes a while.
 */
export async function startExample(t, name, { env = {}, by = "convex", types = false } = {}) {
  const start = (more = {}) => startServer(t, { program: "fusion", args: ["serve", "--test-clock"], ...more });
  let server = await start();
  const app = project(t, name, { from: apps, packages: true });
  let ahead = 0;

  const example = {
    /** The server that runs now. */
    get server() {
      return server;
    },
    folder: app.folder,
    write: app.write,
    /** Runs a command of the official command line, which must succeed, and gives what it said. */
    convex: async (...args) => {
      const { code, output } = await app.run(server, args);
      assert.equal(code, 0, `convex ${args.join(" ")}\n${output}`);
      return output;
    },
    /** Runs a command of the official command line: `{code, output}`. */
    tryConvex: (...args) => app.run(server, args),
    /** Runs a command of `fusion`, which must succeed: `{stdout, stderr}`. */
    fusion: async (command, ...args) => {
      const ended = await fusion(app.folder, command, ...args, "--url", server.url, "--admin-key", server.adminKey);
      assert.equal(ended.code, 0, `fusion ${command} ${args.join(" ")}\n${ended.stdout}${ended.stderr}`);
      return ended;
    },
    /** Pushes the app. */
    push: (tool = by) => example[tool]("deploy", "--typecheck", types ? "enable" : "disable"),
    /** Sets variables of the deployment. */
    set: async (variables) => {
      app.write(".env.deployment", Object.entries(variables).map(([name, value]) => `${name}=${value}\n`).join(""));
      await example.convex("env", "set", "--from-file", ".env.deployment", "--force");
    },
    /** The official HTTP client, of a user if there is a token. */
    http: (token) => {
      const client = new ConvexHttpClient(server.url, { logger: false });
      if (token) client.setAuth(token);
      return client;
    },
    /** Ends the server at once, whatever it does, and starts it again with the same data. */
    restart: async () => {
      const { data } = server;
      await server.kill();
      server = await start({ data });
      ahead = 0;
    },
    /** Moves the server's clock on; what is due then runs by itself. */
    advance: async (ms) => {
      ahead = (await advanceClock(server, ms)) - Date.now();
    },
    /** The time on the server's clock. */
    now: () => Date.now() + ahead,
    /** The documents of a table, as an administrator sees them. */
    rows: async (table) => {
      const { stdout } = await example.fusion("data", table, "--format", "jsonLines", "--limit", "1000", "--order", "asc");
      return stdout.split("\n").filter(Boolean).map((line) => JSON.parse(line));
    },
  };
  if (Object.keys(env).length > 0) await example.set(env);
  await example.push();
  return example;
}
