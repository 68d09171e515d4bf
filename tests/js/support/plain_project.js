// The official command line in a project without functions, where stdout and stderr matter apart.

import { spawn } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { note } from "./coverage.js";
import { temporaryFolder } from "./server.js";

const here = path.dirname(fileURLToPath(import.meta.url));
const modules = path.resolve(here, "../node_modules");

/**
 * A project whose commands talk to `server`.
 * `start(...args)` gives the child process, `convex(...args)` resolves with `{code, stdout, stderr}`.
 */
export function plainProject(t, server, packageName, environment = {}) {
  const folder = temporaryFolder();
  writeFileSync(path.join(folder, "package.json"), '{"name":"app","dependencies":{"convex":"1"}}');
  mkdirSync(path.join(folder, "node_modules"));
  symlinkSync(path.join(modules, packageName), path.join(folder, "node_modules/convex"));
  const env = {
    PATH: process.env.PATH,
    HOME: folder,
    CI: "1",
    NO_COLOR: "1",
    NODE_OPTIONS: `--import ${path.join(here, "offline.mjs")}`,
    FUSION_OUTSIDE_LOG: path.join(folder, "outside.log"),
    CONVEX_SELF_HOSTED_URL: server.url,
    CONVEX_SELF_HOSTED_ADMIN_KEY: server.adminKey,
    ...environment,
  };
  const start = (...args) => {
    note(args);
    const child = spawn(process.execPath, [path.join(modules, packageName, "bin/main.js"), ...args], { cwd: folder, env });
    child.output = { stdout: "", stderr: "" };
    for (const stream of ["stdout", "stderr"]) {
      child[stream].setEncoding("utf8");
      child[stream].on("data", (text) => (child.output[stream] += text));
    }
    child.ended = new Promise((resolve) => child.on("close", (code) => resolve(code)));
    t.after(() => child.kill("SIGKILL"));
    return child;
  };
  /** Runs a command to its end, with `input` as what is typed. */
  const convexReading = async (input, ...args) => {
    const child = start(...args);
    child.stdin.end(input);
    const timeout = setTimeout(() => child.kill("SIGKILL"), 60_000);
    const code = await child.ended;
    clearTimeout(timeout);
    return { code, ...child.output };
  };
  const convex = (...args) => convexReading(undefined, ...args);
  /** The output of a command that must succeed. */
  const done = async (...args) => {
    const { code, stdout, stderr } = await convex(...args);
    if (code !== 0) throw new Error(`convex ${args.join(" ")} ended with ${code}:\n${stdout}\n${stderr}`);
    return stdout;
  };
  /** The hosts outside of this machine that commands tried to reach. */
  const triedToReach = () => {
    const log = path.join(folder, "outside.log");
    return existsSync(log) ? readFileSync(log, "utf8").trim().split("\n") : [];
  };
  return { folder, start, convex, convexReading, done, triedToReach, write: (name, content) => writeFileSync(path.join(folder, name), content) };
}
