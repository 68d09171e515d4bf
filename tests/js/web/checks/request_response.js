const text = (data) => new TextDecoder().decode(data);
const stream = (...pieces) =>
  new ReadableStream({
    start(controller) {
      for (const piece of pieces) controller.enqueue(typeof piece === "string" ? new TextEncoder().encode(piece) : piece);
      controller.close();
    },
  });

export const phase = "query";

export const checks = {
  "Response: defaults": () => {
    const r = new Response();
    return [r.status, r.statusText, r.ok, r.type, r.url, r.redirected, r.body, r.bodyUsed, [...r.headers]];
  },
  "Response: status and headers": () => {
    const r = new Response("x", { status: 404, statusText: "Nope", headers: { a: "b" } });
    return [r.status, r.statusText, r.ok, [...r.headers]];
  },
  "Response: wrong status": (t) => [199, 600, 1000, "abc", 204, 304, 101].map((status) => t.outcome(() => new Response("x", { status }).status)),
  "Response: no body where none may be": () => [204, 205, 304].map((status) => new Response(null, { status }).status),
  "Response: content types of bodies": () => ["text", new URLSearchParams("a=1"), new Blob(["x"], { type: "Image/PNG" }), new Blob(["x"]), new Uint8Array(2), stream("a")].map((body) => new Response(body).headers.get("content-type")),
  "Response: a content type that is given stays": () => new Response("x", { headers: { "Content-Type": "a/b" } }).headers.get("content-type"),
  "Response: text of every kind of body": async () => Promise.all(["text é", new URLSearchParams("a=1 2"), new Blob(["blob"]), new TextEncoder().encode("bytes"), new TextEncoder().encode("buffer").buffer, new DataView(new TextEncoder().encode("view").buffer), stream("st", "ream"), 12, null, undefined, { a: 1 }].map((body) => new Response(body).text())),
  "Response: json": async (t) => [await new Response('{"a":[1]}').json(), await t.later(() => new Response("{").json()), await t.later(() => new Response("").json())],
  "Response: json with a byte order mark": async (t) => t.later(() => new Response("\ufeff[1]").json()),
  "Response: arrayBuffer, blob": async (t) => {
    const buffer = await new Response("ab").arrayBuffer();
    const blob = await new Response("ab", { headers: { "content-type": "Text/Plain; charset=X" } }).blob();
    return [buffer instanceof ArrayBuffer, t.bytes(buffer), blob instanceof Blob, blob.size, blob.type];
  },
  "Response: bytes": { why: "Node 20 has no bytes()", expect: [true, [97, 98]], run: async () => { const b = await new Response("ab").bytes(); return [b instanceof Uint8Array, [...b]]; } },
  "Response: formData": async () => {
    const form = await new Response(new URLSearchParams("a=1&a=2&b=%C3%BC")).formData();
    return [...form];
  },
  "Response: formData of something else": async (t) => t.later(() => new Response("text").formData()),
  "Response: multipart there and back": async () => {
    const form = new FormData();
    form.append("plain", "a\r\nb\"c");
    form.append("na\"me", "ü");
    form.append("file", new File(["content\r\n--"], "we ird\".txt", { type: "text/html" }));
    form.append("blob", new Blob(["x"]));
    const response = new Response(form);
    const type = response.headers.get("content-type");
    const back = await response.formData();
    const shown = [];
    for (const [name, value] of back) shown.push([name, typeof value === "string" ? value : [value.constructor.name, value.name, value.type, await value.text()]]);
    return [type.startsWith("multipart/form-data; boundary="), shown];
  },
  "Response: bodies are read once": async (t) => {
    const r = new Response("x");
    const before = r.bodyUsed;
    await r.text();
    return [before, r.bodyUsed, await t.later(() => r.text()), await t.later(() => r.json()), t.outcome(() => r.clone())];
  },
  "Response: no body is never used": async () => {
    const r = new Response(null);
    await r.text();
    return [r.bodyUsed, await r.text()];
  },
  "Response: bodyUsed of a stream read by hand": async (t) => {
    const r = new Response("abc");
    const reader = r.body.getReader();
    const locked = r.body.locked;
    const before = r.bodyUsed;
    const { value } = await reader.read();
    const after = r.bodyUsed;
    reader.releaseLock();
    return [locked, before, text(value), after, await t.later(() => r.text())];
  },
  "Response: a locked body cannot be read": async (t) => {
    const r = new Response("abc");
    r.body.getReader();
    return [await t.later(() => r.text()), r.bodyUsed];
  },
  "Response: cancelling uses the body": async () => {
    const r = new Response("abc");
    await r.body.cancel();
    return r.bodyUsed;
  },
  "Response: body is one stream": () => {
    const r = new Response("abc");
    return [r.body === r.body, r.body instanceof ReadableStream];
  },
  "Response: used or locked streams are refused": async (t) => {
    const locked = stream("a");
    locked.getReader();
    const used = stream("a");
    await used.cancel();
    return [t.outcome(() => new Response(locked)), t.outcome(() => new Response(used))];
  },
  "Response: chunks that are no bytes": async (t) => t.later(() => new Response(new ReadableStream({ start(c) { c.enqueue("text"); c.close(); } })).text()),
  "Response: a stream that fails": async (t) => t.later(() => new Response(new ReadableStream({ start(c) { c.error(new RangeError("no")); } })).text()),
  "Response: clone": async () => {
    const r = new Response("abc", { status: 201, headers: { a: "b" } });
    const copy = r.clone();
    copy.headers.set("a", "c");
    return [await r.text(), await copy.text(), copy.status, r.headers.get("a"), copy.headers.get("a")];
  },
  "Response: clone of a stream": async () => {
    const r = new Response(stream("a", "b"));
    const copy = r.clone();
    return [await copy.text(), await r.text(), r.bodyUsed];
  },
  "Response.json": async (t) => {
    const r = Response.json({ a: 1 }, { status: 201, headers: { x: "y" } });
    return [r.status, [...r.headers], await r.text(), Response.json(null, { headers: { "content-type": "a/b" } }).headers.get("content-type"), t.outcome(() => Response.json(undefined)), t.outcome(() => Response.json(() => 1))];
  },
  "Response.error": (t) => {
    const r = Response.error();
    return [r.type, r.status, r.ok, r.body, t.outcome(() => r.headers.set("a", "b"))];
  },
  "Response.redirect": (t) => {
    const r = Response.redirect("http://h/a b");
    return [r.status, r.headers.get("location"), Response.redirect("http://h", 308).status, t.outcome(() => Response.redirect("http://h", 200)), t.outcome(() => Response.redirect("nope")), t.outcome(() => r.headers.set("a", "b"))];
  },
  "Response: from an async iterable": async () => new Response((async function* () { yield new TextEncoder().encode("a"); yield new TextEncoder().encode("b"); })()).text(),
  "Request: defaults": () => {
    const r = new Request("http://h/a?b#c");
    return [r.method, r.url, [...r.headers], r.body, r.bodyUsed, r.redirect, r.credentials, r.mode, r.cache, r.integrity, r.keepalive, r.signal instanceof AbortSignal, r.signal.aborted, r.destination, r.referrer, r.duplex];
  },
  "Request: methods": (t) => ["get", "Post", "patch", "PATCH", "delete", "custom", "CONNECT", "trace", "a b", ""].map((method) => t.outcome(() => new Request("http://h", { method }).method)),
  "Request: wrong addresses": (t) => ["", "nope", "/relative", "http://user:pass@h/"].map((url) => t.outcome(() => new Request(url).url)),
  "Request: takes a URL object": () => new Request(new URL("http://h/x")).url,
  "Request: GET has no body": (t) => [t.outcome(() => new Request("http://h", { body: "x" }).method), t.outcome(() => new Request("http://h", { method: "HEAD", body: "x" }).method), t.outcome(() => new Request("http://h", { body: null }).method)],
  "Request: body and its type": async () => {
    const r = new Request("http://h", { method: "POST", body: "text" });
    return [r.headers.get("content-type"), r.body instanceof ReadableStream, await r.text(), r.bodyUsed];
  },
  "Request: streams need duplex": async (t) => [t.outcome(() => new Request("http://h", { method: "POST", body: stream("a") }).method), await new Request("http://h", { method: "POST", body: stream("a", "b"), duplex: "half" }).text()],
  "Request: from a request": async () => {
    const first = new Request("http://h", { method: "PUT", headers: { a: "1" }, body: "x" });
    const second = new Request(first, { headers: { b: "2" } });
    return [second.method, [...second.headers], first.bodyUsed, await second.text()];
  },
  "Request: from a request that was used": async (t) => {
    const first = new Request("http://h", { method: "PUT", body: "x" });
    await first.text();
    return [t.outcome(() => new Request(first).method), t.outcome(() => new Request(first, { body: "y" }).method)];
  },
  "Request: clone": async (t) => {
    const r = new Request("http://h", { method: "POST", body: "x", headers: { a: "b" } });
    const copy = r.clone();
    const both = [await r.text(), await copy.text(), copy.headers.get("a"), copy.url];
    return [both, t.outcome(() => r.clone())];
  },
  "Request: the signal follows": () => {
    const controller = new AbortController();
    const r = new Request("http://h", { signal: controller.signal });
    const before = r.signal.aborted;
    controller.abort("why");
    return [before, r.signal.aborted, r.signal.reason];
  },
  "Request: wrong options": (t) => [{ redirect: "x" }, { mode: "navigate" }, { credentials: "x" }, { cache: "x" }, { signal: 1 }, { headers: { "a b": "c" } }].map((init) => t.outcome(() => new Request("http://h", init).url)),
  "Request: formData": async () => {
    const form = new FormData();
    form.set("a", "1");
    return [...(await new Request("http://h", { method: "POST", body: form }).formData())];
  },
  "Request and Response: classes": () => [Object.prototype.toString.call(new Response()), Object.prototype.toString.call(new Request("http://h")), Object.keys(new Response())],
};
