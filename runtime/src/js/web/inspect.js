// What `console.log` prints of a value: the formatting of Node's `util.inspect` with its defaults.

const { Object, Array, Map, Set, Symbol, String, Error, Math, Number, RegExp, Reflect, Promise, ArrayBuffer, DataView, Function } =
  internals.primordials;
const { apply, isView } = internals.primordials;
const { getOwnPropertyDescriptor, getPrototypeOf, getOwnPropertyNames, getOwnPropertySymbols } = Object;

const CUSTOM = Symbol.for("nodejs.util.inspect.custom");
const BREAK_LENGTH = 80;
const COMPACT = 3;
const ITEMS_MAX = 100;
const STRING_MAX = 10000;

const getter = (prototype, name) => getOwnPropertyDescriptor(prototype, name).get;
const brands = {
  mapSize: getter(Map.prototype, "size"),
  setSize: getter(Set.prototype, "size"),
  bufferLength: getter(ArrayBuffer.prototype, "byteLength"),
  viewLength: getter(DataView.prototype, "byteLength"),
  typedArrayTag: getter(getPrototypeOf(Uint8Array.prototype), Symbol.toStringTag),
  dateValue: internals.primordials.Date.prototype.getTime,
  regExp: RegExp.prototype.toString,
  regExpSource: getter(RegExp.prototype, "source"),
  weakMap: WeakMap.prototype.has,
  weakSet: WeakSet.prototype.has,
  number: Number.prototype.valueOf,
  string: String.prototype.valueOf,
  boolean: Boolean.prototype.valueOf,
  bigint: BigInt.prototype.valueOf,
  symbol: Symbol.prototype.valueOf,
};
const toText = Object.prototype.toString;

/** Whether a built-in accepts the value as one of its own. */
const is = (brand, value, arg) => {
  try {
    apply(brand, value, [arg]);
    return true;
  } catch {
    return false;
  }
};

const isError = (value) => (typeof Error.isError === "function" ? Error.isError(value) : value instanceof Error);

// --- text -------------------------------------------------------------------------------------------------------

const wide = /[\u1100-\u115f\u2329\u232a\u2e80-\u3247\u3250-\u4dbf\u4e00-\ua4c6\ua960-\ua97c\uac00-\ud7a3\uf900-\ufaff\ufe10-\ufe19\ufe30-\ufe6b\uff01-\uff60\uffe0-\uffe6]|[\u{1b000}-\u{1b001}\u{1f200}-\u{1f251}\u{1f300}-\u{1f9ff}\u{20000}-\u{3fffd}]/u;
const zero = /[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u20d0-\u20ff\ufe00-\ufe0f\ufe20-\ufe2f\u0300-\u036f]|[\u{e0100}-\u{e01ef}]/u;

/** How many columns a text takes. */
const stringWidth = (text) => {
  if (!/[^\x20-\x7e]/.test(text)) return text.length;
  let width = 0;
  for (const char of text.normalize("NFC")) width += zero.test(char) ? 0 : wide.test(char) ? 2 : 1;
  return width;
};

const escapes = { "\b": "\\b", "\t": "\\t", "\n": "\\n", "\f": "\\f", "\r": "\\r", "\\": "\\\\" };
const hex = (code, length) => code.toString(16).toUpperCase().padStart(length, "0");

/** A string in quotes, of the kind that needs the fewest escapes. */
const quote = (text) => {
  let mark = "'";
  if (text.includes("'")) {
    if (!text.includes('"')) mark = '"';
    else if (!text.includes("`") && !text.includes("${")) mark = "`";
  }
  let quoted = "";
  for (let index = 0; index < text.length; index++) {
    const char = text[index];
    const code = text.charCodeAt(index);
    if (char === "'" && mark === "'") quoted += "\\'";
    else if (escapes[char] !== undefined) quoted += escapes[char];
    else if (code < 0x20 || (code >= 0x7f && code <= 0x9f)) quoted += `\\x${hex(code, 2)}`;
    else if (code >= 0xd800 && code <= 0xdfff) {
      const next = text.charCodeAt(index + 1);
      if (code < 0xdc00 && next >= 0xdc00 && next <= 0xdfff) {
        quoted += char + text[++index];
      } else {
        quoted += `\\u${code.toString(16)}`;
      }
    } else quoted += char;
  }
  return mark + quoted + mark;
};

