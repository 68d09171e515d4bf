// The switch that pauses a deployment, in a real browser.

import assert from "node:assert/strict";
import { test } from "node:test";
import { startBrowser } from "../support/browser.js";
import { openDashboard, startNotes } from "../support/developer.js";
import { callAsAdmin } from "../support/server.js";
import { assertAccessible } from "../support/widget.js";

test("a deployment is paused and resumed on the settings page, after a question", async (t) => {
  const [server, browser] = [await startNotes(t), await startBrowser(t)];
  const { page, errors } = await openDashboard(browser, server, "/settings");
  const pause = page.getByRole("region", { name: "Pause" });
  const dialog = page.getByRole("dialog");
  await pause.getByText("running").waitFor();
  await pause.getByRole("button", { name: "Pause" }).click();
  await dialog.getByRole("button", { name: "Cancel" }).click();
  await callAsAdmin(server, "notes:list");

  await pause.getByRole("button", { name: "Pause" }).click();
  await assertAccessible(page, "the question");
  await dialog.getByRole("button", { name: "Pause" }).click();
  await pause.getByText("paused", { exact: true }).waitFor();
  await assert.rejects(callAsAdmin(server, "notes:list"), /DeploymentPaused/);
  await page.getByText("pause deployment").waitFor();

  // Every page says so, and shows its data.
  await page.goto(`${server.url}/_dashboard/data/notes`);
  await page.getByText("This deployment is paused").waitFor();
  await page.getByText("notes").first().waitFor();
  await assertAccessible(page, "a page of a paused deployment");
  await page.getByRole("status").getByRole("link", { name: "Settings" }).click();
  await pause.getByRole("button", { name: "Resume" }).click();
  await dialog.getByRole("button", { name: "Resume" }).click();
  await pause.getByText("running").waitFor();
  await page.getByText("This deployment is paused").waitFor({ state: "detached" });
  await callAsAdmin(server, "notes:list");
  assert.deepEqual(errors, []);
});
