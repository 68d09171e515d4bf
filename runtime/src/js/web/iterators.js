// Iterators over lists of pairs, as `URLSearchParams`, `Headers` and `FormData` give them: they see changes made
// while they run.

const { Object, Symbol } = internals.primordials;

const iteratorPrototype = Object.getPrototypeOf(Object.getPrototypeOf([][Symbol.iterator]()));

/** Gives `(list, pick) => iterator`, with a prototype of its own that is named after the interface. */
const pairs = (tag) => {
  class PairIterator {
    #list;
    #pick;
    #index = 0;
    constructor(list, pick) {
      this.#list = list;
      this.#pick = pick;
    }
    next() {
      const list = this.#list();
      if (this.#index >= list.length) return { value: undefined, done: true };
      return { value: this.#pick(list[this.#index++]), done: false };
    }
  }
  const prototype = PairIterator.prototype;
  internals.interface(PairIterator, `${tag} Iterator`);
  delete prototype.constructor;
  Object.setPrototypeOf(prototype, iteratorPrototype);
  return (list, pick) => new PairIterator(list, pick);
};

/** Adds `entries`, `keys`, `values`, `forEach` and `[Symbol.iterator]` to a class; `listOf(instance)` gives its pairs. */
const iterable = (type, tag, listOf) => {
  const make = pairs(tag);
  const methods = {
    entries() {
      const list = () => listOf(this);
      list();
      return make(list, (pair) => [pair[0], pair[1]]);
    },
    keys() {
      const list = () => listOf(this);
      list();
      return make(list, (pair) => pair[0]);
    },
    values() {
      const list = () => listOf(this);
      list();
      return make(list, (pair) => pair[1]);
    },
    forEach(callback, thisArg = undefined) {
      listOf(this);
      if (typeof callback !== "function") {
        const error = new internals.primordials.TypeError('The "callback" argument must be of type function.');
        error.code = "ERR_INVALID_ARG_TYPE";
        throw error;
      }
      for (let index = 0; index < listOf(this).length; index++) {
        const [name, value] = listOf(this)[index];
        internals.primordials.apply(callback, thisArg, [value, name, this]);
      }
    },
  };
  for (const name of Object.keys(methods)) {
    Object.defineProperty(type.prototype, name, {
      __proto__: null, value: methods[name], writable: true, configurable: true, enumerable: true,
    });
  }
  Object.defineProperty(type.prototype, Symbol.iterator, {
    __proto__: null, value: methods.entries, writable: true, configurable: true, enumerable: false,
  });
};

internals.iterators = { iterable };