const plural = (count, one) => `${count} ${one}${count > 1 ? "s" : ""}`;

const string = (context, text) => {
  let trailer = "";
  if (text.length > STRING_MAX) {
    trailer = `... ${plural(text.length - STRING_MAX, "more character")}`;
    text = text.slice(0, STRING_MAX);
  }
  if (text.length > 16 && text.length > BREAK_LENGTH - context.indentation - 4) {
    const lines = text.split(/(?<=\n)/);
    return lines.map(quote).join(` +\n${" ".repeat(context.indentation + 2)}`) + trailer;
  }
  return quote(text) + trailer;
};

const primitive = (context, value) => {
  switch (typeof value) {
    case "string":
      return string(context, value);
    case "number":
      return Object.is(value, -0) ? "-0" : `${value}`;
    case "bigint":
      return `${value}n`;
    case "symbol":
      return apply(Symbol.prototype.toString, value, []);
    default:
      return `${value}`;
  }
};

// --- names ------------------------------------------------------------------------------------------------------

/** The name of the class a value is of, `null` if its prototype is. */
const constructorName = (value) => {
  for (let object = value, first = true; object !== null; object = getPrototypeOf(object), first = false) {
    const constructor = getOwnPropertyDescriptor(object, "constructor")?.value;
    if (typeof constructor === "function" && constructor.name !== "" && typeof constructor.name === "string") {
      if (isInstance(value, constructor)) return constructor.name;
    }
  }
  return null;
};

const isInstance = (value, constructor) => {
  try {
    return apply(Function.prototype[Symbol.hasInstance], constructor, [value]);
  } catch {
    return false;
  }
};

/** `Name `, `Name(size) `, with a tag if it says something else. */
const prefix = (name, tag, fallback, size = "") => {
  if (name === null) {
    return tag !== "" && fallback !== tag
      ? `[${fallback}${size}: null prototype] [${tag}] `
      : `[${fallback}${size}: null prototype] `;
  }
  return tag !== "" && name !== tag ? `${name}${size} [${tag}] ` : `${name}${size} `;
};

const builtins = new Set();
for (const name of getOwnPropertyNames(globalThis)) {
  const descriptor = getOwnPropertyDescriptor(globalThis, name);
  if (typeof descriptor.value === "function") builtins.add(descriptor.value);
}

const isClass = (value) => {
  const prototype = getOwnPropertyDescriptor(value, "prototype");
  return prototype !== undefined && prototype.writable === false && !builtins.has(value) && prototype.value !== undefined;
};

const functionKinds = { AsyncFunction: "AsyncFunction", GeneratorFunction: "GeneratorFunction", AsyncGeneratorFunction: "AsyncGeneratorFunction" };

const functionBase = (value, constructor, tag) => {
  const ownKind = apply(toText, value, []).slice(8, -1);
  const kind = functionKinds[ownKind] ?? "Function";
  if (kind === "Function" && isClass(value)) {
    const own = Object.hasOwn(value, "name") && typeof value.name === "string" && value.name !== "" ? value.name : "(anonymous)";
    let base = `class ${own}`;
    if (constructor !== "Function" && constructor !== null) base += ` [${constructor}]`;
    if (tag !== "" && constructor !== tag) base += ` [${tag}]`;
    const parent = getPrototypeOf(value);
    if (constructor === null) base += " extends [null prototype]";
    else if (typeof parent === "function" && parent.name) base += ` extends ${parent.name}`;
    return `[${base}]`;
  }
  let base = `[${kind}`;
  if (constructor === null) base += " (null prototype)";
  base += typeof value.name !== "string" || value.name === "" ? " (anonymous)" : `: ${value.name}`;
  base += "]";
  if (constructor !== kind && constructor !== null) base += ` ${constructor}`;
  if (tag !== "" && constructor !== tag && tag !== kind) base += ` [${tag}]`;
  return base;
};

// --- objects ----------------------------------------------------------------------------------------------------

const keysOf = (value, showHidden) => {
  if (showHidden) return Reflect.ownKeys(value).filter((key) => !(Array.isArray(value) && key === "length"));
  const symbols = getOwnPropertySymbols(value).filter((key) => getOwnPropertyDescriptor(value, key)?.enumerable);
  return [...Object.keys(value), ...symbols];
};

