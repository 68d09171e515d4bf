// The app of tests/js/app, pushed to a server of its own, and what its functions are compared with.

import assert from "node:assert/strict";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { ConvexHttpClient } from "convex/browser";
import { convexTest } from "convex-test";
import { project } from "./cli.js";
import { startIssuer } from "./issuer.js";
import { startServer } from "./server.js";

const folder = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../app");
const modules = ["files", "http", "items", "jobs", "people"];

/** `{server, app, client, oidc, jwt}`: the server, the project that was pushed, an HTTP client, and the two issuers it trusts. */
export async function startApp(t, options = {}) {
  const server = await startServer(t, { program: "fusion", args: ["serve"], ...options });
  const [oidc, jwt] = [await startIssuer(t), await startIssuer(t, { audience: "app", algorithm: "ES256" })];
  const app = project(t, "project", { from: folder });
  const done = async (...args) => {
    const { code, output } = await app.run(server, args);
    assert.equal(code, 0, output);
  };
  await done("env", "set", "OIDC_ISSUER", oidc.url);
  await done("env", "set", "JWT_ISSUER", jwt.url);
  const push = () => done("dev", "--once", "--typecheck", "disable");
  await push();
  return { server, app, push, client: new ConvexHttpClient(server.url, { logger: false }), oidc, jwt };
}

/** The same functions on `convex-test`. */
export async function startModel() {
  const { default: schema } = await import("../app/project/convex/schema.js");
  const files = modules.map((name) => [`./convex/${name}.js`, () => import(`../app/project/convex/${name}.js`)]);
  return convexTest({ schema, modules: { ...Object.fromEntries(files), "./convex/_generated/api.js": async () => ({}) } });
}

/** How a call ended: its value, the data of its `ConvexError`, or that it failed; the text of a failure is only for people. */
export const outcome = (promise) =>
  promise.then(
    (value) => ({ value }),
    (error) => (error.data === undefined ? { failed: true, text: error.message } : { data: error.data }),
  );

/** Asserts that two calls ended the same, and gives how. */
export function same(ours, theirs, what) {
  const texts = [ours.text, theirs.text];
  const [{ text: _, ...one }, { text: __, ...other }] = [ours, theirs];
  assert.deepEqual(one, other, `${what}\n${texts.join("\n---\n")}`);
  return Object.keys(one)[0];
}

/** A call's arguments as text. */
export const shown = (args) => JSON.stringify(args, (_, value) => (typeof value === "bigint" ? `${value}n` : value));
