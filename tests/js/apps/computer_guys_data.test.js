// Computer Guys: what runs by itself and what lasts: workflows, the knowledge base, migrations, imports and exports.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { anyApi as api } from "convex/server";
import { exhaust, startComputerGuys } from "../support/computer_guys.js";
import { startFusion } from "../support/fusion.js";
import { connectClient } from "../support/server.js";
import { until } from "../support/wait.js";
import { unzipped } from "../support/zip.js";

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const TABLES = ["users", "conversations", "messages", "agents", "workflows", "knowledge", "analytics", "sessions", "rateLimits"];

const modelConfig = { provider: "openrouter", model: "m", temperature: 0.2, maxTokens: 100, systemPrompt: "Help." };
const human = { name: "Hu", type: "escalation", capabilities: [], tools: [], modelConfig };

/** A user's conversation with a question, and its escalation. */
async function escalated(client, more = {}) {
  const userId = await client.mutation(api.users.createUser, { email: `${Math.random()}@example.org` });
  const conversationId = await client.mutation(api.conversations.createConversation, { userId, channel: "web" });
  await client.mutation(api.messages.sendMessage, { conversationId, role: "user", content: "A human, please" });
  await client.mutation(api.conversations.escalateConversation, { conversationId, ...more });
  const { workflowId } = await client.query(api.conversations.getConversation, { conversationId });
  return { userId, conversationId, workflowId };
}

const shown = ({ steps }) => steps.map(({ name, status }) => `${name} ${status}`).join(", ");

test("a workflow's steps are tracked, tried again, and survive the server's death", async (t) => {
  const app = await startComputerGuys(t);
  const client = app.http();
  const { outside } = app;
  const agentId = await client.mutation(api.agents.createAgent, human);

  const { conversationId, workflowId } = await escalated(client, { reason: "angry", priority: "urgent" });
  const seen = [];
  connectClient(t, app.server).onUpdate(api.workflows.get, { workflowId }, (workflow) => seen.push(workflow));
  const done = await until("the end", () => (seen.at(-1)?.status === "completed" ? seen.at(-1) : undefined));
  assert.equal(shown(done), "summarize completed, assign completed, notify completed");
  assert.ok(done.steps.every(({ startedAt, completedAt }) => startedAt >= done.startedAt && completedAt <= done.completedAt));
  const summary = "user: A human, please";
  assert.deepEqual(done.output, { summarize: summary, assign: agentId, notify: { notified: true } });
  assert.deepEqual(outside.notices.map(({ authorization, ...notice }) => notice), [{ conversationId, reason: "angry", summary, agentId }]);
  const conversation = await client.query(api.conversations.getConversation, { conversationId });
  assert.deepEqual([conversation.status, conversation.priority, conversation.agentId], ["escalated", "urgent", agentId]);
  const [said] = await client.query(api.messages.searchMessages, { searchTerm: "escalated to human agent" });
  assert.equal(said.content, "Conversation escalated to human agent. Reason: angry");

  await t.test("a step that fails is tried again, and what was done is not repeated", async () => {
    outside.fail("/notice", Infinity);
    const { workflowId: id } = await escalated(client);
    const get = () => client.query(api.workflows.get, { workflowId: id });
    const waiting = await until("a failure", async () => {
      const workflow = await get();
      return workflow.retries > 0 && workflow.steps[2].status === "pending" ? workflow : undefined;
    });
    assert.equal(shown(waiting), "summarize completed, assign completed, notify pending");
    assert.match(waiting.steps[2].error, /answered 503/);
    outside.fail("/notice", 0);
    await app.advance(MINUTE);
    const ended = await until("the success", async () => ((await get()).status === "completed" ? get() : undefined));
    assert.deepEqual(ended.steps.slice(0, 2), waiting.steps.slice(0, 2));
    assert.equal(ended.steps[2].error, undefined);
  });

  await t.test("after three more tries it has failed, until it is taken up by hand", async () => {
    outside.fail("/notice", 4);
    const { workflowId: id } = await escalated(client);
    const get = () => client.query(api.workflows.get, { workflowId: id });
    await assert.rejects(client.mutation(api.workflows.retry, { workflowId: id }), /Cannot retry a (pending|running) workflow/);
    for (let retries = 1; retries <= 3; retries += 1) {
      await until(`try ${retries}`, async () => (await get()).retries >= retries);
      await app.advance(SECOND * 2 ** retries);
    }
    const failed = await until("the end", async () => ((await get()).status === "failed" ? get() : undefined));
    assert.match(failed.error, /answered 503/);
    assert.equal(failed.retries, 3);
    assert.equal(shown(failed), "summarize completed, assign completed, notify failed");
    await client.mutation(api.workflows.retry, { workflowId: id });
    await until("the success", async () => (await get()).status === "completed");
    await assert.rejects(client.mutation(api.workflows.cancel, { workflowId: id }), /Cannot cancel a completed workflow/);
  });

  await t.test("one that is cancelled goes no further", async () => {
    const arrived = outside.hold("/notice");
    const { workflowId: id } = await escalated(client);
    const release = await arrived;
    await client.mutation(api.workflows.cancel, { workflowId: id });
    release();
    const after = await client.query(api.workflows.get, { workflowId: id });
    assert.equal(after.status, "cancelled");
    const listed = await client.query(api.workflows.list, { status: "cancelled", type: "escalation" });
    assert.deepEqual(listed.map(({ _id }) => _id), [id]);
    assert.equal((await client.query(api.workflows.list, { type: "escalation", limit: 2 })).length, 2);
  });

  await t.test("kill -9 in the middle of a step", async () => {
    const arrived = outside.hold("/notice");
    const { workflowId: id } = await escalated(client);
    await arrived;
    const notices = outside.notices.length;
    await app.restart();
    const again = app.http();
    const get = () => again.query(api.workflows.get, { workflowId: id });
    const before = await get();
    assert.equal(shown(before), "summarize completed, assign completed, notify running");
    // The cron takes it up once no action could still be running. The clock is that of the machine again.
    await app.advance(20 * MINUTE);
    await until("the cron", async () => (await get()).retries === 1 || (await get()).status === "completed");
    await app.advance(2 * SECOND);
    const ended = await until("the end", async () => ((await get()).status === "completed" ? get() : undefined));
    assert.deepEqual(ended.steps.slice(0, 2), before.steps.slice(0, 2));
    assert.equal(outside.notices.length, notices + 1);
  });
});

