// Streams: the globals of `web-streams-polyfill`, and what other prelude modules need of it.

const polyfill = internals.need("web_streams_polyfill");
const { Uint8Array, Symbol } = internals.primordials;

const { ReadableStream } = polyfill;

/** Whether somebody has read from a stream or cancelled it. */
const isDisturbed = (stream) => stream._disturbed === true;

/** All that a stream of bytes gives, in one piece. Frees the stream if it gives something else. */
const readAll = async (stream) => {
  const reader = stream.getReader();
  const chunks = [];
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    if (!(value instanceof Uint8Array)) {
      const error = new TypeError("Received a chunk of a body that is not a Uint8Array");
      reader.cancel(error).catch(() => {});
      throw error;
    }
    chunks.push(value);
  }
  return internals.need("bytes").concat(chunks);
};

/** A stream over a body that the host holds under a number. */
const ofHost = (number) =>
  new ReadableStream(
    {
      type: "bytes",
      async pull(controller) {
        const bytes = await ops.body_read(number);
        if (bytes !== null) return controller.enqueue(bytes);
        controller.close();
        controller.byobRequest?.respond(0);
      },
      cancel() {
        ops.body_cancel(number);
      },
    },
    { highWaterMark: 0 },
  );

/** A stream that gives bytes once. */
const ofBytes = (bytes) =>
  new ReadableStream({
    type: "bytes",
    start(controller) {
      if (bytes.length > 0) controller.enqueue(new Uint8Array(bytes));
      controller.close();
    },
  });

const names = [
  "ReadableStream", "ReadableStreamDefaultReader", "ReadableStreamBYOBReader", "ReadableStreamDefaultController",
  "ReadableByteStreamController", "ReadableStreamBYOBRequest", "WritableStream", "WritableStreamDefaultWriter",
  "WritableStreamDefaultController", "TransformStream", "TransformStreamDefaultController",
  "ByteLengthQueuingStrategy", "CountQueuingStrategy",
];
const globals = {};
for (const name of names) globals[name] = polyfill[name];

internals.streams = { ...globals, isDisturbed, readAll, ofHost, ofBytes };
internals.expose(globals);
