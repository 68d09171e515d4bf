// The operators' pages for everybody: without a mouse, in the dark, on a phone, and whatever strangers write into them.

import assert from "node:assert/strict";
import { test } from "node:test";
import { startBrowser } from "../support/browser.js";
import { file, goTo, openPage, pick, row, signIn, upload, visit } from "../support/operator.js";
import { ORGANIZATION } from "../support/visitor.js";
import { until } from "../support/wait.js";
import { assertAccessible, startChat } from "../support/widget.js";

test("snippets name the organization and are copied", async (t) => {
  const server = await startChat(t);
  const page = await openPage(t, undefined, { permissions: ["clipboard-read", "clipboard-write"] });
  await signIn(page, server, "/chat/install");
  const panel = page.getByRole("tabpanel");
  for (const [tab, part] of [["HTML", `data-organization-id="${ORGANIZATION}"`], ["React", `"${ORGANIZATION}"`], ["Next.js", `data-organization-id={"${ORGANIZATION}"}`], ["JavaScript", `dataset.organizationId = "${ORGANIZATION}"`]]) {
    await page.getByRole("tab", { name: tab, exact: true }).click();
    await panel.getByRole("button", { name: "Copy" }).click();
    const copied = await until("the clipboard", async () => {
      const text = await page.evaluate(() => navigator.clipboard.readText());
      return text.includes(part) && text;
    });
    assert.equal(await panel.locator("pre").textContent(), copied);
    assert.ok(copied.includes(`${server.url}/embed.js`));
  }
});

test("what strangers write is shown as text", async (t) => {
  const server = await startChat(t);
  const payload = (what) => `<img src=x onerror=stolen.push("${what}")><script>stolen.push("${what}")</script>`;
  const email = `"><svg onload=stolen.push("email")>`;
  const visitor = await visit(t, server, { name: payload("name"), email });
  await visitor.say(`I want to talk to a human ${payload("message")} [link](javascript:stolen.push("link"))`);
  const page = await openPage(t);
  await page.addInitScript(() => {
    window.stolen = [];
  });

  await signIn(page, server);
  await row(page, /stolen\.push\("name"\)/).click();
  await page.getByRole("region", { name: "Messages" }).getByText(payload("message")).waitFor();
  await page.getByRole("complementary", { name: "Contact" }).getByText(email).waitFor();
  await page.getByRole("complementary", { name: "Contact" }).getByText(payload("name")).waitFor();

  await goTo(page, "Widget");
  await page.getByLabel("Greeting").fill(payload("greeting"));
  await page.getByRole("figure", { name: "Preview" }).getByText(payload("greeting")).waitFor();
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByText("The widget is saved.").waitFor();

  await goTo(page, "Knowledge");
  const name = `<img src=x onerror=stolen.push(3)>.txt`;
  await pick(page, file(name, "text", "text/plain"));
  await page.getByRole("dialog").getByLabel("Category").fill("<b>bold</b>");
  await upload(page);
  const item = page.getByRole("region", { name: "Files" }).getByRole("listitem").filter({ hasText: name });
  await item.getByText("<b>bold</b>").waitFor();
  await item.getByText("Ready").waitFor();

  await page.goto(`${server.url}/chat/settings`);
  await page.getByLabel("Another organization's id").fill(`org"><img src=x onerror=stolen.push(4)>`);
  await page.getByRole("button", { name: "Switch" }).click();
  await page.getByRole("button", { name: /^Account: .*stolen\.push\(4\)/ }).waitFor();
  await goTo(page, "Install");
  await page.getByText("org&quot;>&lt;img src=x").waitFor();
  assert.deepEqual(await page.evaluate(() => window.stolen), []);
  assert.equal(await page.locator("img, script:not([src])").count(), 0);
});

test("every page can be used by everybody, in light, in dark and on a phone", async (t) => {
  const server = await startChat(t);
  const browser = await startBrowser(t);
  for (const options of [{ colorScheme: "light" }, { colorScheme: "dark" }, { colorScheme: "light", viewport: { width: 360, height: 700 } }]) {
    const page = await openPage(t, browser, { reducedMotion: "reduce", ...options });
    const check = async (what) => {
      await assertAccessible(page, `${what} ${JSON.stringify(options)}`);
      const overflow = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
      assert.ok(overflow <= 0, `${what} is ${overflow} pixels too wide: ${JSON.stringify(options)}`);
    };
    await page.goto(`${server.url}/chat`);
    await page.getByRole("button", { name: "Continue as the demo operator" }).waitFor();
    await check("the way in");
    await signIn(page, server);
    await row(page, "Ben Okoro").waitFor();
    await check("the conversations");
    await row(page, "Ben Okoro").click();
    await page.getByRole("region", { name: "Messages" }).getByText("My invoice is wrong").waitFor();
    await check("a conversation");
    await page.getByRole("button", { name: /^Account/ }).click();
    await check("the menu");
    for (const [name, text] of [["files", "No documents yet"], ["widget", "Suggestion 3"], ["voice", "Private key"], ["install", "Organization id"], ["settings", "Forget conversations"], ["nothing", "There is no such page"]]) {
      await page.goto(`${server.url}/chat/${name}`);
      await page.getByText(text).first().waitFor();
      await check(name);
    }
    await page.goto(`${server.url}/chat/conversations/nothing`);
    await page.getByText("This conversation cannot be shown").waitFor();
    await check("a conversation that is none");
  }
});

test("the keyboard is enough", async (t) => {
  const server = await startChat(t);
  const page = await openPage(t, undefined, { colorScheme: "light" });
  await signIn(page, server);
  await row(page, "Ben Okoro").waitFor();
  await page.getByRole("tab", { name: "All" }).focus();
  await page.keyboard.press("ArrowRight");
  await page.getByRole("tab", { name: "Unresolved", selected: true }).waitFor();
  await row(page, "Chloé Martin").waitFor();
  await page.keyboard.press("End");
  await row(page, "Ada Fischer").focus();
  await page.keyboard.press("Enter");
  await page.getByText("two to three working days").waitFor();
  const menu = page.getByRole("button", { name: /^Account/ });
  await menu.focus();
  await page.keyboard.press("Enter");
  await page.getByRole("menuitem", { name: "Settings" }).waitFor();
  await page.keyboard.press("Escape");
  await page.getByRole("menuitem", { name: "Settings" }).waitFor({ state: "detached" });
  assert.ok(await menu.evaluate((element) => element === document.activeElement));
  await page.keyboard.press("Enter");
  await page.getByRole("menuitem", { name: "Settings" }).waitFor();
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Enter");
  await until("the other theme", () => page.evaluate(() => document.documentElement.dataset.theme === "dark"));
});
