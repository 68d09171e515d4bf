// Computer Guys: users, conversations and agents of a support desk, through the functions that its clients call.

import assert from "node:assert/strict";
import { test } from "node:test";
import { anyApi as api } from "convex/server";
import { exhaust, startComputerGuys } from "../support/computer_guys.js";
import { callAsAdmin, connectClient } from "../support/server.js";
import { until } from "../support/wait.js";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

const modelConfig = { provider: "openrouter", model: "m", temperature: 0.2, maxTokens: 100, systemPrompt: "Help." };
const newAgent = (name, more = {}) => ({ name, type: "support", capabilities: ["chat"], tools: [], modelConfig, ...more });

/** What a query gives, one result after another. */
function watch(client, query, args) {
  const seen = [];
  client.onUpdate(query, args, (value) => seen.push(value));
  return seen;
}

const code = (wanted) => (error) => error.data?.code === wanted;

test("users, their addresses and their tokens", async (t) => {
  const app = await startComputerGuys(t);
  const client = app.http();
  const userId = await client.mutation(api.users.createUser, { email: " Ada@Example.org ", name: "Ada", customerId: "c1" });
  await assert.rejects(client.mutation(api.users.createUser, { email: "ada@example.org" }), /User with this email already exists/);
  await assert.rejects(client.mutation(api.users.createUser, { email: "nobody" }), /Invalid email address/);
  const ada = await client.query(api.users.getUserByEmail, { email: "ADA@example.org" });
  const { _id, _creationTime, createdAt, updatedAt, ...rest } = ada;
  assert.deepEqual(rest, { email: "ada@example.org", name: "Ada", customerId: "c1", role: "user", emailVerified: false, status: "active" });
  assert.equal(_id, userId);
  assert.deepEqual(await client.query(api.users.getUser, { userId }), ada);
  assert.deepEqual(await client.query(api.users.getUserById, { userId }), ada);
  assert.equal(await client.query(api.users.getUserByEmail, { email: "bob@example.org" }), null);
  assert.equal(await client.query(api.users.getUserCount, {}), 1);

  const preferences = { notifications: true, language: "de", timezone: "Europe/Berlin" };
  const patched = await client.mutation(api.users.updateUser, { userId, updates: { name: "Ada L.", preferences, metadata: { any: [1] } } });
  assert.deepEqual([patched.name, patched.preferences, patched.metadata], ["Ada L.", preferences, { any: [1] }]);
  await assert.rejects(client.mutation(api.users.updateUser, { userId, updates: { preferences: { language: "de" } } }), /ArgumentValidationError/);
  await assert.rejects(client.mutation(api.users.updateUser, { userId, updates: { role: "admin" } }), /ArgumentValidationError/);
  assert.equal(await client.mutation(api.users.updateLastActive, { userId }), null);
  assert.ok((await client.query(api.users.getUser, { userId })).lastActive > 0);

  await t.test("a token verifies once, for a day, and nobody is told", async () => {
    const { token, expiry } = await client.mutation(api.users.generateVerificationToken, { userId });
    assert.match(token, /^[\w-]{43}$/);
    assert.ok(Math.abs(expiry - app.now() - DAY) < HOUR);
    assert.equal((await client.query(api.users.getUser, { userId })).verificationToken, undefined);
    const again = await client.mutation(api.users.generateVerificationToken, { userId });
    assert.notEqual(again.token, token);
    await assert.rejects(client.mutation(api.users.verifyEmail, { token }), /Invalid verification token/);
    assert.deepEqual(await client.mutation(api.users.verifyEmail, { token: again.token }), { success: true, userId });
    assert.equal((await client.query(api.users.getUser, { userId })).emailVerified, true);
    await assert.rejects(client.mutation(api.users.verifyEmail, { token: again.token }), /Invalid verification token/);
    const made = { userId, token: "made-elsewhere", type: "email", expiresAt: app.now() + MINUTE };
    assert.equal(await client.mutation(api.users.createVerificationToken, made), null);
    await app.advance(2 * MINUTE);
    await assert.rejects(client.mutation(api.users.verifyEmail, { token: "made-elsewhere" }), /Verification token has expired/);
  });

  await t.test("lists, telephone numbers, attempts to sign in", async () => {
    for (const name of ["b", "c"]) await client.mutation(api.users.createUser, { email: `${name}@example.org` });
    const emails = async (args) => (await client.query(api.users.listUsers, args)).map(({ email }) => email);
    assert.deepEqual(await emails({}), ["c@example.org", "b@example.org", "ada@example.org"]);
    assert.deepEqual(await emails({ limit: 1 }), ["c@example.org"]);
    assert.deepEqual(await emails({ role: "admin" }), []);
    assert.equal(await client.query(api.users.getUserByPhone, { phone: "+49 1" }), null);
    assert.equal(await client.mutation(api.users.trackLoginAttempt, { userId, success: true, ip: "10.0.0.1" }), null);
    const [row] = await app.rows("users");
    assert.deepEqual(row.loginAttempts.map(({ success, ip }) => [success, ip]), [[true, "10.0.0.1"]]);
    assert.equal((await client.query(api.users.getUser, { userId })).loginAttempts, undefined);
  });

  await t.test("sessions of the API server", async () => {
    const session = { userId, sessionId: "jwt-1", ip: "10.0.0.1", userAgent: "x", expiresAt: app.now() + HOUR };
    assert.equal(await client.mutation(api.users.createSession, session), null);
    assert.equal((await client.query(api.users.getSession, { sessionId: "jwt-1" })).userId, userId);
    assert.equal(await client.mutation(api.users.invalidateSession, { sessionId: "jwt-1" }), null);
    assert.equal(await client.query(api.users.getSession, { sessionId: "jwt-1" }), null);
  });

  await t.test("who is deleted leaves the address to others", async () => {
    const conversationId = await client.mutation(api.conversations.createConversation, { userId, channel: "web" });
    const { token } = await client.mutation(api.auth.createSession, { userId });
    assert.deepEqual(await client.mutation(api.users.deleteUser, { userId }), { success: true });
    const gone = await client.query(api.users.getUser, { userId });
    assert.match(gone.email, /^deleted_\d+_ada@example\.org$/);
    assert.deepEqual([gone.emailVerified, gone.status], [false, "deleted"]);
    assert.equal((await client.query(api.conversations.getConversation, { conversationId })).status, "archived");
    assert.deepEqual(await client.query(api.auth.validateSession, { token }), { valid: false, reason: "Session not found" });
    await client.mutation(api.users.createUser, { email: "ada@example.org" });
    const stranger = conversationId;
    await assert.rejects(client.mutation(api.users.deleteUser, { userId: stranger }), /ArgumentValidationError/);
  });

  const [removed] = await app.rows("users");
  await app.empty("users");
  for (const call of [
    () => client.mutation(api.users.deleteUser, { userId: removed._id }),
    () => client.mutation(api.users.updateUser, { userId: removed._id, updates: {} }),
    () => client.mutation(api.users.generateVerificationToken, { userId: removed._id }),
    () => client.mutation(api.auth.createSession, { userId: removed._id }),
    () => client.mutation(api.conversations.createConversation, { userId: removed._id, channel: "web" }),
  ]) {
    await assert.rejects(call(), /User not found/);
  }
});

