// How operators sign in, and how that ends: the development issuer, any OpenID provider, Clerk.

import assert from "node:assert/strict";
import { test } from "node:test";
import { startBrowser } from "../support/browser.js";
import { goTo, openPage, signIn } from "../support/operator.js";
import { startServer } from "../support/server.js";
import { startSignInPage } from "../support/sign_in_page.js";
import { until } from "../support/wait.js";
import { assertAccessible, setVariables, startChat } from "../support/widget.js";

const CLIENT = "chat-pages";
const serve = (t, options) => startServer(t, { program: "fusion", args: ["serve", "--app", "fusion-chat"], ...options });

/** A server that knows these variables from its start on. */
async function serveWith(t, variables) {
  const first = await serve(t);
  await setVariables(first, variables);
  await first.stop();
  return serve(t, { data: first.data });
}

const isIn = (page) => page.getByRole("navigation", { name: "Pages" }).waitFor();
const account = (page, name) => page.getByRole("button", { name: name ?? /^Account/ });

test("the demo operator signs in, acts for another organization, signs out", async (t) => {
  const server = await startChat(t);
  const page = await openPage(t);
  await signIn(page, server, "/chat/settings");
  await page.reload();
  await isIn(page);
  await page.getByLabel("Another organization's id").fill("org_other");
  await page.getByRole("button", { name: "Switch" }).click();
  await account(page, /^Account: Demo Operator\s+org_other/).waitFor();
  await goTo(page, "Conversations");
  await page.getByText("No conversations yet").waitFor();
  await account(page).click();
  await page.getByRole("menuitem", { name: "Switch to Demo organization" }).click();
  await page.getByRole("link", { name: /Ben Okoro/ }).waitFor();
  await account(page).click();
  await page.getByRole("menuitem", { name: "Sign out" }).click();
  const button = page.getByRole("button", { name: "Continue as the demo operator" });
  await button.waitFor();
  await page.reload();
  await button.waitFor();
});

test("a server without an issuer says what is missing", async (t) => {
  const server = await serve(t);
  const page = await openPage(t);
  await page.goto(`${server.url}/chat`);
  await page.getByText("Nobody can sign in yet").waitFor();
  await assertAccessible(page, "the page of a server without an issuer");
});

test("any OpenID provider signs in; that is renewed silently until it says no", async (t) => {
  const claims = { orgId: "org_a", orgName: "Org A", name: "Ada Lovelace", email: "ada@example.org" };
  const issuer = await startSignInPage(t, { clientId: CLIENT, seconds: 70, claims });
  const server = await serveWith(t, { CLERK_JWT_ISSUER_DOMAIN: issuer.url, OIDC_CLIENT_ID: CLIENT, OIDC_SCOPE: "openid profile offline_access" });
  const page = await openPage(t);
  const button = page.getByRole("button", { name: "Sign in with 127.0.0.1" });
  await page.goto(`${server.url}/chat/install`);
  await button.click();
  await account(page, /^Account: Ada Lovelace\s+Org A/).waitFor();
  assert.equal(page.url(), `${server.url}/chat/install`);
  await page.getByText("org_a").first().waitFor();
  const [{ code_challenge_method, scope, redirect_uri }] = issuer.asked;
  assert.deepEqual([code_challenge_method, scope, redirect_uri], ["S256", "openid profile offline_access", `${server.url}/chat/callback`]);
  assert.equal(issuer.grants.authorization_code, 1);

  // Loading anew needs no other sign-in, and tokens are followed by others while one looks on.
  issuer.seconds = 3;
  await page.reload();
  await isIn(page);
  const before = issuer.grants.refresh_token;
  await until("more tokens", () => issuer.grants.refresh_token > before + 1);
  await isIn(page);
  assert.equal(issuer.asked.length, 1);
  issuer.refreshes = false;
  await page.getByText("Your sign-in has ended").waitFor();
  await assertAccessible(page, "a sign-in that has ended");
  Object.assign(issuer, { refreshes: true, seconds: 3600 });
  await button.click();
  await isIn(page);

  await account(page).click();
  await page.getByRole("menuitem", { name: "Sign out" }).click();
  await button.waitFor();
  await until("no tokens", () => page.evaluate(() => sessionStorage.length === 0));
  // What is brought back from elsewhere signs nobody in.
  await page.goto(`${server.url}/chat/callback?code=stolen&state=other`);
  await button.waitFor();
  assert.equal(new URL(page.url()).pathname, "/chat");
});