const isIndex = (key) => typeof key === "string" && /^(0|[1-9][0-9]*)$/.test(key) && Number(key) < 4294967295;

const propertyName = (key, isEnumerable) => {
  if (typeof key === "symbol") return `[${quoteSymbol(key)}]`;
  if (key === "__proto__") return "['__proto__']";
  if (!isEnumerable) return `[${key}]`;
  return /^[a-zA-Z_][a-zA-Z_0-9]*$/.test(key) ? key : quote(key);
};
const quoteSymbol = (symbol) => apply(Symbol.prototype.toString, symbol, []);

const property = (context, value, key, depth, isItem) => {
  const descriptor = getOwnPropertyDescriptor(value, key) ?? { value: value[key], enumerable: true };
  let text;
  if ("value" in descriptor) {
    text = nested(context, descriptor.value, depth);
  } else if (descriptor.get !== undefined) {
    text = descriptor.set !== undefined ? "[Getter/Setter]" : "[Getter]";
  } else {
    text = descriptor.set !== undefined ? "[Setter]" : "undefined";
  }
  return isItem ? text : `${propertyName(key, descriptor.enumerable)}: ${text}`;
};

const more = (rest) => `... ${plural(rest, "more item")}`;

const arrayItems = (context, value, depth) => {
  const output = [];
  const shown = Math.min(context.itemsMax, value.length);
  let index = 0;
  while (index < value.length && output.length < shown) {
    if (Object.hasOwn(value, index)) {
      output.push(property(context, value, `${index}`, depth, true));
      index++;
      continue;
    }
    const first = index;
    while (index < value.length && !Object.hasOwn(value, index)) {
      // Sparse arrays may be long: go on at the next item there is.
      if (index - first > 1000) {
        const next = Object.keys(value).find((key) => isIndex(key) && Number(key) > index);
        index = next === undefined ? value.length : Number(next);
      } else {
        index++;
      }
    }
    output.push(`<${plural(index - first, "empty item")}>`);
  }
  if (value.length > index) output.push(more(value.length - index));
  return output;
};

const typedArrayItems = (context, value) => {
  const shown = Math.min(context.itemsMax, value.length);
  const output = [];
  for (let index = 0; index < shown; index++) output.push(primitive(context, value[index]));
  if (value.length > shown) output.push(more(value.length - shown));
  return output;
};

const setItems = (context, values, depth) => {
  const output = [];
  context.indentation += 2;
  const items = [...values];
  for (const item of items.slice(0, context.itemsMax)) output.push(format(context, item, depth));
  if (items.length > context.itemsMax) output.push(more(items.length - context.itemsMax));
  context.indentation -= 2;
  return output;
};

const mapItems = (context, entries, depth) => {
  const output = [];
  context.indentation += 2;
  const items = [...entries];
  for (const [key, item] of items.slice(0, context.itemsMax)) {
    output.push(`${format(context, key, depth)} => ${format(context, item, depth)}`);
  }
  if (items.length > context.itemsMax) output.push(more(items.length - context.itemsMax));
  context.indentation -= 2;
  return output;
};

const bufferItems = (context, value, depth) => {
  const bytes = new Uint8Array(value);
  let contents = "";
  for (let index = 0; index < Math.min(50, bytes.length); index++) contents += `${index > 0 ? " " : ""}${(bytes[index] + 256).toString(16).slice(1)}`;
  if (bytes.length > 50) contents += ` ... ${plural(bytes.length - 50, "more byte")}`;
  return [`[Uint8Contents]: <${contents}>`, `byteLength: ${format(context, bytes.length, depth)}`];
};

const errorBase = (context, error, keys) => {
  const name = typeof error.name === "string" || error.name === undefined ? error.name ?? "Error" : "Error";
  const message = getOwnPropertyDescriptor(error, "message") !== undefined || error.message ? `${error.message}` : "";
  let heading = message === "" ? `${name}` : `${name}: ${message}`;
  const className = constructorName(error);
  if (className !== null && `${name}`.endsWith("Error") && !`${name}`.includes(className)) {
    // A subclass that kept its parent's name.
    heading = (className.includes(name) ? className : `${className} [${name}]`) + heading.slice(name.length);
  }
  let stack = typeof error.stack === "string" ? error.stack : "";
  // Engines differ in whether the stack begins with the heading.
  const frames = stack.split("\n").filter((line) => /^\s+at /.test(line) && !line.includes("(<null>:"));
  for (const own of ["name", "message", "stack"]) {
    const at = keys.indexOf(own);
    if (at >= 0 && heading.includes(`${error[own]}`)) keys.splice(at, 1);
  }
  if (frames.length === 0) heading = `[${heading}]`;
  let text = [heading, ...frames.map((line) => `    ${line.trim()}`)].join("\n");
  if (context.indentation !== 0) text = text.replaceAll("\n", `\n${" ".repeat(context.indentation)}`);
  return text;
};

