// The visitor's chat in a real browser against the real server: from the first question to the last, and what happens when
// something is in the way.

import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import { api } from "../support/api.js";
import { startBrowser } from "../support/browser.js";
import { fusion } from "../support/fusion.js";
import { freePort, temporaryFolder } from "../support/server.js";
import { until } from "../support/wait.js";
import {
  assertAccessible, beginChat, bubbles, connectOperator, conversationOf, customize, introduce, messagesOf, openPage, ownBubbles, say, setVariables, startChat, startModel, widgetUrl,
} from "../support/widget.js";

/** A server, a browser, a page of a visitor in a new conversation, and an operator. */
async function begin(t, options = {}) {
  const server = await startChat(t, options.server);
  if (options.variables) await setVariables(server, options.variables);
  const browser = await startBrowser(t);
  const page = await openPage(t, browser, options.page);
  await introduce(page, server);
  await beginChat(page);
  return { server, browser, page, operator: await connectOperator(t, server) };
}

/** How often the visitor's page shows that they said `text`. */
const shownTimes = async (page, text) => (await ownBubbles(page).allInnerTexts()).filter((shown) => shown.trim() === text).length;

/** How often it is on the thread that the visitor said `text`. */
async function saidTimes(operator, text) {
  const { threadId } = await conversationOf(operator);
  return (await messagesOf(operator, threadId)).filter((message) => message.message.role === "user" && message.text === text).length;
}

test("a visitor says who they are, asks by a suggestion, gets an answer, and is helped by a person", async (t) => {
  const server = await startChat(t);
  const browser = await startBrowser(t);
  const page = await openPage(t, browser);
  await page.goto(widgetUrl(server));

  // Nobody gets in without a name and an address; the first mistake has the focus.
  await page.getByRole("button", { name: "Continue" }).click();
  await page.getByText("Please tell us your name.").waitFor();
  assert.equal(await page.getByLabel("Name").evaluate((input) => input === document.activeElement), true);
  await page.getByLabel("Name").fill("Vera Visitor");
  await page.getByLabel("E-mail").fill("vera@example");
  await page.getByRole("button", { name: "Continue" }).click();
  await page.getByText("This is no e-mail address.", { exact: false }).waitFor();
  assert.equal(await page.getByLabel("E-mail").getAttribute("aria-invalid"), "true");
  await page.getByLabel("E-mail").fill("vera@example.com");
  await page.getByRole("button", { name: "Continue" }).click();

  await beginChat(page);
  assert.equal(await bubbles(page).innerText(), "Welcome to the demo! How can I help you today?");
  const suggestions = page.getByRole("group", { name: "Suggestions" });
  assert.deepEqual(await suggestions.getByRole("button").allInnerTexts(), ["What are your opening hours?", "How do I reset my password?", "I would like to talk to a human"]);
  await suggestions.getByRole("button").first().click();
  await bubbles(page).filter({ hasText: "I could not find an answer" }).waitFor();
  assert.equal(await shownTimes(page, "What are your opening hours?"), 1);
  assert.equal(await suggestions.count(), 0, "suggestions are for conversations in which nothing was said");

  await say(page, "I would like to talk to a human");
  await page.getByText("With our team").waitFor();
  const operator = await connectOperator(t, server);
  const { _id: conversationId, contactSession } = await conversationOf(operator);
  assert.equal(contactSession.email, "vera@example.com");
  assert.match(contactSession.metadata.userAgent, /Chrome/);
  await operator.mutation(api.private.messages.create, { conversationId, prompt: "A person here." });
  await bubbles(page).filter({ hasText: "A person here." }).waitFor();

  await operator.mutation(api.private.conversations.updateStatus, { conversationId, status: "resolved" });
  await page.getByText("Resolved", { exact: true }).waitFor();
  assert.equal(await page.getByLabel("Your message").isDisabled(), true);
  await page.getByRole("button", { name: "Start a new conversation" }).click();
  await suggestions.waitFor();
  assert.equal(await page.getByLabel("Your message").isDisabled(), false);
});

