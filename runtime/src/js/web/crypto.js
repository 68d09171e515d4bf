// `crypto`: random values. `crypto.subtle` is a module of its own, loaded when it is asked for.

const { TypeError, Symbol, Uint8Array } = internals.primordials;
const { isView, defineProperty } = internals.primordials;
const { DOMException } = internals;

const INSIDE = Symbol("inside");
const typedArrayTag = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(Uint8Array.prototype), Symbol.toStringTag).get;
const integers = [
  "Int8Array", "Uint8Array", "Uint8ClampedArray", "Int16Array", "Uint16Array", "Int32Array", "Uint32Array",
  "BigInt64Array", "BigUint64Array",
];
const hex = [];
for (let byte = 0; byte < 256; byte++) hex.push((byte + 256).toString(16).slice(1));

class Crypto {
  constructor(token) {
    if (token !== INSIDE) throw new TypeError("Illegal constructor");
  }
  get subtle() {
    return internals.need("crypto_subtle").subtle;
  }
  getRandomValues(array) {
    const tag = isView(array) ? internals.primordials.apply(typedArrayTag, array, []) : undefined;
    if (!integers.includes(tag)) {
      throw new DOMException("The data argument must be an integer-type TypedArray", "TypeMismatchError");
    }
    if (array.byteLength > 65536) {
      throw new DOMException(
        `The requested length exceeds 65,536 bytes`,
        "QuotaExceededError",
      );
    }
    new Uint8Array(array.buffer, array.byteOffset, array.byteLength).set(ops.random_bytes(array.byteLength));
    return array;
  }
  randomUUID() {
    const bytes = ops.random_bytes(16);
    bytes[6] = (bytes[6] & 0x0f) | 0x40;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    let id = "";
    for (let index = 0; index < 16; index++) {
      if (index === 4 || index === 6 || index === 8 || index === 10) id += "-";
      id += hex[bytes[index]];
    }
    return id;
  }
}
internals.interface(Crypto, "Crypto");

const crypto = new Crypto(INSIDE);
internals.crypto = { crypto, Crypto };
internals.expose({ crypto, Crypto });
