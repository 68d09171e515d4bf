// What visitors and operators do together, in a real browser against the real binary.

import assert from "node:assert/strict";
import { test } from "node:test";
import { api } from "../support/api.js";
import { startBrowser } from "../support/browser.js";
import { file, goTo, list, openPage, pick, row, signIn, upload, visit } from "../support/operator.js";
import { connectClient, freePort } from "../support/server.js";
import { ORGANIZATION } from "../support/visitor.js";
import { until } from "../support/wait.js";
import { assertAccessible, beginChat, bubbles, connectOperator, introduce, say, setVariables, startChat, startModel } from "../support/widget.js";

test("a visitor and two operators: a question, the hand-over, an answer, the end, each seen by the others at once", async (t) => {
  const server = await startChat(t);
  const browser = await startBrowser(t);
  const [page, colleague, visitor] = [await openPage(t, browser), await openPage(t, browser), await openPage(t, browser, { timezoneId: "Europe/Vienna" })];
  await Promise.all([signIn(page, server), signIn(colleague, server), introduce(visitor, server)]);
  await row(page, "Ben Okoro").waitFor();

  // It appears by itself, and is escalated by itself.
  await beginChat(visitor);
  await row(page, "Vera Visitor").waitFor();
  await say(visitor, "What are your opening hours?");
  await row(page, /Vera Visitor.*could not find an answer.*Unresolved/).waitFor();
  await say(visitor, "I want to talk to a human");
  await row(page, /Vera Visitor.*Escalated/).waitFor();
  await colleague.getByRole("tab", { name: "Escalated" }).click();
  await row(colleague, "Vera Visitor").click();

  await row(page, "Vera Visitor").click();
  const thread = page.getByRole("region", { name: "Conversation with Vera Visitor" });
  await thread.getByText("What are your opening hours?", { exact: true }).waitFor();
  await thread.getByText("handed the conversation over to an operator").waitFor();
  const contact = page.getByRole("complementary", { name: "Contact" });
  for (const fact of ["vera@example.com", /Chrome \d+ on Linux/, "Austria", `${server.url}/widget`]) await contact.getByText(fact).first().waitFor();

  // An answer by the keyboard alone; the draft can be put better first.
  const answer = thread.getByRole("textbox", { name: "Your answer" });
  await answer.fill("we look into it");
  await thread.getByRole("button", { name: "Enhance" }).click();
  await until("a better draft", async () => !["", "we look into it"].includes(await answer.inputValue()));
  await answer.fill("Ada here.");
  await answer.press("Shift+Enter");
  await answer.pressSequentially("What can I do?");
  await answer.press("Enter");
  await bubbles(visitor).filter({ hasText: /Ada here\.\s*What can I do\?/ }).waitFor();
  await colleague.getByRole("region", { name: "Messages" }).getByText("Ada here.").waitFor();
  await until("an empty field", async () => (await answer.inputValue()) === "");
  await say(visitor, "My parcel is lost");
  await thread.getByText("My parcel is lost").waitFor();

  // Round the states: what one does the others see.
  await thread.getByRole("button", { name: "Resolve" }).click();
  await visitor.getByText("Resolved", { exact: true }).waitFor();
  await colleague.getByText("This conversation is resolved").waitFor();
  await row(colleague, "Vera Visitor").waitFor({ state: "detached" });
  await until("the field to be closed", () => answer.isDisabled());
  await thread.getByRole("button", { name: "Reopen" }).click();
  await until("the visitor's field to be open", () => visitor.getByLabel("Your message").isEnabled());
  await thread.getByRole("button", { name: "Escalate" }).click();
  await visitor.getByText("With our team").waitFor();
});

test("the assistant's answer grows before the operator's eyes", async (t) => {
  const server = await startChat(t);
  const model = await startModel(t);
  await setVariables(server, model.variables);
  const visitor = await visit(t, server);
  const page = await openPage(t);
  await signIn(page, server, `/chat/conversations/${visitor.conversationId}`);
  const messages = page.getByRole("region", { name: "Messages" });
  await messages.getByText("Welcome to the demo!").waitFor();
  const said = visitor.say("Tell me a story");
  const question = await until("the question", () => model.questions[0]);
  question.write("Once upon ");
  await messages.getByText("Once upon").waitFor();
  question.write("a time.");
  question.end();
  await messages.getByText("Once upon a time.").waitFor();
  await messages.getByText("Assistant").first().waitFor();
  await said;
});