test("a reply grows as the model writes it, and is read out once it is complete", async (t) => {
  const model = await startModel(t);
  const { page } = await begin(t, { variables: model.variables });
  await say(page, "Tell me a story");
  const question = await until("the question", () => model.questions[0]);
  await page.getByText("An answer is being written").waitFor({ state: "attached" });
  question.write("Once upon ");
  const reply = bubbles(page).filter({ hasText: "Once upon" });
  await reply.waitFor();
  const announced = page.locator("[aria-live=polite]").filter({ hasText: "Support:" });
  assert.ok(!(await announced.innerText()).includes("Once"), "nobody wants to hear a reply grow");
  question.write("**a time** there was ");
  await reply.getByText("a time").waitFor();
  assert.equal(await reply.locator("strong").innerText(), "a time");
  question.write("a [link](https://example.com/).");
  question.end();
  await announced.filter({ hasText: "Once upon" }).waitFor({ state: "attached" });
  const link = reply.getByRole("link");
  assert.deepEqual([await link.getAttribute("href"), await link.getAttribute("target")], ["https://example.com/", "_blank"]);
  assert.match(await link.getAttribute("rel"), /noopener/);
});

test("after a reload the visitor is where they were; in a browser that knows them no more they begin anew", async (t) => {
  const { server, page } = await begin(t);
  await say(page, "Hello there");
  await until("question and answer", async () => (await bubbles(page).count()) === 3);
  assert.match(await page.evaluate(() => localStorage.getItem("fusionchat_contact_session_org_demo")), /^\w+$/);
  await page.reload();
  await until("what was said", async () => (await bubbles(page).count()) === 3);
  await page.getByRole("button", { name: "Back" }).click();
  await page.reload();
  await page.getByRole("button", { name: "Start a chat" }).waitFor();

  await page.evaluate(() => localStorage.setItem("fusionchat_contact_session_org_demo", "no session"));
  await page.goto(widgetUrl(server));
  await page.getByLabel("Name").waitFor();
});

test("what an operator changes is seen at once: suggestions, and ways to call", async (t) => {
  const { page, operator } = await begin(t);
  const suggestions = page.getByRole("group", { name: "Suggestions" }).getByRole("button");
  await suggestions.first().waitFor();
  await customize(operator, { greetMessage: "Grüß Gott!", defaultSuggestions: { suggestion1: "Only this" }, vapiSettings: { assistantId: "assistant_1", phoneNumber: "+49 731 123456" } });
  await until("the other suggestion", async () => (await suggestions.allInnerTexts()).join() === "Only this");
  await page.getByRole("button", { name: "Back" }).click();
  await beginChat(page);
  assert.equal(await bubbles(page).innerText(), "Grüß Gott!");

  // Without keys nobody can call, whatever the settings say.
  await page.getByRole("button", { name: "Back" }).click();
  await page.getByRole("button", { name: "Start a chat" }).waitFor();
  assert.equal(await page.getByRole("button", { name: "Call us" }).count(), 0);
  await operator.mutation(api.private.secrets.upsert, { service: "vapi", value: { publicApiKey: "demo-public", privateApiKey: "demo-private" } });
  await until("the keys", async () => (await operator.query(api.private.plugins.getOne, { service: "vapi" })) !== null);
  await page.reload();
  await page.getByRole("button", { name: "Call us" }).click();
  assert.equal(await page.getByRole("link", { name: "Call now" }).getAttribute("href"), "tel:+49731123456");
  await page.getByRole("button", { name: "Back" }).click();

  const scripts = [];
  page.on("request", (request) => scripts.push(request.url()));
  await page.getByRole("button", { name: "Start a voice call" }).click();
  await page.getByRole("button", { name: "Start the call" }).waitFor();
  assert.equal(scripts.some((url) => url.includes("voice_call")), false, "what calls need is not loaded before one is made");
  await page.getByRole("button", { name: "Start the call" }).click();
  // This browser has no microphone.
  await page.getByRole("alert").filter({ hasText: "The call could not be made." }).waitFor();
  assert.equal(scripts.some((url) => url.includes("voice_call")), true);
  await page.getByRole("button", { name: "Call again" }).waitFor();
});

