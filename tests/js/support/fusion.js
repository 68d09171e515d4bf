// The `fusion` command as people run it: in a folder, with what it prints.

import { spawn } from "node:child_process";
import { mkdirSync, symlinkSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { binary } from "./server.js";
import { until } from "./wait.js";

const modules = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../node_modules");
const running = new Set();
process.on("exit", () => {
  for (const child of running) child.kill("SIGKILL");
});

/** The environment without the names of any deployment. */
function environment() {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("CONVEX_")));
}

/** Gives a folder the packages of these tests, as `npm install` would. */
export function linkPackages(folder) {
  symlinkSync(modules, path.join(folder, "node_modules"));
}

/** Gives a folder another version of `convex`, under the name it has in package.json here, and TypeScript. */
export function linkConvex(folder, name) {
  mkdirSync(path.join(folder, "node_modules"));
  symlinkSync(path.join(modules, name), path.join(folder, "node_modules/convex"));
  symlinkSync(path.join(modules, "typescript"), path.join(folder, "node_modules/typescript"));
}

/** Runs `fusion` to its end: `{code, stdout, stderr}`. */
export function fusion(folder, ...args) {
  return run(binary("fusion"), folder, args);
}

/** Runs a program to its end: `{code, stdout, stderr}`. */
export function run(program, folder, args, extra = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { cwd: folder, env: { ...environment(), ...extra }, stdio: ["ignore", "pipe", "pipe"] });
    running.add(child);
    let stdout = "";
    let stderr = "";
    child.stdout.on("data", (data) => (stdout += data));
    child.stderr.on("data", (data) => (stderr += data));
    child.on("error", reject);
    child.on("close", (code) => {
      running.delete(child);
      resolve({ code, stdout, stderr });
    });
  });
}

/** Starts `fusion` and leaves it running: `said(text)` waits until it prints the text, after what was waited for before. */
export function startFusion(t, folder, ...args) {
  // One pipe for both: what comes out of two is read in no order that could be told.
  const both = ["-c", 'exec "$0" "$@" 2>&1', binary("fusion"), ...args];
  const child = spawn("sh", both, { cwd: folder, env: environment(), stdio: ["ignore", "pipe", "inherit"] });
  running.add(child);
  let output = "";
  let seen = 0;
  let ended;
  child.stdout.on("data", (data) => (output += data));
  const exit = new Promise((resolve) =>
    child.on("close", (code, signal) => {
      running.delete(child);
      ended = code ?? signal;
      resolve(ended);
    }),
  );
  t.after(() => {
    child.kill("SIGKILL");
    // What it started may outlive it, and then holds the pipe open.
    child.stdout.destroy();
    return exit;
  });
  return {
    output: () => output,
    said: async (text) => {
      const at = await until(`fusion to say ${JSON.stringify(text)}`, () => {
        const at = output.indexOf(text, seen);
        if (at >= 0) return { at };
        if (ended !== undefined) throw new Error(`fusion ended with ${ended}:\n${output}`);
        return undefined;
      }).catch((error) => {
        throw new Error(`${error.message}; it said:\n${output.slice(seen)}`);
      });
      const before = output.slice(seen, at.at + text.length);
      seen = at.at + text.length;
      return before;
    },
    interrupt: () => {
      child.kill("SIGINT");
      return exit;
    },
  };
}