test("articles are found by what they mean", async (t) => {
  const app = await startComputerGuys(t);
  const client = app.http();
  const add = (type, title, content) =>
    client.action(api.knowledge.add, { type, title, content, metadata: { source: "manual", tags: [] } });
  const ids = {
    printer: await add("faq", "Printer does not print", "Check the cable of the printer and the toner."),
    laptop: await add("faq", "Laptop gets hot", "Clean the fan of the laptop."),
    toner: await add("product", "Toner for printers", "Black toner, fits every printer."),
    refunds: await add("policy", "Refunds", "Money back within thirty days."),
  };
  const { authorization, model, dimensions, encoding_format } = app.outside.embeddings[0];
  assert.deepEqual([authorization, model, dimensions, encoding_format], ["Bearer embedding-key", "text-embedding-3-small", 1536, "float"]);
  const search = async (query, more = {}) => (await client.action(api.knowledge.search, { query, ...more })).map(({ _id }) => _id);
  assert.deepEqual((await search("printer toner")).slice(0, 2).sort(), [ids.printer, ids.toner].sort());
  assert.deepEqual(await search("printer toner", { type: "product" }), [ids.toner]);
  assert.deepEqual(await search("money back", { limit: 1 }), [ids.refunds]);
  const [hit] = await client.action(api.knowledge.search, { query: "Laptop gets hot\n\nClean the fan of the laptop." });
  assert.ok(hit.score > 0.999 && hit.title === "Laptop gets hot" && hit.embedding === undefined, JSON.stringify(hit));

  // What is switched off is not found, with a type or without; what is changed is found by its new text.
  await client.mutation(api.knowledge.setActive, { id: ids.toner, active: false });
  assert.deepEqual(await search("toner", { type: "product" }), []);
  assert.ok(!(await search("toner")).includes(ids.toner));
  await client.mutation(api.knowledge.setActive, { id: ids.toner, active: true });
  const updated = await client.action(api.knowledge.update, { id: ids.refunds, content: "Vouchers only." });
  assert.deepEqual([updated.title, updated.content], ["Refunds", "Vouchers only."]);
  assert.deepEqual(await search("vouchers", { limit: 1 }), [ids.refunds]);

  const titles = async (args) => (await client.query(api.knowledge.list, args)).map(({ title }) => title);
  assert.deepEqual(await titles({ type: "faq" }), ["Laptop gets hot", "Printer does not print"]);
  assert.deepEqual(await titles({ active: false }), []);
  assert.deepEqual(await titles({ limit: 1 }), ["Refunds"]);
  await client.mutation(api.knowledge.remove, { id: ids.laptop });
  assert.equal(await client.query(api.knowledge.get, { id: ids.laptop }), null);
  assert.ok(!(await search("laptop")).includes(ids.laptop));

  await t.test("what is refused", async () => {
    const missing = { id: ids.laptop };
    await assert.rejects(client.mutation(api.knowledge.remove, missing), /Article not found/);
    await assert.rejects(client.mutation(api.knowledge.setActive, { ...missing, active: true }), /Article not found/);
    await assert.rejects(client.action(api.knowledge.update, { ...missing, title: "x" }), /Article not found/);
    await assert.rejects(client.action(api.knowledge.search, { query: " " }), /The query must not be empty/);
    await assert.rejects(client.action(api.knowledge.search, { query: "x", type: "song" }), /ArgumentValidationError/);
    app.outside.fail("/v1/embeddings", 1);
    await assert.rejects(search("printer"), ({ data }) => data.code === "EMBEDDING_FAILED" && /503/.test(data.message));
    const userId = await client.mutation(api.users.createUser, { email: "ada@example.org" });
    assert.equal((await exhaust(30, () => search("printer", { userId, limit: 1 }))).endpoint, "search");
    // From one address nobody searches more than 60 times a minute either, whoever it is.
    assert.equal((await exhaust(60, () => search("printer", { ipAddress: "10.0.0.1", limit: 1 }))).endpoint, "searchFrom");
    await search("printer", { ipAddress: "10.0.0.2" });
    // What a caller says of its address counts only where a proxy is trusted that it comes from.
    await app.set({ TRUSTED_PROXY_IPS: "10.9.9.9" });
    let count = 0;
    const elsewhere = () => search("printer", { ipAddress: `10.1.1.${(count += 1) % 250}`, limit: 1 });
    assert.equal((await exhaust(60, elsewhere)).endpoint, "searchFrom");
    await app.set({ TRUSTED_PROXY_IPS: "127.0.0.1" });
    await app.advance(MINUTE);
    assert.ok((await search("printer", { userId })).length > 0);
  });
});

