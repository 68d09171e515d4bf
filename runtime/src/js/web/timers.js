// Timers, for actions only: the host refuses them elsewhere. One host timer at a time waits for whatever is due
// first, so that timers that are due together run in the order in which they were set.

const { Map, Number, Promise, Symbol, TypeError } = internals.primordials;
const { then, apply } = internals.primordials;

const timers = new Map();
let numberNext = 1;
let waiting = null;

const earliest = () => {
  let found = null;
  for (const timer of timers.values()) {
    if (found === null || timer.due < found.due) found = timer;
  }
  return found;
};

// Timers that are set in one go count from one moment, however long that takes.
let moment = null;
const now = () => {
  if (moment === null) {
    moment = ops.timer_now();
    then(new Promise((resolve) => resolve()), () => {
      moment = null;
    });
  }
  return moment;
};

/** Waits for the first timer that is due, unless that is what it does already. */
const arrange = () => {
  const timer = earliest();
  if (waiting !== null) {
    if (timer !== null && waiting.timer === timer) return;
    ops.timer_cancel(waiting.handle);
    waiting = null;
  }
  if (timer === null) return;
  const wait = { timer, handle: ops.timer_new(timer.due) };
  waiting = wait;
  then(ops.timer_wait(wait.handle), () => {
    if (waiting !== wait) return;
    waiting = null;
    ops.timer_cancel(wait.handle);
    run(timer);
  });
};

const run = (timer) => {
  if (timers.get(timer.number) !== timer) return arrange();
  if (timer.interval === null) {
    timers.delete(timer.number);
  } else {
    // Set again behind whatever is due at the same moment.
    timers.delete(timer.number);
    timer.due = now() + timer.interval;
    timers.set(timer.number, timer);
  }
  try {
    timer.call();
  } catch (error) {
    internals.report(error);
  } finally {
    arrange();
  }
};

const set = (name, callback, delay, repeats, args) => {
  if (typeof callback !== "function") {
    throw new TypeError(`The "callback" argument of ${name} must be of type function.`);
  }
  let milliseconds = Number(delay);
  // What browsers and Node do with absurd delays.
  if (!(milliseconds >= 1 && milliseconds <= 2147483647)) milliseconds = repeats ? 1 : milliseconds >= 1 ? 1 : 0;
  ops.timer_check(name);
  const due = now() + milliseconds;
  const number = numberNext++;
  const call = internals.bindContext(() => apply(callback, undefined, args));
  timers.set(number, { number, due, interval: repeats ? milliseconds : null, call });
  arrange();
  return number;
};

const clear = (number) => {
  const timer = timers.get(typeof number === "string" ? Number(number) : number);
  if (timer === undefined) return;
  timers.delete(timer.number);
  if (waiting !== null && waiting.timer === timer) arrange();
};

const setTimeout = function setTimeout(callback, delay, ...args) {
  return set("setTimeout", callback, delay, false, args);
};
const setInterval = function setInterval(callback, delay, ...args) {
  return set("setInterval", callback, delay, true, args);
};
const setImmediate = function setImmediate(callback, ...args) {
  return set("setImmediate", callback, 0, false, args);
};
const clearTimeout = function clearTimeout(number) {
  clear(number);
};
const clearInterval = function clearInterval(number) {
  clear(number);
};
const clearImmediate = function clearImmediate(number) {
  clear(number);
};

internals.timers = { setTimeout, setInterval, setImmediate, clearTimeout, clearInterval, clearImmediate };
internals.expose(internals.timers);
