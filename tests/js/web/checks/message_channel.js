const only = (why, expect, run) => ({ why, expect, run });
/** The next message at a port. */
const next = (port) => new Promise((resolve) => port.addEventListener("message", (event) => resolve(event.data), { once: true }));

export const checks = {
  "MessageChannel: messages arrive in order, both ways": async (t) => {
    const { port1, port2 } = new MessageChannel();
    const seen = [];
    port1.onmessage = ({ data }) => seen.push(["one", data]);
    port2.onmessage = ({ data }) => {
      seen.push(["two", data]);
      port2.postMessage({ answer: data });
    };
    port1.postMessage(1);
    port1.postMessage({ a: [2n === 2n, new Date(0).getTime()] });
    seen.push("posted");
    await null;
    seen.push("later");
    await t.sleep(30);
    port1.close();
    return seen;
  },
  "MessageChannel: messages wait until somebody begins to listen": only("Node's ports begin with the first listener, whoever adds it", [[], ["a", "b"]], async (t) => {
    const { port1, port2 } = new MessageChannel();
    const seen = [];
    port1.postMessage("a");
    port1.postMessage("b");
    port2.addEventListener("message", ({ data }) => seen.push(data));
    await t.sleep(20);
    const before = [...seen];
    port2.start();
    await t.sleep(20);
    port2.close();
    return [before, seen];
  }),
  "MessageChannel: messages are copies": async () => {
    const { port1, port2 } = new MessageChannel();
    const sent = { map: new Map([[1, { a: 1 }]]), list: [1, 2] };
    const arrived = next(port2);
    port2.start();
    port1.postMessage(sent);
    sent.list.push(3);
    const got = await arrived;
    port1.close();
    return [got.list, got.map instanceof Map, got.map.get(1), got !== sent];
  },
  "MessageChannel: buffers are transferred": async () => {
    const { port1, port2 } = new MessageChannel();
    const bytes = new Uint8Array([1, 2, 3]);
    const arrived = next(port2);
    port2.start();
    port1.postMessage(bytes, [bytes.buffer]);
    const got = await arrived;
    port1.close();
    return [bytes.length, [...got]];
  },
  "MessageChannel: what cannot be copied is refused": async (t) => {
    const { port1 } = new MessageChannel();
    const result = [t.outcome(() => port1.postMessage(() => {})), t.outcome(() => port1.postMessage()), t.outcome(() => new MessagePort()).thrown, typeof MessagePort];
    port1.close();
    return result;
  },
  "MessageChannel: a port that was closed hears nothing": async (t) => {
    const { port1, port2 } = new MessageChannel();
    const seen = [];
    port2.onmessage = ({ data }) => seen.push(data);
    port1.close();
    port1.postMessage("late");
    await t.sleep(20);
    return seen;
  },
  "errors: a stack begins with what they say": () => {
    class Own extends Error {
      constructor(message) {
        super(message);
        Error.captureStackTrace(this, Own);
      }
    }
    const first = (error) => error.stack.split("\n")[0];
    const target = { name: "Target", message: "of a capture" };
    Error.captureStackTrace(target);
    const frames = (error) => error.stack.split("\n").slice(1).every((line) => /^ {4}at /.test(line));
    return [
      first(new Error("a message")), first(new TypeError("b")), first(new Error()), first(new Own("mine")), first(new RangeError("two\nlines")), first(target), frames(new Error("x")), frames(new Own("y")),
      typeof Error.captureStackTrace, typeof Error.stackTraceLimit,
    ];
  },
  "errors: a stack can be anything": () => {
    const error = new Error("message");
    const set = (value) => {
      error.stack = value;
      return error.stack;
    };
    return [set("text"), set(undefined) === undefined, set(null), set(5), Object.keys(error)];
  },
  "errors: prepareStackTrace": () => {
    const { prepareStackTrace } = Error;
    Error.prepareStackTrace = (_error, sites) => sites;
    const { stack } = new Error("sites");
    Error.prepareStackTrace = prepareStackTrace;
    return [Array.isArray(stack), typeof stack[0].getLineNumber(), typeof stack[0].getFileName];
  },
  "Date.now: whole milliseconds": () => [Number.isInteger(Date.now()), Number.isInteger(new Date().getTime()), Number.isInteger(+new Date(Date.now() + 0.5))],
};
