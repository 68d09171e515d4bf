// An operator's browser at /chat, and what is said there about accessibility.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { startBrowser } from "./browser.js";
import { startServer } from "./server.js";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** How long a page may take for anything: the machine may be slow. */
export const PATIENCE = 30_000;

/** A server with Fusion Chat, as `fusion dev` or (`args`) otherwise. */
export function startChat(t, options = {}) {
  return startServer(t, { program: "fusion", args: ["dev", "--app", "fusion-chat"], ...options });
}

/**
 * A browser window on its own: `problems` are the errors of its console. Options are those of Playwright's contexts.
 */
export async function openPage(t, browser, options = {}) {
  const context = await (browser ?? (await startBrowser(t))).newContext({ viewport: { width: 1360, height: 820 }, ...options });
  t.after(() => context.close());
  const page = await context.newPage();
  page.setDefaultTimeout(PATIENCE);
  const problems = [];
  page.on("console", (message) => {
    if (message.type() === "error") problems.push(message.text());
  });
  page.on("pageerror", (error) => problems.push(String(error)));
  return Object.assign(page, { problems });
}

/** Signs the demo operator in, for an organisation. */
export async function signIn(page, server, path = "/chat") {
  await page.goto(server.url + path);
  await page.getByRole("button", { name: "Continue as the demo operator" }).click();
  await page.getByRole("navigation", { name: "Pages" }).waitFor();
}

/** Goes to a page by its link. */
export async function goTo(page, name) {
  await page.getByRole("navigation", { name: "Pages" }).getByRole("link", { name }).click();
  await page.getByRole("heading", { level: 1, name }).waitFor();
}

/** Fails if what is shown now is hard to use for somebody. */
export async function checkAccessible(page, what) {
  await page.evaluate(axe);
  const violations = await page.evaluate(async () => {
    const { violations } = await window.axe.run(document);
    return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html, failureSummary }) => `${html}\n${failureSummary}`).join("\n")}`);
  });
  assert.deepEqual(violations, [], what);
}
