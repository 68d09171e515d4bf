// Workers of the app as processes of their own, and the record of what they say.

import { spawn } from "node:child_process";
import path from "node:path";
import { createInterface } from "node:readline";
import { AGENT_SECRET } from "./zenthor.js";

const running = new Set();
process.on("exit", () => {
  for (const child of running) child.kill("SIGKILL");
});

/**
 * Starts workers; `workers.steps` is what they all report, in the order in which it arrives here. Each worker has its own `steps`,
 * `kill()`, which resolves when it is gone, and `stop()`, which lets it end its job first.
 */
export function startWorkers(t, app, url, { count, model = "answer", lockMs = 60_000, name = "worker", steps = [] }) {
  const workers = Array.from({ length: count }, (_, number) => {
    const child = spawn(process.execPath, [path.join(app.folder, "worker/main.js")], {
      // The channel tells it when this process is gone, however it went.
      stdio: ["ignore", "pipe", "inherit", "ipc"],
      env: {
        ...process.env,
        CONVEX_URL: url,
        AGENT_SECRET,
        WORKER_ID: `${name}-${number}`,
        WORKER_LOCK_MS: String(lockMs),
        WORKER_MODEL: model,
      },
    });
    running.add(child);
    const own = [];
    createInterface({ input: child.stdout }).on("line", (line) => {
      const step = JSON.parse(line);
      own.push(step);
      steps.push(step);
    });
    const exit = new Promise((resolve) =>
      child.on("close", (code, signal) => {
        running.delete(child);
        resolve(code ?? signal);
      }),
    );
    const end = (signal) => () => {
      child.kill(signal);
      return exit;
    };
    t.after(end("SIGKILL"));
    return { id: `${name}-${number}`, steps: own, kill: end("SIGKILL"), stop: end("SIGTERM") };
  });
  return Object.assign(workers, { steps });
}
