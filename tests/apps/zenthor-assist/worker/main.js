// `CONVEX_URL=… AGENT_SECRET=… node worker/main.js`: one worker, until it is told to stop. What it does comes out as lines of JSON.

import { answer, silence } from "./model.js";
import { startWorker } from "./worker.js";

const { CONVEX_URL, AGENT_SECRET, WORKER_ID = `worker-${process.pid}`, WORKER_LOCK_MS = "60000", WORKER_MODEL = "answer" } = process.env;
if (!CONVEX_URL || !AGENT_SECRET) {
  console.error("Set CONVEX_URL to the server's URL and AGENT_SECRET to the secret that is set there.");
  process.exit(1);
}

const worker = startWorker({
  url: CONVEX_URL,
  serviceKey: AGENT_SECRET,
  workerId: WORKER_ID,
  lockMs: Number(WORKER_LOCK_MS),
  model: WORKER_MODEL === "silence" ? silence : answer,
  report: (step) => console.log(JSON.stringify({ worker: WORKER_ID, at: Date.now(), ...step })),
});
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, worker.stop);
// Started by a program that talks to it, it goes when that is gone.
process.on("disconnect", () => process.exit());
process.channel?.unref();
await worker.finished;
