// `Blob` and `File`: bytes in the isolate's memory.

const { TypeError, Symbol, Number, Math } = internals.primordials;
const { text, lower } = internals.primordials;
const inspect = Symbol.for("nodejs.util.inspect.custom");

const INSIDE = Symbol("inside");
// What only prelude modules may do with a blob.
let bytesOf, isBlob;

const typeOf = (type) => {
  type = text(type);
  return /[^\x20-\x7e]/.test(type) ? "" : lower(type);
};

class Blob {
  #bytes;
  #type;

  static {
    bytesOf = (blob) => blob.#bytes;
    isBlob = (value) => typeof value === "object" && value !== null && #bytes in value;
  }

  constructor(parts = undefined, options = undefined) {
    if (parts === INSIDE) {
      this.#bytes = options.bytes;
      this.#type = options.type;
      return;
    }
    if (parts !== undefined && (parts === null || typeof parts !== "object" || typeof parts[Symbol.iterator] !== "function")) {
      const error = new TypeError('The "sources" argument must be a sequence');
      error.code = "ERR_INVALID_ARG_TYPE";
      throw error;
    }
    if (options !== undefined && options !== null && typeof options !== "object" && typeof options !== "function") {
      const error = new TypeError('The "options" argument must be of type object.');
      error.code = "ERR_INVALID_ARG_TYPE";
      throw error;
    }
    const { concat, copyOf } = internals.need("bytes");
    const pieces = [];
    for (const part of parts ?? []) {
      const bytes = isBlob(part) ? part.#bytes : copyOf(part);
      pieces.push(
        bytes ?? ops.utf8_encode(options?.endings === "native" ? text(part).replace(/\r\n?/g, "\n") : text(part)),
      );
    }
    this.#bytes = concat(pieces);
    this.#type = options?.type === undefined ? "" : typeOf(options.type);
  }
  get size() {
    return this.#bytes.length;
  }
  get type() {
    return this.#type;
  }
  slice(start = 0, end = this.#bytes.length, type = "") {
    const size = this.#bytes.length;
    const clamp = (value) => {
      value = Math.trunc(Number(value)) || 0;
      return value < 0 ? Math.max(size + value, 0) : Math.min(value, size);
    };
    const from = clamp(start);
    const to = Math.max(clamp(end), from);
    // Bytes of a blob never change, so that parts can be shared.
    return new Blob(INSIDE, { bytes: this.#bytes.subarray(from, to), type: typeOf(type) });
  }
  async arrayBuffer() {
    return this.#bytes.slice().buffer;
  }
  async bytes() {
    return this.#bytes.slice();
  }
  async text() {
    return ops.decode("utf-8", this.#bytes, false, false);
  }
  stream() {
    const { ReadableStream } = internals.need("streams");
    const bytes = this.#bytes;
    let at = 0;
    return new ReadableStream({
      type: "bytes",
      pull(controller) {
        if (at < bytes.length) controller.enqueue(bytes.slice(at, (at += 65536)));
        if (at >= bytes.length) {
          controller.close();
          controller.byobRequest?.respond(0);
        }
      },
    });
  }
  [inspect](depth, options, show) {
    const name = this.constructor?.name ?? "Blob";
    if (typeof depth === "number" && depth < 0) return `[${name}]`;
    return `${name} ${show({ size: this.size, type: this.type }, options)}`;
  }
}
internals.interface(Blob, "Blob");

class File extends Blob {
  #name;
  #lastModified;

  constructor(parts, name, options = undefined) {
    if (parts === INSIDE) {
      super(INSIDE, options);
    } else {
      if (arguments.length < 2) {
        throw new TypeError('The "fileBits" and "fileName" arguments must be specified');
      }
      super(parts, options);
    }
    this.#name = text(name);
    const modified = options?.lastModified;
    this.#lastModified = modified === undefined ? ops.now() : Math.trunc(Number(modified)) || 0;
  }
  get name() {
    return this.#name;
  }
  get lastModified() {
    return this.#lastModified;
  }
  get webkitRelativePath() {
    return "";
  }
  [inspect](depth, options, show) {
    if (typeof depth === "number" && depth < 0) return "[File]";
    const { size, type, name, lastModified } = this;
    return `File ${show({ size, type, name, lastModified }, options)}`;
  }
}
internals.interface(File, "File");

/** A blob of bytes that nobody else changes. */
const ofBytes = (bytes, type) => new Blob(INSIDE, { bytes, type: typeOf(type) });
/** The same for a file. */
const fileOfBytes = (bytes, type, name, lastModified = undefined) =>
  new File(INSIDE, name, { bytes, type: typeOf(type), lastModified });
/** A second blob or file with the same content. */
const copyOf = (blob) =>
  blob instanceof File
    ? fileOfBytes(bytesOf(blob), blob.type, blob.name, blob.lastModified)
    : ofBytes(bytesOf(blob), blob.type);

internals.blob = { Blob, File, isBlob, bytesOf, ofBytes, fileOfBytes, copyOf };
internals.expose({ Blob, File });
