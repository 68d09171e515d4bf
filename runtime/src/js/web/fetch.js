// `fetch`, for actions only: the host refuses it elsewhere, and does all of HTTP.

const { TypeError, Error, Promise, Uint8Array, ArrayBuffer } = internals.primordials;
const { isView, text } = internals.primordials;
const { Request, requestBody, signalOf, responseOf, responseOfBytes } = internals.need("request_response");
const { pairs } = internals.need("headers");

/** Writes a stream to a body that the host reads; stops when the host wants no more. */
const pump = async (stream, writer) => {
  const reader = stream.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      if (!(value instanceof Uint8Array)) {
        throw new TypeError("Received a chunk of a body that is not a Uint8Array");
      }
      if (value.length > 0 && !(await ops.body_write(writer, value))) {
        // Nobody reads any more.
        await reader.cancel().catch(() => {});
        return;
      }
    }
    await ops.body_close(writer);
  } catch (error) {
    reader.cancel(error).catch(() => {});
    await ops.body_fail(writer, text(error?.message ?? error));
    throw error;
  }
};

async function fetch(input, init = undefined) {
  if (arguments.length === 0) throw new TypeError("The `input` argument of fetch() must be specified");
  ops.fetch_check();
  const request = new Request(input, init);
  const signal = signalOf(request);
  if (signal?.aborted) throw signal.reason;
  const { url } = request;
  if (/^data:/i.test(url)) {
    const data = ops.data_url(url);
    if (data === null) throw failed("the data: URL is not valid");
    return responseOfBytes(data.bytes, [["content-type", data.type]], url);
  }
  const body = requestBody(request);
  if (body !== null && body.isUnusable) throw new TypeError("Body is unusable: Body has already been read");
  let streamed = null;
  let bytes = undefined;
  if (body !== null) {
    if (body.stream !== null || body.host !== null) streamed = body.asStream();
    else bytes = await body.take();
  }
  const call = ops.fetch_open({
    method: request.method,
    url,
    headers: pairs(request.headers),
    body: bytes,
    streams: streamed !== null,
    redirect: request.redirect,
  });
  const sent = ops.fetch_send(call.sending);
  let unwatch = () => {};
  const aborted = new Promise((_, reject) => {
    if (signal === null) return;
    unwatch = internals.need("abort").watch(signal, (reason) => {
      ops.fetch_abort(call.number);
      reject(reason);
      // A response that is being read fails with the same reason.
      response?.abort(reason);
      if (streamed !== null && !streamed.locked) streamed.cancel(reason).catch(() => {});
    });
  });
  aborted.catch(() => {});
  let response = null;
  let pumping = null;
  if (streamed !== null) {
    pumping = pump(streamed, call.writer);
    pumping.catch(() => {});
  }
  let head;
  try {
    head = await Promise.race([sent, aborted]);
  } catch (error) {
    unwatch();
    // If the body could not be read, that is the reason, not that the connection was cut.
    if (signal?.aborted) throw signal.reason;
    throw error;
  }
  const made = responseOf({
    status: head.status,
    statusText: head.statusText,
    headerPairs: head.headers,
    url: head.url,
    redirected: head.redirected,
    type: "basic",
    host: head.hasBody ? call.number : null,
  });
  const inner = internals.request_response.responseBody(made);
  if (signal !== null && inner !== null) {
    const { ReadableStream } = internals.need("streams");
    let control;
    inner.stream = new ReadableStream(
      {
        type: "bytes",
        start(controller) {
          control = controller;
        },
        async pull(controller) {
          const bytes = await ops.body_read(call.number);
          if (bytes !== null) return controller.enqueue(bytes);
          unwatch();
          controller.close();
          controller.byobRequest?.respond(0);
        },
        cancel() {
          unwatch();
          ops.body_cancel(call.number);
        },
      },
      { highWaterMark: 0 },
    );
    response = {
      abort(reason) {
        try {
          control.error(reason);
        } catch {
          // Read to its end, or cancelled.
        }
      },
    };
  }
  return made;
}

const failed = (why) => new TypeError("fetch failed", { cause: new Error(why) });

internals.fetch = { fetch, pump };
internals.expose({ fetch });
