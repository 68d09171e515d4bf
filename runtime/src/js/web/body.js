// Bodies of requests and responses: bytes, a blob, a stream, or something that the host holds; turned into a stream
// only when somebody asks for one, so that most calls never load the streams.

const { TypeError, Symbol, Uint8Array, Promise, JSON, Object } = internals.primordials;
const { text, then } = internals.primordials;

const empty = new Uint8Array(0);

/** A body, or `null` for none. What is given may be: `bytes`, `host` (a number of the host's) or `stream`. */
class Body {
  bytes = null;
  host = null;
  stream = null;
  // Consumed without ever having been a stream.
  isConsumed = false;

  static ofBytes(bytes) {
    const body = new Body();
    body.bytes = bytes;
    return body;
  }
  static ofHost(number) {
    const body = new Body();
    body.host = number;
    return body;
  }
  static ofStream(stream) {
    const body = new Body();
    body.stream = stream;
    return body;
  }
  get isUsed() {
    return this.isConsumed || (this.stream !== null && internals.streams.isDisturbed(this.stream));
  }
  get isUnusable() {
    return this.isUsed || (this.stream !== null && this.stream.locked);
  }
  /** The body as a stream, from now on the only way to it. */
  asStream() {
    if (this.stream === null) {
      const { ofBytes, ofHost, ReadableStream } = internals.need("streams");
      if (this.isConsumed) {
        this.stream = ofBytes(empty);
        this.stream.cancel();
      } else {
        this.stream = this.host === null ? ofBytes(this.bytes) : ofHost(this.host);
      }
    }
    return this.stream;
  }
  /** All of it, once. */
  async take() {
    if (this.stream !== null) return internals.streams.readAll(this.stream);
    this.isConsumed = true;
    if (this.host === null) return this.bytes;
    const chunks = [];
    for (;;) {
      const chunk = await ops.body_read(this.host);
      if (chunk === null) return internals.need("bytes").concat(chunks);
      chunks.push(chunk);
    }
  }
  /** A second body with the same content. */
  clone() {
    if (this.stream === null && this.bytes !== null) return Body.ofBytes(this.bytes);
    const [first, second] = this.asStream().tee();
    this.stream = first;
    return Body.ofStream(second);
  }
}

/** What a value becomes as a body: `{ body, type }`, the type `null` if it says none. */
const extract = (value) => {
  if (value === null || value === undefined) return { body: null, type: null };
  const { blob, form_data, url, streams } = internals;
  if (typeof value === "object") {
    if (blob !== undefined && blob.isBlob(value)) {
      return { body: Body.ofBytes(blob.bytesOf(value)), type: value.type === "" ? null : value.type };
    }
    const bytes = internals.need("bytes").copyOf(value);
    if (bytes !== null) return { body: Body.ofBytes(bytes), type: null };
    if (form_data !== undefined && form_data.isFormData(value)) {
      const { bytes, boundary } = form_data.encode(value);
      return { body: Body.ofBytes(bytes), type: `multipart/form-data; boundary=${boundary}` };
    }
    if (url !== undefined && value instanceof url.URLSearchParams) {
      return {
        body: Body.ofBytes(ops.utf8_encode(value.toString())),
        type: "application/x-www-form-urlencoded;charset=UTF-8",
      };
    }
    if (streams !== undefined && value instanceof streams.ReadableStream) {
      if (streams.isDisturbed(value) || value.locked) {
        throw new TypeError("Response body object should not be disturbed or locked");
      }
      return { body: Body.ofStream(value), type: null };
    }
    if (typeof value[Symbol.asyncIterator] === "function") {
      const { ReadableStream } = internals.need("streams");
      const { TextEncoder } = internals.need("encoding");
      const iterator = value[Symbol.asyncIterator]();
      const stream = new ReadableStream({
        async pull(controller) {
          const { value, done } = await iterator.next();
          if (done) return controller.close();
          controller.enqueue(typeof value === "string" ? new TextEncoder().encode(value) : new Uint8Array(value));
        },
        async cancel(reason) {
          await iterator.return?.(reason);
        },
      });
      return { body: Body.ofStream(stream), type: null };
    }
  }
  return { body: Body.ofBytes(ops.utf8_encode(text(value))), type: "text/plain;charset=UTF-8" };
};

/** Gives `Request` or `Response` the methods that read a body; `bodyOf` and `headersOf` find them in an instance. */
const mixin = (type, bodyOf, headersOf) => {
  const consume = async (instance, convert) => {
    const body = bodyOf(instance);
    if (body === null) return convert(empty);
    if (body.isUnusable) throw new TypeError("Body is unusable: Body has already been read");
    return convert(await body.take());
  };
  const decode = (bytes) => ops.decode("utf-8", bytes, false, false);
  const methods = {
    arrayBuffer() {
      return consume(this, (bytes) => bytes.slice().buffer);
    },
    blob() {
      const blob = internals.need("blob");
      return consume(this, (bytes) => {
        const type = headersOf(this).get("content-type");
        const parsed = type === null ? null : ops.content_type(text(type));
        return blob.ofBytes(bytes, parsed === null ? "" : parsed.text);
      });
    },
    bytes() {
      return consume(this, (bytes) => bytes.slice());
    },
    formData() {
      const { decode } = internals.need("form_data");
      return consume(this, (bytes) => decode(bytes, headersOf(this).get("content-type")));
    },
    json() {
      return consume(this, (bytes) => JSON.parse(decode(bytes)));
    },
    text() {
      return consume(this, decode);
    },
  };
  for (const name of Object.keys(methods)) {
    Object.defineProperty(type.prototype, name, {
      __proto__: null, value: methods[name], writable: true, configurable: true, enumerable: true,
    });
  }
  Object.defineProperty(type.prototype, "body", {
    __proto__: null, configurable: true, enumerable: true,
    get() {
      return bodyOf(this)?.asStream() ?? null;
    },
  });
  Object.defineProperty(type.prototype, "bodyUsed", {
    __proto__: null, configurable: true, enumerable: true,
    get() {
      return bodyOf(this)?.isUsed ?? false;
    },
  });
};

internals.body = { Body, extract, mixin };