const boxed = { number: "Number", string: "String", boolean: "Boolean", bigint: "BigInt", symbol: "Symbol" };

/** How the content of an object is written: `{ braces, items, base, isArray }`. */
const shape = (context, value, keys, depth) => {
  const constructor = constructorName(value);
  let tag = "";
  try {
    const own = value[Symbol.toStringTag];
    const isOwn = apply(Object.prototype.propertyIsEnumerable, value, [Symbol.toStringTag]);
    if (typeof own === "string" && own !== "" && own !== constructor && !isOwn) tag = own;
  } catch {
    // A tag that throws is no tag.
  }
  const none = () => [];
  const made = (braces, items = none, base = "", isArray = false) => ({ braces, items, base, isArray });
  const withoutIndexes = () => {
    for (let index = keys.length - 1; index >= 0; index--) if (isIndex(keys[index])) keys.splice(index, 1);
  };

  if (Array.isArray(value)) {
    withoutIndexes();
    const head = constructor === "Array" && tag === "" ? "" : prefix(constructor, tag, "Array", `(${value.length})`);
    const result = made([`${head}[`, "]"], () => arrayItems(context, value, depth), "", true);
    if (value.length === 0 && keys.length === 0) return { done: `${result.braces[0]}]` };
    return result;
  }
  if (is(brands.setSize, value)) {
    const size = apply(brands.setSize, value, []);
    return made([`${prefix(constructor, tag, "Set", `(${size})`)}{`, "}"], () => setItems(context, apply(Set.prototype.values, value, []), depth));
  }
  if (is(brands.mapSize, value)) {
    const size = apply(brands.mapSize, value, []);
    return made([`${prefix(constructor, tag, "Map", `(${size})`)}{`, "}"], () => mapItems(context, apply(Map.prototype.entries, value, []), depth));
  }
  if (isView(value)) {
    const kind = apply(brands.typedArrayTag, value, []);
    if (kind === undefined) {
      return made([`${prefix(constructor, tag, "DataView")}{`, "}"], () => [
        `byteLength: ${value.byteLength}`,
        `byteOffset: ${value.byteOffset}`,
        `buffer: ${nested(context, value.buffer, depth)}`,
      ]);
    }
    withoutIndexes();
    const head = prefix(constructor, tag === kind ? "" : tag, kind, `(${value.length})`);
    if (value.length === 0 && keys.length === 0) return { done: `${head}[]` };
    return made([`${head}[`, "]"], () => typedArrayItems(context, value), "", true);
  }
  const text = apply(toText, value, []);
  if (text === "[object Map Iterator]" || text === "[object Set Iterator]") {
    return made([`[${tag}] {`, "}"]);
  }
  if (typeof value === "function") {
    const base = functionBase(value, constructor, tag);
    if (keys.length === 0) return { done: base };
    return made(["{", "}"], none, base);
  }
  if (text === "[object Arguments]" && constructor === "Object") {
    return made(["[Arguments] {", "}"]);
  }
  if (isError(value)) {
    const base = errorBase(context, value, keys);
    const hidden = [];
    if (Object.hasOwn(value, "cause") && !keys.includes("cause")) hidden.push("cause");
    if (Array.isArray(getOwnPropertyDescriptor(value, "errors")?.value) && !keys.includes("errors")) hidden.push("errors");
    keys.push(...hidden);
    if (keys.length === 0) return { done: base };
    return made(["{", "}"], none, base);
  }
  if (is(brands.dateValue, value)) {
    const time = apply(brands.dateValue, value, []);
    let base = Number.isNaN(time) ? "Invalid Date" : new internals.primordials.Date(time).toISOString();
    const head = prefix(constructor, tag, "Date");
    if (head !== "Date ") base = `${head}${base}`;
    if (keys.length === 0) return { done: base };
    return made(["{", "}"], none, base);
  }
  if (value !== RegExp.prototype && value instanceof RegExp && is(brands.regExpSource, value)) {
    let base = apply(brands.regExp, value, []);
    const head = prefix(constructor, tag, "RegExp");
    if (head !== "RegExp ") base = `${head}${base}`;
    if (keys.length === 0) return { done: base };
    return made(["{", "}"], none, base);
  }
  if (is(brands.bufferLength, value)) {
    return made([`${prefix(constructor, tag, "ArrayBuffer")}{`, "}"], () => bufferItems(context, value, depth));
  }
  if (text === "[object Promise]" && value instanceof Promise) {
    return made([`${prefix(constructor, tag, "Promise")}{`, "}"], () => {
      const [state, result] = internals.promiseState?.(value) ?? ["pending"];
      if (state === "pending") return ["<pending>"];
      context.indentation += 2;
      const shown = format(context, result, depth);
      context.indentation -= 2;
      return [state === "rejected" ? `<rejected> ${shown}` : shown];
    });
  }
  if (is(brands.weakSet, value, value)) return made([`${prefix(constructor, tag, "WeakSet")}{`, "}"], () => ["<items unknown>"]);
  if (is(brands.weakMap, value, value)) return made([`${prefix(constructor, tag, "WeakMap")}{`, "}"], () => ["<items unknown>"]);
  if (text === "[object Module]") return made([`${prefix(constructor, tag, "Module").replace("[Module: null prototype] [Module]", "[Module: null prototype]")}{`, "}"]);
  for (const kind in boxed) {
    if (!is(brands[kind], value)) continue;
    const inner = apply(brands[kind], value, []);
    if (kind === "string") {
      for (let index = keys.length - 1; index >= 0; index--) if (isIndex(keys[index]) && Number(keys[index]) < inner.length) keys.splice(index, 1);
    }
    let base = `[${boxed[kind]}`;
    if (constructor !== boxed[kind]) base += constructor === null ? " (null prototype)" : ` (${constructor})`;
    base += `: ${kind === "string" ? quote(inner) : primitive(context, inner)}]`;
    if (tag !== "" && tag !== constructor) base += ` [${tag}]`;
    if (keys.length === 0) return { done: base };
    return made(["{", "}"], none, base);
  }
  if (constructor === "Object" && tag === "") {
    if (keys.length === 0) return { done: "{}" };
    return made(["{", "}"]);
  }
  const head = prefix(constructor, tag, "Object");
  if (keys.length === 0) return { done: `${head}{}` };
  return made([`${head}{`, "}"]);
};

