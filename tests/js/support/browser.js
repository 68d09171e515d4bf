// A real browser for the tests of the pages: Debian's Chromium or another that is installed, without a window.

import { execFileSync } from "node:child_process";
import { chromium } from "playwright-core";

/** How long a page may take for what a test waits for, in milliseconds: on a slow, crowded machine, too. */
export const PATIENCE = 90_000;

function executable() {
  if (process.env.CHROME_PATH) return process.env.CHROME_PATH;
  for (const name of ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"]) {
    try {
      return execFileSync("which", [name], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim();
    } catch {
      // The next one, then.
    }
  }
  throw new Error("No browser was found: install Chromium, or set CHROME_PATH to a Chrome's program.");
}

/** Starts a browser that is closed when the test is over; `args` are further flags of the program. */
export async function startBrowser(t, args = []) {
  const browser = await chromium.launch({ executablePath: executable(), args: ["--no-sandbox", "--disable-dev-shm-usage", ...args] });
  t.after(() => browser.close());
  return browser;
}
