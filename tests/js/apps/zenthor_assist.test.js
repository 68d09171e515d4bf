// zenthor-assist: who may call what, and what its users see.

import assert from "node:assert/strict";
import { test } from "node:test";
import { anyApi as api } from "convex/server";
import { callAsAdmin } from "../support/server.js";
import { until } from "../support/wait.js";
import { AGENT_SECRET, refused, sample, setEnvironment, startZenthor } from "../support/zenthor.js";

const spec = (server) => callAsAdmin(server, "_system/cli/modules:apiSpec");
/** Who is an administrator's business alone. */
const ADMINS = /^(agents:\w+|skills:\w+|contacts:(list|update)|users:list|plugins:(list(Definitions|Installs|Policies)|upsert(Install|Policy))|scheduledTasks:(list|get|update|remove))$/;
/** What needs no user known to the app. */
const OPEN = ["healthCheck:get", "users:getOrCreateFromClerk"];

test("conversations and messages", async (t) => {
  const z = await startZenthor(t);
  const [ada, bob] = [await z.user("ada"), await z.user("bob")];

  await t.test("a conversation is its user's alone", async () => {
    const id = await ada.mutation(api.conversations.create, {});
    const { title, channel, status, userId } = await ada.query(api.conversations.get, { id });
    assert.deepEqual([title, channel, status, userId], ["New chat", "web", "active", ada.id]);
    assert.equal(await bob.query(api.conversations.get, { id }), null);
    assert.equal(await bob.mutation(api.conversations.updateTitle, { id, title: "mine" }), null);
    assert.equal(await bob.mutation(api.conversations.archive, { id }), null);
    assert.equal(await bob.mutation(api.messages.send, { conversationId: id, content: "hello" }), null);
    assert.deepEqual(await bob.query(api.messages.listByConversation, { conversationId: id }), []);
    assert.deepEqual(await bob.query(api.conversations.listByUser, {}), []);
    assert.equal(await bob.query(api.agent.isProcessing, { conversationId: id }), false);
    assert.equal((await ada.query(api.conversations.get, { id })).title, "New chat");
    const named = await ada.mutation(api.conversations.create, { title: "Plans" });
    await ada.mutation(api.conversations.updateTitle, { id: named, title: "Better plans" });
    assert.deepEqual((await ada.query(api.conversations.listByUser, {})).map((one) => [one._id, one.title]), [
      [named, "Better plans"],
      [id, "New chat"],
    ]);
    await ada.mutation(api.conversations.archive, { id: named });
    assert.equal((await ada.query(api.conversations.get, { id: named })).status, "archived");
  });

  await t.test("the first message names a conversation, and each queues its answer", async () => {
    const conversationId = await ada.mutation(api.conversations.create, {});
    const long = "é".repeat(60);
    const first = await ada.mutation(api.messages.send, { conversationId, content: long });
    await ada.mutation(api.messages.send, { conversationId, content: "second" });
    assert.equal((await ada.query(api.conversations.get, { id: conversationId })).title, `${"é".repeat(50)}…`);
    const { role, content, status, channel } = await ada.query(api.messages.get, { id: first });
    assert.deepEqual([role, content, status, channel], ["user", long, "sent", "web"]);
    assert.equal(await bob.query(api.messages.get, { id: first }), null);
    const jobs = (await z.service.query(api.agent.getPendingJobs, {})).filter((job) => job.conversationId === conversationId);
    assert.deepEqual(jobs.map(({ status, attemptCount }) => [status, attemptCount]), [["pending", 0], ["pending", 0]]);
    assert.equal(jobs[0].messageId, first);
    assert.equal(await ada.query(api.agent.isProcessing, { conversationId }), true);
    const short = await ada.mutation(api.conversations.create, {});
    await ada.mutation(api.messages.send, { conversationId: short, content: "short" });
    assert.equal((await ada.query(api.conversations.get, { id: short })).title, "short");
  });

  await t.test("an answer grows before the eyes of its user until it is final", async () => {
    const conversationId = await ada.mutation(api.conversations.create, {});
    const seen = z.watch(api.messages.listByConversation, { conversationId }, "ada");
    const last = () => seen.at(-1)?.at(-1);
    await until("the empty list", () => seen.at(-1)?.length === 0);
    const messageId = await z.service.mutation(api.messages.createPlaceholder, { conversationId });
    const placeholder = await until("the placeholder", last);
    assert.deepEqual([placeholder._id, placeholder.role, placeholder.content, placeholder.streaming, placeholder.status], [messageId, "assistant", "", true, "pending"]);
    for (const content of ["An", "An answer"]) {
      await z.service.mutation(api.messages.updateStreamingContent, { messageId, content });
      await until(`the piece ${content}`, () => last().content === content);
    }
    const toolCalls = [{ name: "search", input: { words: ["a"] }, output: null }];
    await z.service.mutation(api.messages.finalizeMessage, { messageId, content: "An answer.", toolCalls });
    const final = await until("the end", () => last().streaming === false && last());
    assert.deepEqual([final.content, final.status, final.toolCalls], ["An answer.", "sent", toolCalls]);
    // What comes late changes nothing.
    await z.service.mutation(api.messages.updateStreamingContent, { messageId, content: "late" });
    await z.service.mutation(api.messages.failPlaceholder, { messageId });
    assert.equal((await ada.query(api.messages.get, { id: messageId })).content, "An answer.");
    const other = await z.service.mutation(api.messages.createPlaceholder, { conversationId });
    await z.service.mutation(api.messages.failPlaceholder, { messageId: other });
    assert.equal((await until("the failure", () => last()._id === other && last().streaming === false && last())).status, "failed");
  });

  await t.test("services write for users, assistants and the system", async () => {
    const conversationId = await z.service.mutation(api.conversations.getOrCreate, { channel: "web", userId: bob.id });
    assert.equal(await z.service.mutation(api.conversations.getOrCreate, { channel: "web", userId: bob.id }), conversationId);
    await z.service.mutation(api.messages.sendService, { conversationId, content: "asked", channel: "web" });
    await z.service.mutation(api.messages.addAssistantMessage, { conversationId, content: "answered" });
    await z.service.mutation(api.messages.addSummaryMessage, { conversationId, content: "in short" });
    const all = await bob.query(api.messages.listByConversation, { conversationId });
    assert.deepEqual(all.map(({ role, content }) => [role, content]), [["user", "asked"], ["assistant", "answered"], ["system", "in short"]]);
    await bob.mutation(api.conversations.archive, { id: conversationId });
    const next = await z.service.mutation(api.conversations.getOrCreate, { channel: "web", userId: bob.id });
    assert.notEqual(next, conversationId);
    const nothing = "Must provide userId for web or contactId for whatsapp";
    await refused(z.service.mutation(api.conversations.getOrCreate, { channel: "web" }), nothing);
    await refused(z.service.mutation(api.conversations.getOrCreate, { channel: "whatsapp", userId: bob.id }), nothing);
  });

  await t.test("recent conversations of all channels, the newest words first, live", async () => {
    const eve = await z.user("eve");
    const admin = await z.admin();
    const contactId = await z.service.mutation(api.contacts.create, { phone: "4915100000001", name: "Eve" });
    const whatsapp = await z.service.mutation(api.conversations.getOrCreate, { channel: "whatsapp", contactId });
    assert.equal(await z.service.mutation(api.conversations.getOrCreate, { channel: "whatsapp", contactId }), whatsapp);
    const seen = z.watch(api.conversations.listRecentWithLastMessage, {}, "eve");
    const now = () => seen.at(-1)?.map(({ _id, lastMessage }) => [_id, lastMessage?.content ?? null]);
    await until("nothing yet", () => now()?.length === 0);
    assert.equal(await eve.query(api.conversations.get, { id: whatsapp }), null);
    await admin.mutation(api.contacts.update, { id: contactId, userId: eve.id });
    await until("the conversation of her contact", () => now().length === 1);
    assert.equal((await eve.query(api.conversations.get, { id: whatsapp })).channel, "whatsapp");
    const web = await eve.mutation(api.conversations.create, {});
    await until("the web", () => now().length === 2);
    assert.deepEqual(now(), [[web, null], [whatsapp, null]]);
    await z.service.mutation(api.messages.sendService, { conversationId: whatsapp, content: "hi" });
    await until("the phone first", () => now()[0][1] === "hi");
    assert.deepEqual(now(), [[whatsapp, "hi"], [web, null]]);
    // One of WhatsApp is not put away from the web.
    await eve.mutation(api.conversations.archive, { id: whatsapp });
    await eve.mutation(api.conversations.archive, { id: web });
    await until("one left", () => now().length === 1);
    assert.deepEqual(now(), [[whatsapp, "hi"]]);
  });

  await t.test("tool approvals", async () => {
    const conversationId = await ada.mutation(api.conversations.create, {});
    await ada.mutation(api.messages.send, { conversationId, content: "delete it all" });
    const job = (await z.service.query(api.agent.getPendingJobs, {})).find((one) => one.conversationId === conversationId);
    const ask = () => z.service.mutation(api.toolApprovals.create, { conversationId, jobId: job._id, toolName: "rm", toolInput: { all: true }, channel: "web" });
    const [shown, asked] = [z.watch(api.toolApprovals.getPendingByConversation, { conversationId }, "ada"), z.watch(api.toolApprovals.getPendingByJob, { jobId: job._id, serviceKey: AGENT_SECRET })];
    const approvalId = await ask();
    const [pending] = await until("the question", () => shown.at(-1)?.length === 1 && shown.at(-1));
    assert.deepEqual([pending._id, pending.toolName, pending.toolInput, pending.status], [approvalId, "rm", { all: true }, "pending"]);
    await until("the job's question", () => asked.at(-1)?.length === 1);
    assert.equal(await bob.mutation(api.toolApprovals.resolve, { approvalId, status: "approved" }), null);
    assert.deepEqual(await bob.query(api.toolApprovals.getPendingByConversation, { conversationId }), []);
    assert.deepEqual(await ada.mutation(api.toolApprovals.resolve, { approvalId, status: "approved" }), pending);
    await until("no question any more", () => shown.at(-1).length === 0 && asked.at(-1).length === 0);
    assert.equal(await ada.mutation(api.toolApprovals.resolve, { approvalId, status: "rejected" }), null);
    const other = await ask();
    assert.equal((await z.service.query(api.toolApprovals.getPendingByConversationService, { conversationId })).length, 1);
    assert.equal((await z.service.mutation(api.toolApprovals.resolveService, { approvalId: other, status: "rejected" }))._id, other);
    assert.equal(await z.service.mutation(api.toolApprovals.resolveService, { approvalId: other, status: "approved" }), null);
    const all = await z.service.query(api.toolApprovals.getByJob, { jobId: job._id });
    assert.deepEqual(all.map(({ status, resolvedAt }) => [status, typeof resolvedAt]), [["approved", "number"], ["rejected", "number"]]);
  });
});

