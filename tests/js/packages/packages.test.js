// Packages of the npm registry inside functions: each does something real, and Node does the same or checks the result.

import assert from "node:assert/strict";
import { generateKeyPairSync, sign } from "node:crypto";
import path from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { ConvexHttpClient } from "convex/browser";
import { anyApi as api } from "convex/server";
import { addBusinessDays, formatDistance, parseISO } from "date-fns";
import { importJWK, jwtVerify, SignJWT } from "jose";
import { Webhook } from "svix";
import { project } from "../support/cli.js";
import { startServices } from "../support/services.js";
import { startServer } from "../support/server.js";

const here = path.dirname(fileURLToPath(import.meta.url));

test("npm packages work inside functions", async (t) => {
  const server = await startServer(t, { program: "fusion", args: ["serve"] });
  const app = project(t, "project", { from: here, packages: true });
  const { code, output } = await app.run(server, ["dev", "--once", "--typecheck", "disable"]);
  assert.equal(code, 0, output);
  const client = new ConvexHttpClient(server.url, { logger: false });
  const services = await startServices(t);
  const { url } = services;

  await t.test("zod", async () => {
    const order = { email: "a@b.de", items: [{ sku: "ABC-1", count: 2 }], note: " hi ", kind: { type: "gift", from: "x" } };
    assert.deepEqual(await client.query(api.zod.parse, { order }), { order: { ...order, note: "hi" } });
    const { issues } = await client.query(api.zod.parse, { order: { ...order, email: "?", items: [{ sku: "abc", count: 0 }] } });
    assert.deepEqual(issues.map(({ code, path }) => [code, path]), [
      ["invalid_format", "email"],
      ["invalid_format", "items.0.sku"],
      ["too_small", "items.0.count"],
    ]);
    assert.equal(await client.query(api.zod.shout, { text: "hey" }), "HEY");
    await assert.rejects(client.query(api.zod.shout, { text: "h" }), ({ data }) => data?.ZodError?.[0]?.code === "too_small");
  });

  await t.test("svix", async () => {
    const secret = `whsec_${Buffer.from("0123456789abcdef01234567").toString("base64")}`;
    const [id, payload, at] = ["msg_1", '{"type":"user.created","name":"Zoë"}', new Date()];
    const headers = (signature) => ({
      "svix-id": id,
      "svix-timestamp": String(Math.floor(at / 1000)),
      "svix-signature": signature,
    });
    const signature = new Webhook(secret).sign(id, at, payload);
    assert.equal(await client.action(api.svix.sign, { secret, id, at: Number(at), payload }), signature);
    assert.deepEqual(await client.action(api.svix.verify, { secret, payload, headers: headers(signature) }), { event: JSON.parse(payload) });
    const forged = await client.action(api.svix.verify, { secret, payload: `${payload} `, headers: headers(signature) });
    assert.equal(forged.refused, "No matching signature found");
  });

  await t.test("convex-helpers and hono", async () => {
    const { ada, first, draft } = await client.mutation(api.helpers.fill, {});
    assert.deepEqual(await client.query(api.helpers.related, { author: ada, post: first }), {
      posts: ["first", "draft"],
      tags: ["red", "blue"],
      all: ["ada", "ada"],
      long: ["first", "draft", "other"],
    });
    const total = () => client.query(api.helpers.totals, { author: ada });
    assert.equal(await total(), 2);
    await assert.rejects(client.mutation(api.helpers.failAfterTrigger, { post: draft }), /after the trigger/);
    assert.equal(await total(), 2);

    assert.deepEqual(await client.query(api.helpers.visible, { user: "ada" }), ["first", "draft", "other"]);
    assert.deepEqual(await client.query(api.helpers.visible, { user: "bob" }), ["first", "other"]);
    await client.mutation(api.helpers.rename, { user: "ada", post: draft, title: "second" });
    await assert.rejects(client.mutation(api.helpers.rename, { user: "bob", post: first, title: "mine" }), /write access/);
    assert.deepEqual(await client.query(api.helpers.visible, { user: "ada" }), ["first", "second", "other"]);
    await assert.rejects(client.query(api.helpers.visible, { user: "eve" }), /There is no user eve/);

    await client.mutation(api.helpers.remove, { post: draft });
    assert.equal(await total(), 1);

    const page = await fetch(`${server.siteUrl}/totals/${ada}?page=2`);
    assert.deepEqual(await page.json(), { posts: 1, page: "2" });
    assert.equal(page.headers.get("x-served-by"), "hono");
    const echo = await fetch(`${server.siteUrl}/echo`, { method: "POST", body: '{"text":"hey"}' });
    assert.deepEqual([echo.status, await echo.text()], [201, "HEY"]);
    assert.equal((await fetch(`${server.siteUrl}/echo`)).status, 404);
    const wrong = await fetch(`${server.siteUrl}/totals/nobody`);
    assert.equal(wrong.status, 500);
    assert.match((await wrong.json()).error, /ArgumentValidationError/);
  });

  await t.test("date-fns", async () => {
    const [from, to] = ["2026-02-27T10:20:30.000Z", "2026-03-29T00:00:00.000Z"];
    assert.deepEqual(await client.query(api.small.dates, { from, to }), {
      days: 30,
      business: addBusinessDays(parseISO(from), 7).toISOString(),
      text: "Friday, 27th February 2026 10:20:30",
      german: "Freitag, 27. Februar 2026",
      distance: formatDistance(parseISO(from), parseISO(to), { addSuffix: true }),
    });
  });

  await t.test("nanoid", async () => {
    const all = [...(await client.mutation(api.small.ids, {})), ...(await client.mutation(api.small.ids, {}))];
    assert.equal(new Set(all).size, 6);
    for (const id of all) assert.match(id, /^[\w-]{21}$|^[abc]{8}$/);
  });

  await t.test("jose", async () => {
    for (const algorithm of ["RS256", "PS256", "ES256", "ES384", "EdDSA"]) {
      const { token, jwk, subject } = await client.action(api.small.sign, { algorithm, subject: "ada" });
      assert.equal(subject, "ada");
      assert.equal((await jwtVerify(token, await importJWK(jwk, algorithm))).payload.role, "admin");
      const forged = `${token.slice(0, -8)}AAAAAAAA`;
      const refused = await client.action(api.small.verify, { token: forged, jwk, algorithm });
      assert.deepEqual(refused, { refused: "ERR_JWS_SIGNATURE_VERIFICATION_FAILED" }, algorithm);
    }
    const jwk = { kty: "oct", k: Buffer.alloc(32, 7).toString("base64url") };
    const key = Buffer.alloc(32, 7);
    const token = await new SignJWT({}).setProtectedHeader({ alg: "HS256" }).setSubject("bob").setExpirationTime("1h").sign(key);
    assert.deepEqual(await client.action(api.small.verify, { token, jwk, algorithm: "HS256" }), { subject: "bob" });
    const old = await new SignJWT({}).setProtectedHeader({ alg: "HS256" }).setExpirationTime(1).sign(key);
    assert.deepEqual(await client.action(api.small.verify, { token: old, jwk, algorithm: "HS256" }), { refused: "ERR_JWT_EXPIRED" });
  });

  await t.test("@aws-sdk/client-secrets-manager", async () => {
    assert.deepEqual(await client.action(api.services.secret, { url, name: "password" }), { secret: "hunter2" });
    const { headers } = services.requests.at(-1);
    assert.equal(headers["x-amz-target"], "secretsmanager.GetSecretValue");
    assert.match(headers.authorization, /^AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE\/\d{8}\/eu-central-1\/secretsmanager\/aws4_request, .*Signature=[0-9a-f]{64}$/);
    assert.deepEqual(await client.action(api.services.secret, { url, name: "other" }), {
      refused: "ResourceNotFoundException",
      message: "no such secret",
    });
  });

  await t.test("@clerk/backend", async () => {
    assert.deepEqual(await client.action(api.services.clerkUser, { url, id: "user_1" }), { name: "Ada Lovelace", created: 1_700_000_000_000 });
    assert.equal(services.requests.at(-1).headers.authorization, "Bearer sk_test_example");
    const { publicKey, privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
    const jwtKey = publicKey.export({ type: "spki", format: "pem" });
    const token = (seconds) => {
      const now = Math.floor(Date.now() / 1000);
      const parts = [{ alg: "RS256", typ: "JWT", kid: "ins_1" }, { iss: "https://clerk.example", sub: "user_1", iat: now - 60, nbf: now - 60, exp: now + seconds }];
      const text = parts.map((part) => Buffer.from(JSON.stringify(part)).toString("base64url")).join(".");
      return `${text}.${sign("RSA-SHA256", Buffer.from(text), privateKey).toString("base64url")}`;
    };
    assert.deepEqual(await client.action(api.services.clerkToken, { token: token(60), jwtKey }), { subject: "user_1" });
    assert.deepEqual(await client.action(api.services.clerkToken, { token: token(-30), jwtKey }), { refused: "token-expired" });
  });

  await t.test("openai", async () => {
    assert.deepEqual(await client.action(api.services.complete, { url, prompt: "hello" }), { text: "olleh", tokens: 7 });
    assert.equal(services.requests.at(-1).headers.authorization, "Bearer sk-example");
    assert.equal((await client.action(api.services.completeInParts, { url, prompt: "hello ünder wörld" })).join(""), "dlröw rednü olleh");
    assert.deepEqual(await client.action(api.services.refusedKey, { url }), {
      name: "AuthenticationError",
      status: 401,
      message: "401 wrong key",
    });
  });

  await t.test("ai and @ai-sdk/openai", async () => {
    assert.deepEqual(await client.action(api.ai.text, { url, prompt: "hello" }), { text: "olleh", tokens: 7, finishReason: "stop" });
    const parts = await client.action(api.ai.parts, { url, prompt: "hello world" });
    assert.deepEqual([parts.join(""), parts.length], ["dlrow olleh", 3]);
    assert.deepEqual(await client.action(api.ai.object, { url }), { city: "Ulm", people: 126000 });
    assert.deepEqual(await client.action(api.ai.tools, { url }), { text: 'It is sunny.', called: ["Ulm"], steps: 2 });
  });
});
