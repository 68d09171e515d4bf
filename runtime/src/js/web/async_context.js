// `AsyncLocalStorage` and `AsyncContext`: values that follow a call through callbacks and promises.
//
// Until one of them is used, nothing here runs. From then on a context is carried over `then`, `catch`, `finally`,
// `await` of a promise, timers and `queueMicrotask`. It is not carried over `await` of something that is no promise
// (`await 1`, a library's own thenable), which gives no opportunity to notice it: after such an `await` there is no
// context.
//
// How `await` is noticed: the engine asks the promise for its `constructor`, to see whether it is a plain promise.
// It is told no, makes a promise of its own and asks for `then` to join the two; both are ours. What `then` is given
// settles the engine's promise between two jobs of ours that switch to the context of the `await` and back, so that
// the engine's job that continues the function comes to lie between them.

const { Promise, Map, Symbol, TypeError, Object, apply, defineProperty } = internals.primordials;
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

// The promise that was just asked for its constructor.
let asked = null;

/** `then` as it is at the moment of an access: it carries the context of that moment. */
const thenIn = (context, isAwait) => {
  const carry = (callback) => {
    if (typeof callback !== "function") return callback;
    if (!isAwait) return (value) => runIn(context, callback, undefined, [value]);
    return (value) => {
      let before;
      nativeQueueMicrotask(() => {
        before = current;
        current = context;
      });
      try {
        return runIn(context, callback, undefined, [value]);
      } finally {
        nativeQueueMicrotask(() => {
          current = before;
        });
      }
    };
  };
  return function then(onFulfilled, onRejected) {
    return apply(nativeThen, this, [carry(onFulfilled), carry(onRejected)]);
  };
};

/** What stands in for `Promise` as the constructor of a promise; `species` leads back to the real one. */
const Awaited = { Promise: function () {} }.Promise;
Object.setPrototypeOf(Awaited, Promise);
defineProperty(Awaited, "prototype", { __proto__: null, value: Promise.prototype });
defineProperty(Awaited, Symbol.species, { __proto__: null, value: Promise });

const accessor = (name, get) =>
  defineProperty(Promise.prototype, name, {
    __proto__: null,
    configurable: true,
    enumerable: false,
    get,
    set(value) {
      defineProperty(this, name, { __proto__: null, value, writable: true, configurable: true, enumerable: false });
    },
  });

let isInstalled = false;
const install = () => {
  if (isInstalled) return;
  isInstalled = true;
  internals.bindContext = bind;
  accessor("constructor", function () {
    if (current === undefined) return Promise;
    asked = this;
    return Awaited;
  });
  accessor("then", function () {
    if (current === undefined) return nativeThen;
    const isAwait = asked === this;
    asked = null;
    return thenIn(current, isAwait);
  });
  const resolve = function resolve(value) {
    if (this === Promise && value instanceof Promise && Object.getPrototypeOf(value) === Promise.prototype) return value;
    return apply(nativeResolve, this, [value]);
  };
  defineProperty(Promise, "resolve", { __proto__: null, value: resolve, writable: true, configurable: true });
  const queueMicrotask = function queueMicrotask(callback) {
    nativeQueueMicrotask(typeof callback === "function" ? bind(callback) : callback);
  };
  defineProperty(globalThis, "queueMicrotask", {
    __proto__: null, value: queueMicrotask, writable: true, configurable: true, enumerable: true,
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
