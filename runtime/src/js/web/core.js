// What every isolate has from the start: time and randomness that the host gives, and what other prelude modules
// share. Everything here runs before any module of an application, so the built-ins taken here are the real ones.

const {
  Object, Array, Error, TypeError, RangeError, SyntaxError, Promise, Symbol, Map, Set, WeakMap, Uint8Array,
  ArrayBuffer, DataView, String, Number, BigInt, JSON, Math, Reflect, RegExp, Proxy, Function, Boolean, WeakSet,
} = globalThis;
const { defineProperty, getOwnPropertyDescriptor, keys } = Object;
const { apply, construct } = Reflect;

const then = Promise.prototype.then;
const toWellFormed = String.prototype.toWellFormed;
const toUpperCase = String.prototype.toUpperCase;
const toLowerCase = String.prototype.toLowerCase;

Object.setPrototypeOf(internals, null);
Object.setPrototypeOf(ops, null);

internals.DOMException = globalThis.DOMException;
internals.primordials = {
  __proto__: null,
  Object, Array, Error, TypeError, RangeError, SyntaxError, Promise, Symbol, Map, Set, WeakMap, Uint8Array,
  ArrayBuffer, DataView, String, Number, BigInt, JSON, Math, Reflect, RegExp, Proxy, Function, Boolean, WeakSet,
  Date: globalThis.Date,
  apply,
  construct,
  defineProperty,
  isView: ArrayBuffer.isView,
  /** Calls `onFulfilled` or `onRejected` whatever the application did to `Promise.prototype`. */
  then: (promise, onFulfilled, onRejected) => apply(then, promise, [onFulfilled, onRejected]),
  /** The text of a value with lone surrogates replaced, as the host wants it. */
  text: (value) => apply(toWellFormed, `${value}`, []),
  upper: (text) => apply(toUpperCase, text, []),
  lower: (text) => apply(toLowerCase, text, []),
};

/** What another prelude module left under its name, after running it if it has not run yet. */
internals.need = (name) => {
  if (internals[name] === undefined) internals.load(name);
  return internals[name];
};

/** Defines globals, except those that the application has replaced meanwhile. */
internals.expose = (values) => {
  for (const name of keys(values)) {
    const present = getOwnPropertyDescriptor(globalThis, name);
    if (present !== undefined && present.get === undefined) continue;
    defineProperty(globalThis, name, {
      __proto__: null, value: values[name], writable: true, configurable: true, enumerable: false,
    });
  }
};

/** Makes the accessors and methods of a class enumerable, as those of web interfaces are, and names its instances. */
internals.interface = (type, tag) => {
  for (const target of [type.prototype, type]) {
    for (const name of Object.getOwnPropertyNames(target)) {
      const descriptor = getOwnPropertyDescriptor(target, name);
      if (name === "constructor" || name === "prototype" || name === "name" || name === "length") continue;
      if (!descriptor.configurable || name[0] === "_") continue;
      descriptor.enumerable = true;
      defineProperty(target, name, descriptor);
    }
  }
  defineProperty(type.prototype, Symbol.toStringTag, { __proto__: null, value: tag, configurable: true });
  internals.interfaces.add(type.prototype);
  return type;
};
/** The prototypes of those classes. */
internals.interfaces = new WeakSet();

// The engine's stacks begin with the first frame and can be replaced by nothing but text; code expects what errors say
// in the first line, and replaces them by whatever it likes.
const { get: framesOf } = getOwnPropertyDescriptor(Error.prototype, "stack");
const { toString: errorText } = Error.prototype;
const { captureStackTrace } = Error;
const heading = (error) => {
  try {
    return apply(errorText, error, []);
  } catch {
    return "Error";
  }
};
/** The frames of an error, a line each, as the engine has them; undefined if somebody else has made its stack. */
internals.framesOf = (error) => apply(framesOf, error, []);
/** The stack of an error with such frames, without those of the prelude. */
internals.stackOf = (error, frames) => {
  const shown = apply(split, frames, ["\n"]).filter((line) => line !== "" && !line.includes("(<null>:"));
  return [heading(error), ...shown].join("\n");
};
const { split } = String.prototype;
const isPrepared = () => typeof Error.prepareStackTrace === "function";
const stack = {
  get stack() {
    const frames = apply(framesOf, this, []);
    return typeof frames !== "string" || isPrepared() ? frames : internals.stackOf(this, frames);
  },
  set stack(value) {
    defineProperty(this, "stack", { __proto__: null, value, writable: true, configurable: true, enumerable: false });
  },
  captureStackTrace(target, from) {
    apply(captureStackTrace, Error, from === undefined ? [target] : [target, from]);
    const own = getOwnPropertyDescriptor(target, "stack");
    if (typeof own?.value === "string" && !isPrepared()) target.stack = internals.stackOf(target, own.value);
  },
};
defineProperty(Error.prototype, "stack", { ...getOwnPropertyDescriptor(stack, "stack"), enumerable: false });
defineProperty(Error, "captureStackTrace", { __proto__: null, value: stack.captureStackTrace, writable: true, configurable: true, enumerable: false });

