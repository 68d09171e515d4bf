// Which commands and flags of the official command line were used in this process, and which its help lists.

import { execFileSync } from "node:child_process";
import path from "node:path";
import { fileURLToPath } from "node:url";

const modules = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../node_modules");
const used = new Map();

/** The words of a command line that name the command: `env set` has two. */
const commandOf = (args) => (args[0] === "env" && !args[1]?.startsWith("-") ? `env ${args[1]}` : args[0]);

/** Notes a command line. */
export function note(args) {
  const command = commandOf(args);
  if (!used.has(command)) used.set(command, new Set());
  for (const arg of args) if (/^--?[a-z]/.test(arg)) used.get(command).add(arg);
}

/** The flags that a command's help lists, each with its short form: `[["--watch", "-w"], ["--push"]]`. */
export function flags(packageName, command) {
  const help = execFileSync(process.execPath, [path.join(modules, packageName, "bin/main.js"), ...command.split(" "), "--help"], {
    encoding: "utf8",
    env: { PATH: process.env.PATH, CI: "1" },
  });
  return [...help.matchAll(/^ {2}(?:(-[a-zA-Z]), )?(--[a-z-]+)(?=[ \n])/gm)].map(([, short, long]) => (short ? [long, short] : [long]));
}

/** `command flag` for each flag that its help lists and no test of this process has used, but for those in `without`. */
export function unused(packageName, commands, without) {
  return commands.flatMap((command) => {
    const seen = used.get(command) ?? new Set();
    const missing = flags(packageName, command).filter(([long, short]) => !(long in without) && !seen.has(long) && !seen.has(short));
    return [...(seen.size || used.has(command) ? [] : [command]), ...missing.map(([long]) => `${command} ${long}`)];
  });
}
