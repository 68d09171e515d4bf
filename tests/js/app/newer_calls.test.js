// What functions learn about themselves and their deployment, tokens that they sign, files that mutations store, and
// contexts that follow a call.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { anyApi as api } from "convex/server";
import { createRemoteJWKSet, decodeJwt, jwtVerify } from "jose";
import { startCallsApp } from "../support/calls_app.js";
import { http } from "../support/push.js";

test("runtime calls of newer versions of the npm package", async (t) => {
  const { server, client, restart } = await startCallsApp(t);

  await t.test("functions know their names, kinds and components", async () => {
    const about = (name, type, visibility = "public", componentPath = "") => ({ name, componentPath, type, visibility });
    const own = about("about:inMutation", "mutation");
    assert.deepEqual(await client.mutation(api.about.inMutation, {}), [
      own,
      about("about:inQuery", "query"),
      about("about:hidden", "query", "internal"),
      about("lib:metadata", "query", "public", "child"),
      about("lib:metadata", "query", "public", "sibling"),
      own,
    ]);
    assert.deepEqual(await client.action(api.about.inAction, {}), [about("about:inAction", "action"), about("inNode:metadata", "action")]);
  });

  await t.test("and their deployment", async () => {
    const name = await (await fetch(`${server.url}/instance_name`)).text();
    assert.deepEqual(await client.query(api.about.deployment, {}), { name, region: null, class: "s16" });
  });

  await t.test("actions are no transactions", async () => {
    await assert.rejects(client.action(api.about.metricsInAction, {}), /Unknown async operation 1\.0\/getTransactionMetrics/);
  });

  await t.test("tokens are verified by the public keys, after a restart, too", async () => {
    const claims = { sub: "amy", aud: "elsewhere", roles: ["editor"], nested: { n: 1 } };
    const token = await client.mutation(api.about.sign, { claims, expiresInSeconds: 60 });
    const issuer = await client.query(api.about.origin, {});
    const { payload, protectedHeader } = await jwtVerify(token, createRemoteJWKSet(new URL(`${server.url}/.well-known/jwks.json`)), { issuer, audience: "elsewhere" });
    assert.deepEqual({ ...payload, iat: 0, exp: payload.exp - payload.iat }, { ...claims, iss: issuer, iat: 0, exp: 60 });
    assert.equal(protectedHeader.alg, "ES256");
    assert.deepEqual(Object.keys(decodeJwt(await client.mutation(api.about.sign, { expiresInSeconds: 1 }))).sort(), ["exp", "iat", "iss"]);
    for (const [options, text] of [
      [{ expiresInSeconds: 0 }, /`expiresInSeconds` must be at least 1 and at most 3600/],
      [{ expiresInSeconds: 3601 }, /`expiresInSeconds` must be at least 1 and at most 3600/],
      [{ claims: { iss: "me" }, expiresInSeconds: 60 }, /The claim `iss` is reserved/],
      [{ claims: { CVXrole: 1 }, expiresInSeconds: 60 }, /The claim `CVXrole` is reserved/],
    ]) {
      await assert.rejects(client.mutation(api.about.sign, options), text);
    }
    const forged = `${token.split(".").slice(0, 2).join(".")}.${Buffer.from("x".repeat(64)).toString("base64url")}`;
    const again = await restart();
    const keys = createRemoteJWKSet(new URL(`${again.url}/.well-known/jwks.json`));
    await jwtVerify(token, keys, { issuer });
    await assert.rejects(jwtVerify(forged, keys, { issuer }), /signature verification failed/);
    server.url = again.url;
  });

  await t.test("mutations store and read files", async () => {
    const client = http(server);
    const text = "stored in a mutation";
    const sha256 = createHash("sha256").update(text).digest();
    const { id, own, metadata } = await client.mutation(api.files.store, { text, sha256: sha256.toString("base64") });
    assert.equal(own, text);
    assert.deepEqual([metadata.size, metadata.contentType, metadata.sha256], [text.length, "text/plain", sha256.toString("hex")]);
    assert.deepEqual(await client.mutation(api.files.get, { id }), { text, type: "text/plain" });
    const url = await client.mutation(api.files.store, { text: "by URL" }).then(({ url }) => new URL(url));
    assert.equal(await (await fetch(new URL(url.pathname + url.search, server.url))).text(), "by URL");
    assert.equal(await client.query(api.files.count, {}), 2);

    const wrong = createHash("sha256").update("other").digest("base64");
    await assert.rejects(client.mutation(api.files.store, { text, sha256: wrong }), /The content.s SHA-256 is .*, not the one that was announced/);
    await assert.rejects(client.mutation(api.files.store, { text, sha256: "no hash" }), /`sha256` must be a SHA-256 in Base64/);
    const failed = await client.mutation(api.files.store, { text, fails: true }).catch((error) => error.message);
    assert.equal(await client.mutation(api.files.get, { id: /told to fail (\w+)/.exec(failed)[1] }), null, "it went with the mutation");
    await assert.rejects(client.mutation(api.files.remove, { id, fails: true }), /told to fail/);
    assert.deepEqual(await client.mutation(api.files.get, { id }), { text, type: "text/plain" }, "so did its deletion");
    await client.mutation(api.files.remove, { id, fails: false });
    assert.equal(await client.mutation(api.files.get, { id }), null);

    const { sibling, child } = await client.mutation(api.files.inChildren, {});
    assert.equal(sibling, "kept");
    assert.notEqual(child, "kept", "a component has files of its own");
    assert.equal(await client.query(api.files.count, {}), 1);
  });

  await t.test("AsyncLocalStorage begins anew in every call", async () => {
    const client = http(server);
    for (let n = 1; n <= 20; n++) {
      const other = http(server);
      const found = await Promise.all([client.query(api.contexts.both, { n }), client.mutation(api.contexts.ofCall, { n }), other.query(api.contexts.both, { n: 100 + n })]);
      assert.deepEqual(found, [[null, n, -n, null], n, [null, 100 + n, -100 - n, null]]);
    }
  });
});