const nested = (context, value, depth) => {
  context.indentation += 2;
  const text = format(context, value, depth);
  context.indentation -= 2;
  return text;
};

const raw = (context, value, depth) => {
  let keys;
  try {
    keys = keysOf(value, context.showHidden);
  } catch {
    keys = [];
  }
  const { done, braces, items, base, isArray } = shape(context, value, keys, depth + 1);
  if (done !== undefined) return done;
  const constructor = constructorName(value);
  if (depth > context.depth) {
    return `[${isArray && constructor === "Array" ? "Array" : prefix(constructor, value[Symbol.toStringTag] === constructor ? "" : "", isArray ? "Array" : "Object").slice(0, -1)}]`;
  }
  context.seen.push(value);
  context.currentDepth = depth;
  let output = items();
  for (const key of keys) output.push(property(context, value, key, depth + 1, false));
  context.seen.pop();
  const number = context.circular.get(value);
  let lead = base;
  const opened = [...braces];
  if (number !== undefined) {
    const mark = `<ref *${number}>`;
    if (lead === "") opened[0] = `${mark} ${opened[0]}`;
    else lead = `${mark} ${lead}`;
  }
  if (context.sorted) output.sort();
  return join(context, output, lead, opened, isArray, depth, value);
};

/** One line if it fits, else one entry per line; many short items of an array in columns. */
const join = (context, output, base, braces, isArray, depth, value) => {
  const entries = output.length;
  if (isArray && entries > 6) output = columns(context, output, value);
  const lead = base === "" ? "" : `${base} `;
  if (output.length === 0) return `${lead}${braces[0]}${braces[1]}`;
  if (context.currentDepth - depth < COMPACT && entries === output.length) {
    const start = output.length + context.indentation + braces[0].length + base.length + 10;
    let length = output.length + start;
    for (const entry of output) length += entry.length;
    if (length <= context.breakLength && !base.includes("\n")) {
      const joined = output.join(", ");
      if (!joined.includes("\n")) return `${lead}${braces[0]} ${joined} ${braces[1]}`;
    }
  }
  const indentation = `\n${" ".repeat(context.indentation)}`;
  return `${lead}${braces[0]}${indentation}  ${output.join(`,${indentation}  `)}${indentation}${braces[1]}`;
};

