const only = (why, expect, run) => ({ why, expect, run });
const message = (f) => {
  try {
    f();
    return "nothing thrown";
  } catch (error) {
    return `${error.name}: ${error.message}`;
  }
};
const later = async (f) => {
  try {
    await f();
    return "nothing thrown";
  } catch (error) {
    return `${error.name}: ${error.message}`;
  }
};
const refused = (what) =>
  `Error: Can't use ${what} in queries and mutations. Please consider using an action. See https://docs.convex.dev/functions/actions for more details.`;
const why = "queries are deterministic";

export const phase = "query";

export const checks = {
  "queries: fetch is refused": only(why, [refused("fetch()")], async () => [await later(() => fetch("http://h"))]),
  "queries: timers are refused": only(why, [refused("setTimeout"), refused("setInterval"), "nothing thrown"], () => [message(() => setTimeout(() => {}, 1)), message(() => setInterval(() => {}, 1)), message(() => clearTimeout(1))]),
  "queries: AbortSignal.timeout is refused": only(why, refused("setTimeout"), () => message(() => AbortSignal.timeout(1))),
  "queries: time stands still": only(why, [1700000000000, 1700000000000, "2023-11-14T22:13:20.000Z", 0, true], () => {
    const first = Date.now();
    let sum = 0;
    for (let i = 0; i < 1e5; i++) sum += i;
    return [first, new Date().getTime(), new Date().toISOString(), performance.now() - performance.now(), Date() === new Date().toString()];
  }),
  "queries: Date is otherwise complete": () => [
    new Date(2020, 1, 3).getMonth(), new Date("2020-01-01T00:00:00Z").getTime(), Date.UTC(2020, 0), Date.parse("2020-01-01"), Date.length, Date.name,
    new Date(5) instanceof Date, new Date(new Date(7)).getTime(), Object.prototype.toString.call(new Date()), new Date(0).constructor === Date,
    typeof Date(), Reflect.construct(Date, [3]).getTime(), new (class extends Date { x = 1; })(9).getTime(), Number(new Date(4)), `${new Date(NaN)}`,
  ],
  "dates are in UTC": () => {
    const date = new Date(2020, 6, 5, 4, 3, 2, 1);
    const later = new Date(date);
    later.setHours(25);
    later.setMonth(0);
    return [
      date.toISOString(), date.getHours(), date.getDay(), date.getTimezoneOffset(), String(date), date.toDateString(), date.toTimeString(),
      new Date("2020-07-05T04:03").getTime(), new Date("2020-07-05").getTime(), new Date("Jul 5, 2020 04:03").getTime(), new Date("2020-07-05T04:03+02:00").getTime(),
      Date.parse("2020-07-05 04:03:02"), Date.parse("Sun, 05 Jul 2020 04:03:02 GMT"), new Date("nope").getTime(), new Date(99, 0).getTime(), new Date(new String("2020")).getTime(),
      later.toISOString(), new Date(NaN).toString(), Number.isNaN(new Date(NaN).getHours()), new Date(2020, 0, 1, 0, 0, 0).valueOf(), new Date(true).getTime(), new Date(null).getTime(), new Date(undefined).getTime(),
    ];
  },
  "queries: randomness is seeded": only("the seed decides", [true, true, true], () => {
    const values = [Math.random(), Math.random()];
    const uuid = crypto.randomUUID();
    const bytes = crypto.getRandomValues(new Uint8Array(16));
    return [values.every((v) => v >= 0 && v < 1) && values[0] !== values[1], /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/.test(uuid), bytes.some((b) => b !== 0)];
  }),
  "crypto.getRandomValues": (t) => [
    crypto.getRandomValues(new Uint32Array(2)).length,
    t.outcome(() => crypto.getRandomValues(new Float32Array(1))),
    t.outcome(() => crypto.getRandomValues([1])),
    t.outcome(() => crypto.getRandomValues(new Uint8Array(65537))),
    crypto.getRandomValues(new Uint8Array(65536)).length,
    Object.prototype.toString.call(crypto),
  ],
  "crypto.getRandomValues: only the view": () => {
    const buffer = new Uint8Array(32);
    crypto.getRandomValues(buffer.subarray(8, 24));
    return [buffer.slice(0, 8).every((b) => b === 0), buffer.slice(24).every((b) => b === 0)];
  },
  "WeakRef and FinalizationRegistry": (t) => {
    const target = { a: 1 };
    const ref = new WeakRef(target);
    const registry = new FinalizationRegistry(() => {});
    return [ref.deref() === target, registry.register(target, 1, target) ?? null, t.outcome(() => new WeakRef(1)), t.outcome(() => new FinalizationRegistry(1)), Object.prototype.toString.call(ref), Object.prototype.toString.call(registry)];
  },
  "globals do not show in loops": () => {
    const seen = [];
    for (const name in globalThis) seen.push(name);
    return seen.includes("URL") || seen.includes("Headers");
  },
  "typeof of every web global": () => ["URL", "URLSearchParams", "TextEncoder", "TextDecoder", "TextEncoderStream", "TextDecoderStream", "Blob", "File", "FormData", "Headers", "Request", "Response", "ReadableStream", "WritableStream", "TransformStream", "CompressionStream", "AbortController", "AbortSignal", "Event", "EventTarget", "CustomEvent", "DOMException", "fetch", "setTimeout", "clearTimeout", "setInterval", "queueMicrotask", "structuredClone", "atob", "btoa", "console", "crypto", "performance", "process", "CryptoKey"].map((name) => typeof globalThis[name]),
  "what is not there is undefined": { why: "Node has some of them", expect: ["undefined", "undefined", "undefined", "undefined", "undefined"], run: () => [typeof require, typeof WebSocket, typeof Worker, typeof XMLHttpRequest, typeof window] },
  "globals can be replaced": { why: "the replacement is seen by the application only", expect: ["mine", 5, true], run: () => {
    globalThis.fetch = () => "mine";
    globalThis.Headers = 5;
    return [fetch(), Headers, new Response("x").headers.get("content-type") !== null];
  } },
  "polluted prototypes do not reach inside": { why: "Node's own modules are not loaded lazily", expect: ["http://h/x", "text", "3", "a,b"], run: async () => {
    for (const name of ["url", "streams", "need", "body", "name"]) Object.prototype[name] = "polluted";
    Array.prototype.map2 = 1;
    globalThis.Uint8Array = class {};
    globalThis.Map = class {};
    globalThis.Promise = class {};
    globalThis.TypeError = class {};
    const result = [new URL("x", "http://h").href, await new Response("text").text(), String(new Blob(["abc"]).size), new URLSearchParams("a,b").keys().next().value];
    for (const name of ["url", "streams", "need", "body", "name"]) delete Object.prototype[name];
    return result;
  } },
};
