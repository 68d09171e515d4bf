// What an action exchanges with the host besides JSON: requests, responses and files, with their bodies.
//
// The host calls, through `internals.need("http_action")`:
// - `requestFromConvexJson({ convexJson })` — the JSON text, or its value: `{ url, method, headerPairs, streamId }`.
//   `streamId` is the number of a `BodyReader` among the isolate's resources, or `null`. Gives the `Request`.
// - `convexJsonFromResponse({ response })` — gives (as a promise) JSON text `{ status, headerPairs, streamId }`.
//   `streamId` is again the number of a `BodyReader`, which the host takes out of the resources and reads; `null`
//   means no body. The isolate must live on until `sent()` is settled: it rejects if the body fails midway (the
//   host then cuts the connection; the reader has the same error).
// - `storeBlob({ blob, options })` and `getBlob({ storageId })` — of `ctx.storage`. They call the host's ops
//   `storage_store_blob({ bytes, contentType, sha256 })`, which gives the new id, and `storage_get_blob(id)`, which
//   gives `null` or `{ bytes, contentType }`.

const { TypeError, JSON, Promise } = internals.primordials;
const { text } = internals.primordials;

let sending = Promise.resolve();

const requestFromConvexJson = ({ convexJson }) => {
  const { requestOf } = internals.need("request_response");
  const { url, method, headerPairs, streamId } = typeof convexJson === "string" ? JSON.parse(convexJson) : convexJson;
  const pairs = headerPairs.map(([name, value]) => [internals.primordials.lower(name), value]);
  return requestOf({ url, method, headerPairs: pairs, host: streamId ?? null });
};

const convexJsonFromResponse = async ({ response }) => {
  const { Response, responseBody } = internals.need("request_response");
  if (!(response instanceof Response)) {
    throw new TypeError("HTTP actions must return a Response, for example `new Response(null, { status: 200 })`.");
  }
  const { pairs } = internals.need("headers");
  const body = responseBody(response);
  let streamId = null;
  if (body !== null) {
    if (body.isUnusable) throw new TypeError("Body is unusable: Body has already been read");
    if (body.host !== null && body.stream === null) {
      // The host's own: nothing of it has to pass through here.
      body.isConsumed = true;
      streamId = body.host;
    } else if (body.stream === null) {
      streamId = ops.body_of(await body.take());
    } else {
      const pipe = ops.body_pipe();
      streamId = pipe.reader;
      sending = internals.need("fetch").pump(body.stream, pipe.writer);
      sending.catch(() => {});
    }
  }
  return JSON.stringify({ status: response.status, headerPairs: pairs(response.headers), streamId });
};

const storeBlob = async ({ blob, options }) => {
  const { isBlob, bytesOf } = internals.need("blob");
  if (!isBlob(blob)) throw new TypeError("ctx.storage.store() takes a Blob.");
  return await ops.storage_store_blob({
    bytes: bytesOf(blob),
    contentType: blob.type === "" ? null : text(blob.type),
    sha256: options?.sha256 === undefined || options.sha256 === null ? null : text(options.sha256),
  });
};

const getBlob = async ({ storageId }) => {
  const found = await ops.storage_get_blob(text(storageId));
  if (found === null) return null;
  return internals.need("blob").ofBytes(found.bytes, found.contentType ?? "");
};

internals.http_action = { requestFromConvexJson, convexJsonFromResponse, sent: () => sending, storeBlob, getBlob };
