const collect = async (stream) => {
  const seen = [];
  for await (const piece of stream) seen.push(piece instanceof Uint8Array ? [...piece] : piece);
  return seen;
};
const of = (...pieces) =>
  new ReadableStream({
    start(controller) {
      for (const piece of pieces) controller.enqueue(piece);
      controller.close();
    },
  });

export const phase = "query";

export const checks = {
  "ReadableStream: read by hand": async () => {
    const reader = of(1, 2).getReader();
    return [await reader.read(), await reader.read(), await reader.read(), await reader.closed];
  },
  "ReadableStream: pull and backpressure": async () => {
    const pulled = [];
    let next = 0;
    const stream = new ReadableStream({ pull(c) { pulled.push(c.desiredSize); c.enqueue(next++); if (next === 4) c.close(); } }, { highWaterMark: 2 });
    for (let i = 0; i < 10; i++) await null;
    const before = [...pulled];
    return [await collect(stream), before];
  },
  "ReadableStream: async iteration and early end": async () => {
    let cancelled = null;
    const stream = new ReadableStream({ pull(c) { c.enqueue(1); }, cancel(reason) { cancelled = reason ?? "none"; } });
    for await (const piece of stream) if (piece === 1) break;
    return [cancelled, stream.locked];
  },
  "ReadableStream: from": async () => [await collect(ReadableStream.from([1, 2])), await collect(ReadableStream.from((async function* () { yield "a"; })()))],
  "ReadableStream: errors": async (t) => {
    const stream = new ReadableStream({ start(c) { c.error(new RangeError("no")); } });
    return [await t.later(() => stream.getReader().read()), await t.later(() => collect(new ReadableStream({ pull() { throw new TypeError("pull"); } })))];
  },
  "ReadableStream: cancel": async () => {
    let why;
    const stream = new ReadableStream({ cancel(reason) { why = reason; } });
    await stream.cancel("enough");
    return [why, await stream.getReader().read()];
  },
  "ReadableStream: one reader": async (t) => {
    const stream = of(1);
    const reader = stream.getReader();
    const second = t.outcome(() => stream.getReader());
    reader.releaseLock();
    return [stream.locked, second, await t.later(() => reader.read()), (await stream.getReader().read()).value];
  },
  "ReadableStream: tee": async () => {
    const [a, b] = of(1, 2).tee();
    return [await collect(a), await collect(b)];
  },
  "ReadableStream: bytes": async (t) => {
    const stream = new ReadableStream({ type: "bytes", start(c) { c.enqueue(new Uint8Array([1, 2, 3])); c.close(); } });
    const reader = stream.getReader({ mode: "byob" });
    const first = await reader.read(new Uint8Array(2));
    const second = await reader.read(new Uint8Array(2));
    const third = await reader.read(new Uint8Array(2));
    return [t.bytes(first.value), t.bytes(second.value), third.done];
  },
  "ReadableStream: byobRequest": async (t) => {
    const stream = new ReadableStream({ type: "bytes", pull(c) { const view = c.byobRequest.view; view[0] = 9; c.byobRequest.respond(1); } });
    const { value } = await stream.getReader({ mode: "byob" }).read(new Uint8Array(4));
    return t.bytes(value);
  },
  "ReadableStream: wrong sources": (t) => [t.outcome(() => new ReadableStream({ type: "x" })), t.outcome(() => new ReadableStream({ pull: 1 })), t.outcome(() => of().getReader({ mode: "x" }))],
  "WritableStream: writes in order": async () => {
    const seen = [];
    const stream = new WritableStream({ start() { seen.push("start"); }, async write(chunk) { await null; seen.push(chunk); }, close() { seen.push("close"); } });
    const writer = stream.getWriter();
    writer.write(1);
    writer.write(2);
    await writer.close();
    return [seen, await writer.closed];
  },
  "WritableStream: backpressure": async () => {
    let release;
    const stream = new WritableStream({ write: () => new Promise((r) => (release = r)) }, { highWaterMark: 1 });
    const writer = stream.getWriter();
    const before = writer.desiredSize;
    const first = writer.write(1);
    const during = writer.desiredSize;
    await Promise.resolve();
    await Promise.resolve();
    release();
    await first;
    await writer.ready;
    return [before, during, writer.desiredSize];
  },
  "WritableStream: abort and errors": async (t) => {
    let why;
    const stream = new WritableStream({ abort(reason) { why = reason; } });
    await stream.abort("stop");
    const failing = new WritableStream({ write() { throw new RangeError("no"); } }).getWriter();
    return [why, await t.later(() => stream.getWriter().closed), await t.later(() => failing.write(1)), await t.later(() => failing.write(2))];
  },
  "TransformStream: maps and flushes": async () => collect(of(1, 2).pipeThrough(new TransformStream({ transform(c, k) { k.enqueue(c * 2); }, flush(k) { k.enqueue("end"); } }))),
  "TransformStream: identity": async () => collect(of("a").pipeThrough(new TransformStream())),
  "TransformStream: errors and terminate": async (t) => [
    await t.later(() => collect(of(1).pipeThrough(new TransformStream({ transform() { throw new RangeError("x"); } })))),
    await collect(of(1, 2, 3).pipeThrough(new TransformStream({ transform(c, k) { k.enqueue(c); if (c === 2) k.terminate(); } }))),
  ],
  "pipeTo": async () => {
    const seen = [];
    await of(1, 2).pipeTo(new WritableStream({ write(c) { seen.push(c); }, close() { seen.push("closed"); } }));
    return seen;
  },
  "pipeTo: options": async () => {
    const seen = [];
    const target = new WritableStream({ write(c) { seen.push(c); }, close() { seen.push("closed"); } });
    await of(1).pipeTo(target, { preventClose: true });
    await target.getWriter().write(2);
    return seen;
  },
  "pipeTo: abort": async (t) => {
    const controller = new AbortController();
    const source = new ReadableStream({ pull(c) { c.enqueue(1); } });
    let count = 0;
    const target = new WritableStream({ write() { if (++count === 3) controller.abort(); } });
    return [await t.later(() => source.pipeTo(target, { signal: controller.signal })), count >= 3];
  },
  "strategies": () => [new CountQueuingStrategy({ highWaterMark: 3 }).size(), new ByteLengthQueuingStrategy({ highWaterMark: 3 }).size(new Uint8Array(5)), new CountQueuingStrategy({ highWaterMark: 3 }).highWaterMark],
  "streams: classes": () => [ReadableStream, WritableStream, TransformStream].map((type) => [type.name, Object.prototype.toString.call(new type())]),
  "CompressionStream: there and back": async (t) => {
    const text = "compress me ".repeat(1000);
    const results = [];
    for (const format of ["gzip", "deflate", "deflate-raw"]) {
      const small = await new Response(new Blob([text]).stream().pipeThrough(new CompressionStream(format))).arrayBuffer();
      const back = await new Response(new Blob([small]).stream().pipeThrough(new DecompressionStream(format))).text();
      results.push([format, small.byteLength < 500, back === text]);
    }
    return results;
  },
  "DecompressionStream: of Node's gzip": async () => {
    const bytes = Uint8Array.from(atob("H4sIAAAAAAAAA8tIzcnJV0ivyiwAABlq0t8KAAAA"), (c) => c.charCodeAt(0));
    return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).text();
  },
  "DecompressionStream: what is broken": async (t) => {
    const open = (bytes) => new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).text();
    const good = Uint8Array.from(atob("H4sIAAAAAAAAA8tIzcnJV0ivyiwAABlq0t8KAAAA"), (c) => c.charCodeAt(0));
    return [(await t.later(() => open(new Uint8Array([1, 2, 3])))).thrown !== undefined, (await t.later(() => open(good.slice(0, 20)))).thrown !== undefined];
  },
  "CompressionStream: unknown formats": (t) => [t.outcome(() => new CompressionStream("brotli")), t.outcome(() => new DecompressionStream())],
};
