// Tokens of a real OpenID provider on loopback, through the clients.

import assert from "node:assert/strict";
import { test } from "node:test";
import { ConvexHttpClient } from "convex/browser";
import { api } from "./support/api.js";
import { clients } from "./support/clients.js";
import { startIssuer } from "./support/issuer.js";
import { startServer } from "./support/server.js";
import { until } from "./support/wait.js";

async function setUp(t) {
  const issuer = await startIssuer(t);
  const server = await startServer(t, { args: ["--auth-providers", JSON.stringify([issuer.provider])] });
  return { issuer, server };
}

for (const { name, connect, clearAuth } of clients) test(`${name}: signs in, signs out, and all its queries follow`, async (t) => {
  const { issuer, server } = await setUp(t);
  const client = connect(t, server);
  const seen = [];
  client.onUpdate(api.notes.whoami, {}, (who) => seen.push(who));
  await until("nobody", () => seen.at(-1) === null);
  client.setAuth(async () => issuer.token("amy"));
  await until("amy", () => seen.at(-1) === `${issuer.url}|amy`);
  await client.mutation(api.notes.writeMine, { title: "amy's" });
  assert.equal(await client.query(api.notes.read, { title: "amy's" }), "by amy");
  clearAuth(client);
  await until("nobody again", () => seen.at(-1) === null);
  assert.equal(await client.query(api.notes.read, { title: "amy's" }), null);
});

for (const { name, connect } of clients) test(`${name}: a token that the server refuses makes the client fetch another one`, async (t) => {
  const { issuer, server } = await setUp(t);
  const client = connect(t, server);
  const fetched = [];
  const states = [];
  const tokens = [issuer.token("bob", { signingKey: issuer.foreignKey() }), issuer.token("bob")];
  client.setAuth(
    async ({ forceRefreshToken }) => {
      fetched.push(forceRefreshToken);
      return tokens[Math.min(fetched.length, tokens.length) - 1];
    },
    (isAuthenticated) => states.push(isAuthenticated),
  );
  const who = [];
  client.onUpdate(api.notes.whoami, {}, (value) => who.push(value));
  await until("bob", () => who.at(-1) === `${issuer.url}|bob`);
  assert.deepEqual(fetched.slice(0, 2), [false, true]);
  assert.equal(states.at(-1), true);
});

for (const { name, connect } of clients) test(`${name}: a client that only has expired tokens ends up unauthenticated`, async (t) => {
  const { issuer, server } = await setUp(t);
  const client = connect(t, server);
  const states = [];
  client.setAuth(async () => issuer.token("eve", { seconds: -30 }), (isAuthenticated) => states.push(isAuthenticated));
  await until("the refusal", () => states.at(-1) === false);
  assert.equal(await client.query(api.notes.whoami, {}), null);
});

for (const { name, connect } of clients) test(`${name}: tokens are refreshed before they expire, with no gap for subscriptions`, async (t) => {
  const { issuer, server } = await setUp(t);
  const client = connect(t, server, { authRefreshTokenLeewaySeconds: 2 });
  let fetches = 0;
  client.setAuth(async () => {
    fetches += 1;
    return issuer.token("amy", { seconds: 4, claims: { jti: String(fetches) } });
  });
  const seen = [];
  client.onUpdate(api.notes.whoami, {}, (who) => seen.push(who));
  await until("three refreshes", () => fetches >= 4, 60_000);
  assert.ok(seen.filter((who) => who !== null).every((who) => who === `${issuer.url}|amy`));
  assert.equal(seen.lastIndexOf(null) <= 0, true, `signed out in between: ${seen}`);
});

test("over HTTP a good token is an identity and a bad one a 401 with the reason", async (t) => {
  const { issuer, server } = await setUp(t);
  const http = new ConvexHttpClient(server.url, { logger: false });
  assert.equal(await http.query(api.notes.whoami, {}), null);
  http.setAuth(issuer.token("amy"));
  assert.equal(await http.query(api.notes.whoami, {}), `${issuer.url}|amy`);
  const refusal = async (token) => {
    const response = await fetch(`${server.url}/api/query`, {
      method: "POST",
      headers: { "Content-Type": "application/json", Authorization: `Bearer ${token}` },
      body: JSON.stringify({ path: "notes:whoami", args: {} }),
    });
    return `${response.status} ${(await response.json()).message}`;
  };
  assert.match(await refusal(issuer.token("amy", { seconds: -5 })), /^401 .*Token expired \d+ seconds ago/);
  assert.match(await refusal(issuer.token("amy", { kid: "key-9" })), /^401 .*key-9/);
  assert.match(await refusal(issuer.token("amy", { claims: { aud: "somebody else" } })), /^401 .*No auth provider found matching the given token/);
  assert.match(await refusal("not.a"), /^401 .*three base64-encoded parts/);
});

for (const { name, connect } of clients) test(`${name}: two organisations on one query whose data flips between public and private`, async (t) => {
  const { issuer, server } = await setUp(t);
  const writer = connect(t, server);
  const people = ["amy", "bob"].map((name) => {
    const client = connect(t, server);
    client.setAuth(async () => issuer.token(name));
    const seen = [];
    client.onUpdate(api.notes.read, { title: "shared" }, (body) => seen.push(body));
    return seen;
  });
  const now = () => people.map((seen) => seen.at(-1));
  const write = (owner, isPublic, body) => writer.mutation(api.notes.write, { title: "shared", owner, public: isPublic, body });
  const expected = async (what, both) => until(`${what}: ${JSON.stringify(both)}`, () => JSON.stringify(now()) === JSON.stringify(both));
  await expected("nothing", [null, null]);
  for (let round = 0; round < 10; round++) {
    await write("amy", true, `open ${round}`);
    await expected("public", [`open ${round}`, `open ${round}`]);
    await write("amy", false, `amy's ${round}`);
    await expected("amy's", [`amy's ${round}`, null]);
    await write("bob", false, `bob's ${round}`);
    await expected("bob's", [null, `bob's ${round}`]);
  }
  assert.ok(!people[0].some((body) => body?.startsWith("bob's")), "amy has seen bob's notes");
  assert.ok(!people[1].some((body) => body?.startsWith("amy's")), "bob has seen amy's notes");
});
