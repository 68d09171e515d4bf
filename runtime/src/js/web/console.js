// `console`. Lines go to the host as formatted arguments; what Node prints to one of two streams is told by its level.

const { Map, Math, RegExp, String, apply } = internals.primordials;
const { test } = RegExp.prototype;
// Loaded for what is more than plain text and numbers.
const inspect = (value, options) => internals.need("inspect").inspect(value, options);
const stringWidth = (text) => internals.need("inspect").stringWidth(text);

const counts = new Map();
const timers = new Map();
let indentation = "";

/** Prints arguments that are text already. */
const print = (level, messages) => {
  if (indentation !== "") {
    messages = messages.map((message) => message.replaceAll("\n", `\n${indentation}`));
    if (messages.length === 0) messages.push("");
    messages[0] = indentation + messages[0];
  }
  ops.log(level, messages.map((message) => message.toWellFormed()));
};
const plain = /^[ !#-&(-[\]-~]{0,80}$/;
const show = (args) =>
  args.map((arg) => {
    if (typeof arg === "string" && apply(test, plain, [arg])) return `'${arg}'`;
    if (typeof arg === "boolean" || arg === undefined || arg === null) return `${arg}`;
    return inspect(arg);
  });

const labelOf = (label) => (label === undefined ? "default" : `${label}`);

const elapsed = (label) => {
  const began = timers.get(label);
  if (began === undefined) {
    print("WARN", [`Warning: No such label '${label}' for console.time()`]);
    return undefined;
  }
  const milliseconds = ops.now() - began;
  if (milliseconds >= 1000) return `${label}: ${(milliseconds / 1000).toFixed(3)}s`;
  return `${label}: ${Number.isInteger(milliseconds) ? milliseconds : milliseconds.toFixed(3)}ms`;
};

const table = (data, columns) => {
  if (typeof data !== "object" || data === null) return print("LOG", show([data]));
  const rows = [];
  const isMap = data instanceof Map;
  const isSet = data instanceof internals.primordials.Set;
  if (isMap) [...data].forEach(([key, value], index) => rows.push([String(index), inspect(key), value]));
  else if (isSet) [...data].forEach((value, index) => rows.push([String(index), null, value]));
  else for (const key of Object.keys(data)) rows.push([key, null, data[key]]);
  const names = columns === undefined ? [] : [...columns].map((name) => `${name}`);
  const cells = [];
  let hasValues = false;
  for (const [index, key, value] of rows) {
    const row = { index, key, value: "", cells: new Map() };
    const isRecord = typeof value === "object" && value !== null && !isMap;
    if (isRecord) {
      for (const name of Object.keys(value)) {
        if (columns === undefined && !names.includes(name)) names.push(name);
        if (names.includes(name)) row.cells.set(name, inspect(value[name], { depth: 0 }));
      }
    } else {
      hasValues = true;
      row.value = inspect(value, { depth: 0 });
    }
    cells.push(row);
  }
  const head = [isMap || isSet ? "(iteration index)" : "(index)"];
  if (isMap) head.push("Key");
  head.push(...names);
  if (hasValues) head.push("Values");
  const lines = cells.map((row) => {
    const line = [row.index];
    if (isMap) line.push(row.key);
    for (const name of names) line.push(row.cells.get(name) ?? "");
    if (hasValues) line.push(row.value);
    return line;
  });
  const widths = head.map((title, column) => Math.max(stringWidth(title), ...lines.map((line) => stringWidth(line[column]))) + 2);
  const rule = (left, middle, right) => left + widths.map((width) => "─".repeat(width)).join(middle) + right;
  const row = (line) =>
    `│${line
      .map((cell, column) => {
        return ` ${cell}${" ".repeat(widths[column] - stringWidth(cell) - 1)}`;
      })
      .join("│")}│`;
  const text = [rule("┌", "┬", "┐"), row(head), rule("├", "┼", "┤"), ...lines.map(row), rule("└", "┴", "┘")];
  print("LOG", [text.join("\n")]);
};

const console = {
  log: (...args) => print("LOG", show(args)),
  info: (...args) => print("INFO", show(args)),
  warn: (...args) => print("WARN", show(args)),
  error: (...args) => print("ERROR", show(args)),
  debug: (...args) => print("DEBUG", show(args)),
  trace: (...args) => {
    const stack = new Error().stack.split("\n").slice(1).join("\n");
    print("LOG", [args.length === 0 ? "Trace" : "Trace:", ...show(args), ...(stack === "" ? [] : [`\n${stack}`])]);
  },
  dir: (value, options = undefined) => print("LOG", [inspect(value, { customInspect: false, ...options })]),
  dirxml: (...args) => print("LOG", show(args)),
  assert: (condition, ...args) => {
    if (!condition) print("WARN", [args.length === 0 ? "Assertion failed" : "Assertion failed:", ...show(args)]);
  },
  table: (data, columns = undefined) => table(data, columns),
  count: (label = undefined) => {
    label = labelOf(label);
    const count = (counts.get(label) ?? 0) + 1;
    counts.set(label, count);
    print("LOG", [`${label}: ${count}`]);
  },
  countReset: (label = undefined) => {
    label = labelOf(label);
    if (!counts.delete(label)) print("WARN", [`Warning: Count for '${label}' does not exist`]);
  },
  time: (label = undefined) => {
    label = labelOf(label);
    if (timers.has(label)) print("WARN", [`Warning: Label '${label}' already exists for console.time()`]);
    else timers.set(label, ops.now());
  },
  timeLog: (label = undefined, ...args) => {
    const text = elapsed(labelOf(label));
    if (text !== undefined) print("LOG", [text, ...show(args)]);
  },
  timeEnd: (label = undefined) => {
    label = labelOf(label);
    const text = elapsed(label);
    if (text !== undefined) print("LOG", [text]);
    timers.delete(label);
  },
  group: (...args) => {
    if (args.length > 0) print("LOG", show(args));
    indentation += "  ";
  },
  groupCollapsed: (...args) => {
    if (args.length > 0) print("LOG", show(args));
    indentation += "  ";
  },
  groupEnd: () => {
    indentation = indentation.slice(2);
  },
  timeStamp: () => {},
  profile: () => {},
  profileEnd: () => {},
};
for (const name of Object.keys(console)) {
  const call = console[name];
  // Methods cannot be constructed, have a name, and do not need their receiver.
  console[name] = { [name](...args) { return call(...args); } }[name];
}
Object.defineProperty(console, Symbol.toStringTag, { value: "console", configurable: true });

internals.console = { console };
internals.expose({ console });
