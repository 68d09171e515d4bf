// `AbortController` and `AbortSignal`.

const { TypeError, Symbol, Set } = internals.primordials;
const { EventTarget, Event, handlerAttribute } = internals.need("events");
const { DOMException } = internals;
const inspect = Symbol.for("nodejs.util.inspect.custom");

const MAKE = Symbol("make");
// What only this module may do to a signal.
let make, abort, watch;

class AbortSignal extends EventTarget {
  #aborted = false;
  #reason = undefined;
  // What other prelude modules do on abort, before any listener hears of it.
  #watchers = new Set();

  static {
    make = () => new AbortSignal(MAKE);
    abort = (signal, reason) => {
      if (signal.#aborted) return;
      signal.#aborted = true;
      signal.#reason = reason === undefined ? new DOMException("This operation was aborted", "AbortError") : reason;
      for (const watcher of signal.#watchers) watcher(signal.#reason);
      signal.#watchers.clear();
      signal.dispatchEvent(new Event("abort"));
    };
    watch = (signal, watcher) => {
      signal.#watchers.add(watcher);
      return () => signal.#watchers.delete(watcher);
    };
  }

  constructor(token = undefined) {
    if (token !== MAKE) throw new TypeError("Illegal constructor");
    super();
  }
  static abort(reason = undefined) {
    const signal = make();
    abort(signal, reason);
    return signal;
  }
  static timeout(milliseconds) {
    const signal = make();
    const { setTimeout } = internals.need("timers");
    setTimeout(
      () => abort(signal, new DOMException("The operation was aborted due to timeout", "TimeoutError")),
      milliseconds,
    );
    return signal;
  }
  static any(signals) {
    const sources = [...signals];
    for (const source of sources) {
      if (!(source instanceof AbortSignal)) {
        throw new TypeError('The "signals" argument must be an array of AbortSignal.');
      }
    }
    const signal = make();
    for (const source of sources) {
      if (source.aborted) {
        abort(signal, source.reason);
        return signal;
      }
    }
    for (const source of sources) watch(source, (reason) => abort(signal, reason));
    return signal;
  }
  get aborted() {
    return this.#aborted;
  }
  get reason() {
    return this.#reason;
  }
  throwIfAborted() {
    if (this.#aborted) throw this.#reason;
  }
  [inspect](_depth, _options, _show) {
    return `AbortSignal { aborted: ${this.#aborted} }`;
  }
}
handlerAttribute(AbortSignal, "abort");
internals.interface(AbortSignal, "AbortSignal");

class AbortController {
  #signal = make();
  get signal() {
    return this.#signal;
  }
  abort(reason = undefined) {
    abort(this.#signal, reason);
  }
  [inspect](_depth, options, show) {
    return `AbortController { signal: ${show(this.#signal, options)} }`;
  }
}
internals.interface(AbortController, "AbortController");

internals.abort = { AbortController, AbortSignal, watch };
internals.expose({ AbortController, AbortSignal });
