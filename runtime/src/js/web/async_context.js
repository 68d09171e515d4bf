// `AsyncLocalStorage` and `AsyncContext`: values that follow a call through callbacks and promises.
//
// Until one of them is used, nothing here runs. From then on everything that continues a script begins with the context
// it was left in: callbacks of `then`, timers and `queueMicrotask` because they are wrapped when they are given, `await`
// because a job of ours that sets the context comes to lie right before the engine's job that goes on:
//
// - `await` of a promise: the engine asks it for its `constructor`, which is an accessor of ours. That hands the promise
//   such a job before the engine hands it its own; both are queued, in this order, when the promise is settled.
// - `await` of anything else: the engine makes a promise for it. The host tells when a promise is made, and we note the
//   context; and when one is fulfilled, before what waits for it is queued (`internals.promises`). Of promises that
//   are rejected it does not tell: such a one is that of a thenable, which rejects it at once or by a callback of ours.
//
// Nothing sets a context back: whatever comes next brings its own.

const { Promise, Map, Symbol, TypeError, WeakMap, Object, apply, defineProperty } = internals.primordials;
const nativeThen = Promise.prototype.then;
const nativeResolve = Promise.resolve;
const nativeQueueMicrotask = globalThis.queueMicrotask;

// A context is a map from variables to values, never changed once made; `undefined` is the empty one.
let current = undefined;

const runIn = (context, callback, receiver, args) => {
  const before = current;
  current = context;
  try {
    return apply(callback, receiver, args);
  } finally {
    current = before;
  }
};

const bind = (callback) => {
  const context = current;
  return function (...args) {
    return runIn(context, callback, this, args);
  };
};

/** Lets the job that is queued next begin in a context. */
const lead = (context) =>
  nativeQueueMicrotask(() => {
    current = context;
  });

// The contexts in which promises were made, except the empty one.
const contexts = new WeakMap();
const getContext = WeakMap.prototype.get;
const setContext = WeakMap.prototype.set;
const contextOf = (promise) => apply(getContext, contexts, [promise]);

/** What the host tells about a promise. */
const watch = {
  __proto__: null,
  made: (promise) => {
    if (current !== undefined) apply(setContext, contexts, [promise, current]);
  },
  resolved: (promise) => lead(contextOf(promise)),
  // The `then` of what it was resolved with is about to be called, which may reject it at once.
  called: (promise) => {
    current = contextOf(promise);
    lead(current);
  },
};

// What the next promise that is asked for its constructor answers instead of having the context noted.
let answer = null;
const thenAs = (constructor, promise, onFulfilled, onRejected) => {
  answer = constructor;
  try {
    return apply(nativeThen, promise, [onFulfilled, onRejected]);
  } finally {
    answer = null;
  }
};

const nothing = () => {};
/** The constructor of a promise that nobody wants. */
const Nowhere = function (executor) {
  executor(nothing, nothing);
};
defineProperty(Nowhere, Symbol.species, { __proto__: null, value: Nowhere });

/** Lets what waits for a promise next go on in the context of now. */
const note = (promise) => {
  const context = current;
  const set = () => {
    current = context;
  };
  try {
    thenAs(Nowhere, promise, set, set);
  } catch {
    // It only looks like a promise.
  }
};

/** A callback of `then`, in the context of now. */
const carry = (callback, rejects) => {
  if (typeof callback !== "function") return callback;
  const context = current;
  return (value) => {
    if (rejects) lead(context);
    return runIn(context, callback, undefined, [value]);
  };
};

const method = (target, name, value) =>
  defineProperty(target, name, { __proto__: null, value, writable: true, configurable: true, enumerable: false });

let isInstalled = false;
const install = () => {
  if (isInstalled) return;
  isInstalled = true;
  internals.promises = watch;
  internals.bindContext = bind;
  defineProperty(Promise.prototype, "constructor", {
    __proto__: null,
    configurable: true,
    enumerable: false,
    get() {
      const constructor = answer;
      answer = null;
      if (constructor !== null) return constructor;
      if (this !== Promise.prototype) note(this);
      return Promise;
    },
    set(value) {
      method(this, "constructor", value);
    },
  });
  method(Promise.prototype, "then", function then(onFulfilled, onRejected) {
    return thenAs(Promise, this, carry(onFulfilled, false), carry(onRejected, true));
  });
  // A promise is its own resolution; that alone waits for nothing.
  method(Promise, "resolve", function resolve(value) {
    if (this === Promise && value instanceof Promise && Object.getPrototypeOf(value) === Promise.prototype) return value;
    return apply(nativeResolve, this, [value]);
  });
  defineProperty(globalThis, "queueMicrotask", {
    __proto__: null,
    value: function queueMicrotask(callback) {
      nativeQueueMicrotask(typeof callback === "function" ? bind(callback) : callback);
    },
    writable: true,
    configurable: true,
    enumerable: true,
  });
};

const valueOf = (variable, otherwise) => (current?.has(variable) ? current.get(variable) : otherwise);
const having = (variable, value) => {
  const context = new Map(current);
  context.set(variable, value);
  return context;
};
const without = (variable) => {
  if (!current?.has(variable)) return current;
  const context = new Map(current);
  context.delete(variable);
  return context.size === 0 ? undefined : context;
};

class AsyncLocalStorage {
  constructor() {
    install();
  }
  static bind(callback) {
    if (typeof callback !== "function") throw new TypeError('The "fn" argument must be of type function.');
    install();
    return bind(callback);
  }
  static snapshot() {
    install();
    return bind((callback, ...args) => callback(...args));
  }
  run(store, callback, ...args) {
    return runIn(having(this, store), callback, undefined, args);
  }
  exit(callback, ...args) {
    return runIn(without(this), callback, undefined, args);
  }
  getStore() {
    return valueOf(this, undefined);
  }
  enterWith(store) {
    current = having(this, store);
  }
  disable() {
    current = without(this);
  }
}

class Variable {
  #name;
  #defaultValue;
  constructor(options = undefined) {
    install();
    this.#name = options?.name === undefined ? "" : `${options.name}`;
    this.#defaultValue = options?.defaultValue;
  }
  get name() {
    return this.#name;
  }
  run(value, callback, ...args) {
    return runIn(having(this, value), callback, undefined, args);
  }
  get() {
    return valueOf(this, this.#defaultValue);
  }
}

class Snapshot {
  #context;
  constructor() {
    install();
    this.#context = current;
  }
  static wrap(callback) {
    install();
    return bind(callback);
  }
  run(callback, ...args) {
    return runIn(this.#context, callback, undefined, args);
  }
}

const AsyncContext = { Variable, Snapshot };
internals.async_context = { AsyncLocalStorage, AsyncContext };
internals.expose(internals.async_context);
