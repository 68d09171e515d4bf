// `WebAssembly`, over what an engine without it leaves in `internals.wasm`. The host knows modules by number, and
// functions, memories, tables and globals as well; numbers of values of the script are given here.
//
// Types are letters: i and I integers of 32 and 64 bits, f and F floats, V vectors, c functions, e values of the script.

const {
  Array, ArrayBuffer, BigInt, Error, Map, Math, Number, Object, Promise, RangeError, Symbol, TypeError, Uint8Array, WeakMap,
  apply, defineProperty, text,
} = internals.primordials;
const { freeze, create } = Object;
const host = internals.wasm;

// ---- errors

/** A class of errors, as the language's own are. */
const errorClass = (name) => {
  const type = { [name]: class extends Error {} }[name];
  defineProperty(type, "length", { __proto__: null, value: 1, configurable: true });
  defineProperty(type.prototype, "name", { __proto__: null, value: name, writable: true, configurable: true });
  return type;
};
const CompileError = errorClass("CompileError");
const LinkError = errorClass("LinkError");
const RuntimeError = errorClass("RuntimeError");
const classes = { __proto__: null, CompileError, LinkError, RuntimeError, RangeError, TypeError };

/** What the host gave; it gives text only where an error is to be thrown. */
const given = (answer, where = "") => {
  if (typeof answer !== "string") return answer;
  const end = answer.indexOf("\n");
  throw new classes[answer.slice(0, end)](`${where}${answer.slice(end + 1)}`);
};

// ---- objects and their numbers

const numbers = new WeakMap();
const objects = new Map();

/** The object that stands for a number: the same one always. */
const objectOf = (number, make) => {
  let found = objects.get(number);
  if (found === undefined) {
    found = make(number);
    objects.set(number, found);
    numbers.set(found, number);
  }
  return found;
};

const numberOf = (object, type, what) => {
  if (!(object instanceof type) || !numbers.has(object)) throw new TypeError(`Receiver is not a ${what}`);
  return numbers.get(object);
};

const externs = [];
const externNumbers = new Map();
const externNumber = (value) => {
  let number = externNumbers.get(value);
  if (number === undefined) {
    number = externs.length;
    externs.push(value);
    externNumbers.set(value, number);
  }
  return number;
};

// ---- values

const isExported = (value) => typeof value === "function" && numbers.has(value);

/** A value of the script as the host takes it. */
const toHost = (value, type) => {
  switch (type) {
    case "i": return value | 0;
    case "I": return BigInt.asIntN(64, value);
    case "f": return Math.fround(value);
    case "F": return +value;
    case "c":
      if (value === null) return null;
      if (!isExported(value)) throw new TypeError("WebAssembly objects are opaque: function-typed object expected");
      return numbers.get(value);
    case "e": return value === null ? null : externNumber(value);
    default: throw new TypeError("type incompatibility when transforming from/to JS");
  }
};

/** A value of the host as the script gets it. */
const toScript = (value, type) => {
  switch (type) {
    case "c": return value === null ? null : functionOf(value);
    case "e": return value === null ? null : externs[value];
    default: return value;
  }
};

const resultsToScript = (values, types) => {
  if (types.length === 0) return undefined;
  if (types.length === 1) return toScript(values, types);
  for (let place = 0; place < types.length; place++) values[place] = toScript(values[place], types[place]);
  return values;
};

const resultsToHost = (value, types) => {
  if (types.length === 0) return undefined;
  if (types.length === 1) return toHost(value, types);
  if (value === null || value === undefined || typeof value[Symbol.iterator] !== "function") {
    throw new TypeError("multi-return value must be iterable");
  }
  const values = [...value];
  if (values.length !== types.length) throw new TypeError("multi-return length mismatch");
  return values.map((value, place) => toHost(value, types[place]));
};