test("assistants, their skills and plugins, and the people around them", async (t) => {
  const z = await startZenthor(t);
  const [admin, ada] = [await z.admin(), await z.user("ada", { name: "Ada" })];

  await t.test("users and roles", async () => {
    assert.equal(await ada.mutation(api.users.getOrCreateFromClerk, { name: "Other" }), ada.id);
    const me = await ada.query(api.users.me, {});
    assert.deepEqual([me.user.name, me.user.email, me.role, me.isAdmin], ["Ada", "ada@example.org", "member", false]);
    assert.deepEqual(await ada.query(api.users.getCurrentUser, {}), me.user);
    assert.deepEqual(await ada.query(api.users.getByExternalId, { externalId: "ada" }), me.user);
    assert.equal(await ada.query(api.users.getByExternalId, { externalId: "root" }), null);
    assert.equal((await admin.query(api.users.me, {})).isAdmin, true);
    assert.equal((await admin.query(api.users.list, {})).length, 2);
    assert.deepEqual(await ada.query(api.privateData.get, {}), { message: "This is private to Ada" });
    // An address that nobody vouches for makes no administrator.
    const mallory = await z.user("mallory", { known: false, email: "" });
    await mallory.mutation(api.users.getOrCreateFromClerk, { name: "Mallory", email: "someone@example.org" });
    assert.equal((await mallory.query(api.users.me, {})).isAdmin, false);
    await refused(mallory.query(api.users.list, {}), "Forbidden");
  });

  await t.test("agents", async () => {
    const agent = { name: "helper", description: "helps", systemPrompt: "Help.", enabled: false };
    const first = await admin.mutation(api.agents.create, agent);
    assert.equal(await admin.query(api.agents.getDefault, {}), null);
    const second = await admin.mutation(api.agents.create, { ...agent, name: "writer", enabled: true, toolPolicy: { allow: ["search"] } });
    assert.equal((await admin.query(api.agents.getDefault, {}))._id, second);
    assert.equal(await admin.mutation(api.agents.update, { id: first, enabled: true, model: "small" }), first);
    const { _id, _creationTime, ...changed } = await admin.query(api.agents.get, { id: first });
    assert.deepEqual(changed, { ...agent, enabled: true, model: "small" });
    assert.equal((await admin.query(api.agents.getByName, { name: "writer" }))._id, second);
    assert.equal((await admin.query(api.agents.list, {})).length, 2);
    await admin.mutation(api.agents.remove, { id: second });
    await admin.mutation(api.agents.remove, { id: second });
    assert.equal(await admin.query(api.agents.get, { id: second }), null);
    assert.equal(await admin.mutation(api.agents.update, { id: second, enabled: true }), null);
    assert.equal(await admin.query(api.agents.getByName, { name: "writer" }), null);
  });

  await t.test("skills", async () => {
    assert.deepEqual(await admin.query(api.skills.list, {}), []);
    assert.deepEqual(await admin.mutation(api.skills.seedRecommended, {}), { created: 11, existing: 0, total: 11 });
    const own = await admin.query(api.skills.list, {});
    await admin.mutation(api.skills.update, { id: own[0]._id, name: own[0].name.toUpperCase() });
    await admin.mutation(api.skills.remove, { id: own[1]._id });
    assert.deepEqual(await admin.mutation(api.skills.seedRecommended, {}), { created: 1, existing: 10, total: 11 });
    const mine = await admin.mutation(api.skills.create, { name: "mine", description: "d", enabled: true, config: { toolPolicy: { deny: ["rm"] } } });
    await admin.mutation(api.skills.toggle, { id: mine });
    assert.equal((await admin.query(api.skills.getByName, { name: "mine" })).enabled, false);
    // Another administrator has their own, and what belongs to nobody becomes theirs.
    const other = await z.user("other", { email: "someone@example.org" });
    for (const [name, args] of [["toggle", {}], ["update", { enabled: true }], ["remove", {}]]) {
      assert.equal(await other.mutation(api.skills[name], { id: mine, ...args }), null, name);
    }
    await z.importRows("skills", [{ name: "old", description: "d", enabled: true }, { name: "older", description: "d", enabled: true }, { name: "oldest", description: "d", enabled: false }]);
    assert.deepEqual((await other.query(api.skills.list, {})).map(({ name }) => name), ["old", "older", "oldest"]);
    const old = await other.query(api.skills.getByName, { name: "old" });
    assert.equal(await other.mutation(api.skills.toggle, { id: old._id }), old._id);
    assert.deepEqual((await other.query(api.skills.list, {})).map(({ name }) => name), ["old"]);
    assert.equal(await admin.query(api.skills.getByName, { name: "old" }), null);

    // An agent gets the enabled ones of a conversation's owner, or else those of nobody.
    const contextOf = async (userId) => {
      const conversationId = await z.service.mutation(api.conversations.getOrCreate, { channel: "web", userId });
      return z.service.query(api.agent.getConversationContext, { conversationId });
    };
    assert.deepEqual((await contextOf(ada.id)).skills.map(({ name }) => name), ["older"]);
    assert.equal((await contextOf(admin.id)).skills.length, 11);
    const { conversation, user, contact, messages, agent } = await contextOf(ada.id);
    assert.deepEqual([conversation.userId, user._id, contact, messages, agent], [ada.id, ada.id, null, [], null]);
    assert.deepEqual(await other.mutation(api.skills.claimLegacy, {}), { adopted: 2 });
    assert.deepEqual((await contextOf(ada.id)).skills, []);
  });

  await t.test("contacts", async () => {
    const phone = "4915100000002";
    assert.equal(await z.service.query(api.contacts.getByPhone, { phone }), null);
    const id = await z.service.mutation(api.contacts.create, { phone, name: "Zoë" });
    assert.equal(await z.service.mutation(api.contacts.create, { phone, name: "Other", isAllowed: true }), id);
    assert.equal((await z.service.query(api.contacts.getByPhone, { phone })).isAllowed, false);
    assert.equal(await admin.mutation(api.contacts.update, { id, isAllowed: true }), id);
    const { name, isAllowed } = await z.service.query(api.contacts.getByPhone, { phone });
    assert.deepEqual([name, isAllowed], ["Zoë", true]);
    assert.equal((await admin.query(api.contacts.list, {})).length, 1);
  });

  await t.test("plugins and policies, in layers", async () => {
    const definition = { name: "search", version: "1", source: "builtin", status: "active", manifest: { tools: ["search"] } };
    const id = await z.service.mutation(api.plugins.upsertDefinition, definition);
    assert.equal(await z.service.mutation(api.plugins.upsertDefinition, { ...definition, version: "2", checksum: "c" }), id);
    await z.service.mutation(api.plugins.upsertDiagnostics, { name: "search", diagnosticStatus: "conflict", diagnosticMessages: ["twice"] });
    await z.service.mutation(api.plugins.upsertDiagnostics, { name: "unknown", diagnosticStatus: "invalid", diagnosticMessages: [] });
    assert.deepEqual(await z.service.query(api.plugins.listDiagnostics, {}), [{ name: "search", version: "2", diagnosticStatus: "conflict", diagnosticMessages: ["twice"] }]);
    assert.equal((await admin.query(api.plugins.listDefinitions, {}))[0].checksum, "c");

    const agentId = await admin.mutation(api.agents.create, { name: "a", description: "", systemPrompt: "", enabled: true });
    const scope = { workspaceScope: "default" };
    const install = (place, pluginName, config) => admin.mutation(api.plugins.upsertInstall, { ...scope, ...place, pluginName, enabled: true, config });
    const base = await install({}, "search", 1);
    assert.equal(await install({}, "search", 2), base);
    await install({ channel: "web" }, "search", 3);
    await install({ agentId }, "search", 4);
    await install({ agentId, channel: "web" }, "mail", 5);
    await install({ agentId, channel: "web" }, "search", 6);
    await admin.mutation(api.plugins.upsertInstall, { workspaceScope: "other", pluginName: "search", enabled: false });
    const effective = async (place) => Object.fromEntries((await z.service.query(api.plugins.getEffectiveInstallSet, { ...scope, ...place })).map(({ pluginName, config }) => [pluginName, config]));
    assert.deepEqual(await effective({}), { search: 2 });
    assert.deepEqual(await effective({ channel: "web" }), { search: 3 });
    assert.deepEqual(await effective({ channel: "whatsapp" }), { search: 2 });
    assert.deepEqual(await effective({ agentId }), { search: 4 });
    assert.deepEqual(await effective({ agentId, channel: "whatsapp" }), { search: 4 });
    assert.deepEqual(await effective({ agentId, channel: "web" }), { search: 6, mail: 5 });
    assert.equal((await admin.query(api.plugins.listInstalls, {})).length, 6);

    const policy = (place, rules) => admin.mutation(api.plugins.upsertPolicy, { ...scope, ...place, ...rules });
    const allowed = (place) => z.service.query(api.plugins.getEffectivePolicy, { ...scope, ...place });
    assert.deepEqual(await allowed({}), {});
    await policy({}, { allow: ["a"] });
    const first = await policy({}, { allow: ["a", "b", "c"] });
    assert.equal(await policy({}, { allow: ["a", "b", "c"], deny: ["x"] }), first);
    await policy({ channel: "web" }, { deny: ["y", "x"] });
    await policy({ agentId }, { allow: ["b", "c", "d"] });
    await policy({ agentId, channel: "web" }, { allow: ["c", "b"], deny: ["z"] });
    assert.deepEqual(await allowed({}), { allow: ["a", "b", "c"], deny: ["x"] });
    assert.deepEqual(await allowed({ channel: "web" }), { allow: ["a", "b", "c"], deny: ["x", "y"] });
    assert.deepEqual(await allowed({ agentId }), { allow: ["b", "c"], deny: ["x"] });
    assert.deepEqual(await allowed({ agentId, channel: "web" }), { allow: ["b", "c"], deny: ["x", "y", "z"] });
    assert.deepEqual(await z.service.query(api.plugins.getEffectivePolicy, { workspaceScope: "nowhere" }), {});
    assert.equal((await admin.query(api.plugins.listPolicies, {})).length, 4);
  });

  await t.test("memories", async () => {
    const vector = (angle) => Array.from({ length: 1536 }, (_, at) => [Math.cos(angle), Math.sin(angle)][at] ?? 0);
    const conversationId = await z.service.mutation(api.conversations.getOrCreate, { channel: "web", userId: ada.id });
    const store = (content, angle, more = {}) => z.service.action(api.memories.store, { content, embedding: vector(angle), source: "manual", ...more });
    await store("near", 0.1);
    await store("far", 2);
    const said = await store("said here", 0.5, { source: "conversation", conversationId });
    const search = (args) => z.service.action(api.memories.search, { embedding: vector(0), ...args });
    const all = await search({});
    assert.deepEqual(all.map(({ content }) => content), ["near", "said here", "far"]);
    for (const [at, angle] of [0.1, 0.5, 2].entries()) assert.ok(Math.abs(all[at].score - Math.cos(angle)) < 1e-4, JSON.stringify(all[at]));
    assert.deepEqual((await search({ limit: 1 })).map(({ content }) => content), ["near"]);
    assert.deepEqual(await search({ conversationId }), [{ id: said, content: "said here", source: "conversation", score: all[1].score }]);
    assert.deepEqual((await z.service.query(api.memories.listByConversation, { conversationId })).map(({ _id }) => _id), [said]);
    await z.run("memories:removeMemory", { id: said });
    assert.deepEqual((await search({})).map(({ content, score }) => [content, score]), [["near", all[0].score], ["far", all[2].score]]);
    const message = "An embedding has 1536 dimensions, not 2";
    await refused(z.service.action(api.memories.search, { embedding: [1, 2] }), message);
    await refused(z.service.action(api.memories.store, { content: "", embedding: [1, 2], source: "manual" }), message);
  });

  await t.test("migrations, by the command line", async () => {
    await z.importRows("users", [{ externalId: "old", name: "Old", email: "someone@example.org", status: "active", createdAt: 1, updatedAt: 1 }]);
    await z.importRows("skills", [{ name: "lost", description: "d", enabled: true }]);
    const roles = JSON.parse(await z.run("migrations:backfillUserRoles"));
    assert.equal(roles.updated, 1);
    assert.equal((await z.table("users")).find(({ externalId }) => externalId === "old").role, "admin");
    assert.deepEqual(JSON.parse(await z.run("migrations:backfillUserRoles")), { updated: 0, total: roles.total });
    const skills = JSON.parse(await z.run("migrations:backfillSkillOwners", { ownerUserId: ada.id }));
    assert.equal(skills.updated, 1);
    assert.equal((await z.table("skills")).find(({ name }) => name === "lost").ownerUserId, ada.id);
  });
});

