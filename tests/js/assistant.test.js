// Whole flows of Fusion Chat with the built-in assistant, through the official client: as `fusion dev` starts it,
// without any key.

import assert from "node:assert/strict";
import { test } from "node:test";
import { api } from "./support/api.js";
import { connectClient, startServer } from "./support/server.js";
import { startConversation } from "./support/visitor.js";
import { until } from "./support/wait.js";

const firstPage = { numItems: 50, cursor: null };

/** A server, a visitor with a conversation, an operator who is signed in. */
async function begin(t) {
  const server = await startServer(t, { program: "fusion", args: ["dev", "--app", "fusion-chat"] });
  const operator = connectClient(t, server);
  const { token } = await (await fetch(`${server.url}/_dev/issuer/token`)).json();
  operator.setAuth(async () => token);
  return { server, operator, visitor: await visit(connectClient(t, server)) };
}

/** A visitor with a session, a conversation, and its messages as they come, oldest first. */
async function visit(client) {
  const { contactSessionId, conversationId, threadId } = await startConversation(client);
  const visitor = { client, conversationId, threadId, messages: [], status: undefined };
  client.onUpdate(api.public.messages.getMany, { threadId, contactSessionId, paginationOpts: firstPage }, ({ page }) => {
    visitor.messages = page.toReversed();
  });
  client.onUpdate(api.public.conversations.getOne, { conversationId, contactSessionId }, ({ status }) => (visitor.status = status));
  visitor.say = (prompt) => client.action(api.public.messages.create, { prompt, threadId, contactSessionId });
  /** The answer to a question, when the list shows it. */
  visitor.ask = async (prompt) => {
    await visitor.say(prompt);
    return until("the answer", () => {
      const turn = visitor.messages.findLast((message) => message.message.role === "user" && message.text === prompt);
      const answers = visitor.messages.filter((message) => message.order === turn?.order && message.stepOrder > 0);
      const last = answers.at(-1);
      return last?.message.role === "assistant" && last.status === "success" && last.text ? last.text : undefined;
    });
  };
  return visitor;
}

/** A PDF file with one line of text. */
function pdf(text) {
  const content = `BT /F1 12 Tf 72 700 Td (${text}) Tj ET`;
  const objects = [
    "<< /Type /Catalog /Pages 2 0 R >>",
    "<< /Type /Pages /Kids [4 0 R] /Count 1 >>",
    "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
    "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 5 0 R /Resources << /Font << /F1 3 0 R >> >> >>",
    `<< /Length ${content.length} >>\nstream\n${content}\nendstream`,
  ];
  let out = "%PDF-1.4\n";
  const places = objects.map((object, index) => {
    const place = out.length;
    out += `${index + 1} 0 obj\n${object}\nendobj\n`;
    return place;
  });
  const table = out.length;
  out += `xref\n0 ${objects.length + 1}\n0000000000 65535 f \n`;
  for (const place of places) out += `${String(place).padStart(10, "0")} 00000 n \n`;
  out += `trailer\n<< /Size ${objects.length + 1} /Root 1 0 R >>\nstartxref\n${table}\n%%EOF\n`;
  return new TextEncoder().encode(out).buffer;
}

test("a visitor asks, the assistant searches and answers with what it found", async (t) => {
  const { operator, visitor } = await begin(t);
  const bytes = new TextEncoder().encode("# Shipping\n\nParcels to Austria take three days.").buffer;
  await operator.action(api.private.files.addFile, { filename: "shipping.md", mimeType: "text/markdown", bytes });
  const answer = await visitor.ask("How long do parcels to Austria take?");
  assert.match(answer, /"shipping\.md" says: ".*three days/);
  const [greeting, question, call, result, reply] = visitor.messages;
  assert.deepEqual(
    [greeting, question, call, result, reply].map(({ order, stepOrder, tool, status }) => [order, stepOrder, tool, status]),
    [
      [0, 0, false, "success"],
      [1, 0, false, "success"],
      [1, 1, true, "success"],
      [1, 2, true, "success"],
      [1, 3, false, "success"],
    ],
  );
  assert.equal(call.message.content[0].toolName, "searchTool");
  assert.deepEqual(call.message.content[0].args, { query: "How long do parcels to Austria take?" });
  assert.equal(result.message.content[0].toolCallId, call.message.content[0].toolCallId);
});

test("who asks for a human is handed over, sees the operator's answer arrive, and is done", async (t) => {
  const { operator, visitor } = await begin(t);
  await visitor.say("I want to talk to a human");
  await until("the hand-over", () => visitor.status === "escalated");
  await until("the notice", () => visitor.messages.at(-1)?.text === "Conversation escalated to a human operator.");
  const { conversationId } = visitor;
  await operator.mutation(api.private.messages.create, { conversationId, prompt: "Ada here. What can I do?" });
  await until("the operator's answer", () => visitor.messages.at(-1)?.text === "Ada here. What can I do?");
  await visitor.say("My parcel is lost");
  await until("the visitor's answer", () => visitor.messages.at(-1)?.text === "My parcel is lost");
  await operator.mutation(api.private.conversations.updateStatus, { conversationId, status: "resolved" });
  await until("the end", () => visitor.status === "resolved");
  await assert.rejects(visitor.say("One more thing"), (error) => error.data?.message === "Conversation resolved");
});

test("who says thanks is done", async (t) => {
  const { visitor } = await begin(t);
  await visitor.say("That's all, thank you!");
  await until("the end", () => visitor.status === "resolved" && visitor.messages.at(-1)?.text === "Conversation resolved.");
});

test("what an uploaded PDF says is quoted until the file is deleted", async (t) => {
  const { operator, visitor } = await begin(t);
  const question = "What does the warranty cover?";
  assert.match(await visitor.ask(question), /could not find an answer/);
  let files = [];
  operator.onUpdate(api.private.files.list, { paginationOpts: firstPage }, ({ page }) => (files = page));
  const { entryId, url } = await operator.action(api.private.files.addFile, {
    filename: "warranty.pdf",
    mimeType: "application/pdf",
    bytes: pdf("The warranty covers broken zippers for two years."),
    category: "legal",
  });
  const file = await until("the file in the list", () => files.find(({ status }) => status === "ready"));
  assert.equal(file.id, entryId);
  assert.deepEqual([file.name, file.type, file.category], ["warranty.pdf", "pdf", "legal"]);
  assert.equal((await fetch(url)).headers.get("content-type"), "application/pdf");

  assert.match(await visitor.ask(`${question} I lost the paper.`), /"warranty\.pdf" says: ".*broken zippers for two years/);
  await operator.mutation(api.private.files.deleteFile, { entryId });
  await until("the empty list", () => files.length === 0);
  assert.match(await visitor.ask(`${question} Please look again.`), /could not find an answer/);
});

test("a long file is shown while it is processed and can be asked about afterwards", async (t) => {
  const { operator, visitor } = await begin(t);
  const seen = [];
  operator.onUpdate(api.private.files.list, { paginationOpts: firstPage }, ({ page }) => seen.push(...page));
  const articles = Array.from({ length: 400 }, (_, number) => `## Article ${number}\n\n${"Words and more words. ".repeat(10)}Shelf${number}x.\n\n`);
  const bytes = new TextEncoder().encode(articles.join("")).buffer;
  await operator.action(api.private.files.addFile, { filename: "catalogue.md", mimeType: "", bytes });
  await until("the file to be ready", () => seen.at(-1)?.status === "ready");
  assert.ok(seen.some(({ status, progress }) => status === "processing" && progress < 1));
  assert.match(await visitor.ask("What is in shelf123x?"), /Shelf123x/);
});