const NativeDate = globalThis.Date;


/** `Date` that asks the host for the time: it stands still except in actions. */
function Date(...args) {
  if (new.target === undefined) return new NativeDate(ops.now()).toString();
  if (args.length === 0) return construct(NativeDate, [ops.now()], new.target);
  return construct(NativeDate, internals.dateArguments === undefined ? args : internals.dateArguments(args), new.target);
}
// Functions live in UTC, whatever the machine's time zone is; most servers' is just that.
const probes = [1704067200000, 1719792000000, 0];
if (probes.some((time) => new NativeDate(time).getTimezoneOffset() !== 0)) {
  internals.load("utc_date");
} else {
  // The engine leaves out the zone's name.
  const { toString, toTimeString } = NativeDate.prototype;
  const named = (text) => (text === "Invalid Date" ? text : `${text} (Coordinated Universal Time)`);
  const methods = {
    toString() {
      return named(apply(toString, this, []));
    },
    toTimeString() {
      return named(apply(toTimeString, this, []));
    },
  };
  for (const name of keys(methods)) {
    defineProperty(NativeDate.prototype, name, { __proto__: null, value: methods[name], writable: true, configurable: true });
  }
}

const hidden = (value) => ({ __proto__: null, value, writable: true, configurable: true, enumerable: false });
defineProperty(Date, "length", { __proto__: null, value: 7, configurable: true });
defineProperty(Date, "prototype", { __proto__: null, value: NativeDate.prototype, writable: false });
// Whole milliseconds, as everywhere; the host has parts of them, too.
const { floor } = Math;
defineProperty(Date, "now", hidden({ now: () => floor(ops.now()) }.now));
defineProperty(Date, "parse", hidden(internals.dateParse ?? NativeDate.parse));
defineProperty(Date, "UTC", hidden(NativeDate.UTC));
defineProperty(NativeDate.prototype, "constructor", hidden(Date));
defineProperty(globalThis, "Date", hidden(Date));

defineProperty(Math, "random", hidden({ random: () => ops.random() }.random));

defineProperty(globalThis, "global", hidden(globalThis));
defineProperty(globalThis, "self", hidden(globalThis));

// In these methods the engine goes through all places of an array without looking at the clock. More places than could
// ever be filled are nearly all empty: `list[1700000000] = x` makes that many.
const placesMax = 2 ** 26;
const { isArray } = Array;
const array = Array.prototype;
const { concat, copyWithin, flat, flatMap, join, reverse, shift, slice, sort, splice, unshift } = array;
const refuse = (length, name) => {
  throw new RangeError(
    `The array is too long for ${name}(): it has ${length} places, nearly all of them empty. Use a Map or an object instead.`,
  );
};
const check = (list, name) => {
  const length = list?.length;
  if (length > placesMax) refuse(length, name);
};
const guarded = {
  concat(item) {
    check(this, "concat");
    for (let at = 0; at < arguments.length; at++) {
      if (isArray(arguments[at])) check(arguments[at], "concat");
    }
    return apply(concat, this, arguments);
  },
  copyWithin(target, start) {
    check(this, "copyWithin");
    return apply(copyWithin, this, arguments);
  },
  flat() {
    check(this, "flat");
    return apply(flat, this, arguments);
  },
  flatMap(callback) {
    check(this, "flatMap");
    return apply(flatMap, this, arguments);
  },
  join(separator) {
    check(this, "join");
    return apply(join, this, arguments);
  },
  reverse() {
    check(this, "reverse");
    return apply(reverse, this, arguments);
  },
  shift() {
    check(this, "shift");
    return apply(shift, this, arguments);
  },
  slice(start, end) {
    const length = this?.length;
    if (length > placesMax) {
      // A short piece of a long array is no trouble.
      const place = (index) => (index < 0 ? length + Number(index) : index > length ? length : Number(index) || 0);
      if ((end === undefined ? length : place(end)) - place(start) > placesMax) refuse(length, "slice");
    }
    return apply(slice, this, arguments);
  },
  sort(compare) {
    check(this, "sort");
    return apply(sort, this, arguments);
  },
  splice(start, deleteCount) {
    check(this, "splice");
    return apply(splice, this, arguments);
  },
  unshift(item) {
    check(this, "unshift");
    return apply(unshift, this, arguments);
  },
};
for (const name of keys(guarded)) defineProperty(array, name, hidden(guarded[name]));

/** Binds a callback to the asynchronous context it was made in; `async_context` replaces it when it is used. */
internals.bindContext = (callback) => callback;

/** An error that nobody can catch, thrown by a timer or a listener: it ends the call like a late rejection. */
internals.report = (error) => {
  new Promise((_, reject) => reject(error));
};