test("calls: what they need is loaded from the voice service's host; one that is not taken is said to have failed", async (t) => {
  const server = await startChat(t);
  const operator = await connectOperator(t, server);
  await customize(operator, { vapiSettings: { assistantId: "assistant_1" } });
  await operator.mutation(api.private.secrets.upsert, { service: "vapi", value: { publicApiKey: "demo-public", privateApiKey: "demo-private" } });
  await until("the keys", async () => (await operator.query(api.private.plugins.getOne, { service: "vapi" })) !== null);
  const browser = await startBrowser(t, ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]);
  const page = await openPage(t, browser);
  const calls = [];
  let isTaken = false;
  await page.route(/^https:/, (route) => {
    const request = route.request();
    const headers = { "access-control-allow-origin": "*", "access-control-allow-headers": "*" };
    const { host } = new URL(request.url());
    if (host === "c.daily.co") return route.fulfill({ status: 200, headers, contentType: "text/javascript", body: "window.wasLoaded = true;" });
    if (host !== "api.vapi.ai" || request.method() !== "POST") return route.fulfill({ status: 204, headers });
    calls.push({ key: request.headers().authorization, body: request.postDataJSON() });
    if (!isTaken) return route.fulfill({ status: 401, headers, json: { message: "Invalid key" } });
    return route.fulfill({ status: 201, headers, json: { id: "call_1", webCallUrl: "https://vapi.daily.co/room", transport: { callUrl: "https://vapi.daily.co/room" } } });
  });
  await introduce(page, server);
  await page.getByRole("button", { name: "Start a voice call" }).click();
  for (const [name, count] of [["Start the call", 1], ["Call again", 2]]) {
    await page.getByRole("button", { name }).click();
    await page.getByRole("alert").filter({ hasText: "could not be reached or did not take the call" }).waitFor();
    assert.equal(calls.length, count);
  }
  assert.deepEqual([calls[0].key, calls[0].body.assistantId], ["Bearer demo-public", "assistant_1"]);
  assert.equal(JSON.stringify(calls).includes("demo-private"), false);

  // What the host gives here is no voice call; it only has to be let in.
  isTaken = true;
  await page.getByRole("button", { name: "Call again" }).click();
  await page.waitForFunction(() => window.wasLoaded);
});

test("a long list of conversations is loaded as it is scrolled", async (t) => {
  const { server, page, operator } = await begin(t);
  const { contactSessionId, threadId } = await conversationOf(operator);
  const file = path.join(temporaryFolder(), "conversations.jsonl");
  const row = { contactSessionId, threadId, organizationId: "org_demo", status: "resolved" };
  writeFileSync(file, `${JSON.stringify(row)}\n`.repeat(34));
  const { code, stderr } = await fusion(temporaryFolder(), "import", "--table", "conversations", "--append", "--yes", file, "--url", server.url, "--admin-key", server.adminKey);
  assert.equal(code, 0, stderr);

  await page.getByRole("button", { name: "Back" }).click();
  await page.getByRole("button", { name: "Your conversations" }).click();
  const rows = page.locator(".widget-row");
  await rows.first().waitFor();
  assert.ok((await rows.count()) < 35);
  const list = page.getByRole("region", { name: "Your conversations" });
  await until("the whole list", async () => {
    await list.evaluate((element) => element.scrollTo(0, element.scrollHeight));
    return (await rows.count()) === 35;
  });
  assert.equal(await page.getByText("Open", { exact: true }).count(), 1);
});

test("a long conversation is loaded as it is scrolled, and what is read stays in its place", async (t) => {
  const { server, page, operator } = await begin(t);
  const { _id: conversationId } = await conversationOf(operator);
  for (let number = 1; number <= 40; number++) {
    await operator.mutation(api.private.messages.create, { conversationId, prompt: `Message ${number}` });
  }
  await bubbles(page).filter({ hasText: /^Message 40$/ }).waitFor();
  await page.goto(widgetUrl(server));
  await bubbles(page).filter({ hasText: /^Message 40$/ }).waitFor();
  const list = page.getByRole("region", { name: "Messages" });
  await until("the bottom", () => list.evaluate((element) => element.scrollHeight - element.scrollTop - element.clientHeight < 2));
  assert.equal(await bubbles(page).filter({ hasText: "Welcome" }).count(), 0, "the beginning is not loaded yet");
  await until("the beginning", async () => {
    await list.evaluate((element) => element.scrollTo(0, 0));
    return (await bubbles(page).filter({ hasText: "Welcome" }).count()) === 1;
  });
  assert.equal(await bubbles(page).count(), 41);
});