const functionOf = (number) => objectOf(number, () => {
  const [params, results] = given(host.funcType(number));
  const isVector = params.includes("V") || results.includes("V");
  const call = { call(...args) {
    if (isVector) throw new TypeError("type incompatibility when transforming from/to JS");
    const values = new Array(params.length);
    for (let place = 0; place < params.length; place++) values[place] = toHost(args[place], params[place]);
    return resultsToScript(given(host.call(number, values)), results);
  } }.call;
  defineProperty(call, "name", { __proto__: null, value: `${number}`, configurable: true });
  defineProperty(call, "length", { __proto__: null, value: params.length, configurable: true });
  return call;
});

/** A function of the script as a module calls it. */
const importable = (callee, [params, results]) => (...args) => {
  if (params.includes("V") || results.includes("V")) {
    throw new TypeError("type incompatibility when transforming from/to JS");
  }
  for (let place = 0; place < args.length; place++) args[place] = toScript(args[place], params[place]);
  return resultsToHost(apply(callee, undefined, args), results);
};

// ---- what is asked for

const bytesOf = (source, where) => {
  const bytes = internals.need("bytes").copyOf(source);
  if (bytes === null) throw new TypeError(`${where}: Argument 0 must be a buffer source`);
  if (bytes.length === 0) throw new CompileError(`${where}: BufferSource argument is empty`);
  return bytes;
};

const COUNT_MAX = 0xffffffff;
const limit = (descriptor, name, where, max, isNeeded) => {
  const value = descriptor[name];
  if (value === undefined) {
    if (isNeeded) throw new TypeError(`${where}: Property '${name}' is required`);
    return undefined;
  }
  const number = Math.trunc(Number(value));
  if (!(number >= 0 && number <= COUNT_MAX)) {
    throw new TypeError(`${where}: Property '${name}': value ${text(value)} must be a number from 0 to ${max}`);
  }
  if (number > max) {
    throw new RangeError(`${where}: Property '${name}': value ${number} is above the upper bound ${max}`);
  }
  return number;
};

const count = (value, where, what) => {
  const number = Math.trunc(Number(value));
  if (!(number >= 0 && number <= COUNT_MAX)) throw new TypeError(`${where}: ${what} must be convertible to a valid number`);
  return number;
};

const isObject = (value) => (typeof value === "object" && value !== null) || typeof value === "function";

const checkDescriptor = (value, where, what) => {
  if (!isObject(value)) throw new TypeError(`${where}: Argument 0 must be a ${what} descriptor`);
};

const needsNew = (target, name) => {
  if (target === undefined) throw new TypeError(`WebAssembly.${name}(): WebAssembly.${name} must be invoked with 'new'`);
};

// ---- classes

const modules = new WeakMap();
const moduleNumber = (module, where) => {
  const number = modules.get(module);
  if (number === undefined) throw new TypeError(`${where}: Argument 0 must be a WebAssembly.Module`);
  return number;
};

function Module(source) {
  needsNew(new.target, "Module");
  return compiled(bytesOf(source, "WebAssembly.Module()"), "WebAssembly.Module()", new.target.prototype);
}
const compiled = (bytes, where, prototype = Module.prototype) => {
  const module = create(prototype);
  modules.set(module, given(host.compile(bytes), `${where}: `));
  return module;
};
const moduleStatics = {
  exports(module) {
    const list = given(host.exports(moduleNumber(module, "WebAssembly.Module.exports()")));
    return list.map(([name, kind]) => ({ name, kind }));
  },
  imports(module) {
    const list = given(host.imports(moduleNumber(module, "WebAssembly.Module.imports()")));
    return list.map(([module, name, kind]) => ({ module, name, kind }));
  },
  customSections(module, name) {
    const number = moduleNumber(module, "WebAssembly.Module.customSections()");
    if (name === undefined) throw new TypeError("WebAssembly.Module.customSections(): Argument 1 is required");
    return given(host.customSections(number, text(name)));
  },
};

const memoryOf = (number) => objectOf(number, () => create(Memory.prototype));
const tableOf = (number) => objectOf(number, () => create(Table.prototype));
const globalOf = (number) => objectOf(number, () => create(Global.prototype));
const makers = { __proto__: null, function: functionOf, memory: memoryOf, table: tableOf, global: globalOf };

