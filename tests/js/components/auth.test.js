// Signing up, in and out with a password by @convex-dev/auth, its sources untouched.

import assert from "node:assert/strict";
import path from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { ConvexHttpClient } from "convex/browser";
import { anyApi as api } from "convex/server";
import { exportJWK, exportPKCS8, generateKeyPair } from "jose";
import { project } from "../support/cli.js";
import { http, push, serve } from "../support/push.js";

const here = path.dirname(fileURLToPath(import.meta.url));

/** What the package wants in the environment: the key that tokens are signed with, and its public half. */
async function keys() {
  const pair = await generateKeyPair("RS256", { extractable: true });
  const jwk = await exportJWK(pair.publicKey);
  return {
    JWT_PRIVATE_KEY: (await exportPKCS8(pair.privateKey)).trimEnd().replaceAll("\n", " "),
    JWKS: JSON.stringify({ keys: [{ use: "sig", ...jwk }] }),
    SITE_URL: "http://localhost:3000",
  };
}

test("@convex-dev/auth: sign-up, sign-in, refresh and sign-out with a password", async (t) => {
  const server = await serve(t);
  const app = project(t, "auth", { packages: true, from: here });
  for (const [name, value] of Object.entries(await keys())) {
    const set = await app.run(server, ["env", "set", "--", name, value]);
    assert.equal(set.code, 0, set.output);
  }
  await push(app, server, ["deploy", "--typecheck", "disable"]);
  const client = http(server);
  const credentials = { email: "amy@example.org", password: "correct horse battery" };
  const as = (token) => {
    const signedIn = new ConvexHttpClient(server.url, { logger: false });
    signedIn.setAuth(token);
    return signedIn;
  };
  const signIn = (flow, changes = {}) =>
    client.action(api.auth.signIn, { provider: "password", params: { flow, ...credentials, ...changes } });

  assert.equal(await client.query(api.people.me, {}), null);
  const first = (await signIn("signUp")).tokens;
  assert.equal(await as(first.token).query(api.people.me, {}), credentials.email);

  await assert.rejects(signIn("signIn", { password: "wrong horse" }), /Invalid|InvalidSecret|Server Error/);
  const second = (await signIn("signIn")).tokens;
  assert.equal(await as(second.token).query(api.people.me, {}), credentials.email);

  const third = (await client.action(api.auth.signIn, { refreshToken: second.refreshToken })).tokens;
  assert.notEqual(third.refreshToken, second.refreshToken);
  assert.equal(await as(third.token).query(api.people.me, {}), credentials.email);

  await as(third.token).action(api.auth.signOut, {});
  const after = await client.action(api.auth.signIn, { refreshToken: third.refreshToken });
  assert.equal(after.tokens ?? null, null);
});
