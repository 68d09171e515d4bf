// `structuredClone`, and `postMessage`'s errors for what cannot be cloned.

const { TypeError, Map, Set, Symbol, Object, Array, Error, ArrayBuffer, DataView, RegExp, Date, Reflect } =
  internals.primordials;
const { isView, apply } = internals.primordials;
const { DOMException } = internals;

const tagOf = Object.prototype.toString;
const { getPrototypeOf, getOwnPropertyDescriptor } = Object;
const lengthOf = (prototype, name) => getOwnPropertyDescriptor(prototype, name).get;
const mapSize = lengthOf(Map.prototype, "size");
const setSize = lengthOf(Set.prototype, "size");
const bufferLength = lengthOf(ArrayBuffer.prototype, "byteLength");
const typedArrayTag = lengthOf(getPrototypeOf(Uint8Array.prototype), Symbol.toStringTag);
const regExpSource = lengthOf(RegExp.prototype, "source");
const dateValue = Date.prototype.getTime;
const valueOf = {
  Boolean: globalThis.Boolean.prototype.valueOf,
  Number: globalThis.Number.prototype.valueOf,
  String: globalThis.String.prototype.valueOf,
  BigInt: globalThis.BigInt.prototype.valueOf,
};

/** Whether a built-in method accepts the value as one of its own, whatever the value says of itself. */
const is = (method, value, args = []) => {
  try {
    apply(method, value, args);
    return true;
  } catch {
    return false;
  }
};

const uncloneable = (value) => {
  let text;
  try {
    text = typeof value === "symbol" || typeof value === "function" ? String(value) : apply(tagOf, value, []).replace(/^\[object (.*)\]$/, "#<$1>");
  } catch {
    text = "#<Object>";
  }
  return new DOMException(`${text} could not be cloned.`, "DataCloneError");
};

const errorNames = new Set(["EvalError", "RangeError", "ReferenceError", "SyntaxError", "TypeError", "URIError"]);

const clone = (value, seen) => {
  if (typeof value === "symbol" || typeof value === "function") throw uncloneable(value);
  if (typeof value !== "object" || value === null) return value;
  const present = seen.get(value);
  if (present !== undefined) return present;
  const keep = (made) => {
    seen.set(value, made);
    return made;
  };
  if (Array.isArray(value)) {
    const made = keep([]);
    made.length = value.length;
    return copy(value, made, seen);
  }
  const view = isView(value);
  if (view) {
    const buffer = clone(value.buffer, seen);
    const tag = apply(typedArrayTag, value, []);
    if (tag === undefined) return keep(new DataView(buffer, value.byteOffset, value.byteLength));
    return keep(new globalThis[tag](buffer, value.byteOffset, value.length));
  }
  if (is(bufferLength, value)) {
    if (value.detached) throw new DOMException("An ArrayBuffer is detached and could not be cloned.", "DataCloneError");
    return keep(value.slice(0));
  }
  if (is(dateValue, value)) return keep(new Date(apply(dateValue, value, [])));
  if (is(mapSize, value)) {
    const made = keep(new Map());
    for (const [key, item] of [...apply(Map.prototype.entries, value, [])]) made.set(clone(key, seen), clone(item, seen));
    return made;
  }
  if (is(setSize, value)) {
    const made = keep(new Set());
    for (const item of [...apply(Set.prototype.values, value, [])]) made.add(clone(item, seen));
    return made;
  }
  const tag = apply(tagOf, value, []);
  if (value instanceof RegExp && is(regExpSource, value)) return keep(new RegExp(value.source, value.flags));
  for (const kind in valueOf) {
    if (is(valueOf[kind], value)) return keep(Object(apply(valueOf[kind], value, [])));
  }
  const blob = internals.blob;
  if (blob !== undefined && blob.isBlob(value)) return keep(blob.copyOf(value));
  if (isError(value)) return keep(error(value, seen));
  if (isPlatformObject(value, tag)) throw uncloneable(value);
  return copy(value, keep({}), seen);
};

const isError = (value) => {
  if (typeof Error.isError === "function") return Error.isError(value);
  return value instanceof Error;
};

const error = (value, seen) => {
  const name = errorNames.has(value.name) ? value.name : "Error";
  if (value instanceof DOMException) {
    return new DOMException(value.message, value.name);
  }
  const message = getOwnPropertyDescriptor(value, "message");
  const made = new globalThis[name](...(message !== undefined && "value" in message ? [`${message.value}`] : []));
  const define = (name, value) =>
    Object.defineProperty(made, name, { __proto__: null, value, writable: true, configurable: true, enumerable: false });
  if (typeof value.stack === "string") define("stack", value.stack);
  if (Object.hasOwn(value, "cause")) define("cause", clone(value.cause, seen));
  return made;
};

const isPlatformObject = (value, tag) => {
  if (tag === "[object Promise]" || tag === "[object WeakMap]" || tag === "[object WeakSet]" || tag === "[object WeakRef]" || tag === "[object Generator]") {
    return true;
  }
  // Classes of the web APIs hold what they are in private fields, which no clone would carry over.
  for (let prototype = getPrototypeOf(value); prototype !== null; prototype = getPrototypeOf(prototype)) {
    if (internals.interfaces.has(prototype)) return true;
  }
  return false;
};

const copy = (from, to, seen) => {
  for (const name of Object.keys(from)) {
    Object.defineProperty(to, name, {
      __proto__: null, value: clone(from[name], seen), writable: true, configurable: true, enumerable: true,
    });
  }
  return to;
};

function structuredClone(value, options = undefined) {
  if (arguments.length === 0) {
    const error = new TypeError("The \"value\" argument must be specified");
    error.code = "ERR_MISSING_ARGS";
    throw error;
  }
  if (options !== undefined && options !== null && typeof options !== "object") {
    throw new TypeError("The \"options\" argument must be of type object.");
  }
  const seen = new Map();
  const transfer = options?.transfer === undefined ? [] : [...options.transfer];
  for (const [index, item] of transfer.entries()) {
    if (!is(bufferLength, item)) {
      throw new TypeError("Only an ArrayBuffer can be transferred in this runtime.");
    }
    if (transfer.indexOf(item) !== index) throw new DOMException("An ArrayBuffer occurs twice in the transfer list.", "DataCloneError");
    if (item.detached) throw new DOMException("An ArrayBuffer is detached and could not be cloned.", "DataCloneError");
  }
  // Cloned first: if that fails, nothing is detached.
  for (const item of transfer) seen.set(item, item.slice(0));
  const made = clone(value, seen);
  for (const item of transfer) item.transfer();
  return made;
}

internals.structured_clone = { structuredClone };
internals.expose(internals.structured_clone);