const globalImport = (value, [type, mutable], refused) => {
  if (value instanceof Global && numbers.has(value)) return numbers.get(value);
  if (mutable !== undefined) throw refused("imported mutable global must be a WebAssembly.Global object");
  const isRef = type === "c" || type === "e";
  if (type === "I" ? typeof value !== "bigint" : !isRef && typeof value !== "number") {
    throw refused(
      type === "I" ? "global import must be a BigInt" : "global import must be a number, valid Wasm reference, or WebAssembly.Global object",
    );
  }
  return given(host.globalNew(type, false, toHost(value, type)));
};

/** What a module imports, from what the script offers. */
const importsOf = (number, offered, where) => {
  const wanted = given(host.imports(number));
  if (wanted.length > 0 && offered === undefined) {
    throw new TypeError(`${where}: Imports argument must be present and must be an object`);
  }
  return wanted.map(([module, name, kind, type], place) => {
    const what = `${where}: Import #${place} module="${module}"`;
    const from = offered[module];
    if (!isObject(from)) throw new TypeError(`${what} error: module is not an object or function`);
    const value = from[name];
    const refused = (why) => new LinkError(`${what} function="${name}" error: ${why}`);
    switch (kind) {
      case "function":
        if (typeof value !== "function") throw refused("function import requires a callable");
        return isExported(value) ? numbers.get(value) : importable(value, type);
      case "memory":
        if (!(value instanceof Memory) || !numbers.has(value)) throw refused("memory import must be a WebAssembly.Memory object");
        return numbers.get(value);
      case "table":
        if (!(value instanceof Table) || !numbers.has(value)) throw refused("table import requires a WebAssembly.Table");
        return numbers.get(value);
      default:
        return globalImport(value, type, refused);
    }
  });
};

const instances = new WeakMap();
const instantiated = (module, offered, where, prototype = Instance.prototype) => {
  const number = moduleNumber(module, where);
  if (offered !== undefined && !isObject(offered)) {
    throw new TypeError(`${where}: Argument 1 must be an object`);
  }
  const [start, made] = given(host.instantiate(number, importsOf(number, offered, where)), `${where}: `);
  const exports = create(null);
  given(host.exports(number)).forEach(([name, kind], place) => {
    exports[name] = makers[kind](made[place]);
  });
  if (start !== null && start !== undefined) given(host.call(start, []));
  const instance = create(prototype);
  instances.set(instance, freeze(exports));
  return instance;
};

function Instance(module, imports) {
  needsNew(new.target, "Instance");
  return instantiated(module, imports, "WebAssembly.Instance()", new.target.prototype);
}
const instanceMembers = {
  get exports() {
    const exports = instances.get(this);
    if (exports === undefined) throw new TypeError("WebAssembly.Instance.exports: Receiver is not a WebAssembly.Instance");
    return exports;
  },
};

const PAGES_MAX = 65536;
const asObject = (number, target) => objectOf(number, () => create(target.prototype));

function Memory(descriptor) {
  needsNew(new.target, "Memory");
  const where = "WebAssembly.Memory()";
  checkDescriptor(descriptor, where, "memory");
  const initial = limit(descriptor, "initial", where, PAGES_MAX, true);
  const maximum = limit(descriptor, "maximum", where, PAGES_MAX, false);
  if (maximum !== undefined && maximum < initial) {
    throw new RangeError(`${where}: Property 'maximum': value ${maximum} is below the lower bound ${initial}`);
  }
  if (descriptor.shared) throw new TypeError(`${where}: memories that are shared are not available in this runtime`);
  return asObject(given(host.memoryNew(initial, maximum), `${where}: `), new.target);
}
const memoryMembers = {
  get buffer() {
    return given(host.memoryBuffer(numberOf(this, Memory, "WebAssembly.Memory")));
  },
  grow(delta) {
    const number = numberOf(this, Memory, "WebAssembly.Memory");
    const pages = given(host.memoryGrow(number, count(delta, "WebAssembly.Memory.grow()", "Argument 0")));
    if (pages < 0) throw new RangeError("WebAssembly.Memory.grow(): Maximum memory size exceeded");
    return pages;
  },
};