/** Items of an array in columns, as wide as they are long on average. */
const columns = (context, output, value) => {
  const last = output.at(-1);
  const hasMore = value.length !== undefined && context.itemsMax < value.length && last.startsWith("... ");
  const count = hasMore ? output.length - 1 : output.length;
  const separator = 2;
  const widths = [];
  let total = 0;
  let longest = 0;
  for (let index = 0; index < count; index++) {
    const width = stringWidth(output[index]);
    widths.push(width);
    total += width + separator;
    longest = Math.max(longest, width);
  }
  const widest = longest + separator;
  if (widest * 3 + context.indentation >= context.breakLength || (total / widest <= 5 && longest > 6)) return output;
  const bias = Math.sqrt(widest - total / output.length);
  const biased = Math.max(widest - 3 - bias, 1);
  const perLine = Math.min(
    Math.round(Math.sqrt(2.5 * biased * count) / biased),
    Math.floor((context.breakLength - context.indentation) / widest),
    COMPACT * 4,
    15,
  );
  if (perLine <= 1) return output;
  const lineWidths = [];
  for (let column = 0; column < perLine; column++) {
    let width = 0;
    for (let index = column; index < count; index += perLine) width = Math.max(width, widths[index]);
    lineWidths.push(width + separator);
  }
  const isNumeric = isView(value) || (Array.isArray(value) && value.every((item) => typeof item === "number" || typeof item === "bigint"));
  const lines = [];
  for (let first = 0; first < count; first += perLine) {
    const end = Math.min(first + perLine, count);
    let line = "";
    for (let index = first; index < end; index++) {
      const isLast = index === end - 1;
      const text = isLast ? output[index] : `${output[index]}, `;
      const gap = lineWidths[index - first] - widths[index] - separator;
      if (isNumeric) line += " ".repeat(gap) + text;
      else line += isLast ? text : text + " ".repeat(gap);
    }
    lines.push(line);
  }
  if (hasMore) lines.push(last);
  return lines;
};

const format = (context, value, depth) => {
  if ((typeof value !== "object" && typeof value !== "function") || value === null) return primitive(context, value);
  if (context.customInspect) {
    const custom = value[CUSTOM];
    if (typeof custom === "function" && custom !== inspect && !(value.constructor?.prototype === value)) {
      const result = apply(custom, value, [context.depth - depth, { ...context.options, depth: context.depth - depth }, (inner, options) => {
        return inspect(inner, options);
      }]);
      if (result !== value) {
        if (typeof result === "object" && result !== null) return format(context, result, depth);
        return `${result}`.replaceAll("\n", `\n${" ".repeat(context.indentation)}`);
      }
    }
  }
  if (context.seen.includes(value)) {
    if (!context.circular.has(value)) context.circular.set(value, context.circular.size + 1);
    return `[Circular *${context.circular.get(value)}]`;
  }
  return raw(context, value, depth);
};

/** The text of a value. Never throws: what a getter or a proxy throws is told in its place. */
const inspect = (value, options = undefined) => {
  const context = {
    seen: [],
    circular: new Map(),
    indentation: 0,
    currentDepth: 0,
    depth: options?.depth === null ? Infinity : options?.depth ?? 2,
    itemsMax: options?.maxArrayLength === null ? Infinity : options?.maxArrayLength ?? ITEMS_MAX,
    breakLength: options?.breakLength ?? BREAK_LENGTH,
    showHidden: !!options?.showHidden,
    customInspect: options?.customInspect ?? true,
    sorted: !!options?.sorted,
    options,
  };
  try {
    return format(context, value, 0);
  } catch (error) {
    if (error instanceof internals.primordials.RangeError) return "[Object: too deep to be shown]";
    return `[Object: cannot be shown: ${typeof error === "object" ? error?.message : String(error)}]`;
  }
};
internals.inspect = { inspect, stringWidth };
