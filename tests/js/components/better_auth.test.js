// Signing up and in with a password by @convex-dev/better-auth, its sources untouched.

import assert from "node:assert/strict";
import path from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { ConvexHttpClient } from "convex/browser";
import { anyApi as api } from "convex/server";
import { project } from "../support/cli.js";
import { http, push, serve } from "../support/push.js";

const here = path.dirname(fileURLToPath(import.meta.url));

test("@convex-dev/better-auth: sign-up, sign-in and tokens with a password", async (t) => {
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
});
