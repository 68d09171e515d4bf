// `URL` and `URLSearchParams`. Parsing, serializing and the setters are the host's.

const { TypeError, Symbol, Object, Reflect } = internals.primordials;
const { text } = internals.primordials;
const { iterable } = internals.need("iterators");
const inspect = Symbol.for("nodejs.util.inspect.custom");

// Where the host's list of an address's parts has which.
const HREF = 0, ORIGIN = 1, PROTOCOL = 2, USERNAME = 3, PASSWORD = 4, HOST = 5, HOSTNAME = 6, PORT = 7, PATHNAME = 8, SEARCH = 9, HASH = 10;

const invalid = (input, base) => {
  const error = new TypeError("Invalid URL");
  error.code = "ERR_INVALID_URL";
  error.input = input;
  if (base !== undefined) error.base = base;
  return error;
};

const parse = (input, base) => ops.url_parse(text(input), base === undefined ? undefined : text(base));

// Only this module may tie parameters to an address.
let tie;

class URLSearchParams {
  #list = [];
  #changed = null;

  static {
    tie = { __proto__: null };
    tie.list = (params) => params.#list;
    tie.params = (query, changed) => {
      const params = new URLSearchParams();
      params.#changed = changed;
      params.#list = ops.form_parse(query);
      return params;
    };
    tie.reset = (params, query) => {
      params.#list = ops.form_parse(query);
    };
  }

  constructor(init = undefined) {
    if (init === undefined || init === null) return;
    if (typeof init === "object" || typeof init === "function") {
      const iterate = init[Symbol.iterator];
      if (iterate === undefined || iterate === null) {
        for (const name of Reflect.ownKeys(init)) {
          if (typeof name === "symbol") continue;
          const descriptor = Object.getOwnPropertyDescriptor(init, name);
          if (descriptor === undefined || !descriptor.enumerable) continue;
          const key = text(name);
          const value = text(init[name]);
          // Names that become the same are one name, with the last value.
          const present = this.#list.find((pair) => pair[0] === key);
          if (present === undefined) this.#list.push([key, value]);
          else present[1] = value;
        }
        return;
      }
      if (typeof iterate !== "function") throw new TypeError("Query pairs must be iterable");
      for (const pair of init) {
        if (pair === null || (typeof pair !== "object" && typeof pair !== "function") || typeof pair[Symbol.iterator] !== "function") {
          throw new TypeError("Each query pair must be an iterable [name, value] tuple");
        }
        const items = [...pair];
        if (items.length !== 2) throw new TypeError("Each query pair must be an iterable [name, value] tuple");
        this.#list.push([text(items[0]), text(items[1])]);
      }
      return;
    }
    const query = text(init);
    this.#list = ops.form_parse(query[0] === "?" ? query.slice(1) : query);
  }