test("signing in by e-mail, and what becomes of sessions", async (t) => {
  const app = await startComputerGuys(t);
  const { mails } = app.outside;
  const client = app.http();
  const login = (args) => client.action(api.auth.login, args);

  assert.deepEqual(await login({ email: "ada@example.org" }), { success: true, requiresVerification: true, message: "Verification code sent to email" });
  const mail = await until("the mail", () => mails[0]);
  assert.deepEqual([mail.to, mail.authorization], ["ada@example.org", "Bearer mail-key"]);
  const [, verificationCode] = mail.text.match(/code is ([\w-]{43})\n/);
  await assert.rejects(login({ email: "ada@example.org", verificationCode: "wrong" }), code("INVALID_CODE"));
  const { session, ...said } = await login({ email: "ada@example.org", verificationCode });
  assert.deepEqual(said, { success: true, requiresVerification: false });
  assert.ok(Math.abs(session.expiresAt - app.now() - HOUR) < 10 * MINUTE);
  assert.ok(Math.abs(session.refreshExpiresAt - app.now() - 7 * DAY) < HOUR);
  await assert.rejects(login({ email: "ada@example.org", verificationCode }), code("INVALID_CODE"));
  // Nobody sees the code in the workflow that sends it.
  const flows = await client.query(api.workflows.list, { type: "verification" });
  assert.ok(!JSON.stringify(flows).includes(verificationCode));

  const live = watch(connectClient(t, app.server), api.auth.validateSession, { token: session.token });
  await until("the session", () => live.at(-1)?.valid);
  const { user, session: shown } = live.at(-1);
  assert.deepEqual([user.email, user.emailVerified, shown._id], ["ada@example.org", true, session.sessionId]);
  assert.deepEqual([shown.token, shown.refreshToken], [undefined, undefined]);
  assert.equal(await client.mutation(api.auth.updateSessionActivity, { token: session.token }), null);

  const fresh = await client.mutation(api.auth.refreshSession, { refreshToken: session.refreshToken });
  await until("the old token to be refused", () => live.at(-1).reason === "Session not found");
  await assert.rejects(client.mutation(api.auth.refreshSession, { refreshToken: session.refreshToken }), /Invalid refresh token/);
  const validity = async (token) => (await client.query(api.auth.validateSession, { token })).reason ?? "valid";
  assert.equal(await validity(fresh.token), "valid");
  const userId = user._id;
  const second = await client.mutation(api.auth.createSession, { userId, ipAddress: "10.0.0.1", userAgent: "x" });
  const sessions = await client.query(api.auth.getUserSessions, { userId });
  assert.deepEqual(sessions.map(({ userAgent, token, refreshToken }) => [userAgent, token, refreshToken]), [[undefined, undefined, undefined], ["x", undefined, undefined]]);
  assert.deepEqual(await client.mutation(api.auth.logout, { token: second.token }), { success: true });
  assert.equal(await validity(second.token), "Session not found");

  await app.advance(HOUR + MINUTE);
  assert.equal(await validity(fresh.token), "Session expired");
  const third = await client.mutation(api.auth.refreshSession, { refreshToken: fresh.refreshToken });
  assert.equal(await validity(third.token), "valid");
  assert.deepEqual(await client.mutation(api.auth.cleanExpiredSessions, {}), { deleted: 0 });
  assert.deepEqual(await client.mutation(api.auth.revokeAllUserSessions, { userId }), { revoked: 1 });

  // A session that nobody refreshes is refused after a week, and the cron removes it.
  const last = await client.mutation(api.auth.createSession, { userId });
  await app.advance(7 * DAY - HOUR / 2);
  assert.equal((await app.rows("sessions")).length, 1);
  await app.advance(HOUR / 2);
  await assert.rejects(client.mutation(api.auth.refreshSession, { refreshToken: last.refreshToken }), /Refresh token expired|Invalid refresh token/);
  await app.advance(HOUR);
  await until("the cron", async () => (await app.rows("sessions")).length === 0);

  await t.test("the link in the mail", async () => {
    await login({ email: "bob@example.org" });
    const [link] = (await until("bob's mail", () => mails.find(({ to }) => to === "bob@example.org"))).text.match(/http\S+/);
    assert.equal((await fetch(link)).status, 200);
    assert.equal((await client.query(api.users.getUserByEmail, { email: "bob@example.org" })).emailVerified, false);
    assert.equal((await fetch(link, { method: "POST" })).status, 200);
    assert.equal((await client.query(api.users.getUserByEmail, { email: "bob@example.org" })).emailVerified, true);
    assert.equal((await fetch(link, { method: "POST" })).status, 400);
    assert.deepEqual(await (await fetch(`${app.server.siteUrl}/health`)).json(), { status: "healthy", users: 2 });
  });

  await t.test("the original's way without a code is to be asked for", async () => {
    assert.equal((await login({ email: "bob@example.org" })).requiresVerification, true);
    await app.set({ LOGIN_WITHOUT_CODE: "true" });
    assert.equal((await login({ email: "bob@example.org" })).requiresVerification, false);
    assert.equal((await login({ email: "new@example.org" })).requiresVerification, true);
  });

  await t.test("guessing is limited, for each user", async () => {
    const guess = (email) => login({ email, verificationCode: "guess" }).catch(({ data }) => data);
    const answers = [];
    for (let n = 0; n < 11; n += 1) answers.push((await guess("eve@example.org").then((data) => data.code ?? "new")));
    assert.equal(answers.at(-1), "RATE_LIMITED");
    const { retryAfterMs, message } = await guess("eve@example.org");
    assert.ok(retryAfterMs > 0 && retryAfterMs <= 15 * MINUTE, message);
    assert.notEqual((await guess("other@example.org")).code, "RATE_LIMITED");
    await app.advance(15 * MINUTE);
    assert.notEqual((await guess("eve@example.org")).code, "RATE_LIMITED");
  });
});

