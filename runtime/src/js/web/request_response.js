// `Request` and `Response`.

const { TypeError, RangeError, Symbol, JSON, Object, Number } = internals.primordials;
const { text, upper } = internals.primordials;
const { Headers, freeze, ofPairs } = internals.need("headers");
const { Body, extract, mixin } = internals.need("body");
const inspect = Symbol.for("nodejs.util.inspect.custom");

const INSIDE = Symbol("inside");
const token = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
let requestBody, responseBody, signalOf;

const method = (name) => {
  name = text(name);
  if (!token.test(name)) throw new TypeError(`'${name}' is not a valid HTTP method.`);
  const known = upper(name);
  if (known === "CONNECT" || known === "TRACE" || known === "TRACK") {
    throw new TypeError(`'${name}' HTTP method is unsupported.`);
  }
  const normalized = ["DELETE", "GET", "HEAD", "OPTIONS", "POST", "PUT"];
  return normalized.includes(known) ? known : name;
};

const oneOf = (options, name, init) => {
  const value = `${init[name]}`;
  if (options.includes(value)) return value;
  throw new TypeError(`Request constructor: ${value} is not an accepted type. Expected one of ${options.join(", ")}.`);
};

class Request {
  #method = "GET";
  #url;
  #headers;
  #body = null;
  #signal = null;
  #redirect = "follow";
  #credentials = "same-origin";
  #cache = "default";
  #mode = "cors";
  #referrer = "about:client";
  #referrerPolicy = "";
  #integrity = "";
  #keepalive = false;
  #duplex = "half";

  static {
    requestBody = (request) => request.#body;
    signalOf = (request) => request.#signal;
  }