test("while the server is away it says so, and what was written meanwhile is sent once", async (t) => {
  const at = { port: await freePort(), data: path.join(temporaryFolder(), "data") };
  const { server, page } = await begin(t, { server: at });
  await server.kill();
  await page.getByText("No connection. Trying to reconnect").waitFor();
  await say(page, "Are you there?");
  await page.getByText("Will be sent once the connection is back").waitFor();
  await startChat(t, at);
  await bubbles(page).filter({ hasText: "I could not find an answer" }).waitFor();
  await page.getByText("No connection. Trying to reconnect").waitFor({ state: "hidden" });
  assert.equal(await shownTimes(page, "Are you there?"), 1);
  assert.equal(await saidTimes(await connectOperator(t, server), "Are you there?"), 1);
});

test("the server is killed while it works on an answer: the message is there once, and can be answered after all", async (t) => {
  const model = await startModel(t);
  const at = { port: await freePort(), data: path.join(temporaryFolder(), "data") };
  const { server, page } = await begin(t, { server: at, variables: model.variables });
  await say(page, "Is this safe?");
  await until("the question", () => model.questions.length === 1);
  await server.kill();
  await page.getByText("No connection. Trying to reconnect").waitFor();
  await startChat(t, at);
  await page.getByText("No connection. Trying to reconnect").waitFor({ state: "hidden" });
  const operator = await connectOperator(t, server);
  assert.deepEqual([await shownTimes(page, "Is this safe?"), await saidTimes(operator, "Is this safe?")], [1, 1]);

  // Nobody works on the answer any more; after a while the visitor is told.
  await page.getByText("No answer came.").waitFor({ timeout: 60_000 });
  assert.equal(await saidTimes(operator, "Is this safe?"), 1);
  await page.getByRole("button", { name: "Try again" }).click();
  const question = await until("the question", () => model.questions[1]);
  question.write("It is.");
  question.end();
  await bubbles(page).filter({ hasText: "It is." }).waitFor();
  assert.equal(await shownTimes(page, "Is this safe?"), 1, "what was said twice is shown once");
});

/** Lets a test decide what becomes of the calls that the page sends: `{fate}` is asked for each socket and message. */
async function between(page, fate) {
  await page.routeWebSocket(/\/sync/, (socket) => {
    const server = socket.connectToServer();
    socket.onMessage((message) => fate({ socket, server, message, call: JSON.parse(message) }));
  });
}

for (const { arrives, leaves } of [{ arrives: true }, { arrives: false }, { arrives: false, leaves: true }]) {
  const name = `the connection is lost just ${arrives ? "after" : "before"} a message arrives${leaves ? ", and the visitor looks elsewhere" : ""}: it is said exactly once`;
  test(name, async (t) => {
    const server = await startChat(t);
    const browser = await startBrowser(t);
    const page = await openPage(t, browser);
    let cuts = 0;
    await between(page, async ({ socket, server: upstream, message, call }) => {
      const isCut = call.type === "Action" && call.udfPath === "public/messages:create" && cuts === 0;
      if (isCut) {
        cuts++;
        if (arrives) {
          upstream.send(message);
          const operator = await connectOperator(t, server);
          await until("the message on the thread", async () => (await saidTimes(operator, "Once, please")) === 1);
        }
        await socket.close({ code: 1011, reason: "cut" });
        return upstream.close();
      }
      return upstream.send(message);
    });
    await introduce(page, server);
    await beginChat(page);
    await say(page, "Once, please");
    if (leaves) {
      await page.getByRole("button", { name: "Back" }).click();
      await page.getByRole("button", { name: "Your conversations" }).click();
      await page.locator(".widget-row").filter({ hasText: "I could not find an answer" }).click();
    }
    await bubbles(page).filter({ hasText: "I could not find an answer" }).waitFor();
    assert.equal(cuts, 1);
    const operator = await connectOperator(t, server);
    assert.deepEqual([await shownTimes(page, "Once, please"), await saidTimes(operator, "Once, please")], [1, 1]);
  });
}

