// A log stream made and deleted on the settings page, in a real browser.

import assert from "node:assert/strict";
import { createServer } from "node:http";
import { test } from "node:test";
import { startBrowser } from "../support/browser.js";
import { openDashboard, startNotes } from "../support/developer.js";
import { callAsAdmin } from "../support/server.js";
import { until } from "../support/wait.js";
import { assertAccessible } from "../support/widget.js";

test("the log is sent to a webhook that is named on the settings page, until it is deleted", async (t) => {
  const [server, browser] = [await startNotes(t), await startBrowser(t)];
  let received = "";
  const receiver = createServer((request, response) => {
    request.on("data", (data) => (received += data));
    request.on("end", () => response.end());
  });
  await new Promise((resolve) => receiver.listen(0, "127.0.0.1", resolve));
  t.after(() => receiver.close());

  const { page, errors } = await openDashboard(browser, server, "/settings");
  const card = page.getByRole("region", { name: "Log stream" });
  const dialog = page.getByRole("dialog");
  await card.getByRole("button", { name: "Add a webhook" }).click();
  await assertAccessible(page, "the form");
  await dialog.getByLabel("URL").fill("nowhere");
  await dialog.getByRole("button", { name: "Send" }).click();
  await dialog.getByText("url must be an http or https URL").waitFor();
  await dialog.getByLabel("URL").fill(`http://127.0.0.1:${receiver.address().port}/hook`);
  await dialog.getByRole("button", { name: "Send" }).click();
  await card.getByText("active").waitFor();
  await callAsAdmin(server, "notes:add", { text: "for the receiver", n: 1 });
  await until("the line", () => received.includes("for the receiver"));

  await card.getByRole("button", { name: "Show" }).click();
  const key = card.locator("code").last();
  const former = await key.innerText();
  await card.getByRole("button", { name: "New key" }).click();
  await dialog.getByRole("button", { name: "New key" }).click();
  await until("another key", async () => (await key.innerText()) !== former);
  await assertAccessible(page, "a stream");

  await card.getByRole("button", { name: "Delete" }).click();
  await dialog.getByRole("button", { name: "Delete" }).click();
  await card.getByRole("button", { name: "Add a webhook" }).waitFor();
  assert.deepEqual(errors, []);
});
