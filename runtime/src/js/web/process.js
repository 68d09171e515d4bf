// `process.env`: the deployment's environment variables, read when they are asked for.

const { Proxy, Map, Set, String, TypeError } = internals.primordials;
const { text } = internals.primordials;

// What the application itself assigned or deleted; seen by this call only.
const assigned = new Map();
const read = (name) => (assigned.has(name) ? assigned.get(name) : ops.env(text(name)));

const env = new Proxy(
  { __proto__: globalThis.Object.prototype },
  {
    __proto__: null,
    get(target, name, receiver) {
      if (typeof name === "symbol") return target[name];
      const value = read(name);
      return value === undefined ? target[name] : value;
    },
    has(target, name) {
      if (typeof name === "symbol") return name in target;
      return read(name) !== undefined || name in target;
    },
    set(target, name, value) {
      if (typeof name === "symbol" || typeof value === "symbol") {
        throw new TypeError("Cannot convert a Symbol value to a string");
      }
      assigned.set(name, `${value}`);
      return true;
    },
    deleteProperty(target, name) {
      if (typeof name === "string") assigned.set(name, undefined);
      return true;
    },
    defineProperty(target, name, descriptor) {
      if (typeof name === "symbol" || !("value" in descriptor)) {
        throw new TypeError("'process.env' only accepts configurable, writable, and enumerable data descriptors");
      }
      assigned.set(name, `${descriptor.value}`);
      return true;
    },
    ownKeys() {
      const names = new Set(ops.env_names());
      for (const [name, value] of assigned) value === undefined ? names.delete(name) : names.add(name);
      return [...names];
    },
    getOwnPropertyDescriptor(target, name) {
      if (typeof name === "symbol") return undefined;
      const value = read(name);
      if (value === undefined) return undefined;
      return { value, writable: true, enumerable: true, configurable: true };
    },
  },
);

internals.process = { env };
internals.expose({ process: { env } });
