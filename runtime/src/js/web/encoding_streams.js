// `TextEncoderStream` and `TextDecoderStream`.

const { TextDecoder } = internals.need("encoding");
const { TransformStream } = internals.need("streams");
const { text } = internals.primordials;

class TextEncoderStream {
  // The first half of a pair of surrogates whose second half is in the next chunk.
  #half = "";
  #transform = new TransformStream({
    transform: (chunk, controller) => {
      let piece = this.#half + `${chunk}`;
      this.#half = "";
      const last = piece.charCodeAt(piece.length - 1);
      if (last >= 0xd800 && last <= 0xdbff) {
        this.#half = piece.slice(-1);
        piece = piece.slice(0, -1);
      }
      if (piece !== "") controller.enqueue(ops.utf8_encode(text(piece)));
    },
    flush: (controller) => {
      if (this.#half !== "") controller.enqueue(ops.utf8_encode("\ufffd"));
    },
  });
  get encoding() {
    return "utf-8";
  }
  get readable() {
    return this.#transform.readable;
  }
  get writable() {
    return this.#transform.writable;
  }
}
internals.interface(TextEncoderStream, "TextEncoderStream");

class TextDecoderStream {
  #decoder;
  #transform;
  constructor(label = "utf-8", options = undefined) {
    const decoder = new TextDecoder(label, options);
    this.#decoder = decoder;
    this.#transform = new TransformStream({
      transform(chunk, controller) {
        const piece = decoder.decode(chunk, { stream: true });
        if (piece !== "") controller.enqueue(piece);
      },
      flush(controller) {
        const piece = decoder.decode();
        if (piece !== "") controller.enqueue(piece);
      },
    });
  }
  get encoding() {
    return this.#decoder.encoding;
  }
  get fatal() {
    return this.#decoder.fatal;
  }
  get ignoreBOM() {
    return this.#decoder.ignoreBOM;
  }
  get readable() {
    return this.#transform.readable;
  }
  get writable() {
    return this.#transform.writable;
  }
}
internals.interface(TextDecoderStream, "TextDecoderStream");

internals.encoding_streams = { TextEncoderStream, TextDecoderStream };
internals.expose(internals.encoding_streams);
