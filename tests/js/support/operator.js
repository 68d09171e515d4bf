// An operator's browser at /chat.

import { startBrowser } from "./browser.js";
import { openPage as openVisitorsPage } from "./widget.js";

/** A page on a desk, in a browser of its own if none is given. */
export async function openPage(t, browser, options = {}) {
  return openVisitorsPage(t, browser ?? (await startBrowser(t)), { viewport: { width: 1360, height: 820 }, ...options });
}

/** Signs the demo operator in. */
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