const elements = { __proto__: null, anyfunc: "c", externref: "e" };
function Table(descriptor, init = undefined) {
  needsNew(new.target, "Table");
  const where = "WebAssembly.Table()";
  checkDescriptor(descriptor, where, "table");
  const element = elements[text(descriptor.element)];
  if (element === undefined) throw new TypeError(`${where}: Descriptor property 'element' must be a WebAssembly reference type`);
  const initial = limit(descriptor, "initial", where, COUNT_MAX, true);
  const maximum = limit(descriptor, "maximum", where, COUNT_MAX, false);
  if (maximum !== undefined && maximum < initial) {
    throw new RangeError(`${where}: Property 'maximum': value ${maximum} is below the lower bound ${initial}`);
  }
  const value = arguments.length < 2 || (element === "c" && init === undefined) ? emptyOf(element) : toHost(init, element);
  return asObject(given(host.tableNew(element, initial, maximum, value), `${where}: `), new.target);
}
/** What places of a table hold to which nothing was given. */
const emptyOf = (element) => (element === "c" ? null : externNumber(undefined));
const tableMembers = {
  get length() {
    return given(host.tableSize(numberOf(this, Table, "WebAssembly.Table")));
  },
  get(place) {
    const where = "WebAssembly.Table.get()";
    const number = numberOf(this, Table, "WebAssembly.Table");
    const index = count(place, where, "Argument 0");
    const found = given(host.tableGet(number, index));
    if (found === undefined || found === null) throw new RangeError(`${where}: invalid address ${index} in ${kindOf(number)} table of size ${this.length}`);
    return toScript(found[0], given(host.tableType(number))[0]);
  },
  set(place, value) {
    const where = "WebAssembly.Table.set()";
    const number = numberOf(this, Table, "WebAssembly.Table");
    const index = count(place, where, "Argument 0");
    const [element] = given(host.tableType(number));
    if (index >= this.length) throw new RangeError(`${where}: invalid address ${index} in ${kindOf(number)} table of size ${this.length}`);
    const held = arguments.length < 2 ? emptyOf(element) : element === "c" && value !== null && !isExported(value) ? undefined : toHost(value, element);
    if (held === undefined) {
      throw new TypeError(`${where}: Argument 1 is invalid for table: function-typed object expected`);
    }
    given(host.tableSet(number, index, held));
  },
  grow(delta, init) {
    const where = "WebAssembly.Table.grow()";
    const number = numberOf(this, Table, "WebAssembly.Table");
    const by = count(delta, where, "Argument 0");
    const [element] = given(host.tableType(number));
    const value = arguments.length < 2 || (element === "c" && init === undefined) ? emptyOf(element) : toHost(init, element);
    const size = given(host.tableGrow(number, by, value));
    if (size < 0) throw new RangeError(`${where}: failed to grow table by ${by}`);
    return size;
  },
};
const kindOf = (number) => (given(host.tableType(number))[0] === "c" ? "funcref" : "externref");