test("files are uploaded, quoted in an answer, and deleted", async (t) => {
  const server = await startChat(t);
  const visitor = await visit(t, server);
  const page = await openPage(t);
  await signIn(page, server, "/chat/files");
  await page.getByText("No documents yet").waitFor();
  const items = page.getByRole("region", { name: "Files" }).getByRole("listitem");

  await pick(page, file("shipping.md", "# Shipping\n\nParcels to Austria take three days."), file("returns.md", "# Returns\n\nReturns are free for a month."));
  const dialog = page.getByRole("dialog", { name: "Upload 2 files" });
  await dialog.getByLabel("Category").fill("policies");
  await assertAccessible(page, "the upload dialog");
  await upload(page);
  for (const name of ["shipping.md", "returns.md"]) {
    const item = items.filter({ hasText: name });
    await item.getByText("Ready").waitFor();
    await item.getByText("policies").waitFor();
  }
  await visitor.say("How long do parcels to Austria take?");
  await visitor.hears("three days");

  // What cannot be read says why, and goes away when that was read.
  await pick(page, file("nothing.bin", "\u0000", "application/x-nothing"));
  await upload(page);
  await page.getByText("Unsupported MIME type: application/x-nothing").waitFor();
  await assertAccessible(page, "an upload that failed");
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
  await upload(page);
  await page.getByRole("region", { name: "Files" }).getByRole("listitem").filter({ hasText: "catalogue.md" }).getByText("Ready").waitFor();
  const seen = await page.evaluate(() => [...window.seen]);
  assert.deepEqual(seen.sort(), ["Processing of catalogue.md", "Upload of catalogue.md"]);
});

test("the widget is set up, and a voice service connected", async (t) => {
  const server = await startChat(t);
  const client = connectClient(t, server);
  const browser = await startBrowser(t);
  const page = await openPage(t, browser);
  await signIn(page, server, "/chat/voice");

  const secret = "demo-private-key-0815";
  await page.getByLabel("Public key").fill("public-4711");
  await page.getByLabel("Private key").fill(secret);
  await page.getByRole("button", { name: "Connect" }).click();
  await page.getByText("Connected", { exact: true }).waitFor();
  await page.getByText("public-4711").waitFor();
  const assistant = await page.getByRole("region", { name: "Assistants" }).getByRole("cell").first().textContent();
  const number = await page.getByRole("region", { name: "Phone numbers" }).getByRole("cell").first().textContent();
  await assertAccessible(page, "a connected voice service");

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
  await assertAccessible(page, "the widget with a voice service");
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByText("The widget is saved.").waitFor();

  // What visitors get is what the preview has shown.
  const visitor = await openPage(t, browser);
  await introduce(visitor, server);
  await visitor.getByText(number).waitFor();
  await beginChat(visitor);
  await bubbles(visitor).getByText("Servus! What do you need?").waitFor();
  const suggestions = visitor.getByRole("group", { name: "Suggestions" }).getByRole("button");
  assert.deepEqual(await suggestions.allInnerTexts(), ["Where is my parcel?", "I would like to talk to a human"]);
  const settings = await client.query(api.public.widgetSettings.getByOrganizationId, { organizationId: ORGANIZATION });
  assert.equal(settings.vapiSettings.phoneNumber, number);
  assert.ok(settings.vapiSettings.assistantId);

  await goTo(page, "Voice");
  await page.getByRole("button", { name: "Disconnect" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Disconnect" }).click();
  await page.getByRole("heading", { name: "Connect Vapi" }).waitFor();
  assert.ok(!(await page.content()).includes(secret));
});

test("long lists come piece by piece", async (t) => {
  const server = await startChat(t);
  const visitor = await visit(t, server, { name: "Vera First" });
  const operator = await connectOperator(t, server);
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
