// `Headers`.

const { TypeError, Symbol, Object, Reflect, Map } = internals.primordials;
const { text, lower } = internals.primordials;
const { iterable } = internals.need("iterators");
const inspect = Symbol.for("nodejs.util.inspect.custom");

// What only prelude modules may do with headers.
let inside;

const token = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

const nameOf = (name) => {
  name = text(name);
  if (!token.test(name)) throw new TypeError(`Headers: ${name} is an invalid header name.`);
  return lower(name);
};

const valueOf = (value) => {
  value = `${value}`.replace(/^[\t\r\n ]+|[\t\r\n ]+$/g, "");
  for (let index = 0; index < value.length; index++) {
    const code = value.charCodeAt(index);
    if (code > 255) {
      throw new TypeError(
        `Cannot convert argument to a ByteString because the character at index ${index} has a value of ${code} which is greater than 255.`,
      );
    }
    if (code === 0 || code === 10 || code === 13) throw new TypeError(`Headers: ${value} is an invalid header value.`);
  }
  return value;
};

class Headers {
  // Names in lower case with their values, in the order in which they were added.
  #pairs = [];
  #isImmutable = false;

  static {
    inside = {
      __proto__: null,
      /** The pairs as they were added. */
      pairs: (headers) => headers.#pairs,
      /** Headers of pairs that the host gave. */
      ofPairs: (pairs) => {
        const headers = new Headers();
        headers.#pairs = pairs;
        return headers;
      },
      freeze: (headers) => {
        headers.#isImmutable = true;
        return headers;
      },
      isHeaders: (value) => typeof value === "object" && value !== null && #pairs in value,
      sorted: (headers) => headers.#sorted(),
    };
  }

  constructor(init = undefined) {
    if (init === undefined) return;
    if (init === null || (typeof init !== "object" && typeof init !== "function")) {
      throw new TypeError("Headers constructor: init given is not a sequence or a record.");
    }
    const iterate = init[Symbol.iterator];
    if (inside.isHeaders(init) && iterate === Headers.prototype[Symbol.iterator]) {
      this.#pairs = init.#pairs.map(([name, value]) => [name, value]);
      return;
    }
    if (iterate !== undefined && iterate !== null) {
      for (const pair of init) {
        const items = pair !== null && typeof pair === "object" && typeof pair[Symbol.iterator] === "function" ? [...pair] : null;
        if (items === null || items.length !== 2) {
          throw new TypeError("Headers constructor: expected name/value pair to be length 2.");
        }
        this.append(items[0], items[1]);
      }
      return;
    }
    for (const name of Reflect.ownKeys(init)) {
      const descriptor = Reflect.getOwnPropertyDescriptor(init, name);
      if (descriptor === undefined || !descriptor.enumerable) continue;
      if (typeof name === "symbol") throw new TypeError("Headers constructor: a Symbol is no header name.");
      this.append(name, init[name]);
    }
  }

  #change() {
    if (this.#isImmutable) throw new TypeError("immutable");
  }
  #sorted() {
    const combined = new Map();
    const cookies = [];
    for (const [name, value] of this.#pairs) {
      if (name === "set-cookie") cookies.push([name, value]);
      else combined.set(name, combined.has(name) ? `${combined.get(name)}, ${value}` : value);
    }
    const list = [...combined, ...cookies];
    return list.sort((a, b) => (a[0] < b[0] ? -1 : a[0] > b[0] ? 1 : 0));
  }
  append(name, value) {
    needs(arguments, 2, "append");
    name = nameOf(name);
    value = valueOf(value);
    this.#change();
    this.#pairs.push([name, value]);
  }
  delete(name) {
    needs(arguments, 1, "delete");
    name = nameOf(name);
    this.#change();
    this.#pairs = this.#pairs.filter((pair) => pair[0] !== name);
  }
  get(name) {
    needs(arguments, 1, "get");
    name = nameOf(name);
    let found = null;
    for (const pair of this.#pairs) {
      if (pair[0] === name) found = found === null ? pair[1] : `${found}, ${pair[1]}`;
    }
    return found;
  }
  has(name) {
    needs(arguments, 1, "has");
    name = nameOf(name);
    return this.#pairs.some((pair) => pair[0] === name);
  }
  set(name, value) {
    needs(arguments, 2, "set");
    name = nameOf(name);
    value = valueOf(value);
    this.#change();
    const at = this.#pairs.findIndex((pair) => pair[0] === name);
    if (at < 0) {
      this.#pairs.push([name, value]);
    } else {
      this.#pairs[at] = [name, value];
      this.#pairs = this.#pairs.filter((pair, index) => index <= at || pair[0] !== name);
    }
  }
  getSetCookie() {
    return this.#pairs.filter((pair) => pair[0] === "set-cookie").map((pair) => pair[1]);
  }
  [inspect](depth, options, show) {
    if (typeof depth === "number" && depth < 0) return "[Headers]";
    const shown = {};
    for (const [name, value] of this.#sorted()) shown[name] = value;
    return `Headers ${show(shown, options)}`;
  }
}
iterable(Headers, "Headers", (headers) => inside.sorted(headers));
internals.interface(Headers, "Headers");

const needs = (args, count, name) => {
  if (args.length < count) {
    throw new TypeError(
      `Headers.${name}: ${count} argument${count === 1 ? "" : "s"} required, but ${args.length === 0 ? "none" : `only ${args.length}`} present.`,
    );
  }
};

internals.headers = { __proto__: null, Headers, ...inside };
internals.expose({ Headers });