test("migrations run in batches and go on where they were", async (t) => {
  const app = await startComputerGuys(t);
  const line = (n) => JSON.stringify({ email: `User${n}@Example.org`, emailVerified: false, role: "user", createdAt: n, updatedAt: n });
  app.write("users.jsonl", Array.from({ length: 250 }, (_, n) => line(n)).join("\n"));
  await app.fusion("import", "--table", "users", "users.jsonl");
  const run = async (args) => JSON.parse((await app.fusion("run", "migrations/normalizeEmails:run", JSON.stringify(args))).stdout);
  const left = async () => (await app.rows("users")).filter(({ email }) => email !== email.toLowerCase()).length;

  const dry = await run({ dryRun: true });
  assert.deepEqual([dry.status, dry.processed, dry.changed], ["pending", 100, 100]);
  assert.equal(await left(), 250);
  const first = await run({ oneBatch: true, batchSize: 40 });
  assert.deepEqual([first.status, first.processed, first.changed], ["running", 40, 40]);
  assert.equal(await left(), 210);
  // The server ends between two batches; the next run goes on, and each batch begins the next.
  await app.restart();
  const second = JSON.parse(await app.convex("run", "migrations/normalizeEmails:run", '{"batchSize":40}').then((output) => output.slice(output.indexOf("{"))));
  assert.equal(second.processed, 80);
  const status = async () => JSON.parse((await app.fusion("run", "migrations/status:list")).stdout);
  const [ended] = await until("the end", async () => {
    const all = await status();
    return all[0].status === "completed" ? all : undefined;
  });
  assert.deepEqual([ended.migration, ended.processed, ended.changed], ["migrations/normalizeEmails:run", 250, 250]);
  assert.equal(await left(), 0);
  assert.equal((await run({})).status, "completed");
  const again = await run({ restart: true, batchSize: 1_000 });
  assert.deepEqual([again.status, again.processed, again.changed], ["completed", 250, 0]);
  assert.equal((await app.http().query(api.users.getUserByEmail, { email: "user7@example.org" })).createdAt, 7);
  const { url, adminKey } = app.server;
  const logs = startFusion(t, app.folder, "logs", "--history", "--success", "--url", url, "--admin-key", adminKey);
  await logs.said("migrations/normalizeEmails:run: 250 documents seen, 250 changed");

  // Another one, of another table.
  const [user] = await app.rows("users");
  const old = { userId: user._id, status: "active", priority: "low", channel: "api", tags: [], createdAt: 1, updatedAt: 1 };
  app.write("conversations.jsonl", JSON.stringify(old));
  await app.fusion("import", "--table", "conversations", "conversations.jsonl");
  const [{ _id: conversationId }] = await app.rows("conversations");
  app.write("messages.jsonl", JSON.stringify({ conversationId, role: "user", content: "x", createdAt: 5 }));
  await app.fusion("import", "--table", "messages", "messages.jsonl");
  const done = JSON.parse((await app.fusion("run", "migrations/backfillLastMessage:run")).stdout);
  assert.deepEqual([done.status, done.changed], ["completed", 1]);
  assert.equal((await app.http().query(api.conversations.getConversation, { conversationId })).lastMessageAt, 5);
});