test("conversations and messages, live", async (t) => {
  const app = await startComputerGuys(t);
  const client = app.http();
  const userId = await client.mutation(api.users.createUser, { email: "ada@example.org" });
  const metadata = { source: "site", ipAddress: "10.0.0.1" };
  const conversationId = await client.mutation(api.conversations.createConversation, { userId, title: "My printer", channel: "web", metadata });
  const conversation = await client.query(api.conversations.getConversation, { conversationId });
  assert.deepEqual([conversation.status, conversation.priority, conversation.tags, conversation.metadata], ["active", "medium", [], metadata]);

  const live = watch(connectClient(t, app.server), api.messages.subscribeToMessages, { conversationId });
  await until("the welcome", () => live.at(-1)?.[0]?.role === "system");
  const tokens = { prompt: 1, completion: 2, total: 3 };
  const first = await client.mutation(api.messages.sendMessage, {
    conversationId,
    role: "user",
    content: "It does not print",
    attachments: [{ type: "image/png", url: "https://example.org/a.png", name: "a.png", size: 3 }],
  });
  const agentId = await client.mutation(api.agents.createAgent, newAgent("Pat"));
  const answer = { conversationId, content: "Is it on?", agentId, agentName: "Pat", confidence: 0.9, intent: "help", metadata: { tokens, cost: 0.5 } };
  await client.mutation(api.messages.sendAgentMessage, answer);
  await client.mutation(api.messages.addToolCallMessage, { conversationId, toolName: "ping", toolInput: { host: "p" }, toolOutput: [1], duration: 5 });
  const toolCalls = [{ id: "1", type: "function", function: { name: "ping", arguments: "{}" } }];
  await client.mutation(api.messages.sendMessage, { conversationId, role: "assistant", content: "Done", metadata: { toolCalls, model: "m" } });
  await until("all of them", () => live.at(-1).length === 5);
  assert.deepEqual(live.at(-1).map(({ role }) => role), ["system", "user", "assistant", "tool", "assistant"]);
  assert.deepEqual(live.at(-1)[2].agentMetadata, { agentId, agentName: "Pat", confidence: 0.9, intent: "help" });
  assert.deepEqual(live.at(-1)[3].metadata, { latency: 5, toolCalls: [{ name: "ping", input: { host: "p" }, output: [1] }] });
  assert.equal((await client.query(api.conversations.getConversation, { conversationId })).agentId, agentId);

  await client.mutation(api.messages.editMessage, { messageId: first, content: "It does not print at all" });
  await until("the edit", () => live.at(-1)[1].content === "It does not print at all" && live.at(-1)[1].editedAt);
  await client.mutation(api.messages.deleteMessage, { messageId: first });
  await until("the removal", () => live.at(-1).length === 4);
  await assert.rejects(client.mutation(api.messages.editMessage, { messageId: first, content: "x" }), /Cannot edit deleted message/);
  assert.deepEqual(await client.query(api.messages.getMessageStats, { conversationId }), {
    total: 5,
    byRole: { system: 1, user: 1, assistant: 2, tool: 1 },
    withAttachments: 1,
    edited: 1,
    deleted: 1,
    totalTokens: 3,
    totalCost: 0.5,
  });

  // Pages backwards, the newest without those deleted.
  const all = await client.query(api.messages.getMessages, { conversationId });
  assert.equal(all.length, 4);
  const page = await client.query(api.messages.getMessages, { conversationId, limit: 2, beforeTimestamp: all[3].createdAt });
  assert.deepEqual(page.map(({ _id }) => _id), [all[1]._id, all[2]._id]);
  assert.equal((await client.query(api.messages.getLatestMessage, { conversationId })).content, "Done");
  assert.equal((await client.query(api.messages.getMessage, { messageId: first })).deletedAt > 0, true);
  await client.mutation(api.messages.sendMessage, { conversationId, role: "user", content: "print" });
  await client.mutation(api.messages.sendMessage, { conversationId, role: "user", content: "It should PRINT now" });
  const search = async (args) => (await client.query(api.messages.searchMessages, args)).map(({ content }) => content);
  assert.deepEqual(await search({ searchTerm: "print" }), ["print", "It should PRINT now"]);
  assert.deepEqual(await search({ searchTerm: "print", role: "assistant" }), []);
  assert.deepEqual(await search({ searchTerm: "print", conversationId, limit: 1 }), ["print"]);
  const newest = await client.query(api.messages.getLatestMessage, { conversationId });
  await client.mutation(api.messages.deleteMessage, { messageId: newest._id });
  assert.equal(await client.query(api.messages.getLatestMessage, { conversationId }), null);

  const other = await client.mutation(api.conversations.createConversation, { userId, channel: "whatsapp" });
  const whatsApp = () => client.query(api.conversations.getActiveWhatsAppConversation, { userId, phoneNumber: "+49 1" });
  assert.equal((await whatsApp())._id, other);
  const resolved = await client.mutation(api.conversations.updateConversation, { conversationId: other, updates: { status: "resolved", tags: ["x"] } });
  assert.ok(resolved.resolvedAt >= resolved.createdAt);
  assert.equal(await whatsApp(), null);
  const titles = async (args) => (await client.query(api.conversations.searchConversations, args)).map(({ title }) => title ?? "");
  assert.deepEqual(await titles({ searchTerm: "PRINTER" }), ["My printer"]);
  assert.deepEqual(await titles({ channel: "whatsapp" }), [""]);
  assert.deepEqual(await titles({ status: "active", startDate: conversation.createdAt, endDate: conversation.createdAt }), ["My printer"]);
  const ids = async (args) => (await client.query(api.conversations.getUserConversations, args)).map(({ _id }) => _id);
  assert.deepEqual(await ids({ userId }), [other, conversationId]);
  assert.deepEqual(await ids({ userId, status: "resolved" }), [other]);
  assert.deepEqual(await client.mutation(api.conversations.archiveConversation, { conversationId }), { success: true });
  const stats = await client.query(api.conversations.getConversationStats, { userId });
  const { avgResolutionTime, ...counts } = stats;
  assert.deepEqual(counts, { total: 2, active: 0, resolved: 1, escalated: 0, archived: 1, byChannel: { web: 1, whatsapp: 1 }, byPriority: { medium: 2 } });
  assert.equal(avgResolutionTime, resolved.resolvedAt - resolved.createdAt);
  assert.equal((await client.query(api.conversations.getConversationStats, { agentId })).total, 1);
  assert.equal((await client.query(api.conversations.getConversationStats, { endDate: 1 })).total, 0);

  await client.mutation(api.conversations.deleteConversation, { conversationId });
  await until("no message", () => live.at(-1).length === 0);
  await t.test("what is not there, and what does not fit", async () => {
    await app.empty("messages");
    await assert.rejects(client.mutation(api.messages.editMessage, { messageId: first, content: "x" }), /Message not found/);
    await assert.rejects(client.mutation(api.messages.deleteMessage, { messageId: first }), /Message not found/);
    await app.empty("conversations");
    const missing = { conversationId };
    for (const call of [
      () => client.mutation(api.conversations.escalateConversation, missing),
      () => client.mutation(api.conversations.deleteConversation, missing),
      () => client.mutation(api.conversations.archiveConversation, missing),
      () => client.mutation(api.conversations.updateConversation, { ...missing, updates: {} }),
      () => client.mutation(api.messages.sendMessage, { ...missing, role: "user", content: "x" }),
    ]) {
      await assert.rejects(call(), /Conversation not found/);
    }
    assert.equal(await client.query(api.conversations.getConversation, missing), null);
    await assert.rejects(client.mutation(api.conversations.createConversation, { userId, channel: "fax" }), /ArgumentValidationError/);
    await assert.rejects(client.mutation(api.messages.sendMessage, { conversationId: userId, role: "user", content: "x" }), /ArgumentValidationError/);
  });

  await t.test("a user's messages are limited, not those of others", async () => {
    const [chat, bobs] = await Promise.all(
      ["ada2@example.org", "bob@example.org"].map(async (email) => {
        const id = await client.mutation(api.users.createUser, { email });
        return client.mutation(api.conversations.createConversation, { userId: id, channel: "web" });
      }),
    );
    const socket = connectClient(t, app.server);
    const send = (to, role = "user") => socket.mutation(api.messages.sendMessage, { conversationId: to, role, content: "x" });
    assert.equal((await exhaust(60, () => send(chat))).endpoint, "sendMessage");
    await send(bobs);
    await send(chat, "assistant");
    await app.advance(MINUTE);
    await send(chat);
    // Windows that are over are removed by the cron.
    await app.advance(2 * HOUR);
    await until("the cron", async () => (await app.rows("rateLimits")).length === 0);
  });
});

