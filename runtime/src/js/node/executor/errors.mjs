// Errors taken apart for the server, which maps their places to the files that people wrote.

import { fileURLToPath } from "node:url";

/** Deep enough for a function that calls through a package or two. */
const FRAMES_MAX = 40;

/** How the server knows a file: modules by their path in the bundle, packages by their path below `node_modules`. */
let moduleOf = () => undefined;

/** Where things are on the server concerns nobody else. */
let withoutFolder = (text) => text;
export const concise = (text) => withoutFolder(text);

/** From now on frames in files below this URL are told, and those in packages. */
export function tellFramesBelow(root) {
  const folder = fileURLToPath(root);
  withoutFolder = (text) => text.replaceAll(root, "").replaceAll(folder, "").toWellFormed();
  moduleOf = (url) => {
    if (url.startsWith(root)) return decodeURI(url.slice(root.length));
    const packages = url.lastIndexOf("/node_modules/");
    return packages < 0 ? undefined : decodeURI(url.slice(packages + 1));
  };
  Error.stackTraceLimit = FRAMES_MAX;
}

const FRAME = /^ {4}at (?:(.*) \()?((?:file:\/\/|\/)[^()]*?):(\d+):(\d+)\)?$/;

/** `Object.handler [as other]` is `handler` to those who wrote it. */
const plainName = (name) => {
  const bare = name.replace(/ \[as [^\]]*\]$/, "").replace(/^async /, "").replace(/^.*\.(?=[^.]+$)/, "");
  return bare === "" || bare === "<anonymous>" ? null : bare;
};

/** The lines of a stack that tell a place in a module or package. */
export function framesOf(stack) {
  const frames = [];
  for (const line of `${stack}`.split("\n")) {
    const found = FRAME.exec(line);
    if (found === null) continue;
    const [, name = "", place, lineNumber, column] = found;
    const module = moduleOf(place.startsWith("/") ? `file://${place}` : place);
    if (module === undefined) continue;
    // An error is thrown where it is made, not in the constructors of its class.
    if (frames.length === 0 && name.startsWith("new ")) continue;
    const isAsync = name.startsWith("async ") || line.startsWith("    at async ");
    const plain = plainName(name);
    const shown = isAsync ? `async ${plain ?? "<anonymous>"}` : plain;
    frames.push({ function: shown, module, line: Number(lineNumber), column: Number(column) });
  }
  return frames;
}

const textOf = (value) => {
  try {
    return typeof value === "symbol" ? value.toString() : `${value}`;
  } catch {
    return "[object]";
  }
};

const property = (value, name) => {
  try {
    const found = value[name];
    return found === undefined ? "" : textOf(found);
  } catch {
    return "";
  }
};

/** The JSON text that the npm package leaves in a `ConvexError` on its way out. */
const convexData = (value) => {
  try {
    return typeof value.ConvexErrorSymbol === "symbol" && typeof value.data === "string" ? value.data : null;
  } catch {
    return null;
  }
};

/** What a thrown value says: `{name, message, frames, data}`. */
export function describe(value) {
  const isObject = (typeof value === "object" && value !== null) || typeof value === "function";
  if (!isObject) return { name: "", message: concise(textOf(value)), frames: [], data: null };
  const stack = property(value, "stack");
  if (stack === "") return { name: "", message: concise(textOf(value)), frames: [], data: convexData(value) };
  return {
    name: property(value, "name").toWellFormed(),
    message: concise(property(value, "message")),
    frames: framesOf(stack),
    data: convexData(value),
  };
}
