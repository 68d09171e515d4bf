// Runs every check of `checks/` in Node and prints what each gave, as JSON: the results that Fusion must give too.
// `node expected.mjs <address of the test server> <address of a second one>`
//
// A check file is an ES module that imports nothing but files of `material/`, in one line each:
//   export const phase = "query";          where Fusion runs it; "action" if it does not say
//   export const checks = {
//     "what it shows": (t) => value,       a value that JSON can carry, or a promise of one
//     "where Node differs": { why: "…", expect: value, run: (t) => value },
//   };
// What a check prints with `console` counts as part of its result. `t.server` and `t.other` are the addresses of two
// test servers, `t.outcome(f)` tells whether `f` throws and what.

import { readdirSync, readFileSync } from "node:fs";
import { Console } from "node:console";
import { Writable } from "node:stream";
import { inspect } from "node:util";
import { AsyncLocalStorage } from "node:async_hooks";

const here = new URL("checks/", import.meta.url);
const [server, other] = process.argv.slice(2);

// What Fusion has and Node 20 has elsewhere.
globalThis.AsyncLocalStorage = AsyncLocalStorage;
const { File } = await import("node:buffer");
globalThis.File ??= File;
globalThis.self ??= globalThis;
for (const name of Object.keys(process.env)) delete process.env[name];
Object.assign(process.env, { GREETING: "hello", EMPTY: "", SERVER: server });

/** A console that keeps what it prints: arguments as Fusion shows them, or the text that Node makes. */
const recorder = (lines) => {
  const stream = (level) =>
    new Writable({
      decodeStrings: false,
      write(chunk, _encoding, done) {
        lines.push([level, chunk.replace(/\n$/, "")]);
        done();
      },
    });
  const console = new Console({ stdout: stream("LOG"), stderr: stream("WARN"), groupIndentation: 2 });
  // Apart, because some methods of a console call others of it.
  const shown = Object.assign(Object.create(console), console);
  for (const name of ["log", "info", "warn", "error", "debug"]) {
    shown[name] = (...args) => void lines.push([name.toUpperCase(), args.map((arg) => inspect(arg)).join(" ")]);
  }
  return shown;
};

const support = readFileSync(new URL("support.js", import.meta.url), "utf8");
const { makeSupport, outcomeOf } = await import(`data:text/javascript,${encodeURIComponent(support)}`);
const t = makeSupport(server, other);

// Timers of signals do not keep Node alive.
setInterval(() => {}, 1000);

const areas = [];
for (const file of readdirSync(here).filter((name) => name.endsWith(".js")).sort()) {
  const { checks, phase = "action" } = await import(new URL(file, here));
  const results = [];
  for (const [name, check] of Object.entries(checks)) {
    if (typeof check !== "function") {
      results.push({ name, why: check.why, value: { value: check.expect ?? null }, lines: check.lines ?? [] });
      continue;
    }
    const lines = [];
    const console = globalThis.console;
    globalThis.console = recorder(lines);
    const value = await outcomeOf(check, t);
    globalThis.console = console;
    results.push({ name, value, lines });
  }
  areas.push({ file, phase, results });
}
process.stdout.write(JSON.stringify(areas), () => process.exit(0));