test("who may call what, of all that there is", async (t) => {
  const z = await startZenthor(t);
  const [admin, ada, stranger] = [await z.admin(), await z.user("ada"), await z.user("stranger", { known: false })];
  const ids = { users: ada.id };
  ids.contacts = await z.service.mutation(api.contacts.create, { phone: "4915100000003", name: "C" });
  ids.agents = await admin.mutation(api.agents.create, { name: "a", description: "", systemPrompt: "", enabled: true });
  ids.skills = await admin.mutation(api.skills.create, { name: "s", description: "", enabled: true });
  ids.conversations = await ada.mutation(api.conversations.create, {});
  ids.messages = await ada.mutation(api.messages.send, { conversationId: ids.conversations, content: "hello" });
  ids.agentQueue = (await z.service.query(api.agent.getPendingJobs, {}))[0]._id;
  ids.toolApprovals = await z.service.mutation(api.toolApprovals.create, { conversationId: ids.conversations, jobId: ids.agentQueue, toolName: "t", toolInput: null, channel: "web" });
  ids.outboundMessages = await z.service.mutation(api.delivery.enqueueOutbound, { channel: "web", conversationId: ids.conversations, messageId: ids.messages, content: "hello" });
  ids.scheduledTasks = await z.service.mutation(api.scheduledTasks.create, { name: "t", intervalMs: 1e9, payload: "p", enabled: true });
  const before = await Promise.all(Object.keys(ids).map((table) => z.table(table)));

  const functions = (await spec(z.server))
    .filter(({ visibility }) => visibility?.kind === "public")
    .map(({ identifier, functionType, args }) => ({ name: identifier.replace(".js:", ":"), kind: functionType.toLowerCase(), args: sample(args, ids), service: "serviceKey" in args.value }));
  const call = (client, { name, kind, args }, more = {}) => client[kind](api[name.split(":")[0]][name.split(":")[1]], { ...args, ...more });
  const of = (group) => functions.filter(group);
  const services = of(({ service }) => service);
  const users = of(({ service, name }) => !service && !OPEN.includes(name));
  assert.ok(services.length > 50 && users.length > 40, `${services.length} ${users.length}`);

  for (const one of services) {
    for (const client of [z.anybody, ada, admin]) await refused(call(client, one), "Forbidden");
    for (const serviceKey of ["", "the agents' secres", `${AGENT_SECRET} `]) await refused(call(z.anybody, one, { serviceKey }), "Forbidden");
  }
  for (const one of users) {
    await refused(call(z.anybody, one), "Not authenticated");
    await refused(call(stranger, one), "User not found");
    if (ADMINS.test(one.name)) await refused(call(ada, one), "Forbidden");
  }
  await refused(z.anybody.mutation(api.users.getOrCreateFromClerk, { name: "nobody" }), "Not authenticated");
  assert.deepEqual(await Promise.all(Object.keys(ids).map((table) => z.table(table))), before);
  // A token of another issuer is none.
  const forged = await z.user("ada", { known: false });
  forged.setAuth(z.issuer.token("ada", { signingKey: z.issuer.foreignKey() }));
  await assert.rejects(forged.query(api.users.me, {}));
  // Internal functions are nobody's.
  await assert.rejects(z.anybody.mutation(api.agent.requeueStaleJobs, {}), /Could not find public function/);

  // Without a secret nobody is a service, whatever they say.
  for (const secret of [undefined, ""]) {
    await setEnvironment(z.server, { AGENT_SECRET: secret });
    for (const serviceKey of [undefined, "", AGENT_SECRET]) {
      await refused(z.anybody.query(api.agent.getPendingJobs, serviceKey === undefined ? {} : { serviceKey }), "Forbidden");
    }
  }
});
