// A real server process on loopback, found through its ready file, killed at the end of the test whatever happens.

import { spawn } from "node:child_process";
import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { ConvexClient } from "convex/browser";
import { until } from "./wait.js";

const repository = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../../..");
const running = new Set();
const folders = [];
process.on("exit", () => {
  for (const child of running) child.kill("SIGKILL");
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

/** The program under test, as `make test` builds it. */
export function binary(name) {
  const file = path.join(process.env.FUSION_BIN ?? path.join(repository, "target/debug"), name);
  if (!existsSync(file)) throw new Error(`${file} is missing: run \`make test-js\`, which builds it first`);
  return file;
}

/** A temporary folder that goes away with the process, when all servers are gone. */
export function temporaryFolder() {
  const folder = mkdtempSync(path.join(tmpdir(), "fusion-js-"));
  folders.push(folder);
  return folder;
}

/** A port that is free now, for servers that are restarted on the same one. */
export function freePort() {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.on("error", reject);
    probe.listen(0, "127.0.0.1", () => {
      const { port } = probe.address();
      probe.close(() => resolve(port));
    });
  });
}

/**
 * Starts a server and resolves with `{url, siteUrl, adminKey, kill, stop}` once it is ready.
 * Options: `program` (default the fixture application), `args`, `port` (default any), `data` (default a new folder), `env` (added to this process's).
 */
export async function startServer(t, options = {}) {
  const { program = "fusion-fixture", args = [], port = 0, env = {}, data = path.join(temporaryFolder(), "data") } = options;
  const readyFile = `${data}.ready.json`;
  const logFile = `${data}.log`;
  rmSync(readyFile, { force: true });
  const log = openSync(logFile, "a");
  const pages = process.env.FUSION_WEB_DIR ? ["--web-dir", process.env.FUSION_WEB_DIR] : [];
  const flags = [...pages, "--interface", "127.0.0.1", "--data-dir", data, "--port", String(port), "--site-port", "0", "--ready-file", readyFile];
  const child = spawn(binary(program), [...args, ...flags], { stdio: ["ignore", log, log], env: { ...process.env, ...env } });
  closeSync(log);
  running.add(child);
  let ended;
  const exit = new Promise((resolve) => {
    child.on("exit", (code, signal) => {
      ended = signal ?? `code ${code}`;
      running.delete(child);
      resolve(ended);
    });
    child.on("error", (error) => {
      ended = error.message;
      resolve(ended);
    });
  });
  const kill = () => {
    child.kill("SIGKILL");
    return exit;
  };
  t.after(kill);
  const ready = await until("the server to be ready", () => {
    if (ended !== undefined) throw new Error(`the server ended with ${ended}:\n${readFileSync(logFile, "utf8")}`);
    try {
      return JSON.parse(readFileSync(readyFile, "utf8"));
    } catch {
      return undefined;
    }
  });
  return {
    ...ready,
    url: ready.url.replace(/\/$/, ""),
    data,
    log: () => readFileSync(logFile, "utf8"),
    kill,
    stop: () => {
      child.kill("SIGTERM");
      return exit;
    },
  };
}

/** The official browser client, closed at the end of the test. */
export function connectClient(t, server, options = {}) {
  const client = new ConvexClient(server.url, { logger: false, ...options });
  t.after(() => client.close());
  return client;
}

/** Calls any function with the admin key over plain HTTP. */
export async function callAsAdmin(server, path, args = {}) {
  const response = await fetch(`${server.url}/api/function`, {
    method: "POST",
    headers: { "Content-Type": "application/json", Authorization: `Convex ${server.adminKey}` },
    body: JSON.stringify({ path, args, format: "convex_encoded_json" }),
  });
  const answer = await response.json();
  if (answer.status !== "success") throw new Error(`${path}: ${JSON.stringify(answer)}`);
  return answer.value;
}
