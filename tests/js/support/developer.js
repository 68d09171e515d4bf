// A deployment for the tests of the developers' dashboard: a small app that is pushed, and a signed-in page on it.

import assert from "node:assert/strict";
import { cpSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { PATIENCE } from "./browser.js";
import { fusion, linkPackages } from "./fusion.js";
import { startServer, temporaryFolder } from "./server.js";

const project = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../browser/notes");

/** Text that would run if a page took it for HTML. */
export const SCRIPT = `<img src=x onerror="window.hacked=true"><script>window.hacked=true</script>`;

/** Starts a server with the app of `browser/notes` on it. */
export async function startNotes(t, options = {}) {
  const server = await startServer(t, { program: "fusion", args: ["serve"], ...options });
  const folder = path.join(temporaryFolder(), "notes");
  cpSync(project, folder, { recursive: true });
  linkPackages(folder);
  const { code, stdout, stderr } = await fusion(folder, "deploy", "--typecheck", "disable", "--url", server.url, "--admin-key", server.adminKey);
  assert.equal(code, 0, stdout + stderr);
  return { ...server, folder };
}

/** The link that signs in. */
export function signedIn(server, view = "") {
  return `${server.url}/_dashboard${view}#key=${encodeURIComponent(server.adminKey)}`;
}

/** A page on the dashboard, signed in; `errors` collects what goes wrong in it. */
export async function openDashboard(browser, server, view = "", options = {}) {
  const context = await browser.newContext({ viewport: { width: 1360, height: 850 }, ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(PATIENCE);
  const errors = [];
  page.on("pageerror", (error) => errors.push(String(error)));
  await page.goto(signedIn(server, view));
  await page.getByRole("navigation", { name: "Pages" }).waitFor();
  return { page, errors };
}
