// Signing up, in and out with a password by @convex-dev/better-auth, its sources untouched.

import assert from "node:assert/strict";
import path from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { ConvexHttpClient } from "convex/browser";
import { anyApi as api } from "convex/server";
import { createRemoteJWKSet, jwtVerify } from "jose";
import { project } from "../support/cli.js";
import { http, push, serve } from "../support/push.js";

const here = path.dirname(fileURLToPath(import.meta.url));

test("@convex-dev/better-auth: sign-up, sign-in, sessions, tokens and sign-out with a password", async (t) => {
  const server = await serve(t);
  const app = project(t, "better_auth", { packages: true, from: here });
  const set = await app.run(server, ["env", "set", "BETTER_AUTH_SECRET", "a secret that is long enough for everybody"]);
  assert.equal(set.code, 0, set.output);
  await push(app, server, ["deploy", "--typecheck", "disable"]);
  const site = server.siteUrl.replace(/\/$/, "");
  const post = (name, body) =>
    fetch(`${site}/api/auth/${name}`, {
      method: "POST",
      headers: { "Content-Type": "application/json", Origin: site },
      body: JSON.stringify(body),
    });
  /** Who the token in the cookies of an answer is of. */
  const me = async (response) => {
    const cookies = response.headers.getSetCookie().map((cookie) => cookie.split(";")[0]);
    const token = cookies.find((cookie) => cookie.startsWith("better-auth.convex_jwt=")).split("=")[1];
    const client = new ConvexHttpClient(server.url, { logger: false });
    client.setAuth(token);
    return await client.query(api.auth.me, {});
  };
  const credentials = { email: "amy@example.org", password: "correct horse battery" };

  const signedUp = await post("sign-up/email", { ...credentials, name: "Amy" });
  assert.equal(signedUp.status, 200, await signedUp.clone().text());
  assert.equal(await me(signedUp), credentials.email);

  assert.equal((await post("sign-in/email", { ...credentials, password: "wrong horse battery" })).status, 401);
  const signedIn = await post("sign-in/email", credentials);
  assert.equal(signedIn.status, 200, await signedIn.clone().text());
  assert.equal(await me(signedIn), credentials.email);
  assert.equal(await http(server).query(api.auth.me, {}), null);

  const cookies = (response) => response.headers.getSetCookie().map((cookie) => cookie.split(";")[0]).join("; ");
  const ask = async (name, cookie) => {
    const response = await fetch(`${site}/api/auth/${name}`, { headers: cookie ? { Cookie: cookie } : {} });
    return { status: response.status, body: await response.json() };
  };
  const [first, second] = [cookies(signedUp), cookies(signedIn)];

  await t.test("each session is known by its cookie", async () => {
    const ids = new Set();
    for (const cookie of [first, second]) {
      const { session, user } = (await ask("get-session", cookie)).body;
      assert.deepEqual([user.email, user.name, session.userId], [credentials.email, "Amy", user.id]);
      ids.add(session.id);
    }
    assert.equal(ids.size, 2);
    assert.deepEqual(await ask("get-session"), { status: 200, body: null });
  });

  await t.test("tokens are verified by the keys of the app", async () => {
    const { token } = (await ask("convex/token", second)).body;
    const { payload } = await jwtVerify(token, createRemoteJWKSet(new URL(`${site}/api/auth/convex/jwks`)), { issuer: site, audience: "convex" });
    assert.deepEqual([payload.email, payload.name], [credentials.email, "Amy"]);
    const client = http(server);
    client.setAuth(token);
    assert.equal(await client.query(api.auth.me, {}), credentials.email);
    assert.equal((await ask("convex/token")).status, 401);
  });

  await t.test("who signs out ends this session and no other", async () => {
    const out = await fetch(`${site}/api/auth/sign-out`, {
      method: "POST",
      headers: { Cookie: second, Origin: site, "Content-Type": "application/json" },
      body: "{}",
    });
    assert.deepEqual([out.status, await out.json()], [200, { success: true }]);
    assert.ok(out.headers.getSetCookie().some((cookie) => cookie.startsWith("better-auth.session_token=; Max-Age=0")));
    assert.deepEqual(await ask("get-session", second), { status: 200, body: null });
    assert.equal((await ask("convex/token", second)).status, 401);
    assert.equal((await ask("get-session", first)).body.user.email, credentials.email);
  });
});
