// `MessageChannel` and `MessagePort`, both ends in one isolate. A message arrives in a task of its own; in queries and
// mutations, which have none, when what runs has come to its end. Ports cannot be transferred.

const { Object, Promise, Symbol, TypeError, apply, defineProperty, then } = internals.primordials;
const { EventTarget, Event, MessageEvent, handlerAttribute } = internals.need("events");
const { structuredClone } = internals.need("structured_clone");

const soon = (run) => {
  try {
    internals.need("timers").setTimeout(run, 0);
  } catch {
    then(new Promise((resolve) => resolve()), run);
  }
};

const MAKE = Symbol("make");
// What only this module may do to ports.
let join, receive;

class MessagePort extends EventTarget {
  #other = null;
  #waiting = [];
  #isStarted = false;

  static {
    join = (one, other) => {
      one.#other = other;
      other.#other = one;
    };
    receive = (port) => {
      if (!port.#isStarted || port.#waiting.length === 0) return;
      port.dispatchEvent(new MessageEvent("message", { data: port.#waiting.shift() }));
    };
  }

  constructor(token = undefined) {
    if (token !== MAKE) throw new TypeError("Illegal constructor");
    super();
  }
  postMessage(message, transfer = undefined) {
    if (arguments.length === 0) throw new TypeError('The "message" argument must be specified');
    const isList = typeof transfer === "object" && transfer !== null && Symbol.iterator in transfer;
    const data = structuredClone(message, isList ? { transfer } : transfer);
    const other = this.#other;
    if (other === null) return;
    other.#waiting.push(data);
    if (other.#isStarted) soon(() => receive(other));
  }
  start() {
    if (this.#isStarted) return;
    this.#isStarted = true;
    for (const _ of this.#waiting) soon(() => receive(this));
  }
  close() {
    const other = this.#other;
    if (other === null) return;
    this.#other = other.#other = null;
    for (const port of [this, other]) soon(() => port.dispatchEvent(new Event("close")));
  }
}
for (const name of ["message", "messageerror", "close"]) handlerAttribute(MessagePort, name);
// Who listens this way need not ask to begin.
const { get, set } = Object.getOwnPropertyDescriptor(MessagePort.prototype, "onmessage");
defineProperty(MessagePort.prototype, "onmessage", {
  __proto__: null,
  get,
  set(callback) {
    apply(set, this, [callback]);
    this.start();
  },
});
internals.interface(MessagePort, "MessagePort");

class MessageChannel {
  #port1 = new MessagePort(MAKE);
  #port2 = new MessagePort(MAKE);

  constructor() {
    join(this.#port1, this.#port2);
  }
  get port1() {
    return this.#port1;
  }
  get port2() {
    return this.#port2;
  }
}
internals.interface(MessageChannel, "MessageChannel");

internals.message_channel = { MessageChannel, MessagePort };
internals.expose(internals.message_channel);
