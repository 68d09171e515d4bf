// The visitor's chat in a real browser, and those who work with it: operators, and a model whose answers a test writes.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { api } from "./api.js";
import { PATIENCE } from "./browser.js";
import { connectClient, startServer } from "./server.js";
import { ORGANIZATION } from "./visitor.js";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
/** A server with Fusion Chat, as `fusion dev` starts it. */
export function startChat(t, options = {}) {
  return startServer(t, { program: "fusion", args: ["dev", "--app", "fusion-chat"], ...options });
}

/** A page in a profile of its own that fails the test if something on it goes wrong which nobody expected. */
export async function openPage(t, browser, options = {}) {
  const context = await browser.newContext({ viewport: { width: 400, height: 640 }, ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(PATIENCE);
  page.problems = [];
  page.on("pageerror", (error) => page.problems.push(error.stack ?? String(error)));
  page.on("dialog", (dialog) => {
    page.problems.push(`dialog: ${dialog.message()}`);
    dialog.dismiss().catch(() => {});
  });
  page.on("console", (message) => {
    if (/Content Security Policy|Refused to/i.test(message.text())) page.problems.push(message.text());
  });
  t.after(async () => {
    await context.close().catch(() => {});
    assert.deepEqual(page.problems, []);
  });
  return page;
}

/** The address of the widget. */
export const widgetUrl = (server, organizationId = ORGANIZATION) => `${server.url}/widget?organizationId=${encodeURIComponent(organizationId)}`;

/** Opens the widget as a visitor it does not know yet, who says who they are. Ends on the first screen. */
export async function introduce(page, server, name = "Vera Visitor") {
  await page.goto(widgetUrl(server));
  await page.getByLabel("Name").fill(name);
  await page.getByLabel("E-mail").fill("vera@example.com");
  await page.getByRole("button", { name: "Continue" }).click();
  await page.getByRole("button", { name: "Start a chat" }).waitFor();
}

/** Goes on to a new conversation, until its greeting is there. */
export async function beginChat(page) {
  await page.getByRole("button", { name: "Start a chat" }).click();
  await bubbles(page).first().waitFor();
}

/** What was said, as the page shows it. */
export const bubbles = (page) => page.locator(".widget-bubble:not(.widget-typing)");

/** What the visitor said, as the page shows it. */
export const ownBubbles = (page) => page.locator(".widget-message-mine .widget-bubble");

/** Writes and sends. */
export async function say(page, text) {
  await page.getByLabel("Your message").fill(text);
  await page.keyboard.press("Enter");
}

/** A client of an operator of the demo organisation. */
export async function connectOperator(t, server) {
  const { token } = await (await fetch(`${server.url}/_dev/issuer/token`)).json();
  const client = connectClient(t, server);
  client.setAuth(async () => token);
  return client;
}

/** The only conversation of the visitor called `name`, as an operator sees it. */
export async function conversationOf(operator, name = "Vera Visitor") {
  const { page } = await operator.query(api.private.conversations.getMany, { paginationOpts: { numItems: 50, cursor: null } });
  const found = page.filter(({ contactSession }) => contactSession.name === name);
  assert.equal(found.length, 1);
  return found[0];
}

/** The messages of a thread, oldest first. */
export async function messagesOf(operator, threadId) {
  const { page } = await operator.query(api.private.messages.getMany, { threadId, paginationOpts: { numItems: 200, cursor: null } });
  return page.toReversed();
}

/** Sets an organisation's widget up. */
export function customize(operator, { greetMessage = "Hello!", defaultSuggestions = {}, vapiSettings = {} }) {
  return operator.mutation(api.private.widgetSettings.upsert, { greetMessage, defaultSuggestions, vapiSettings });
}

/** Fails if the page, as it is now, is a barrier to somebody. */
export async function assertAccessible(page, what) {
  // The page's own policy forbids foreign scripts; the tools of a browser may run what they like.
  await page.evaluate(axe);
  const found = await page.evaluate(() => window.axe.run(document, { resultTypes: ["violations"] }));
  const violations = found.violations.map(({ id, help, nodes }) => `${id}: ${help}: ${nodes.map(({ html }) => html).join(" ")}`);
  assert.deepEqual(violations, [], what);
}

/**
 * A language model on loopback. Each question it is asked waits in `questions` as `{write(text), end(), fail(status)}`, for a
 * test to answer it bit by bit. `env` makes a server use it.
 */
export async function startModel(t) {
  const questions = [];
  const server = createServer(async (request, response) => {
    let body = "";
    for await (const part of request) body += part;
    const send = (data) => response.write(`data: ${typeof data === "string" ? data : JSON.stringify(data)}\n\n`);
    const chunk = (delta, finish_reason = null) => ({
      id: "chatcmpl-1", object: "chat.completion.chunk", created: 1_700_000_000, model: "stub", choices: [{ index: 0, delta, finish_reason }],
    });
    const start = () => response.headersSent || response.writeHead(200, { "Content-Type": "text/event-stream" });
    questions.push({
      body,
      write(text) {
        start();
        send(chunk({ role: "assistant", content: text }));
      },
      end() {
        start();
        send(chunk({}, "stop"));
        response.end("data: [DONE]\n\n");
      },
      fail(status) {
        response.writeHead(status, { "Content-Type": "application/json" }).end('{"error":{"message":"out of order","type":"invalid_request_error"}}');
      },
    });
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const url = `http://127.0.0.1:${server.address().port}/v1`;
  return { questions, variables: { OPENAI_BASE_URL: url, OPENAI_API_KEY: "test", OPENAI_EMBEDDING_MODEL: "lexical" } };
}

/** Sets variables of a deployment. */
export async function setVariables(server, variables) {
  const response = await fetch(`${server.url}/api/update_environment_variables`, {
    method: "POST",
    headers: { "Content-Type": "application/json", Authorization: `Convex ${server.adminKey}` },
    body: JSON.stringify({ changes: Object.entries(variables).map(([name, value]) => ({ name, value })) }),
  });
  assert.equal(response.status, 200, await response.text());
}