  #update() {
    if (this.#changed !== null) this.#changed(this.toString());
  }
  get size() {
    return this.#list.length;
  }
  append(name, value) {
    needs(arguments, 2, "append");
    this.#list.push([text(name), text(value)]);
    this.#update();
  }
  delete(name, value = undefined) {
    needs(arguments, 1, "delete");
    name = text(name);
    if (value !== undefined) value = text(value);
    this.#list = this.#list.filter((pair) => pair[0] !== name || (value !== undefined && pair[1] !== value));
    this.#update();
  }
  get(name) {
    needs(arguments, 1, "get");
    name = text(name);
    const pair = this.#list.find((pair) => pair[0] === name);
    return pair === undefined ? null : pair[1];
  }
  getAll(name) {
    needs(arguments, 1, "getAll");
    name = text(name);
    return this.#list.filter((pair) => pair[0] === name).map((pair) => pair[1]);
  }
  has(name, value = undefined) {
    needs(arguments, 1, "has");
    name = text(name);
    if (value !== undefined) value = text(value);
    return this.#list.some((pair) => pair[0] === name && (value === undefined || pair[1] === value));
  }
  set(name, value) {
    needs(arguments, 2, "set");
    name = text(name);
    value = text(value);
    const at = this.#list.findIndex((pair) => pair[0] === name);
    if (at < 0) {
      this.#list.push([name, value]);
    } else {
      this.#list[at][1] = value;
      this.#list = this.#list.filter((pair, index) => index <= at || pair[0] !== name);
    }
    this.#update();
  }
  sort() {
    this.#list.sort((a, b) => (a[0] < b[0] ? -1 : a[0] > b[0] ? 1 : 0));
    this.#update();
  }
  toString() {
    return ops.form_serialize(this.#list);
  }
  [inspect](_depth, options, show) {
    if (this.#list.length === 0) return "URLSearchParams {}";
    const pairs = this.#list.map(([name, value]) => `${show(name, options)} => ${show(value, options)}`);
    return `URLSearchParams { ${pairs.join(", ")} }`;
  }
}
iterable(URLSearchParams, "URLSearchParams", (params) => tie.list(params));
internals.interface(URLSearchParams, "URLSearchParams");

const needs = (args, count, name) => {
  if (args.length < count) {
    const error = new TypeError(
      count === 1 ? 'The "name" argument must be specified' : 'The "name" and "value" arguments must be specified',
    );
    error.code = "ERR_MISSING_ARGS";
    throw error;
  }
};

class URL {
  #parts;
  #params = null;

  constructor(url, base = undefined) {
    if (arguments.length === 0) {
      const error = new TypeError('The "url" argument must be specified');
      error.code = "ERR_MISSING_ARGS";
      throw error;
    }
    const parts = parse(url, base);
    if (parts === null) throw invalid(text(url), base === undefined ? undefined : text(base));
    this.#parts = parts;
  }
  static canParse(url, base = undefined) {
    return parse(url, base) !== null;
  }
  static parse(url, base = undefined) {
    return parse(url, base) === null ? null : new URL(url, base);
  }
  static createObjectURL() {
    throw new TypeError("URL.createObjectURL() is not available in this runtime.");
  }
  static revokeObjectURL() {
    throw new TypeError("URL.revokeObjectURL() is not available in this runtime.");
  }
  #set(part, value) {
    const parts = ops.url_set(this.#parts[HREF], part, text(value));
    if (parts === null) return false;
    const searchBefore = this.#parts[SEARCH];
    this.#parts = parts;
    if (this.#params !== null && part !== "params" && searchBefore !== parts[SEARCH]) {
      tie.reset(this.#params, parts[SEARCH].slice(1));
    }
    return true;
  }
  get href() {
    return this.#parts[HREF];
  }
  set href(value) {
    if (!this.#set("href", value)) throw invalid(text(value));
  }
  get origin() {
    return this.#parts[ORIGIN];
  }
  get protocol() {
    return this.#parts[PROTOCOL];
  }
  set protocol(value) {
    this.#set("protocol", value);
  }
  get username() {
    return this.#parts[USERNAME];
  }
  set username(value) {
    this.#set("username", value);
  }
  get password() {
    return this.#parts[PASSWORD];
  }
  set password(value) {
    this.#set("password", value);
  }
  get host() {
    return this.#parts[HOST];
  }
  set host(value) {
    this.#set("host", value);
  }
  get hostname() {
    return this.#parts[HOSTNAME];
  }
  set hostname(value) {
    this.#set("hostname", value);
  }
  get port() {
    return this.#parts[PORT];
  }
  set port(value) {
    this.#set("port", value);
  }
  get pathname() {
    return this.#parts[PATHNAME];
  }
  set pathname(value) {
    this.#set("pathname", value);
  }
  get search() {
    return this.#parts[SEARCH];
  }
  set search(value) {
    this.#set("search", value);
  }
  get searchParams() {
    if (this.#params === null) {
      this.#params = tie.params(this.#parts[SEARCH].slice(1), (query) => this.#set("params", query));
    }
    return this.#params;
  }
  get hash() {
    return this.#parts[HASH];
  }
  set hash(value) {
    this.#set("hash", value);
  }
  toString() {
    return this.#parts[HREF];
  }
  toJSON() {
    return this.#parts[HREF];
  }
  [inspect](depth, options, show) {
    if (typeof depth === "number" && depth < 0) return this.#parts[HREF];
    const shown = {};
    for (const name of ["href", "origin", "protocol", "username", "password", "host", "hostname", "port", "pathname", "search", "searchParams", "hash"]) {
      shown[name] = this[name];
    }
    return `${this.constructor?.name ?? "URL"} ${show(shown, options)}`;
  }
}
internals.interface(URL, "URL");

internals.url = { URL, URLSearchParams };
internals.expose(internals.url);