const valueTypes = { __proto__: null, i32: "i", i64: "I", f32: "f", f64: "F", v128: "V", anyfunc: "c", externref: "e" };
const zeros = { __proto__: null, i: 0, I: 0n, f: 0, F: 0, c: null };
function Global(descriptor, init) {
  needsNew(new.target, "Global");
  const where = "WebAssembly.Global()";
  checkDescriptor(descriptor, where, "global");
  const isMutable = !!descriptor.mutable;
  const type = valueTypes[text(descriptor.value)];
  if (type === undefined) throw new TypeError(`${where}: Descriptor property 'value' must be a WebAssembly type`);
  if (type === "V") throw new TypeError(`${where}: Descriptor property 'value' must not be v128`);
  const value = init === undefined && type !== "e" ? zeros[type] : toHost(init, type);
  return asObject(given(host.globalNew(type, isMutable, value), `${where}: `), new.target);
}
const globalValue = (global) => {
  const number = numberOf(global, Global, "WebAssembly.Global");
  const [type] = given(host.globalType(number));
  if (type === "V") throw new TypeError("type incompatibility when transforming from/to JS");
  return toScript(given(host.globalGet(number)), type);
};
const globalMembers = {
  get value() {
    return globalValue(this);
  },
  set value(value) {
    const number = numberOf(this, Global, "WebAssembly.Global");
    const [type, isMutable] = given(host.globalType(number));
    if (!isMutable) throw new TypeError("set WebAssembly.Global.value: Can't set the value of an immutable global.");
    given(host.globalSet(number, toHost(value, type)));
  },
  valueOf() {
    return globalValue(this);
  },
};

/** Gives a class its members, and its instances their name. */
const finish = (type, members, statics = {}) => {
  for (const [target, source] of [[type.prototype, members], [type, statics]]) {
    for (const name of Object.keys(source)) {
      defineProperty(target, name, { __proto__: null, ...Object.getOwnPropertyDescriptor(source, name), enumerable: true });
    }
  }
  defineProperty(type, "prototype", { __proto__: null, writable: false });
  defineProperty(type, "length", { __proto__: null, value: 1, configurable: true });
  defineProperty(type.prototype, Symbol.toStringTag, { __proto__: null, value: `WebAssembly.${type.name}`, configurable: true });
};
finish(Module, {}, moduleStatics);
finish(Instance, instanceMembers);
finish(Memory, memoryMembers);
finish(Table, tableMembers);
finish(Global, globalMembers);

// ---- the namespace

/** The bytes of a response that brings a module. */
const streamed = async (source, where) => {
  const response = await source;
  if (!(response instanceof globalThis.Response)) {
    throw new TypeError(`${where}: Argument 0 must be a Response or a Promise resolving to one`);
  }
  if (!response.ok) throw new TypeError(`${where}: HTTP status code is not ok`);
  if (response.headers.get("content-type")?.toLowerCase().trim() !== "application/wasm") {
    throw new TypeError(`${where}: Incorrect response MIME type. Expected 'application/wasm'.`);
  }
  return new Uint8Array(await response.arrayBuffer());
};

const functions = {
  async compile(source) {
    return compiled(bytesOf(source, "WebAssembly.compile()"), "WebAssembly.compile()");
  },
  async compileStreaming(source) {
    const where = "WebAssembly.compileStreaming()";
    return compiled(bytesOf(await streamed(source, where), where), where);
  },
  async instantiate(source, imports) {
    const where = "WebAssembly.instantiate()";
    if (modules.has(source)) return instantiated(source, imports, where);
    const module = compiled(bytesOf(source, where), where);
    return { module, instance: instantiated(module, imports, where) };
  },
  async instantiateStreaming(source, imports) {
    const where = "WebAssembly.instantiateStreaming()";
    const module = compiled(bytesOf(await streamed(source, where), where), where);
    return { module, instance: instantiated(module, imports, where) };
  },
  validate(source) {
    const bytes = internals.need("bytes").copyOf(source);
    if (bytes === null) throw new TypeError("WebAssembly.validate(): Argument 0 must be a buffer source");
    return given(host.validate(bytes), "WebAssembly.validate(): ");
  },
};

const WebAssembly = {};
defineProperty(WebAssembly, Symbol.toStringTag, { __proto__: null, value: "WebAssembly", configurable: true });
for (const name of Object.keys(functions)) {
  defineProperty(WebAssembly, name, { __proto__: null, value: functions[name], writable: true, enumerable: true, configurable: true });
}
for (const type of [Module, Instance, Memory, Table, Global, CompileError, LinkError, RuntimeError]) {
  defineProperty(WebAssembly, type.name, { __proto__: null, value: type, writable: true, configurable: true });
}
internals.webassembly = { WebAssembly };
internals.expose(internals.webassembly);
