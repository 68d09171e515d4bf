// The operators' pages in a real browser against the real binary: what visitors say and do comes from the official client,
// or from a second window.

import assert from "node:assert/strict";
import { test } from "node:test";
import { api } from "../support/api.js";
import { startBrowser } from "../support/browser.js";
import { checkAccessible, goTo, openPage, signIn, startChat } from "../support/operator.js";
import { connectClient, freePort } from "../support/server.js";
import { ORGANIZATION } from "../support/visitor.js";
import { until } from "../support/wait.js";

/** A visitor with a conversation: `say` something, wait until they `hears` something. */
async function visit(t, server, { name = "Vera Visitor", email = "vera@example.com" } = {}) {
  const client = connectClient(t, server);
  const metadata = { userAgent: "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", timezone: "Europe/Vienna", currentUrl: "https://shop.example/cart" };
  const contactSessionId = await client.mutation(api.public.contactSessions.create, { name, email, organizationId: ORGANIZATION, metadata });
  const conversationId = await client.mutation(api.public.conversations.create, { organizationId: ORGANIZATION, contactSessionId });
  const { threadId } = await client.query(api.public.conversations.getOne, { conversationId, contactSessionId });
  const visitor = { client, contactSessionId, conversationId, threadId, messages: [], status: undefined };
  client.onUpdate(api.public.messages.getMany, { threadId, contactSessionId, paginationOpts: { numItems: 50, cursor: null } }, ({ page }) => {
    visitor.messages = page.toReversed().flatMap(({ text }) => (text ? [text] : []));
  });
  client.onUpdate(api.public.conversations.getOne, { conversationId, contactSessionId }, ({ status }) => (visitor.status = status));
  visitor.say = (prompt) => client.action(api.public.messages.create, { prompt, threadId, contactSessionId });
  visitor.hears = (text) => until(`the visitor to hear ${text}`, () => visitor.messages.some((message) => message.includes(text)));
  return visitor;
}

const list = (page) => page.getByRole("tabpanel").getByRole("region", { name: "Conversations" });
const row = (page, name) => list(page).getByRole("link", { name });
const upload = (page) => page.getByRole("dialog").getByRole("button", { name: "Upload", exact: true });
const pick = (page, ...files) => page.locator('input[type="file"]').setInputFiles(files);
const file = (name, content, mimeType = "text/markdown") => ({ name, mimeType, buffer: Buffer.from(content) });

test("a conversation from the first question to its end, read and answered live", async (t) => {
  const server = await startChat(t);
  const browser = await startBrowser(t);
  const page = await openPage(t, browser);
  const colleague = await openPage(t, browser);
  await Promise.all([signIn(page, server), signIn(colleague, server)]);
  await row(page, "Ben Okoro").waitFor();

  // It appears by itself, and is escalated by itself.
  const visitor = await visit(t, server);
  await row(page, "Vera Visitor").waitFor();
  await visitor.say("What are your opening hours?");
  await row(page, /Vera Visitor.*Unresolved/).waitFor();
  await visitor.say("I want to talk to a human");
  await row(page, /Vera Visitor.*Escalated/).waitFor();
  await colleague.getByRole("tab", { name: "Escalated" }).click();
  await row(colleague, "Vera Visitor").click();

  await row(page, "Vera Visitor").click();
  const thread = page.getByRole("region", { name: "Conversation with Vera Visitor" });
  await thread.getByText("What are your opening hours?", { exact: true }).waitFor();
  await thread.getByText("handed the conversation over to an operator").waitFor();
  const contact = page.getByRole("complementary", { name: "Contact" });
  for (const fact of ["vera@example.com", "Firefox 140 on Linux", "Austria", "https://shop.example/cart"]) await contact.getByText(fact).first().waitFor();

  // An answer by the keyboard alone; the draft can be put better first.
  const answer = thread.getByRole("textbox", { name: "Your answer" });
  await answer.fill("we look into it");
  await thread.getByRole("button", { name: "Enhance" }).click();
  await until("a better draft", async () => !["", "we look into it"].includes(await answer.inputValue()));
  await answer.fill("Ada here.");
  await answer.press("Shift+Enter");
  await answer.pressSequentially("What can I do?");
  await answer.press("Enter");
  await visitor.hears("Ada here.\nWhat can I do?");
  await colleague.getByRole("region", { name: "Messages" }).getByText("Ada here.").waitFor();
  await until("an empty field", async () => (await answer.inputValue()) === "");
  await visitor.say("My parcel is lost");
  await thread.getByText("My parcel is lost").waitFor();

  // Round the states: what one does the other sees.
  await thread.getByRole("button", { name: "Resolve" }).click();
  await until("the end", () => visitor.status === "resolved");
  await colleague.getByText("This conversation is resolved").waitFor();
  await row(colleague, "Vera Visitor").waitFor({ state: "detached" });
  await until("the field to be closed", () => answer.isDisabled());
  await thread.getByRole("button", { name: "Reopen" }).click();
  await until("the beginning", () => visitor.status === "unresolved");
  await thread.getByRole("button", { name: "Escalate" }).click();
  await until("the hand-over", () => visitor.status === "escalated");
  assert.deepEqual([page.problems, colleague.problems], [[], []]);
});

