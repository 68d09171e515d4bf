// Who calls the app, by tokens of both kinds of issuers, and the files it keeps, from upload to removal.

import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { test } from "node:test";
import { ConvexHttpClient } from "convex/browser";
import { anyApi as api } from "convex/server";
import { startApp } from "../support/app.js";
import { connectClient } from "../support/server.js";
import { until } from "../support/wait.js";

test("tokens of an OpenID provider and of a custom issuer, through queries, mutations and actions", async (t) => {
  const { server, oidc, jwt } = await startApp(t);
  const signedIn = (token) => {
    const client = new ConvexHttpClient(server.url, { logger: false });
    client.setAuth(token);
    return client;
  };
  const [amy, bob] = [signedIn(oidc.token("amy", { claims: { name: "Amy", org: { id: 1 } } })), signedIn(jwt.token("bob", { claims: { name: "Bob", org: { id: 2 } } }))];
  const identities = [
    { tokenIdentifier: `${oidc.url}|amy`, issuer: oidc.url, subject: "amy", name: "Amy", org: { id: 1 } },
    { tokenIdentifier: `${jwt.url}|bob`, issuer: jwt.url, subject: "bob", name: "Bob", "org.id": 2 },
  ];
  for (const [client, identity] of [[amy, identities[0]], [bob, identities[1]]]) {
    assert.deepEqual(await client.query(api.people.whoami, {}), identity);
    assert.deepEqual(await client.action(api.people.inAction, {}), [identity, identity, identity]);
  }
  // Each sees their own, also over a live query that changes its user.
  await amy.mutation(api.people.write, { text: "amy's" });
  await bob.mutation(api.people.write, { text: "bob's" });
  const client = connectClient(t, server);
  const seen = [];
  client.setAuth(async () => oidc.token("amy"));
  client.onUpdate(api.people.mine, {}, (notes) => seen.push(notes));
  await until("amy's notes", () => seen.at(-1)?.[0] === "amy's");
  client.setAuth(async () => jwt.token("bob"));
  await until("bob's notes", () => seen.at(-1)?.[0] === "bob's");
  await bob.mutation(api.people.write, { text: "more" });
  await until("what bob has written meanwhile", () => seen.at(-1)?.length === 2);
  assert.ok(seen.every((notes) => notes.every((text) => text === "amy's") || !notes.includes("amy's")), JSON.stringify(seen));

  // An algorithm, audience or key of the other issuer is not good enough.
  for (const token of [
    oidc.token("eve", { claims: { iss: jwt.url } }),
    jwt.token("eve", { claims: { iss: oidc.url, aud: "convex" } }),
    jwt.token("eve", { claims: { aud: "convex" } }),
    jwt.token("eve", { signingKey: jwt.foreignKey() }),
  ]) {
    await assert.rejects(signedIn(token).query(api.people.whoami, {}));
  }
});

test("files from upload to removal", async (t) => {
  const { server, client } = await startApp(t);
  const bytes = randomBytes(300_000);
  const upload = async (body, headers = {}) => {
    const response = await fetch(await client.mutation(api.files.uploadUrl, {}), { method: "POST", body, headers });
    return [response.status, await response.json()];
  };
  const [status, { storageId }] = await upload(bytes, { "content-type": "application/x-random" });
  assert.equal(status, 200);
  const watcher = connectClient(t, server);
  const seen = [];
  watcher.onUpdate(api.files.url, { name: "a" }, (url) => seen.push(url));
  await until("no file yet", () => seen.at(-1) === null);
  assert.equal(await client.mutation(api.files.keep, { name: "a", file: storageId }), false);
  await until("the file's URL", () => seen.at(-1) ?? undefined);
  const sha256 = createHash("sha256").update(bytes).digest();
  const { size, ...about } = await client.query(api.files.about, { name: "a" });
  assert.deepEqual({ size, ...about }, { size: bytes.length, sha256: sha256.toString("base64"), url: "string" });
  assert.equal(await client.query(api.files.type, { name: "a" }), "application/x-random");

  const url = seen.at(-1);
  const got = await fetch(url);
  assert.deepEqual(Buffer.from(await got.arrayBuffer()), bytes);
  assert.equal(got.headers.get("content-type"), "application/x-random");
  const part = await fetch(url, { headers: { range: "bytes=10-19" } });
  assert.deepEqual([part.status, Buffer.from(await part.arrayBuffer())], [206, bytes.subarray(10, 20)]);
  const read = await client.action(api.files.read, { name: "a" });
  assert.deepEqual([Buffer.from(read.bytes), read.type], [bytes, "application/x-random"]);

  // A digest that does not fit; a token that does not exist.
  const [refused, { code }] = await upload("x", { digest: `sha-256=${sha256.toString("base64")}` });
  assert.deepEqual([refused, code], [400, "Sha256Mismatch"]);
  const stranger = await fetch(`${server.url}/api/storage/upload?token=x`, { method: "POST", body: "x" });
  assert.deepEqual([stranger.status, (await stranger.json()).code], [401, "StorageTokenInvalid"]);
  await assert.rejects(client.mutation(api.files.keep, { name: "b", file: "no id" }), /ArgumentValidationError|Invalid storage ID/);

  // Another file takes its name: the old URL is gone, a failed removal keeps the new one.
  assert.equal(await client.action(api.files.store, { name: "a", bytes: new ArrayBuffer(3), type: null }), true);
  await until("the other URL", () => seen.at(-1) !== url);
  assert.equal((await fetch(url)).status, 404);
  await assert.rejects(client.mutation(api.files.remove, { name: "a", fail: true }), ({ data }) => data === "still wanted");
  assert.equal((await (await fetch(seen.at(-1))).arrayBuffer()).byteLength, 3);
  assert.equal(await client.mutation(api.files.remove, { name: "a", fail: false }), true);
  await until("no file any more", () => seen.at(-1) === null);
  assert.deepEqual(await client.query(api.files.all, {}), []);
  assert.deepEqual(await client.action(api.files.gone, {}), [null, null, "not found", false]);
});
