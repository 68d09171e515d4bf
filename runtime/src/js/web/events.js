// `Event`, `EventTarget`, `CustomEvent`, `ErrorEvent` and the like. There is no tree of targets: an event only
// reaches the target that it was dispatched to.

const { TypeError, Symbol, Map, Object, Error } = internals.primordials;
const { defineProperty, apply } = internals.primordials;
const { DOMException } = internals;
const inspect = Symbol.for("nodejs.util.inspect.custom");

const NONE = 0, CAPTURING_PHASE = 1, AT_TARGET = 2, BUBBLING_PHASE = 3;

// What only a target may change in an event.
let inside;

class Event {
  #type;
  #bubbles;
  #cancelable;
  #composed;
  #target = null;
  #phase = NONE;
  #isCancelled = false;
  #isStopped = false;
  #isStoppedAtOnce = false;
  #isPassive = false;
  #isDispatched = false;
  #timeStamp = ops.now();

  static {
    inside = {
      __proto__: null,
      begin(event, target) {
        event.#isDispatched = true;
        event.#target = target;
        event.#phase = AT_TARGET;
      },
      end(event) {
        event.#isDispatched = false;
        event.#phase = NONE;
        event.#isStopped = false;
        event.#isStoppedAtOnce = false;
      },
      isDispatched: (event) => event.#isDispatched,
      isStoppedAtOnce: (event) => event.#isStoppedAtOnce,
      setPassive(event, isPassive) {
        event.#isPassive = isPassive;
      },
    };
  }

  constructor(type, init = undefined) {
    if (arguments.length === 0) throw new TypeError('The "type" argument must be specified');
    if (init !== undefined && init !== null && typeof init !== "object" && typeof init !== "function") {
      throw new TypeError('The "options" argument must be of type object.');
    }
    this.#type = `${type}`;
    this.#bubbles = !!init?.bubbles;
    this.#cancelable = !!init?.cancelable;
    this.#composed = !!init?.composed;
  }
  get type() {
    return this.#type;
  }
  get target() {
    return this.#target;
  }
  get currentTarget() {
    return this.#isDispatched ? this.#target : null;
  }
  get srcElement() {
    return this.#target;
  }
  composedPath() {
    return this.#isDispatched ? [this.#target] : [];
  }
  get eventPhase() {
    return this.#phase;
  }
  stopPropagation() {
    this.#isStopped = true;
  }
  get cancelBubble() {
    return this.#isStopped;
  }
  set cancelBubble(value) {
    if (value) this.#isStopped = true;
  }
  stopImmediatePropagation() {
    this.#isStopped = true;
    this.#isStoppedAtOnce = true;
  }
  get bubbles() {
    return this.#bubbles;
  }
  get cancelable() {
    return this.#cancelable;
  }
  get returnValue() {
    return !this.#isCancelled;
  }
  preventDefault() {
    if (this.#cancelable && !this.#isPassive) this.#isCancelled = true;
  }
  get defaultPrevented() {
    return this.#isCancelled;
  }
  get composed() {
    return this.#composed;
  }
  get isTrusted() {
    return false;
  }
  get timeStamp() {
    return this.#timeStamp;
  }
  [inspect](depth, options, show) {
    const name = this.constructor?.name ?? "Event";
    if (typeof depth === "number" && depth < 0) return name;
    const { type, defaultPrevented, cancelable, timeStamp } = this;
    return `${name} ${show({ type, defaultPrevented, cancelable, timeStamp }, options)}`;
  }
}
for (const target of [Event, Event.prototype]) {
  for (const [name, value] of Object.entries({ NONE, CAPTURING_PHASE, AT_TARGET, BUBBLING_PHASE })) {
    defineProperty(target, name, { __proto__: null, value, enumerable: true });
  }
}
internals.interface(Event, "Event");

class CustomEvent extends Event {
  #detail;
  constructor(type, init = undefined) {
    super(...(arguments.length === 0 ? [] : [type, init]));
    this.#detail = init?.detail ?? null;
  }
  get detail() {
    return this.#detail;
  }
}
internals.interface(CustomEvent, "CustomEvent");

class ErrorEvent extends Event {
  #init;
  constructor(type, init = undefined) {
    super(...(arguments.length === 0 ? [] : [type, init]));
    this.#init = init;
  }
  get message() {
    return `${this.#init?.message ?? ""}`;
  }
  get filename() {
    return `${this.#init?.filename ?? ""}`;
  }
  get lineno() {
    return this.#init?.lineno ?? 0;
  }
  get colno() {
    return this.#init?.colno ?? 0;
  }
  get error() {
    return this.#init?.error;
  }
}
internals.interface(ErrorEvent, "ErrorEvent");

class MessageEvent extends Event {
  #init;
  constructor(type, init = undefined) {
    super(...(arguments.length === 0 ? [] : [type, init]));
    this.#init = init;
  }
  get data() {
    return this.#init?.data ?? null;
  }
  get origin() {
    return `${this.#init?.origin ?? ""}`;
  }
  get lastEventId() {
    return `${this.#init?.lastEventId ?? ""}`;
  }
  get source() {
    return this.#init?.source ?? null;
  }
  get ports() {
    return this.#init?.ports ?? [];
  }
}
internals.interface(MessageEvent, "MessageEvent");

class EventTarget {
  #listeners = new Map();