test("files are uploaded, quoted in an answer, and deleted", async (t) => {
  const server = await startChat(t);
  const page = await openPage(t);
  await signIn(page, server, "/chat/files");
  await page.getByText("No documents yet").waitFor();
  const items = page.getByRole("region", { name: "Files" }).getByRole("listitem");

  await pick(page, file("shipping.md", "# Shipping\n\nParcels to Austria take three days."), file("returns.md", "# Returns\n\nReturns are free for a month."));
  const dialog = page.getByRole("dialog", { name: "Upload 2 files" });
  await dialog.getByLabel("Category").fill("policies");
  await checkAccessible(page, "the upload dialog");
  await upload(page).click();
  for (const name of ["shipping.md", "returns.md"]) {
    const item = items.filter({ hasText: name });
    await item.getByText("Ready").waitFor();
    await item.getByText("policies").waitFor();
  }
  const visitor = await visit(t, server);
  await visitor.say("How long do parcels to Austria take?");
  await visitor.hears("three days");

  // What cannot be read says why, and goes away when that was read.
  await pick(page, file("nothing.bin", "\u0000", "application/x-nothing"));
  await upload(page).click();
  await page.getByText("Unsupported MIME type: application/x-nothing").waitFor();
  await checkAccessible(page, "an upload that failed");
  await page.getByRole("button", { name: "Dismiss nothing.bin" }).click();
  await page.getByText("nothing.bin").waitFor({ state: "detached" });

  await page.getByRole("button", { name: "Delete returns.md" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Cancel" }).click();
  for (const name of ["shipping.md", "returns.md"]) {
    await page.getByRole("button", { name: `Delete ${name}` }).click();
    await page.getByRole("dialog", { name: `Delete ${name}?` }).getByRole("button", { name: "Delete" }).click();
    await page.getByText(`${name} is deleted.`).waitFor();
  }
  await page.getByText("No documents yet").waitFor();
  // The browser itself reports the upload that was refused.
  assert.deepEqual(page.problems.filter((problem) => !problem.startsWith("Failed to load resource")), []);
});

test("a file is dropped on the page, and shows how far it is", async (t) => {
  const server = await startChat(t);
  const page = await openPage(t);
  await signIn(page, server, "/chat/files");
  await page.getByText("No documents yet").waitFor();
  const data = await page.evaluateHandle(() => {
    const transfer = new DataTransfer();
    const articles = Array.from({ length: 600 }, (_, number) => `## Article ${number}\n\n${"Words and more words. ".repeat(20)}\n\n`);
    transfer.items.add(new File([articles.join("")], "catalogue.md"));
    return transfer;
  });
  // Long files are processed for a while; when that is over in no time, the bar may be gone before anybody looks.
  await page.evaluate(() => {
    window.seen = new Set();
    new MutationObserver(() => {
      for (const bar of document.querySelectorAll("progress")) window.seen.add(bar.getAttribute("aria-label"));
    }).observe(document.body, { subtree: true, childList: true, attributes: true });
  });
  await page.locator(".files").dispatchEvent("drop", { dataTransfer: data });
  await upload(page).click();
  await page.getByRole("region", { name: "Files" }).getByRole("listitem").filter({ hasText: "catalogue.md" }).getByText("Ready").waitFor();
  const seen = await page.evaluate(() => [...window.seen]);
  assert.deepEqual(seen.sort(), ["Processing of catalogue.md", "Upload of catalogue.md"]);
});

test("the widget is set up, and a voice service connected", async (t) => {
  const server = await startChat(t);
  const page = await openPage(t);
  await signIn(page, server, "/chat/voice");

  const secret = "demo-private-key-0815";
  await page.getByLabel("Public key").fill("public-4711");
  await page.getByLabel("Private key").fill(secret);
  await page.getByRole("button", { name: "Connect" }).click();
  await page.getByText("Connected", { exact: true }).waitFor();
  await page.getByText("public-4711").waitFor();
  const assistant = await page.getByRole("region", { name: "Assistants" }).getByRole("cell").first().textContent();
  const number = await page.getByRole("region", { name: "Phone numbers" }).getByRole("cell").first().textContent();
  await checkAccessible(page, "a connected voice service");

  await goTo(page, "Widget");
  const preview = page.getByRole("figure", { name: "Preview" });
  await page.getByLabel("Greeting").fill("");
  await page.getByText("it cannot be empty").waitFor();
  await page.getByLabel("Greeting").fill("Servus! What do you need?");
  await page.getByLabel("Suggestion 1").fill("Where is my parcel?");
  await page.getByLabel("Suggestion 2").fill("");
  await page.getByLabel("Voice assistant").selectOption({ label: assistant });
  await page.getByLabel("Phone number").selectOption(number);
  for (const text of ["Servus! What do you need?", "Where is my parcel?", number]) await preview.getByText(text).waitFor();
  await checkAccessible(page, "the widget with a voice service");
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByText("The widget is saved.").waitFor();

  const visitor = await visit(t, server);
  await visitor.hears("Servus! What do you need?");
  const settings = await visitor.client.query(api.public.widgetSettings.getByOrganizationId, { organizationId: ORGANIZATION });
  assert.deepEqual(settings.defaultSuggestions, { suggestion1: "Where is my parcel?", suggestion3: "I would like to talk to a human" });
  assert.equal(settings.vapiSettings.phoneNumber, number);
  assert.ok(settings.vapiSettings.assistantId);

  await goTo(page, "Voice");
  await page.getByRole("button", { name: "Disconnect" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Disconnect" }).click();
  await page.getByRole("heading", { name: "Connect Vapi" }).waitFor();
  assert.ok(!(await page.content()).includes(secret));
  assert.deepEqual(page.problems, []);
});

test("snippets name the organization and are copied", async (t) => {
  const server = await startChat(t);
  const page = await openPage(t, undefined, { permissions: ["clipboard-read", "clipboard-write"] });
  await signIn(page, server, "/chat/install");
  const panel = page.getByRole("tabpanel");
  for (const [tab, part] of [["HTML", `data-organization-id="${ORGANIZATION}"`], ["React", `"${ORGANIZATION}"`], ["Next.js", `data-organization-id={"${ORGANIZATION}"}`], ["JavaScript", `organizationId: "${ORGANIZATION}"`]]) {
    await page.getByRole("tab", { name: tab, exact: true }).click();
    await panel.getByRole("button", { name: "Copy" }).click();
    const copied = await until("the clipboard", async () => {
      const text = await page.evaluate(() => navigator.clipboard.readText());
      return text.includes(part) && text;
    });
    assert.equal(await panel.locator("pre").textContent(), copied);
    if (tab !== "JavaScript") assert.ok(copied.includes(`${server.url}/embed.js`));
  }
});

test("what strangers write is shown as text", async (t) => {
  const server = await startChat(t);
  const page = await openPage(t);
  await page.addInitScript(() => {
    window.stolen = [];
  });
  const payload = (what) => `<img src=x onerror=stolen.push("${what}")><script>stolen.push("${what}")</script>`;
  const email = `"><svg onload=stolen.push("email")>`;
  const visitor = await visit(t, server, { name: payload("name"), email });
  await visitor.say(`I want to talk to a human ${payload("message")} [link](javascript:stolen.push("link"))`);

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
  await upload(page).click();
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
      await checkAccessible(page, `${what} ${JSON.stringify(options)}`);
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

test("long lists come piece by piece", async (t) => {
  const server = await startChat(t);
  const visitor = await visit(t, server, { name: "Vera First" });
  const operator = connectClient(t, server);
  const { token } = await (await fetch(`${server.url}/_dev/issuer/token`)).json();
  operator.setAuth(async () => token);
  const say = (prompt) => operator.mutation(api.private.messages.create, { conversationId: visitor.conversationId, prompt });
  for (let number = 0; number < 70; number += 1) await say(`Line ${number}. ${"More words. ".repeat(8)}`);
  // As many as the limits allow: ten conversations of each of five sessions.
  for (let session = 0; session < 5; session += 1) {
    const { contactSessionId } = session === 0 ? visitor : await visit(t, server);
    for (let number = 1; number < 10; number += 1) {
      await visitor.client.mutation(api.public.conversations.create, { organizationId: ORGANIZATION, contactSessionId });
    }
  }
  const page = await openPage(t);
  await signIn(page, server, `/chat/conversations/${visitor.conversationId}`);
  const rows = list(page).getByRole("link");
  await rows.first().waitFor();
  assert.ok((await rows.count()) < 53);
  await until("all conversations", async () => {
    await list(page).evaluate((element) => element.scrollTo(0, element.scrollHeight));
    return (await rows.count()) === 53;
  });

  const messages = page.getByRole("region", { name: "Messages" });
  const line = (text) => messages.getByText(text);
  const gap = () => messages.evaluate(({ scrollHeight, scrollTop, clientHeight }) => scrollHeight - scrollTop - clientHeight);
  await line("Line 69.").waitFor();
  await until("the newest line to be in sight", async () => (await gap()) < 3);
  await say("The newest");
  await line("The newest").waitFor();
  await until("the newest line to be in sight again", async () => (await gap()) < 3);
  assert.equal(await line("Line 0.").count(), 0);
  await until("the first line", async () => {
    await messages.evaluate((element) => element.scrollTo(0, 0));
    return (await line("Welcome to the demo!").count()) === 1;
  });
  // Who reads old lines is not taken away from them by a new one.
  await messages.evaluate((element) => element.scrollTo(0, 40));
  const place = () => line("Line 0.").evaluate((element) => Math.round(element.getBoundingClientRect().top));
  const before = await place();
  await say("The very newest");
  await line("The very newest").waitFor();
  assert.equal(await place(), before);
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

test("the server goes and comes back", async (t) => {
  const port = await freePort();
  const server = await startChat(t, { port });
  const page = await openPage(t);
  await signIn(page, server);
  await row(page, "Ben Okoro").waitFor();
  await server.kill();
  await page.getByText("No connection to the server").waitFor();
  const again = await startChat(t, { port, data: server.data });
  await page.getByText("No connection to the server").waitFor({ state: "detached" });
  await visit(t, again, { name: "Late Visitor" });
  await row(page, "Late Visitor").waitFor();
});
