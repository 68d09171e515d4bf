// Runs the actions of a deployment for the server that started this process.
//
// The server speaks first (`begin`); then it sends calls, any number at once, and answers to what they ask. An error
// beside a call ends that call only; after one that no promise held the process takes no more calls.

import { analyze } from "./analysis.mjs";
import { Call, currentCall } from "./calls.mjs";
import { Channel } from "./channel.mjs";
import { defineConsole } from "./console.mjs";
import { defineConvex } from "./convex.mjs";
import { describe, tellFramesBelow } from "./errors.mjs";

const calls = new Map();
const own = { ...process.env };
let root;

const channel = new Channel((header, body) => {
  receive[header.type](header, body);
});

/** Runs a piece of work and tells the server how it ended. */
async function work(id, body) {
  const call = new Call(id);
  calls.set(id, call);
  const finish = (header, text) => {
    if (call.hasEnded) return;
    const unawaited = [...call.pending.values()].map(({ op }) => op);
    call.end();
    calls.delete(id);
    channel.send({ ...header, call: id, unawaited }, text);
  };
  call.fail = (error) => finish({ type: "failed", error: describe(error), spent: isSpent }, "");
  try {
    finish({ type: "done" }, await call.run(() => body(call)));
  } catch (error) {
    call.fail(error);
  }
}

/** Whether a module failed to load: it would fail for ever in this process. */
let isSpent = false;

async function load(path) {
  try {
    return await import(new URL(path, root).href);
  } catch (error) {
    isSpent = true;
    throw error;
  }
}

async function registered(path, name) {
  const module = await load(path);
  const found = module[name];
  if (typeof found?.invokeAction !== "function") throw new Error(`Couldn't find the action ${name} in ${path}.`);
  return found;
}

const receive = {
  /** Where the modules are and what they find in `process.env`. */
  begin({ folder, variables }) {
    root = folder;
    tellFramesBelow(root);
    for (const name of Object.keys(process.env)) delete process.env[name];
    // The folder for temporary files and the path to other programs are Node's own needs; times are told as in other functions.
    Object.assign(process.env, { TZ: "UTC", ...own, ...variables });
    channel.send({ type: "ready" });
  },
  ping() {
    channel.send({ type: "pong" });
  },
  invoke({ call: id, path, name }, body) {
    const args = body.toString("utf8");
    work(id, async (call) => {
      // Whoever hears of it knows that the action may have done something.
      await channel.sendNow({ type: "began", call: id });
      const found = await registered(path, name);
      const text = await found.invokeAction(call.token, args);
      if (typeof text !== "string") throw new Error(`The function ${name} in ${path} did not give JSON text.`);
      return text.toWellFormed();
    });
  },
  analyze({ call: id, path, shared }) {
    work(id, async () => JSON.stringify(await analyze(await load(path), root, path, shared)));
  },
  /** Nobody waits for a call any more. */
  cancel({ call: id }) {
    calls.get(id)?.end();
    calls.delete(id);
  },
  answer(header, body) {
    calls.get(header.call)?.answer(header.number, header, body);
  },
};

process.on("unhandledRejection", (reason) => {
  channel.send({ type: "rejected", call: liveCall()?.id ?? null, error: describe(reason) });
});

process.on("uncaughtException", (error) => {
  const call = liveCall();
  call?.fail(error);
  // What state the process is in nobody knows.
  channel.send({ type: "thrown", call: call?.id ?? null, error: describe(error) });
});

function liveCall() {
  const call = currentCall();
  return call === undefined || call.hasEnded ? undefined : call;
}

// Other calls run in this process, too.
process.exit = (code) => {
  throw new Error(`process.exit(${code ?? ""}) is not available in actions. Return or throw instead.`);
};
process.abort = () => {
  throw new Error("process.abort() is not available in actions. Throw instead.");
};

defineConsole(channel);
defineConvex(channel);