  constructor(input, init = undefined) {
    if (input === INSIDE) {
      this.#method = init.method;
      this.#url = init.url;
      this.#headers = init.headers;
      this.#body = init.body;
      this.#signal = init.signal ?? null;
      return;
    }
    if (arguments.length === 0) throw new TypeError("Request constructor: 1 argument required, but only 0 present.");
    if (init !== undefined && init !== null && typeof init !== "object" && typeof init !== "function") {
      throw new TypeError("Request constructor: Expected init to be one of: Null, Undefined, Object.");
    }
    init ??= {};
    let from = null;
    if (typeof input === "object" && input !== null && #method in input) {
      from = input;
      this.#method = from.#method;
      this.#url = from.#url;
      this.#signal = from.#signal;
      this.#redirect = from.#redirect;
      this.#credentials = from.#credentials;
      this.#cache = from.#cache;
      this.#mode = from.#mode;
      this.#integrity = from.#integrity;
      this.#keepalive = from.#keepalive;
    } else {
      const parts = ops.url_parse(text(input), undefined);
      if (parts === null) throw new TypeError(`Failed to parse URL from ${text(input)}`);
      if (parts[3] !== "" || parts[4] !== "") {
        throw new TypeError(`Request cannot be constructed from a URL that includes credentials: ${parts[0]}`);
      }
      this.#url = parts[0];
    }
    if (init.method !== undefined) this.#method = method(init.method);
    if (init.redirect !== undefined) this.#redirect = oneOf(["follow", "manual", "error"], "redirect", init);
    if (init.credentials !== undefined) {
      this.#credentials = oneOf(["omit", "same-origin", "include"], "credentials", init);
    }
    if (init.cache !== undefined) {
      this.#cache = oneOf(["default", "no-store", "reload", "no-cache", "force-cache", "only-if-cached"], "cache", init);
    }
    if (init.mode !== undefined) {
      this.#mode = oneOf(["navigate", "same-origin", "no-cors", "cors"], "mode", init);
      if (this.#mode === "navigate") throw new TypeError("Request constructor: invalid request mode navigate.");
    }
    if (init.integrity !== undefined) this.#integrity = `${init.integrity}`;
    if (init.keepalive !== undefined) this.#keepalive = !!init.keepalive;
    if (init.referrerPolicy !== undefined) this.#referrerPolicy = `${init.referrerPolicy}`;
    if (init.signal !== undefined) {
      if (init.signal !== null && !(init.signal instanceof internals.need("abort").AbortSignal)) {
        throw new TypeError("Request constructor: Expected signal to be an instance of AbortSignal.");
      }
      this.#signal = init.signal;
    }
    this.#headers = new Headers(init.headers !== undefined ? init.headers : from !== null ? from.#headers : undefined);
    const hasBody = init.body !== undefined && init.body !== null;
    if ((hasBody || (from !== null && from.#body !== null && init.body === undefined)) && (this.#method === "GET" || this.#method === "HEAD")) {
      throw new TypeError("Request with GET/HEAD method cannot have body.");
    }
    if (hasBody) {
      const { body, type } = extract(init.body);
      if (body.stream !== null && init.duplex === undefined && from === null) {
        throw new TypeError("RequestInit: duplex option is required when sending a body.");
      }
      this.#body = body;
      if (type !== null && !this.#headers.has("content-type")) this.#headers.append("content-type", type);
    } else if (from !== null && from.#body !== null && init.body === undefined) {
      if (from.#body.isUnusable) {
        throw new TypeError("Cannot construct a Request with a Request object that has already been used.");
      }
      // The body moves over: the first request has it no more.
      const taken = new Body();
      Object.assign(taken, from.#body);
      this.#body = taken;
      if (taken.stream !== null) {
        const { TransformStream } = internals.streams;
        taken.stream = from.#body.stream.pipeThrough(new TransformStream());
      } else {
        from.#body.isConsumed = true;
      }
    }
  }
  get method() {
    return this.#method;
  }
  get url() {
    return this.#url;
  }
  get headers() {
    return this.#headers;
  }
  get destination() {
    return "";
  }
  get referrer() {
    return this.#referrer;
  }
  get referrerPolicy() {
    return this.#referrerPolicy;
  }
  get mode() {
    return this.#mode;
  }
  get credentials() {
    return this.#credentials;
  }
  get cache() {
    return this.#cache;
  }
  get redirect() {
    return this.#redirect;
  }
  get integrity() {
    return this.#integrity;
  }
  get keepalive() {
    return this.#keepalive;
  }
  get duplex() {
    return this.#duplex;
  }
  get signal() {
    const { AbortController } = internals.need("abort");
    this.#signal ??= new AbortController().signal;
    return this.#signal;
  }
  clone() {
    if (this.#body !== null && this.#body.isUnusable) throw new TypeError("unusable");
    const made = new Request(INSIDE, {
      method: this.#method,
      url: this.#url,
      headers: new Headers(this.#headers),
      body: this.#body === null ? null : this.#body.clone(),
      signal: this.#signal,
    });
    made.#redirect = this.#redirect;
    made.#credentials = this.#credentials;
    made.#cache = this.#cache;
    made.#mode = this.#mode;
    made.#integrity = this.#integrity;
    made.#keepalive = this.#keepalive;
    return made;
  }
  [inspect](depth, options, show) {
    if (typeof depth === "number" && depth < 0) return "[Request]";
    const { method, url, headers, redirect, bodyUsed } = this;
    return `Request ${show({ method, url, headers, redirect, bodyUsed }, options)}`;
  }
}
mixin(Request, (request) => requestBody(request), (request) => request.headers);
internals.interface(Request, "Request");

const nullBodyStatus = (status) => status === 101 || status === 204 || status === 205 || status === 304;

class Response {
  #status = 200;
  #statusText = "";
  #headers;
  #body = null;
  #type = "default";
  #url = "";
  #redirected = false;

  static {
    responseBody = (response) => response.#body;
  }

  constructor(body = null, init = undefined) {
    if (body === INSIDE) {
      this.#status = init.status;
      this.#statusText = init.statusText ?? "";
      this.#headers = init.headers;
      this.#body = init.body ?? null;
      this.#type = init.type ?? "default";
      this.#url = init.url ?? "";
      this.#redirected = init.redirected ?? false;
      return;
    }
    if (init !== undefined && init !== null && typeof init !== "object" && typeof init !== "function") {
      throw new TypeError("Response constructor: Expected init to be one of: Null, Undefined, Object.");
    }
    init ??= {};
    if (init.status !== undefined) {
      const status = Number(init.status) & 0xffff;
      if (status < 200 || status > 599) {
        throw new RangeError('init["status"] must be in the range of 200 to 599, inclusive.');
      }
      this.#status = status;
    }
    if (init.statusText !== undefined) {
      const statusText = `${init.statusText}`;
      if (/[^\t\x20-\x7e\x80-\xff]/.test(statusText)) throw new TypeError("Invalid statusText");
      this.#statusText = statusText;
    }
    this.#headers = new Headers(init.headers);
    const extracted = extract(body);
    if (extracted.body !== null) {
      if (nullBodyStatus(this.#status)) {
        throw new TypeError(`Response constructor: Invalid response status code ${this.#status}`);
      }
      this.#body = extracted.body;
      if (extracted.type !== null && !this.#headers.has("content-type")) {
        this.#headers.append("content-type", extracted.type);
      }
    }
  }
  static error() {
    return new Response(INSIDE, { status: 0, headers: freeze(new Headers()), type: "error" });
  }
  static redirect(url, status = 302) {
    const parts = ops.url_parse(text(url), undefined);
    if (parts === null) throw new TypeError(`Failed to parse URL from ${text(url)}`);
    status = Number(status) & 0xffff;
    if (![301, 302, 303, 307, 308].includes(status)) throw new RangeError(`Invalid status code ${status}`);
    return new Response(INSIDE, { status, headers: freeze(new Headers([["location", parts[0]]])) });
  }
  static json(data, init = undefined) {
    const json = JSON.stringify(data);
    if (json === undefined) throw new TypeError("Value is not JSON serializable");
    const response = new Response(json, init);
    if (new Headers(init?.headers).get("content-type") === null) response.#headers.set("content-type", "application/json");
    return response;
  }
  get type() {
    return this.#type;
  }
  get url() {
    return this.#url.replace(/#.*$/, "");
  }
  get redirected() {
    return this.#redirected;
  }
  get status() {
    return this.#status;
  }
  get ok() {
    return this.#status >= 200 && this.#status <= 299;
  }
  get statusText() {
    return this.#statusText;
  }
  get headers() {
    return this.#headers;
  }
  clone() {
    if (this.#body !== null && this.#body.isUnusable) {
      throw new TypeError("Response.clone: Body has already been consumed.");
    }
    return new Response(INSIDE, {
      status: this.#status,
      statusText: this.#statusText,
      headers: new Headers(this.#headers),
      body: this.#body === null ? null : this.#body.clone(),
      type: this.#type,
      url: this.#url,
      redirected: this.#redirected,
    });
  }
  [inspect](depth, options, show) {
    if (typeof depth === "number" && depth < 0) return "[Response]";
    const { status, statusText, headers, body, bodyUsed, ok, redirected, type, url } = this;
    return `Response ${show({ status, statusText, headers, body, bodyUsed, ok, redirected, type, url }, options)}`;
  }
}
mixin(Response, (response) => responseBody(response), (response) => response.headers);
internals.interface(Response, "Response");

/** A request that the host received: `{ method, url, headerPairs, host }`, the last the number of its body or `null`. */
const requestOf = ({ method, url, headerPairs, host, signal }) =>
  new Request(INSIDE, { method, url, headers: ofPairs(headerPairs), body: host === null ? null : Body.ofHost(host), signal });

/** A response that the host received. */
const responseOf = ({ status, statusText, headerPairs, host, url, redirected, type }) =>
  new Response(INSIDE, {
    status, statusText, headers: freeze(ofPairs(headerPairs)), url, redirected, type,
    body: host === null || host === undefined ? null : Body.ofHost(host),
  });

/** A response whose bytes are here already. */
const responseOfBytes = (bytes, headerPairs, url) =>
  new Response(INSIDE, { status: 200, statusText: "OK", headers: ofPairs(headerPairs), body: Body.ofBytes(bytes), url, type: "basic" });

internals.request_response = {
  Request, Response, requestOf, responseOf, responseOfBytes, requestBody, responseBody, signalOf,
};
internals.expose({ Request, Response });
