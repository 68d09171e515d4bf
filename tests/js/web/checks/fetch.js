const pieces = (...list) =>
  new ReadableStream({
    async pull(controller) {
      const piece = list.shift();
      if (piece === undefined) return controller.close();
      await new Promise((resolve) => setTimeout(resolve, 2));
      controller.enqueue(new TextEncoder().encode(piece));
    },
  });
const echo = async (t, init, query = "") => {
  const { method, uri, headers, length, body, problem } = await (await fetch(`${t.server}/echo${query}`, init)).json();
  return { method, uri, headers, length, body, problem };
};
const simple = ({ method, body, headers }) => [method, body, headers["content-type"] ?? null, headers.authorization ?? null, headers["x-a"] ?? null];

export const checks = {
  "fetch: GET": async (t) => {
    const response = await fetch(`${t.server}/json`);
    return [response.status, response.statusText, response.ok, response.url === `${t.server}/json`, response.type, response.redirected, response.headers.get("content-type"), response.bodyUsed, await response.json(), response.bodyUsed];
  },
  "fetch: headers go and come": async (t) => [(await echo(t, { headers: { "X-Word": "caf\u00e9", "x-two": "a" } })).headers, (await fetch(`${t.server}/latin1`)).headers.get("x-word")],
  "fetch: methods": async (t) => Promise.all(["GET", "post", "PUT", "PATCH", "DELETE", "OPTIONS"].map(async (method) => (await echo(t, { method })).method)),
  "fetch: HEAD": async (t) => {
    const response = await fetch(`${t.server}/json`, { method: "HEAD" });
    return [response.status, response.headers.get("content-type"), await response.text()];
  },
  "fetch: bodies of every kind": async (t) => Promise.all(["text é", new URLSearchParams("a=1 2"), new Blob(["blob"], { type: "x/y" }), new TextEncoder().encode("bytes"), new TextEncoder().encode("buffer").buffer].map(async (body) => {
    const got = await echo(t, { method: "POST", body });
    return [got.body, got.headers["content-type"] ?? null, got.length];
  })),
  "fetch: no body": async (t) => (await echo(t, { method: "POST" })).length,
  "fetch: a form": async (t) => {
    const form = new FormData();
    form.append("a", "1");
    form.append("f", new File(["content"], "f.txt", { type: "text/plain" }));
    const got = await echo(t, { method: "POST", body: form });
    return [got.headers["content-type"].split(";")[0], got.body.includes('name="f"; filename="f.txt"'), got.body.includes("content"), Number(got.length) > 100];
  },
  "fetch: a form comes": async (t) => {
    const form = await (await fetch(`${t.server}/form`)).formData();
    const file = form.get("f");
    return [form.get("a"), file.name, file.type, await file.text()];
  },
  "fetch: a streamed body": async (t) => {
    const got = await echo(t, { method: "POST", body: pieces("one ", "two ", "three"), duplex: "half" });
    return [got.body, got.length, got.problem];
  },
  "fetch: a streamed body that fails": async (t) => {
    let count = 0;
    const body = new ReadableStream({ pull(c) { if (count++ < 2) c.enqueue(new Uint8Array(10)); else c.error(new RangeError("broken")); } });
    return (await t.later(() => fetch(`${t.server}/echo`, { method: "POST", body, duplex: "half" }))).thrown !== undefined;
  },
  "fetch: a Request": async (t) => simple(await (await fetch(new Request(`${t.server}/echo`, { method: "PUT", body: "x", headers: { "x-a": "b" } }))).json()),
  "fetch: a Request and options": async (t) => simple(await (await fetch(new Request(`${t.server}/echo`, { method: "PUT", body: "x", headers: { "x-a": "b" } }), { method: "POST", headers: { "x-a": "c" } })).json()),
  "fetch: query and fragment": async (t) => {
    const response = await fetch(`${t.server}/echo?a=b%20c&d#frag`);
    return [(await response.json()).uri, response.url.slice(t.server.length)];
  },
  "fetch: accept": async (t) => (await echo(t)).headers.accept,
  "fetch: statuses": async (t) => Promise.all([200, 201, 204, 304, 400, 404, 500, 503].map(async (status) => {
    const response = await fetch(`${t.server}/status/${status}`);
    return [response.status, response.ok, response.statusText, await response.text()];
  })),
  "fetch: gzip and brotli": async (t) => [await (await fetch(`${t.server}/gzip`)).text(), await (await fetch(`${t.server}/brotli`)).text()],
  "fetch: broken gzip": async (t) => (await t.later(async () => (await fetch(`${t.server}/bad-gzip`)).text())).thrown,
  "fetch: set-cookie": async (t) => (await fetch(`${t.server}/cookies`)).headers.getSetCookie(),
  "fetch: response headers cannot be changed": async (t) => {
    const response = await fetch(`${t.server}/json`);
    return [t.outcome(() => response.headers.set("a", "b")), new Response(null, { headers: response.headers }).headers.get("content-type")];
  },
  "fetch: redirects are followed": async (t) => {
    const response = await fetch(`${t.server}/redirect/302?to=/json`);
    return [response.status, response.redirected, response.url === `${t.server}/json`, await response.json()];
  },
  "fetch: redirects and methods": async (t) => Promise.all([301, 302, 303, 307, 308].map(async (status) => simple(await (await fetch(`${t.server}/redirect/${status}?to=/echo`, { method: "POST", body: "data", headers: { "x-a": "b" } })).json()))),
  "fetch: PUT and redirects": async (t) => Promise.all([302, 303, 307].map(async (status) => simple(await (await fetch(`${t.server}/redirect/${status}?to=/echo`, { method: "PUT", body: "data" })).json()))),
  "fetch: credentials stay with their origin": async (t) => [
    (await (await fetch(`${t.server}/redirect/302?to=/echo`, { headers: { authorization: "secret" } })).json()).headers.authorization ?? null,
    (await (await fetch(`${t.server}/redirect/302?to=${t.other}/echo`, { headers: { authorization: "secret" } })).json()).headers.authorization ?? null,
  ],
  "fetch: redirect manual": async (t) => {
    const response = await fetch(`${t.server}/redirect/302?to=/json`, { redirect: "manual" });
    return [response.status, response.headers.get("location"), response.redirected, response.type];
  },
  "fetch: redirect error": async (t) => t.later(() => fetch(`${t.server}/redirect/302?to=/json`, { redirect: "error" })),
  "fetch: endless redirects": async (t) => t.later(() => fetch(`${t.server}/loop`)),
  "fetch: a stream cannot be sent again": async (t) => t.later(() => fetch(`${t.server}/redirect/307?to=/echo`, { method: "POST", body: pieces("x"), duplex: "half" })),
  "fetch: the response streams": async (t) => {
    const seen = [];
    for await (const piece of (await fetch(`${t.server}/drip`)).body) seen.push(new TextDecoder().decode(piece));
    return seen.join("");
  },
  "fetch: large bodies": async (t) => {
    const buffer = await (await fetch(`${t.server}/large/3000000`)).arrayBuffer();
    return buffer.byteLength;
  },
  "fetch: cloned responses": async (t) => {
    const response = await fetch(`${t.server}/json`);
    const copy = response.clone();
    return [await response.json(), await copy.text(), copy.url === response.url];
  },
  "fetch: aborted before": async (t) => [await t.later(() => fetch(`${t.server}/json`, { signal: AbortSignal.abort() })), await t.later(() => fetch(`${t.server}/json`, { signal: AbortSignal.abort("why") }))],
  "fetch: aborted while it waits": async (t) => {
    const controller = new AbortController();
    setTimeout(() => controller.abort(), 20);
    return t.later(async () => (await fetch(`${t.server}/never`, { signal: controller.signal })).text());
  },
  "fetch: aborted with a reason": async (t) => {
    const controller = new AbortController();
    setTimeout(() => controller.abort(new RangeError("own")), 20);
    return t.later(async () => (await fetch(`${t.server}/never`, { signal: controller.signal })).text());
  },
  "fetch: timeout": async (t) => t.later(async () => (await fetch(`${t.server}/never`, { signal: AbortSignal.timeout(20) })).text()),
  "fetch: abort during a read": async (t) => {
    const controller = new AbortController();
    const response = await fetch(`${t.server}/never`, { signal: controller.signal });
    const reader = response.body.getReader();
    const first = new TextDecoder().decode((await reader.read()).value);
    const second = t.later(() => reader.read());
    controller.abort();
    return [first, await second];
  },
  "fetch: abort after the end does nothing": async (t) => {
    const controller = new AbortController();
    const text = await (await fetch(`${t.server}/json`, { signal: controller.signal })).text();
    controller.abort();
    return text;
  },
  "fetch: cancel the body": async (t) => {
    const response = await fetch(`${t.server}/never`);
    await response.body.cancel();
    return response.bodyUsed;
  },
  "fetch: cut off": async (t) => t.later(async () => (await fetch(`${t.server}/cut`)).text()),
  "fetch: nobody there": async (t) => t.later(() => fetch("http://127.0.0.1:1/")),
  "fetch: unknown hosts and schemes": async (t) => [await t.later(() => fetch("http://does-not-exist.invalid/")), await t.later(() => fetch("ftp://h/")), await t.later(() => fetch("nope")), await t.later(() => fetch())],
  "fetch: the error says why": { why: "Node says it in the error's cause", expect: true, run: async () => { try { await fetch("http://127.0.0.1:1/"); } catch (error) { return error instanceof TypeError && /^fetch failed: no connection to 127.0.0.1: .*refused/i.test(error.message); } } },
  "fetch: data addresses": async () => Promise.all(["data:,hello%20there", "data:text/html;base64,PGI+", "data:text/plain;charset=x,a#b"].map(async (url) => {
    const response = await fetch(url);
    return [response.status, response.headers.get("content-type"), await response.text()];
  })),
  "fetch: a wrong data address": async (t) => t.later(() => fetch("data:nothing")),
  "fetch: many at once": async (t) => (await Promise.all(Array.from({ length: 20 }, async (_, i) => (await echo(t, {}, `?n=${i}`)).uri))).every((uri, i) => uri === `/echo?n=${i}`),
  "fetch: a response as the body of the next": async (t) => (await echo(t, { method: "POST", body: (await fetch(`${t.server}/drip`)).body, duplex: "half" })).body,
};