test("a message that is refused says why and can be tried again", async (t) => {
  const server = await startChat(t);
  const browser = await startBrowser(t);
  const page = await openPage(t, browser);
  let refusals = 0;
  await between(page, ({ socket, server: upstream, message, call }) => {
    if (call.type !== "Action" || call.udfPath !== "public/messages:create" || refusals > 0) return upstream.send(message);
    refusals++;
    const errorData = { code: "RATE_LIMIT_EXCEEDED", message: "Rate limit exceeded. Try again in 7 seconds." };
    return socket.send(JSON.stringify({ type: "ActionResponse", requestId: call.requestId, success: false, result: "ConvexError", errorData, logLines: [] }));
  });
  await introduce(page, server);
  await beginChat(page);
  await say(page, "Too fast");
  const failure = page.getByRole("alert").filter({ hasText: "Try again in 7 seconds." });
  await failure.waitFor();
  await assertAccessible(page, "a failed message");
  await page.reload();
  await page.getByText("The message was not sent.").waitFor();
  await page.getByRole("button", { name: "Try again" }).click();
  await bubbles(page).filter({ hasText: "I could not find an answer" }).waitFor();
  assert.equal(await saidTimes(await connectOperator(t, server), "Too fast"), 1);
});

test("when the model fails the visitor is told and asks again", async (t) => {
  const model = await startModel(t);
  const { page } = await begin(t, { variables: model.variables });
  await say(page, "Does it work?");
  let answered = 0;
  const next = () => until("a question", () => model.questions[answered]);
  // The server may try a few times before it gives up.
  const failing = until("the notice", async () => {
    for (; answered < model.questions.length; answered++) model.questions[answered].fail(400);
    return (await page.getByText("No answer came.").count()) === 1;
  });
  await failing;
  await page.getByRole("button", { name: "Try again" }).click();
  const question = await next();
  question.write("Now it does.");
  question.end();
  await bubbles(page).filter({ hasText: "Now it does." }).waitFor();
  assert.equal(await shownTimes(page, "Does it work?"), 1);
});

test("HTML and scripts in messages, names, greetings and suggestions are shown as text", async (t) => {
  const payload = `<img src=x onerror="alert(1)"><script>alert(2)</script><b>bold</b>`;
  const links = "[one](javascript:alert(3)) [two](data:text/html,x) https://example.com/\"onmouseover=alert(4)";
  const server = await startChat(t);
  const operator = await connectOperator(t, server);
  await customize(operator, { greetMessage: payload, defaultSuggestions: { suggestion1: payload } });
  const browser = await startBrowser(t);
  const page = await openPage(t, browser);
  await introduce(page, server, payload);
  await beginChat(page);
  assert.equal(await bubbles(page).innerText(), payload);
  await page.getByRole("group", { name: "Suggestions" }).getByRole("button", { name: payload }).click();
  await until("the suggestion as a message", async () => (await shownTimes(page, payload)) === 1);
  await say(page, links);
  await until("the answer", async () => (await bubbles(page).count()) >= 5);
  const { _id: conversationId } = await conversationOf(operator, payload);
  await operator.mutation(api.private.messages.create, { conversationId, prompt: `${payload} ${links}` });
  await until("the operator's message", async () => (await bubbles(page).last().innerText()).includes(links.slice(0, 20)));

  assert.equal(await page.locator("main :is(img, script, b, iframe, style)").count(), 0);
  const hrefs = await page.locator("main a").evaluateAll((all) => all.map((link) => link.getAttribute("href")));
  assert.ok(hrefs.length > 0 && hrefs.every((href) => href === "https://example.com/"), hrefs.join());
  await page.getByRole("button", { name: "Back" }).click();
  await page.getByRole("button", { name: "Your conversations" }).click();
  await page.locator(".widget-row").first().waitFor();
  assert.equal(await page.locator("main :is(img, script, b)").count(), 0);
});

test("a widget of nobody says so, and one whose server does not answer yet waits for it", async (t) => {
  const at = { port: await freePort(), data: path.join(temporaryFolder(), "data") };
  const server = await startChat(t, at);
  const browser = await startBrowser(t);
  const page = await openPage(t, browser);
  await page.goto(`${server.url}/widget`);
  await page.getByText("Organization ID is required").waitFor();
  await page.goto(widgetUrl(server, "org_nobody"));
  await page.getByText("Organization not valid").waitFor();
  await assertAccessible(page, "an error");

  // The page is there, but nothing it connects to.
  let isOpen = false;
  await page.routeWebSocket(/\/sync/, (socket) => (isOpen ? socket.connectToServer() : socket.close({ code: 1013, reason: "not yet" })));
  await page.goto(widgetUrl(server));
  await page.getByText("The chat cannot be reached").waitFor();
  await assertAccessible(page, "offline");
  isOpen = true;
  await page.getByLabel("Name").waitFor();
});

