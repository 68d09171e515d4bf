// Fusion Chat through the official client, as `fusion dev` starts it: a visitor asks, an operator watches and answers.

import assert from "node:assert/strict";
import { test } from "node:test";
import { api } from "./support/api.js";
import { connectClient, startServer } from "./support/server.js";
import { startConversation } from "./support/visitor.js";
import { until } from "./support/wait.js";

const firstPage = { numItems: 20, cursor: null };

async function startChat(t) {
  return startServer(t, { program: "fusion", args: ["dev", "--app", "fusion-chat"] });
}

test("a visitor asks and sees the assistant's answer arrive", async (t) => {
  const client = connectClient(t, await startChat(t));
  const { contactSessionId, threadId } = await startConversation(client);
  let page = [];
  const args = { threadId, contactSessionId, paginationOpts: firstPage };
  client.onUpdate(api.public.messages.getMany, args, (result) => (page = result.page));
  await until("the greeting", () => page.length === 1);
  await client.action(api.public.messages.create, { prompt: "What are your opening hours?", threadId, contactSessionId });
  // Question, use of the search, its result, answer: the newest comes first.
  await until("question and answer", () => page.length === 5 && page[0].text?.includes("opening hours"));
});

test("an operator signs in with the development issuer, watches, and answers live", async (t) => {
  const server = await startChat(t);
  const visitor = connectClient(t, server);
  const operator = connectClient(t, server);
  await assert.rejects(operator.query(api.private.conversations.getMany, { paginationOpts: firstPage }));
  const response = await fetch(`${server.url}/_dev/issuer/token`);
  const { token } = await response.json();
  operator.setAuth(async () => token);
  let conversations = [];
  operator.onUpdate(
    api.private.conversations.getMany,
    { paginationOpts: firstPage },
    (result) => (conversations = result.page),
    () => {},
  );
  const { contactSessionId, conversationId, threadId } = await startConversation(visitor);
  await until("the new conversation", () => conversations.some(({ _id }) => _id === conversationId));
  let page = [];
  visitor.onUpdate(api.public.messages.getMany, { threadId, contactSessionId, paginationOpts: firstPage }, (result) => (page = result.page));
  await until("the greeting", () => page.length === 1);
  await operator.mutation(api.private.messages.create, { conversationId, prompt: "A human here." });
  await until("the operator's answer", () => page.length === 2);
  assert.ok(JSON.stringify(page).includes("A human here."));
});

test("a visitor reads only threads of the own session", async (t) => {
  const client = connectClient(t, await startChat(t));
  const [own, other] = [await startConversation(client), await startConversation(client)];
  const args = { threadId: other.threadId, contactSessionId: own.contactSessionId, paginationOpts: firstPage };
  const error = await client.query(api.public.messages.getMany, args).then(assert.fail, (error) => error);
  assert.equal(typeof error.data?.code, "string", error.message);
  await assert.rejects(client.action(api.public.messages.create, { prompt: "x", threadId: other.threadId, contactSessionId: own.contactSessionId }));
});
