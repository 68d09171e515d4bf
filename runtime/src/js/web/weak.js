// `WeakRef` and `FinalizationRegistry` that do nothing: what garbage collection does must not be visible to a query.

const { TypeError, Symbol } = internals.primordials;

const canBeHeld = (target) =>
  (typeof target === "object" && target !== null) ||
  typeof target === "function" ||
  (typeof target === "symbol" && Symbol.keyFor(target) === undefined);

class WeakRef {
  #target;
  constructor(target) {
    if (!canBeHeld(target)) throw new TypeError("WeakRef: target must be an object");
    this.#target = target;
  }
  deref() {
    return this.#target;
  }
  get [Symbol.toStringTag]() {
    return "WeakRef";
  }
}

class FinalizationRegistry {
  #isRegistry = true;
  constructor(cleanup) {
    if (typeof cleanup !== "function") throw new TypeError("FinalizationRegistry: cleanup must be callable");
  }
  register(target) {
    if (!this.#isRegistry || !canBeHeld(target)) {
      throw new TypeError("FinalizationRegistry.prototype.register: invalid target");
    }
  }
  unregister(token) {
    if (!this.#isRegistry || !canBeHeld(token)) throw new TypeError(`Invalid unregisterToken ('${String(token)}')`);
    return false;
  }
  get [Symbol.toStringTag]() {
    return "FinalizationRegistry";
  }
}

internals.weak = { WeakRef, FinalizationRegistry };
internals.expose(internals.weak);