test("every screen is usable with a keyboard and by a screen reader, in light and dark, on a phone", async (t) => {
  const server = await startChat(t);
  const operator = await connectOperator(t, server);
  await customize(operator, { defaultSuggestions: { suggestion1: "What is this?" }, vapiSettings: { assistantId: "a", phoneNumber: "+1 555 0100" } });
  await operator.mutation(api.private.secrets.upsert, { service: "vapi", value: { publicApiKey: "demo-public", privateApiKey: "demo-private" } });
  await until("the keys", async () => (await operator.query(api.private.plugins.getOne, { service: "vapi" })) !== null);
  const browser = await startBrowser(t);
  for (const options of [{ colorScheme: "light" }, { colorScheme: "dark", viewport: { width: 360, height: 640 } }]) {
    const page = await openPage(t, browser, options);
    const check = (what) => assertAccessible(page, `${what}, ${options.colorScheme}`);
    const focused = () => page.evaluate(() => document.activeElement?.textContent || document.activeElement?.getAttribute("aria-label") || document.activeElement?.id);
    const press = async (name) => {
      for (let presses = 0; !(await focused())?.includes(name); presses++) {
        assert.ok(presses < 20, `${name} is not reached with the Tab key`);
        await page.keyboard.press("Tab");
      }
      await page.keyboard.press("Enter");
    };
    await page.goto(widgetUrl(server));
    await page.getByLabel("Name").waitFor();
    await page.getByRole("button", { name: "Continue" }).click();
    await check("the form with errors");
    await page.keyboard.type("Vera Visitor");
    await page.keyboard.press("Tab");
    await page.keyboard.type(`vera-${options.colorScheme}@example.com`);
    await page.keyboard.press("Enter");
    await page.getByRole("button", { name: "Call us" }).waitFor();
    assert.equal(await focused(), "How can we help?");
    await check("the choice");
    await press("Start a chat");
    await bubbles(page).first().waitFor();
    await until("the focus in the field", async () => (await focused()) === "message");
    await page.locator("[aria-live=polite]").filter({ hasText: "Support: Hello!" }).waitFor({ state: "attached" });
    await check("a new conversation");
    await page.keyboard.type("Some *Markdown*:\n");
    await bubbles(page).nth(2).waitFor();
    await check("an answer");
    assert.equal(await focused(), "message");
    await say(page, "Thanks, that is all");
    await page.getByRole("button", { name: "Start a new conversation" }).waitFor();
    await check("a resolved conversation");
    await press("Back");
    await until("the first screen", async () => (await focused()) === "How can we help?");
    await press("Your conversations");
    await page.locator(".widget-row").waitFor();
    await check("the list");
    await press("Home");
    await press("Call us");
    await page.getByRole("link", { name: "Call now" }).waitFor();
    await check("the number");
    await press("Back");
    await press("Start a voice call");
    await press("Start the call");
    await page.getByRole("alert").waitFor();
    await check("a call that failed");
    const wide = await page.evaluate(() => document.documentElement.scrollWidth > innerWidth);
    assert.equal(wide, false, "nothing is wider than the window");
  }
});

test("what a browser loads before the first screen is small, and the first message is there soon", async (t) => {
  const { server, page } = await begin(t);
  const loaded = [];
  page.on("response", (response) => loaded.push(response));
  await page.reload();
  await bubbles(page).first().waitFor();
  const milliseconds = await page.evaluate(() => performance.now());
  t.diagnostic(`the first message was there ${Math.round(milliseconds)} ms after the page was asked for`);
  let bytes = 0;
  for (const response of loaded.filter((response) => response.url().startsWith(`${server.url}/widget`))) {
    bytes += gzipSync(await response.body(), { level: 9 }).length;
  }
  assert.ok(bytes > 10_000 && bytes <= 60 * 1024, `${bytes} bytes`);
});