test("every table is exported and imported, by either command line", async (t) => {
  const app = await startComputerGuys(t, { by: "fusion", types: true });
  const client = app.http();
  const agentId = await client.mutation(api.agents.createAgent, human);
  const { userId, workflowId } = await escalated(client);
  await client.mutation(api.auth.createSession, { userId });
  await client.action(api.knowledge.add, { type: "faq", title: "Printer", content: "Toner", metadata: { source: "manual", tags: ["a"] } });
  await until("the workflow", async () => (await client.query(api.workflows.get, { workflowId })).status === "completed");

  await app.convex("export", "--path", "snapshot.zip");
  const entries = unzipped(path.join(app.folder, "snapshot.zip"));
  for (const table of TABLES) {
    await app.fusion("export", "--table", table, "--path", `${table}.jsonl`);
    const lines = readFileSync(path.join(app.folder, `${table}.jsonl`), "utf8");
    assert.ok(lines.length > 0, table);
    assert.equal(lines, entries[`${table}/documents.jsonl`]);
  }

  // One table after the other: the first half by one command line, the rest by the other.
  const other = await startComputerGuys(t, { by: "fusion" });
  assert.match(await other.push("convex"), /Deployed Convex functions/);
  for (const [at, table] of TABLES.entries()) {
    const args = ["import", "--table", table, "--replace", "--yes", path.join(app.folder, `${table}.jsonl`)];
    await (at < TABLES.length / 2 ? other.convex(...args) : other.fusion(...args));
  }
  for (const table of TABLES) assert.deepEqual(await other.rows(table), await app.rows(table), table);
  // The vector index is there, too.
  const [hit] = await other.http().action(api.knowledge.search, { query: "Toner" });
  assert.equal(hit.title, "Printer");
  assert.equal((await other.http().query(api.agents.getAvailableAgent, { type: "escalation" }))._id, agentId);
  app.write("wrong.jsonl", '{"name":"x"}');
  const { code, output } = await app.tryConvex("import", "--table", "agents", "--append", "--yes", "wrong.jsonl");
  assert.equal(code, 1);
  assert.match(output, /Object is missing the required field|missing/);
});