test("an organization is chosen; a token that the server does not trust gets nobody in", async (t) => {
  const organizations = [{ id: "org_a", name: "Org A" }, "org_b"];
  const issuer = await startSignInPage(t, { clientId: CLIENT, claims: { name: "Ada Lovelace", organizations } });
  const server = await serveWith(t, { CLERK_JWT_ISSUER_DOMAIN: issuer.url, OIDC_CLIENT_ID: CLIENT });
  const browser = await startBrowser(t);
  const page = await openPage(t, browser);
  await page.goto(`${server.url}/chat`);
  await page.getByRole("button", { name: "Sign in with 127.0.0.1" }).click();
  await page.getByRole("heading", { name: "Choose an organization" }).waitFor();
  await assertAccessible(page, "the choice of an organization");
  issuer.claims = { ...issuer.claims, orgId: "org_b" };
  await page.getByRole("button", { name: "org_b" }).click();
  await account(page, /^Account: Ada Lovelace\s+org_b/).waitFor();
  assert.equal(issuer.asked.at(-1).organization, "org_b");

  // The signature is of another key than the issuer's: nothing but the server would notice.
  issuer.signingKey = issuer.foreignKey();
  const other = await openPage(t, browser);
  await other.goto(`${server.url}/chat`);
  await other.getByRole("button", { name: "Sign in with 127.0.0.1" }).click();
  await other.getByText("Your sign-in has ended").waitFor();
  // The client says so on the console, too.
  assert.ok(other.problems.every((problem) => problem.startsWith("The server refused to authenticate")));
  other.problems.length = 0;
});

test("an issuer that is away is said so, and tried again", async (t) => {
  const issuer = await startSignInPage(t, { clientId: CLIENT, claims: { orgId: "org_a", name: "Ada" } });
  const server = await serveWith(t, { CLERK_JWT_ISSUER_DOMAIN: issuer.url, OIDC_CLIENT_ID: CLIENT });
  const page = await openPage(t);
  await page.route(`${issuer.url}/.well-known/**`, (route) => route.abort());
  await page.goto(`${server.url}/chat`);
  await page.getByRole("button", { name: "Sign in with 127.0.0.1" }).click();
  await page.getByText("Nobody can sign in now").waitFor();
  await page.unroute(`${issuer.url}/.well-known/**`);
  await page.getByRole("button", { name: "Try again" }).click();
  await isIn(page);
});

test("Clerk signs in by its own script, from its own host", async (t) => {
  const key = `pk_test_${Buffer.from("calm-cat-1.clerk.example$").toString("base64")}`;
  const issuer = await startSignInPage(t, { clientId: "convex", claims: { orgId: "org_clerk" } });
  const server = await serveWith(t, { CLERK_PUBLISHABLE_KEY: key, CLERK_JWT_ISSUER_DOMAIN: issuer.url });
  const page = await openPage(t);
  // What Clerk's script offers, as far as it is used.
  const script = `
    const state = () => JSON.parse(sessionStorage.getItem("clerk") ?? "{}");
    const set = (values) => sessionStorage.setItem("clerk", JSON.stringify({ ...state(), ...values }));
    const organization = { id: "org_clerk", name: "Clerk's" };
    window.Clerk = {
      load: async () => {},
      get user() { return state().isIn && { fullName: "Ada Clerk", primaryEmailAddress: null, organizationMemberships: [{ organization }] }; },
      get session() { return state().isIn && { getToken: async ({ template }) => template === "convex" ? ${JSON.stringify(issuer.tokenOf("user_ada"))} : null }; },
      get organization() { return state().chosen && { id: state().chosen }; },
      setActive: async ({ organization }) => set({ chosen: organization }),
      redirectToSignIn: async ({ signInForceRedirectUrl }) => { set({ isIn: true }); location.assign(signInForceRedirectUrl); },
      signOut: async () => sessionStorage.clear(),
    };`;
  await page.route("https://calm-cat-1.clerk.example/**", (route) =>
    route.fulfill({ contentType: "text/javascript", headers: { "Access-Control-Allow-Origin": "*" }, body: script }));
  await page.goto(`${server.url}/chat`);
  await page.getByRole("button", { name: "Sign in with Clerk" }).click();
  await page.getByRole("button", { name: "Clerk's" }).click();
  await account(page, /^Account: Ada Clerk\s+Clerk's/).waitFor();
  await page.getByText("No conversations yet").waitFor();
  await account(page).click();
  await page.getByRole("menuitem", { name: "Sign out" }).click();
  await page.getByRole("button", { name: "Sign in with Clerk" }).waitFor();
  // Scripts of other hosts are not for any page, and not for other pages.
  const policy = async (path) => (await fetch(server.url + path)).headers.get("content-security-policy");
  assert.match(await policy("/chat"), /script-src 'self' https:\/\/calm-cat-1\.clerk\.example;/);
  for (const path of ["/demo", "/_dashboard"]) assert.match(await policy(path), /script-src 'self';/);
  assert.doesNotMatch(await policy("/widget"), /clerk/);
});
