// An operator's browser at /chat.

import { api } from "./api.js";
import { startBrowser } from "./browser.js";
import { connectClient } from "./server.js";
import { ORGANIZATION } from "./visitor.js";
import { until } from "./wait.js";
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

/** The list of conversations, and the row of somebody in it. */
export const list = (page) => page.getByRole("tabpanel").getByRole("region", { name: "Conversations" });
export const row = (page, name) => list(page).getByRole("link", { name });

/** Files to be uploaded: chosen, and sent off once the dialog has asked for their category. */
export const file = (name, content, mimeType = "text/markdown") => ({ name, mimeType, buffer: Buffer.from(content) });
export const pick = (page, ...files) => page.locator('input[type="file"]').setInputFiles(files);
export const upload = (page) => page.getByRole("dialog").getByRole("button", { name: "Upload", exact: true }).click();

/** A visitor with a conversation: `say` something, wait until they `hears` something. */
export async function visit(t, server, { name = "Vera Visitor", email = "vera@example.com" } = {}) {
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
