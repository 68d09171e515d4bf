// `console` and the standard streams: what is printed goes to the log of the call that prints it.

import { Buffer } from "node:buffer";
import { Console } from "node:console";
import { Readable, Writable } from "node:stream";
import { inspect } from "node:util";
import { currentCall } from "./calls.mjs";
import { concise } from "./errors.mjs";

const show = (args) => args.map((value) => inspect(value));

/** Lines that end in a newline, as writers of streams write them, without it. */
const withoutNewline = (text) => text.replace(/\n$/, "");

function stream(print) {
  return new Writable({
    decodeStrings: false,
    write(chunk, _encoding, done) {
      print(withoutNewline(typeof chunk === "string" ? chunk : Buffer.from(chunk).toString("utf8")));
      done();
    },
  });
}

/** Puts `console` in place. `print(level, messages)` gets every line, its arguments formatted. */
export function defineConsole(channel) {
  const print = (level, messages) => {
    const call = currentCall();
    if (call?.hasEnded) return;
    channel.send({ type: "log", call: call?.id ?? null, level }, JSON.stringify(messages.map(concise)));
  };
  // Whatever is no plain line (tables, counts, times) is text made by Node's own console.
  const plain = new Console({
    stdout: stream((text) => print("LOG", [text])),
    stderr: stream((text) => print("WARN", [text])),
    colorMode: false,
  });
  const made = globalThis.console;
  for (const name of Object.keys(plain)) {
    if (typeof plain[name] === "function") made[name] = plain[name];
  }
  let depth = 0;
  const indented = (messages) => {
    if (depth === 0) return messages;
    const [first = "", ...rest] = messages;
    return ["  ".repeat(depth) + first, ...rest];
  };
  const levels = { log: "LOG", info: "INFO", warn: "WARN", error: "ERROR", debug: "DEBUG", dirxml: "LOG" };
  for (const [name, level] of Object.entries(levels)) {
    made[name] = (...args) => print(level, indented(show(args)));
  }
  made.trace = (...args) => {
    const stack = new Error().stack.split("\n").slice(2).join("\n");
    print("LOG", indented([args.length === 0 ? "Trace" : "Trace:", ...show(args), `\n${stack}`]));
  };
  made.assert = (condition, ...args) => {
    if (!condition) print("WARN", indented([args.length === 0 ? "Assertion failed" : "Assertion failed:", ...show(args)]));
  };
  made.group = made.groupCollapsed = (...args) => {
    if (args.length > 0) print("LOG", indented(show(args)));
    depth += 1;
  };
  made.groupEnd = () => {
    depth = Math.max(0, depth - 1);
  };
  const define = (name, value) => Object.defineProperty(process, name, { configurable: true, enumerable: true, value });
  define("stdin", Readable.from([]));
  define("stdout", stream((text) => print("LOG", [text])));
  define("stderr", stream((text) => print("ERROR", [text])));
}
