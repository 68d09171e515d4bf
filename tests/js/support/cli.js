// The official command line in a project of its own, with nothing but this machine to reach.

import { spawn } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { note } from "./coverage.js";
import { temporaryFolder } from "./server.js";
import { until } from "./wait.js";

const here = path.dirname(fileURLToPath(import.meta.url));
const modules = path.resolve(here, "../node_modules");
const projects = path.resolve(here, "../cli/projects");

const LEFT_BEHIND = new Set(["node_modules", ".env.local", ".fusion"]);

/** The versions of the `convex` package whose command line must work. */
export const versions = { 1.48: "convex", 1.34: "convex-1-34", 1.31: "convex-1-31" };

/**
 * A copy of a fixture project. `convex` names the package in `node_modules` that it depends on; with `packages` it has all
 * packages of these tests, with `typescript` the compiler. `from` is the folder that the project lies in.
 * `run(server, args, {limitMs})` resolves with `{code, output}`; `start(server, args)` leaves the command running until the test ends.
 */
export function project(t, name, { convex = "convex", packages = false, typescript = false, from = projects } = {}) {
  const folder = path.join(temporaryFolder(), name);
  // What running the project in its place has left there is no part of it.
  cpSync(path.join(from, name), folder, { recursive: true, dereference: true, filter: (file) => !LEFT_BEHIND.has(path.basename(file)) });
  if (packages) {
    symlinkSync(modules, path.join(folder, "node_modules"));
  } else {
    mkdirSync(path.join(folder, "node_modules"));
    symlinkSync(path.join(modules, convex), path.join(folder, "node_modules", "convex"));
    if (typescript) symlinkSync(path.join(modules, "typescript"), path.join(folder, "node_modules", "typescript"));
  }
  const at = (file) => path.join(folder, file);
  const outside = at("outside.log");

  const start = (server, args, { env = {} } = {}) => {
    note(args);
    const child = spawn(process.execPath, [at("node_modules/convex/bin/main.js"), ...args], {
      cwd: folder,
      stdio: ["ignore", "pipe", "pipe"],
      env: {
        PATH: process.env.PATH,
        HOME: folder,
        // Its reports of crashes to the makers of the command line are off where nobody watches.
        CI: "1",
        NO_COLOR: "1",
        NODE_OPTIONS: `--import ${path.join(here, "offline.mjs")}`,
        FUSION_OUTSIDE_LOG: outside,
        CONVEX_SELF_HOSTED_URL: server.url,
        CONVEX_SELF_HOSTED_ADMIN_KEY: server.adminKey,
        ...env,
      },
    });
    let output = "";
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (data) => (output += data));
    const exit = new Promise((resolve) => child.on("close", (code, signal) => resolve(code ?? signal)));
    t.after(() => child.kill("SIGKILL"));
    return {
      exit,
      output: () => output,
      stop: () => child.kill("SIGINT"),
      kill: () => child.kill("SIGKILL"),
      /** Waits until the output has some text, from a position on. */
      says: (text, from = 0) =>
        until(`the command to say ${JSON.stringify(text)}, not\n${output}`, () => {
          const at = output.indexOf(text, from);
          return at < 0 ? undefined : at + text.length;
        }),
    };
  };

  return {
    folder,
    start,
    run: async (server, args, { limitMs = 120_000, ...options } = {}) => {
      const command = start(server, args, options);
      const timeout = setTimeout(command.kill, limitMs);
      const code = await command.exit;
      clearTimeout(timeout);
      return { code, output: command.output() };
    },
    has: (file) => existsSync(at(file)),
    read: (file) => readFileSync(at(file), "utf8"),
    write: (file, text) => {
      mkdirSync(path.dirname(at(file)), { recursive: true });
      writeFileSync(at(file), text);
    },
    remove: (file) => rmSync(at(file), { recursive: true }),
    /** The hosts outside of this machine that commands tried to reach. */
    triedToReach: () => (existsSync(outside) ? readFileSync(outside, "utf8").trim().split("\n") : []),
  };
}
