// `CompressionStream` and `DecompressionStream`; the host compresses.

const { TypeError } = internals.primordials;
const { TransformStream } = internals.need("streams");
const { bytesOf } = internals.need("encoding");

const stream = (name, format, decompresses) => {
  if (format !== "gzip" && format !== "deflate" && format !== "deflate-raw") {
    const error = new TypeError(`The argument 'format' of ${name} must be one of: 'deflate', 'deflate-raw', 'gzip'.`);
    error.code = "ERR_INVALID_ARG_VALUE";
    throw error;
  }
  const number = ops.zlib_new(format, decompresses);
  // Each answer is bounded: what is left comes with the next question.
  const drain = (bytes, last, controller) => {
    let output = ops.zlib_write(number, bytes, last);
    for (;;) {
      if (output.bytes.length > 0) controller.enqueue(output.bytes);
      if (!output.more) return;
      output = ops.zlib_write(number, undefined, last);
    }
  };
  return new TransformStream({
    transform(chunk, controller) {
      drain(bytesOf(chunk), false, controller);
    },
    flush(controller) {
      drain(undefined, true, controller);
    },
  });
};

class CompressionStream {
  #stream;
  constructor(format) {
    this.#stream = stream("CompressionStream", `${format}`, false);
  }
  get readable() {
    return this.#stream.readable;
  }
  get writable() {
    return this.#stream.writable;
  }
}
internals.interface(CompressionStream, "CompressionStream");

class DecompressionStream {
  #stream;
  constructor(format) {
    this.#stream = stream("DecompressionStream", `${format}`, true);
  }
  get readable() {
    return this.#stream.readable;
  }
  get writable() {
    return this.#stream.writable;
  }
}
internals.interface(DecompressionStream, "DecompressionStream");

internals.compression = { CompressionStream, DecompressionStream };
internals.expose(internals.compression);
