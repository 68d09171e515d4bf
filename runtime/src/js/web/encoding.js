// `TextEncoder`, `TextDecoder` and their stream forms. The host knows the encodings.

const { TypeError, RangeError, Symbol, Uint8Array, ArrayBuffer, Object } = internals.primordials;
const { text, isView } = internals.primordials;

const empty = new Uint8Array(0);

/** The bytes of a buffer or view; `SharedArrayBuffer` included. */
const bytesOf = (input) => {
  if (input === undefined) return empty;
  if (isView(input)) return new Uint8Array(input.buffer, input.byteOffset, input.byteLength);
  if (input instanceof ArrayBuffer || Object.prototype.toString.call(input) === "[object SharedArrayBuffer]") {
    return new Uint8Array(input);
  }
  const error = new TypeError('The "input" argument must be an instance of ArrayBuffer or ArrayBufferView.');
  error.code = "ERR_INVALID_ARG_TYPE";
  throw error;
};

class TextEncoder {
  get encoding() {
    return "utf-8";
  }
  encode(input = "") {
    return ops.utf8_encode(text(input));
  }
  encodeInto(source, destination) {
    if (!(destination instanceof Uint8Array)) {
      throw new TypeError('The "dest" argument must be an instance of Uint8Array.');
    }
    const bytes = ops.utf8_encode(text(source));
    let written = bytes.length;
    if (written > destination.length) {
      written = destination.length;
      // Not in the middle of a character.
      while (written > 0 && (bytes[written] & 0xc0) === 0x80) written--;
    }
    let read = 0;
    for (let index = 0; index < written; index++) {
      const byte = bytes[index];
      if ((byte & 0xc0) !== 0x80) read += byte >= 0xf0 ? 2 : 1;
    }
    destination.set(bytes.subarray(0, written));
    return { read, written };
  }
}
internals.interface(TextEncoder, "TextEncoder");

class TextDecoder {
  #encoding;
  #fatal;
  #ignoreBOM;
  // The host's decoder, while a stream is under way.
  #decoder = null;

  constructor(label = "utf-8", options = undefined) {
    if (options !== undefined && options !== null && typeof options !== "object" && typeof options !== "function") {
      throw new TypeError('The "options" argument must be of type object.');
    }
    const encoding = ops.encoding_name(text(label));
    if (encoding === null) {
      const error = new RangeError(`The "${label}" encoding is not supported`);
      error.code = "ERR_ENCODING_NOT_SUPPORTED";
      throw error;
    }
    this.#encoding = encoding;
    this.#fatal = !!options?.fatal;
    this.#ignoreBOM = !!options?.ignoreBOM;
  }
  get encoding() {
    return this.#encoding;
  }
  get fatal() {
    return this.#fatal;
  }
  get ignoreBOM() {
    return this.#ignoreBOM;
  }
  decode(input = undefined, options = undefined) {
    const bytes = bytesOf(input);
    const more = !!options?.stream;
    let decoded;
    if (this.#decoder === null && !more) {
      decoded = ops.decode(this.#encoding, bytes, this.#fatal, this.#ignoreBOM);
    } else {
      this.#decoder ??= ops.decoder_new(this.#encoding, this.#fatal, this.#ignoreBOM);
      decoded = ops.decoder_decode(this.#decoder, bytes, more);
      if (!more || decoded === null) this.#decoder = null;
    }
    if (decoded === null) {
      const error = new TypeError(`The encoded data was not valid for encoding ${this.#encoding}`);
      error.code = "ERR_ENCODING_INVALID_ENCODED_DATA";
      throw error;
    }
    return decoded;
  }
}
internals.interface(TextDecoder, "TextDecoder");

internals.encoding = { TextEncoder, TextDecoder, bytesOf };
internals.expose({ TextEncoder, TextDecoder });