  addEventListener(type, callback, options = undefined) {
    if (arguments.length < 2) {
      throw new TypeError('The "type" and "listener" arguments must be specified');
    }
    const details = typeof options === "boolean" ? { capture: options } : options;
    const capture = !!details?.capture;
    const signal = details?.signal;
    if (signal !== undefined && (signal === null || typeof signal !== "object" || typeof signal.aborted !== "boolean")) {
      throw new TypeError('The "options.signal" property must be an instance of AbortSignal.');
    }
    if (callback === null || callback === undefined) return;
    if (typeof callback !== "function" && typeof callback !== "object") {
      throw new TypeError('The "listener" argument must be an instance of EventListener.');
    }
    if (signal?.aborted) return;
    type = `${type}`;
    let list = this.#listeners.get(type);
    if (list === undefined) this.#listeners.set(type, (list = []));
    for (const present of list) {
      if (present.callback === callback && present.capture === capture) return;
    }
    const listener = {
      callback, capture, once: !!details?.once, passive: !!details?.passive, isRemoved: false,
      call(target, event) {
        if (typeof callback === "function") return apply(callback, target, [event]);
        const handle = callback.handleEvent;
        if (typeof handle !== "function") throw new TypeError("handleEvent is not a function");
        return apply(handle, callback, [event]);
      },
    };
    list.push(listener);
    if (signal !== undefined) {
      signal.addEventListener("abort", () => this.removeEventListener(type, callback, capture), { once: true });
    }
  }
  removeEventListener(type, callback, options = undefined) {
    if (arguments.length < 2) {
      throw new TypeError('The "type" and "listener" arguments must be specified');
    }
    const capture = typeof options === "boolean" ? options : !!options?.capture;
    const list = this.#listeners.get(`${type}`);
    if (list === undefined) return;
    const at = list.findIndex((listener) => listener.callback === callback && listener.capture === capture);
    if (at < 0) return;
    list[at].isRemoved = true;
    list.splice(at, 1);
  }
  dispatchEvent(event) {
    if (!(event instanceof Event)) {
      throw new TypeError('The "event" argument must be an instance of Event.');
    }
    if (inside.isDispatched(event)) {
      throw new DOMException("The event is already being dispatched", "InvalidStateError");
    }
    inside.begin(event, this);
    const list = this.#listeners.get(event.type);
    if (list !== undefined) {
      for (const listener of [...list]) {
        if (listener.isRemoved) continue;
        if (listener.once) this.removeEventListener(event.type, listener.callback, listener.capture);
        inside.setPassive(event, listener.passive);
        try {
          listener.call(this, event);
        } catch (error) {
          internals.report(error);
        }
        inside.setPassive(event, false);
        if (inside.isStoppedAtOnce(event)) break;
      }
    }
    inside.end(event);
    return !event.defaultPrevented;
  }
}
internals.interface(EventTarget, "EventTarget");

/** Gives a class the attribute `on<type>`, a listener that can be replaced. */
const handlerAttribute = (type, name) => {
  const handlers = new internals.primordials.WeakMap();
  defineProperty(type.prototype, `on${name}`, {
    __proto__: null,
    configurable: true,
    enumerable: true,
    get() {
      return handlers.get(this)?.callback ?? null;
    },
    set(callback) {
      const isCallback = typeof callback === "function" || (typeof callback === "object" && callback !== null);
      let handler = handlers.get(this);
      if (handler === undefined) {
        if (!isCallback) return;
        handler = { callback };
        handlers.set(this, handler);
        this.addEventListener(name, function (event) {
          if (typeof handler.callback === "function") apply(handler.callback, this, [event]);
        });
      } else {
        handler.callback = isCallback ? callback : null;
      }
    },
  });
};

internals.events = { Event, EventTarget, CustomEvent, ErrorEvent, MessageEvent, handlerAttribute };
internals.expose({ Event, EventTarget, CustomEvent, ErrorEvent, MessageEvent });
