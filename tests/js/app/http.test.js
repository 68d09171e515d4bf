// The app's HTTP routes on both listeners: what `fetch` cannot show about bodies on their way, identities and failures.

import assert from "node:assert/strict";
import { request } from "node:http";
import { test } from "node:test";
import { anyApi as api } from "convex/server";
import { startApp } from "../support/app.js";
import { callAsAdmin } from "../support/server.js";
import { until } from "../support/wait.js";

/** A request whose body and answer are under way at the same time: `{write, end, answer}`. */
function duplex(url, method, headers = {}) {
  const outgoing = request(url, { method, headers });
  const answer = new Promise((resolve, reject) => {
    outgoing.on("error", reject);
    outgoing.on("response", (response) => {
      response.setEncoding("utf8");
      const told = { status: response.statusCode, headers: response.headers, text: "", ended: undefined };
      response.on("data", (text) => (told.text += text));
      response.on("end", () => (told.ended ??= "whole"));
      response.on("error", () => (told.ended = "cut"));
      resolve(told);
    });
  });
  outgoing.flushHeaders();
  return { write: (text) => outgoing.write(text), end: (text) => outgoing.end(text), answer };
}

test("HTTP routes on the site listener and under /http on the main one", async (t) => {
  const { server, client, oidc, jwt } = await startApp(t);
  for (const [place, base] of [["the site listener", server.siteUrl.replace(/\/$/, "")], ["the main listener", `${server.url}/http`]]) {
    await t.test(`${place}: the longest prefix, HEAD, and nobody`, async () => {
      const ask = async (path, method = "GET") => {
        const response = await fetch(`${base}${path}`, { method });
        return [response.status, await response.text()];
      };
      assert.deepEqual(await ask("/routes/deep/leaf"), [200, "/routes/deep/leaf"]);
      assert.deepEqual(await ask("/routes/deep/er/x?y"), [200, "/routes/deep/er/*"]);
      assert.deepEqual(await ask("/routes/deep/leaf/x"), [200, "/routes/deep/*"]);
      assert.deepEqual(await ask("/routes/x"), [200, "/routes/*"]);
      assert.deepEqual(await ask("/nowhere"), [404, "No matching routes found"]);
      assert.deepEqual(await ask("/routes/x", "PUT"), [404, "No matching routes found"]);
      // HEAD runs the GET route and drops its body.
      const head = await fetch(`${base}/routes/x`, { method: "HEAD" });
      assert.deepEqual([head.status, head.headers.get("x-method"), await head.text()], [200, "HEAD", ""]);
      assert.deepEqual(await ask("/nowhere", "HEAD"), [404, ""]);
      // No CORS but the user's own.
      const preflight = await fetch(`${base}/method`, { method: "OPTIONS", headers: { origin: "http://a.example" } });
      assert.deepEqual([await preflight.text(), preflight.headers.get("access-control-allow-origin")], ["OPTIONS OPTIONS ", null]);
    });

    await t.test(`${place}: bodies stream both ways`, async () => {
      const echo = duplex(`${base}/upper`, "POST", { "content-type": "text/plain" });
      echo.write("one,");
      const told = await echo.answer;
      await until("the first part to come back before the body ends", () => told.text === "ONE,");
      echo.write("two,");
      await until("the second part", () => told.text === "ONE,TWO,");
      assert.equal(told.ended, undefined);
      echo.end("three");
      await until("the end", () => told.ended);
      assert.deepEqual([told.text, told.ended], ["ONE,TWO,THREE", "whole"]);

      const label = `released on ${place}`;
      const stream = duplex(`${base}/stream?label=${encodeURIComponent(label)}`, "GET");
      stream.end();
      const streamed = await stream.answer;
      await until("the first part", () => streamed.text === "first,");
      await callAsAdmin(server, "jobs:tick", { label });
      await until("the rest", () => streamed.ended);
      assert.deepEqual([streamed.text, streamed.ended], ["first,second", "whole"]);
    });

    await t.test(`${place}: nobody, somebody, and credentials of no use`, async () => {
      const whoami = async (header) => {
        const response = await fetch(`${base}/whoami`, { headers: header === undefined ? {} : { authorization: header } });
        return [response.status, await response.json()];
      };
      assert.deepEqual(await whoami(undefined), [200, { header: null, identity: null, inQuery: null }]);
      for (const issuer of [oidc, jwt]) {
        const header = `Bearer ${issuer.token("amy")}`;
        const identity = { tokenIdentifier: `${issuer.url}|amy`, issuer: issuer.url, subject: "amy" };
        assert.deepEqual(await whoami(header), [200, { header, identity, inQuery: identity }]);
      }
      // The admin's key makes no user.
      const key = `Convex ${server.adminKey}`;
      assert.deepEqual(await whoami(key), [200, { header: key, identity: null, inQuery: null }]);
      for (const [header, thrown] of [
        ["Basic YTpi", /./],
        ["x", /./],
        [`Bearer ${oidc.token("amy", { seconds: -5 })}`, /Token expired \d+ seconds ago/],
        [`Bearer ${oidc.token("amy", { claims: { aud: "others" } })}`, /No auth provider found matching the given token/],
        [`Bearer ${oidc.token("amy", { signingKey: oidc.foreignKey() })}`, /./],
      ]) {
        const [status, answer] = await whoami(header);
        assert.deepEqual([status, answer.header], [401, header]);
        assert.match(answer.thrown, thrown);
        // What does not look at the identity works.
        assert.equal((await fetch(`${base}/method`, { headers: { authorization: header } })).status, 200);
      }
    });

    await t.test(`${place}: failures`, async () => {
      const failed = async (path) => {
        const response = await fetch(`${base}${path}`);
        return [response.status, response.headers.get("content-type"), await response.json()];
      };
      const [status, type, { code, trace }] = await failed("/throw");
      assert.deepEqual([status, type], [500, "application/json"]);
      assert.match(code, /^\[Request ID: [0-9a-f]{16}\] Server Error: Uncaught Error: on purpose$/);
      assert.match(trace, /^Uncaught Error: on purpose\n    at .*\(\.\.\/convex\/http\.js:\d+:\d+\)/);
      const [, , data] = await failed("/throwData");
      assert.deepEqual(data.data, { missing: -1, kind: "patch" });
      assert.match((await failed("/noResponse"))[2].code, /Server Error/);
      const late = duplex(`${base}/throwLate`, "GET");
      late.end();
      const told = await late.answer;
      await until("the connection to be cut", () => told.ended);
      assert.deepEqual([told.status, told.text, told.ended], [200, "the beginning", "cut"]);
      // The next call is served.
      assert.equal((await fetch(`${base}/method`)).status, 200);
    });
  }

  await t.test("what the handler sees of the request", async () => {
    const post = async (url, headers) => (await fetch(url, { method: "POST", body: "x", headers })).json();
    const { url } = await post(`${server.siteUrl}/request?a=b`);
    assert.deepEqual(url, ["/request", "?a=b", ""]);
  });
  assert.equal(await client.query(api.people.whoami, {}), null);
});