test("agents: who is available, and how they do", async (t) => {
  const app = await startComputerGuys(t);
  const client = app.http();
  const userId = await client.mutation(api.users.createUser, { email: "ada@example.org" });
  const conversationId = await client.mutation(api.conversations.createConversation, { userId, channel: "web" });
  const create = (name, more) => client.mutation(api.agents.createAgent, newAgent(name, more));
  const available = async (args) => (await client.query(api.agents.getAvailableAgent, { type: "support", ...args }))?.name ?? null;
  const rate = (agentId, escalated, more = {}) =>
    client.mutation(api.agents.updateAgentMetrics, { agentId, conversationId, responseTime: 10, escalated, ...more });
  assert.equal(await available(), null);
  const often = await create("Often");
  const never = await create("Never");
  await create("New");
  await rate(often, true);
  await rate(often, false, { responseTime: 20, satisfaction: 4 });
  // One who never escalates is the best there is.
  await rate(never, false);
  assert.equal(await available(), "Never");
  const { metrics } = await client.query(api.agents.getAgent, { agentId: often });
  assert.deepEqual(metrics, { totalConversations: 2, avgResponseTime: 15, avgSatisfaction: 2, escalationRate: 50 });

  const specialization = { products: [], categories: ["billing"], languages: ["de"] };
  await client.mutation(api.agents.updateAgent, { agentId: never, updates: { specialization } });
  assert.equal(await available({ category: "billing", language: "de" }), "Never");
  assert.equal(await available({ category: "printers" }), "Often");
  const updated = await client.mutation(api.agents.updateAgent, { agentId: often, updates: { status: "inactive" } });
  assert.equal(updated.status, "inactive");
  assert.equal(await available({ category: "printers" }), "New");
  await client.mutation(api.agents.deleteAgent, { agentId: never });
  assert.equal(await available({ category: "billing" }), "New");
  assert.equal(await available({ type: "sales" }), null);
  const names = async (args) => (await client.query(api.agents.getAgents, args)).map(({ name }) => name);
  assert.deepEqual(await names({}), ["Often", "Never", "New"]);
  assert.deepEqual(await names({ status: "active" }), ["New"]);
  assert.deepEqual(await names({ type: "support", status: "inactive" }), ["Often", "Never"]);
  await app.empty("agents");
  await assert.rejects(rate(often, true), /Agent not found/);
  await assert.rejects(client.mutation(api.agents.updateAgent, { agentId: often, updates: {} }), /Agent not found/);
  await assert.rejects(client.mutation(api.agents.deleteAgent, { agentId: often }), /Agent not found/);

  await t.test("nobody learns the secrets of the environment", async () => {
    const secrets = ["OPENROUTER_API_KEY", "TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN", "JWT_SECRET"];
    const check = await client.action(api.env.validateEnvironment, {});
    assert.deepEqual([check.valid, check.missing, check.present], [false, secrets.slice(1), ["OPENROUTER_API_KEY"]]);
    const config = await client.action(api.env.getConfig, {});
    assert.deepEqual([config.OPENROUTER_API_KEY, config.JWT_SECRET], ["********", null]);
    assert.deepEqual(await client.action(api.env.getApiKeys, {}), Object.fromEntries(secrets.map((name) => [name, name === "OPENROUTER_API_KEY"])));
    assert.equal((await client.action(api.env.healthCheck, {})).status, "healthy");
  });

  await t.test("every event is counted", async () => {
    const { total, byEvent, byType } = await client.query(api.analytics.summary, {});
    assert.deepEqual(byEvent, { "user.created": 1, "conversation.created": 1, "agent.rated": 3 });
    assert.deepEqual([total, byType], [5, { user: 1, conversation: 1, agent: 3 }]);
    const live = watch(connectClient(t, app.server), api.analytics.list, { event: "page.viewed" });
    await until("none", () => live.at(-1)?.length === 0);
    await client.mutation(api.analytics.trackEvent, { type: "user", event: "page.viewed", userId, data: { path: "/" } });
    await until("the event", () => live.at(-1)[0]?.data.path === "/");
    assert.equal((await client.query(api.analytics.list, { type: "user", userId })).length, 2);
    assert.equal((await client.query(api.analytics.list, { startDate: app.now() + HOUR })).length, 0);
    await assert.rejects(client.mutation(api.analytics.trackEvent, { type: "dog", event: "x", data: {} }), /ArgumentValidationError/);
  });

  // The internal functions are nobody's business.
  for (const name of ["auth:tryLogin", "users:getForMail", "workflows:completeStep", "knowledge:insert"]) {
    const [module, name_] = name.split(":");
    await assert.rejects(client.mutation(api[module][name_], {}), /Could not find public function/);
  }
  await assert.rejects(callAsAdmin(app.server, "migrations/normalizeEmails:run", { batch: 1 }), /ArgumentValidationError/);
});
