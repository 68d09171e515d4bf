// zenthor-assist and what lies outside of it: Clerk, Todoist, WhatsApp.

import assert from "node:assert/strict";
import { test } from "node:test";
import { anyApi as api } from "convex/server";
import { until } from "../support/wait.js";
import { refused, setEnvironment, startZenthor } from "../support/zenthor.js";
import { clerkUser } from "../support/zenthor_services.js";

const SECOND_MS = 1000;
const MINUTE_MS = 60 * SECOND_MS;

test("Clerk", async (t) => {
  const z = await startZenthor(t);
  const event = (type, data) => ({ object: "event", type, data });
  const users = async () => (await z.table("users")).map(({ externalId, name, email, role, status }) => [externalId, name, email, role, status]);

  await t.test("its webhook brings users in, live, and keeps their roles", async () => {
    const ada = await z.user("ada", { known: false });
    const seen = z.watch(api.users.getCurrentUser, {}, "ada");
    assert.equal((await until("the refusal", () => seen.at(-1))).data, "User not found");
    assert.deepEqual(await z.webhook(event("user.created", clerkUser("ada", { email: "Ada@Example.org" }))), [200, "OK"]);
    const user = await until("ada", () => seen.at(-1)?.externalId && seen.at(-1));
    assert.deepEqual([user.name, user.email, user.role, user.emailVerified, user.image], ["Ada Lovelace", "ada@example.org", "member", true, "https://img.example/ada"]);
    const renamed = { ...clerkUser("ada", { first: null, last: null, email: "someone@example.org" }), image_url: "" };
    assert.deepEqual(await z.webhook(event("user.updated", renamed)), [200, "OK"]);
    await until("the change", () => seen.at(-1).name === "User");
    assert.deepEqual([seen.at(-1).email, seen.at(-1).role, seen.at(-1).image], ["someone@example.org", "member", undefined]);
    assert.equal((await ada.query(api.users.me, {})).isAdmin, false);
    assert.deepEqual(await z.webhook(event("user.created", clerkUser("root", { email: "root@example.org" }))), [200, "OK"]);
    assert.deepEqual(await z.webhook(event("user.deleted", { object: "user", id: "ada", deleted: true })), [200, "OK"]);
    assert.deepEqual(await z.webhook(event("user.deleted", { object: "user", id: "nobody", deleted: true })), [200, "OK"]);
    assert.deepEqual(await z.webhook(event("organization.created", { id: "org" })), [200, "OK"]);
    assert.deepEqual(await users(), [
      ["ada", "User", "someone@example.org", "member", "inactive"],
      ["root", "Ada Lovelace", "root@example.org", "admin", "active"],
    ]);
  });

  await t.test("what is not signed by it changes nothing", async () => {
    const created = event("user.created", clerkUser("eve"));
    for (const name of ["svix-id", "svix-timestamp", "svix-signature"]) {
      assert.deepEqual(await z.webhook(created, ({ [name]: _, ...rest }) => rest), [400, "Missing svix headers"], name);
    }
    for (const change of [
      (headers) => ({ ...headers, "svix-signature": `v1,${Buffer.alloc(32).toString("base64")}` }),
      (headers) => ({ ...headers, "svix-id": "msg_2" }),
      (headers) => ({ ...headers, "svix-timestamp": String(Number(headers["svix-timestamp"]) - 3600) }),
    ]) {
      assert.deepEqual(await z.webhook(created, change), [400, "Invalid signature"]);
    }
    assert.deepEqual(await z.webhook(event("user.created", { id: "eve" })), [500, "Internal error"]);
    await setEnvironment(z.server, { CLERK_WEBHOOK_SECRET: undefined });
    assert.deepEqual(await z.webhook(created), [500, "Server configuration error"]);
    assert.equal((await users()).length, 2);
    assert.equal((await fetch(`${z.server.siteUrl.replace(/\/$/, "")}/clerk/webhook`)).status, 404);
  });

  await t.test("all its users, page by page", async () => {
    z.services.clerkUsers.push(...Array.from({ length: 230 }, (_, number) => clerkUser(`user_${number}`)), clerkUser("ada"));
    assert.deepEqual(JSON.parse(await z.run("clerk/sync:syncAllUsers")), { synced: 231, created: 230, updated: 1 });
    const asked = z.services.requests.filter(({ path }) => path === "/v1/users");
    assert.deepEqual(asked.map(({ query }) => [query.get("limit"), query.get("offset") ?? "0"]), [["100", "0"], ["100", "100"], ["100", "200"]]);
    assert.ok(asked.every(({ headers }) => headers.authorization === "Bearer sk_test_example"));
    const all = await users();
    assert.equal(all.length, 232);
    assert.deepEqual(all.find(([id]) => id === "ada"), ["ada", "Ada Lovelace", "ada@example.org", "member", "active"]);
    assert.deepEqual(JSON.parse(await z.run("clerk/sync:syncAllUsers")), { synced: 231, created: 0, updated: 231 });
    await setEnvironment(z.server, { CLERK_SECRET_KEY: undefined });
    const { code, output } = await z.app.run(z.server, ["run", "clerk/sync:syncAllUsers"]);
    assert.equal(code, 1);
    assert.match(output, /CLERK_SECRET_KEY is not set/);
  });
});

test("Todoist", async (t) => {
  const z = await startZenthor(t);
  const { answers, requests } = z.services;
  const [ada, bob, admin] = [await z.user("ada"), await z.user("bob"), await z.admin()];
  const conversationId = await ada.mutation(api.conversations.create, {});
  const todoist = (name, args) => z.service.action(api.todoist[`${name}ForConversation`], { conversationId, ...args });
  const start = async (user) => new URL((await user.mutation(api.todoist.startOAuth, {})).authorizationUrl).searchParams.get("state");
  const complete = (user, code, state) => user.action(api.todoist.completeOAuth, { code, state });

  await t.test("nothing is connected", async () => {
    assert.deepEqual(await ada.query(api.todoist.getConnectionStatus, {}), { connected: false });
    assert.equal(await ada.mutation(api.todoist.disconnect, {}), false);
    assert.equal(await todoist("createTask", { content: "buy milk" }), null);
    assert.equal(await todoist("listTasks"), null);
    assert.equal(await todoist("completeTask", { taskId: "1" }), false);
    assert.equal(await todoist("rescheduleTask", { taskId: "1", dueString: "tomorrow" }), false);
    assert.equal(requests.length, 0);
  });

  await t.test("what is not set up is named", async () => {
    await setEnvironment(z.server, { TODOIST_CLIENT_ID: undefined, TODOIST_OAUTH_REDIRECT_URI: "" });
    await refused(ada.mutation(api.todoist.startOAuth, {}), "Todoist is not set up: TODOIST_CLIENT_ID, TODOIST_OAUTH_REDIRECT_URI not set");
    assert.deepEqual(await z.table("todoistOauthStates"), []);
    await setEnvironment(z.server, { TODOIST_CLIENT_ID: "todoist-client", TODOIST_OAUTH_REDIRECT_URI: "https://app.example/todoist" });
  });

  await t.test("a grant that cannot be", async () => {
    const { authorizationUrl, expiresAt } = await ada.mutation(api.todoist.startOAuth, {});
    const url = new URL(authorizationUrl);
    assert.equal(url.origin + url.pathname, `${z.services.url}/oauth/authorize`);
    const { state, ...rest } = Object.fromEntries(url.searchParams);
    assert.deepEqual(rest, { client_id: "todoist-client", scope: "data:read_write", redirect_uri: "https://app.example/todoist" });
    assert.match(state, /^todoist_[0-9a-f-]{36}$/);
    assert.equal((await z.table("todoistOauthStates"))[0].expiresAt, expiresAt);
    await refused(complete(ada, "c", "todoist_other"), "Invalid Todoist OAuth state.");
    await refused(complete(bob, "c", state), "Invalid Todoist OAuth state.");
    // A new start makes the old one void.
    const next = await start(ada);
    await refused(complete(ada, "c", state), "Invalid Todoist OAuth state.");
    await z.advance(11 * MINUTE_MS);
    await refused(complete(ada, "c", next), "Todoist OAuth state expired. Please try connecting again.");
    await refused(complete(ada, "c", next), "Invalid Todoist OAuth state.");
    assert.equal(requests.length, 0);
    answers["/oauth/access_token"] = { status: 400, body: { error: "bad_code" } };
    const refusedState = await start(ada);
    await refused(complete(ada, "c", refusedState), 'Failed to exchange Todoist OAuth code: 400 {"error":"bad_code"}');
    await refused(complete(ada, "c", refusedState), "Invalid Todoist OAuth state.");
    answers["/oauth/access_token"] = { body: { token_type: "Bearer" } };
    await refused(complete(ada, "c", await start(ada)), "Todoist OAuth did not return an access token.");
    delete answers["/oauth/access_token"];
    assert.deepEqual(await ada.query(api.todoist.getConnectionStatus, {}), { connected: false });
    assert.deepEqual([await z.table("todoistConnections"), await z.table("todoistOauthStates")], [[], []]);
  });

  await t.test("a grant, seen live", async () => {
    const seen = z.watch(api.todoist.getConnectionStatus, {}, "ada");
    await until("the state before", () => seen.at(-1)?.connected === false);
    requests.length = 0;
    assert.equal(await complete(ada, "the code", await start(ada)), null);
    const { connectedAt, ...status } = await until("the connection", () => seen.at(-1).connected && seen.at(-1));
    assert.deepEqual(status, { connected: true, scope: "data:read_write", accountEmail: "ada@todoist.example", accountName: "Ada at Todoist" });
    const [exchange, user] = requests;
    assert.deepEqual(Object.fromEntries(new URLSearchParams(exchange.text)), {
      client_id: "todoist-client",
      client_secret: "todoist-secret",
      code: "the code",
      redirect_uri: "https://app.example/todoist",
    });
    assert.equal(user.headers.authorization, "Bearer token-for-the code");
    // Again, by another account, of which Todoist says nothing.
    answers["/todoist/user"] = { status: 500, body: "down" };
    await complete(ada, "other", await start(ada));
    delete answers["/todoist/user"];
    const [connection, ...more] = await z.table("todoistConnections");
    assert.deepEqual([connection.accessToken, connection.accountName, connection.createdAt, more.length], ["token-for-other", undefined, connectedAt, 0]);
  });

  await t.test("tasks of a conversation's owner", async () => {
    const task = await todoist("createTask", { content: "buy milk", description: "two litres", dueString: "tomorrow", priority: 4 });
    assert.deepEqual(task, { id: "1", content: "buy milk", description: "two litres", dueDate: "tomorrow", priority: 4 });
    assert.equal(requests.at(-1).headers.authorization, "Bearer token-for-other");
    for (let number = 0; number < 25; number += 1) await todoist("createTask", { content: `chore ${number}` });
    assert.equal((await todoist("listTasks")).length, 20);
    assert.equal((await todoist("listTasks", { limit: 200 })).length, 26);
    assert.deepEqual((await todoist("listTasks", { filter: "milk" })).map(({ id }) => id), ["1"]);
    assert.equal(await todoist("rescheduleTask", { taskId: "1", dueString: "monday" }), true);
    assert.equal((await todoist("listTasks", { filter: "milk" }))[0].dueDate, "monday");
    assert.equal(await todoist("completeTask", { taskId: "1" }), true);
    assert.equal(await todoist("completeTask", { taskId: "1" }), false);
    assert.deepEqual(await todoist("listTasks", { filter: "milk" }), []);
    assert.equal(await todoist("rescheduleTask", { taskId: "no/such", dueString: "monday" }), false);
    assert.equal(requests.at(-1).path, "/todoist/tasks/no%2Fsuch");
    answers["/todoist/tasks"] = { status: 503, body: "busy" };
    await refused(todoist("createTask", { content: "x" }), "Todoist refused POST /tasks: 503 busy");
    delete answers["/todoist/tasks"];
    // On WhatsApp it is the account of the user whom the contact is.
    const contactId = await z.service.mutation(api.contacts.create, { phone: "4915100000004", name: "Ada" });
    const whatsapp = await z.service.mutation(api.conversations.getOrCreate, { channel: "whatsapp", contactId });
    assert.equal(await todoist("createTask", { conversationId: whatsapp, content: "call" }), null);
    await admin.mutation(api.contacts.update, { id: contactId, userId: ada.id });
    assert.equal((await todoist("createTask", { conversationId: whatsapp, content: "call" })).content, "call");
    assert.equal(await ada.mutation(api.todoist.disconnect, {}), true);
    assert.equal(await todoist("listTasks"), null);
  });
});

test("WhatsApp", async (t) => {
  const z = await startZenthor(t);
  const lease = (name, args) => z.service.mutation(api.whatsappLeases[name], { accountId: "main", ...args });

  await t.test("one process at a time has an account", async () => {
    assert.equal(await z.service.query(api.whatsappLeases.getLease, { accountId: "main" }), null);
    const id = await lease("upsertAccount", { phone: "1", enabled: true, meta: { a: 1 } });
    assert.equal(await lease("upsertAccount", { phone: "2", enabled: true }), id);
    await lease("upsertAccount", { accountId: "spare", phone: "3", enabled: false });
    assert.deepEqual((await z.service.query(api.whatsappLeases.listEnabledAccounts, {})).map(({ phone }) => phone), ["2"]);
    // So long that no pause of this machine lets it lapse.
    const ttlMs = 10 * MINUTE_MS;
    const tries = await Promise.all(Array.from({ length: 10 }, (_, number) => lease("acquireLease", { ownerId: `p${number}`, ttlMs })));
    const [holder, ...others] = tries.toSorted((one, other) => other.acquired - one.acquired);
    assert.ok(others.every((one) => !one.acquired && one.ownerId === holder.ownerId && one.expiresAt === holder.expiresAt), JSON.stringify(tries));
    const { ownerId } = holder;
    assert.equal(await lease("heartbeatLease", { ownerId: "other" }), false);
    await z.advance(7 * MINUTE_MS);
    assert.equal(await lease("heartbeatLease", { ownerId, ttlMs }), true);
    await z.advance(7 * MINUTE_MS);
    assert.equal((await lease("acquireLease", { ownerId: "next" })).acquired, false);
    assert.deepEqual((await z.service.query(api.whatsappLeases.listOwnedAccounts, { ownerId })).map(({ accountId }) => accountId), ["main"]);
    await z.advance(3 * MINUTE_MS);
    assert.equal(await lease("heartbeatLease", { ownerId }), false);
    assert.equal((await lease("acquireLease", { ownerId: "next", ttlMs: 1 })).acquired, true);
    assert.equal(await lease("releaseLease", { ownerId }), false);
    // However short the lease was asked for, it is ten seconds.
    const { expiresAt, heartbeatAt } = await z.service.query(api.whatsappLeases.getLease, { accountId: "main" });
    assert.equal(expiresAt - heartbeatAt, 10 * SECOND_MS);
    assert.equal(await lease("releaseLease", { ownerId: "next" }), true);
    assert.equal((await lease("acquireLease", { ownerId })).acquired, true);
    const taken = await z.service.query(api.whatsappLeases.getLease, { accountId: "main" });
    assert.deepEqual([taken.ownerId, taken.expiresAt - taken.heartbeatAt], [ownerId, 45 * SECOND_MS]);
    assert.deepEqual(await z.service.query(api.whatsappLeases.listOwnedAccounts, { ownerId: "next" }), []);
  });

  await t.test("what its connection keeps", async () => {
    const session = (name, args) => z.service.mutation(api.whatsappSession[name], args ?? {});
    const get = (key) => z.service.query(api.whatsappSession.get, { key });
    assert.equal(await get("a"), null);
    for (const [key, data] of [["a", "1"], ["b", "2"], ["a", "3"]]) await session("set", { key, data });
    assert.equal(await get("a"), "3");
    assert.deepEqual(await z.service.query(api.whatsappSession.getAll, {}), [{ key: "a", data: "3" }, { key: "b", data: "2" }]);
    await session("remove", { key: "a" });
    await session("remove", { key: "a" });
    assert.equal(await get("a"), null);
    await session("clearAll");
    assert.deepEqual(await z.service.query(api.whatsappSession.getAll, {}), []);
  });

  await t.test("a message that comes twice counts once", async () => {
    const deliver = (channelMessageId, more) => z.service.mutation(api.inboundDedupe.checkAndRegister, { channel: "whatsapp", channelMessageId, accountId: "main", ...more });
    const deliveries = await Promise.all(Array.from({ length: 20 }, () => deliver("m1")));
    assert.equal(deliveries.filter(({ isDuplicate }) => !isDuplicate).length, 1);
    assert.deepEqual(await deliver("m2"), { isDuplicate: false });
    assert.deepEqual(await deliver("m1", { channel: "web" }), { isDuplicate: false });
    assert.deepEqual(await deliver("m1"), { isDuplicate: true });
  });

  const ada = await z.user("ada", { name: "Ada" });
  const claim = (processorId, more) => z.service.mutation(api.delivery.claimNextOutbound, { processorId, channel: "whatsapp", accountId: "main", ...more });
  await t.test("a number is proved by the code that is sent there", async () => {
    const phone = "4915100000005";
    const request = (user, number = phone) => user.mutation(api.phoneVerification.requestVerification, { phone: number });
    const confirm = (user, code) => user.mutation(api.phoneVerification.confirmVerification, { code });
    const sentCode = async () => {
      const message = await claim("sender");
      await z.service.mutation(api.delivery.completeOutbound, { id: message._id });
      assert.deepEqual([message.to, message.payload.metadata], [phone, { kind: "phone_verification" }]);
      return /code is (\d{6})\./.exec(message.payload.content)[1];
    };
    const status = z.watch(api.phoneVerification.getVerificationStatus, {}, "ada");
    await until("no verification", () => status.at(-1) === null);
    for (const number of ["123", "+4915100000005", "1".repeat(16)]) assert.deepEqual(await request(ada, number), { success: false, error: "Invalid phone number format" });
    assert.deepEqual(await confirm(ada, "000000"), { success: false, error: "No pending verification found" });
    assert.deepEqual(await request(ada), { success: true });
    await until("the verification", () => status.at(-1)?.phone === phone);
    const first = await sentCode();
    await request(ada);
    const code = await sentCode();
    const wrong = code === "000000" ? "000001" : "000000";
    if (first !== code) assert.deepEqual(await confirm(ada, first), { success: false, error: "Invalid verification code" });
    assert.deepEqual(await confirm(ada, wrong), { success: false, error: "Invalid verification code" });
    await z.advance(5 * MINUTE_MS + SECOND_MS);
    assert.deepEqual(await confirm(ada, code), { success: false, error: "Verification code expired" });
    assert.deepEqual(await confirm(ada, code), { success: false, error: "No pending verification found" });
    await request(ada);
    const spent = await sentCode();
    for (let number = 0; number < 5; number += 1) assert.equal((await confirm(ada, spent === "000000" ? "000001" : "000000")).error, "Invalid verification code");
    assert.deepEqual(await confirm(ada, spent), { success: false, error: "No pending verification found" });
    await request(ada);
    assert.deepEqual(await confirm(ada, await sentCode()), { success: true, phone });
    await until("the end", () => status.at(-1) === null);
    assert.equal((await ada.query(api.users.me, {})).user.phone, phone);
    const contact = await z.service.query(api.contacts.getByPhone, { phone });
    assert.deepEqual([contact.userId, contact.isAllowed, contact.name], [ada.id, true, "Ada"]);
    assert.equal((await z.table("contacts")).length, 1);
    assert.equal((await ada.query(api.conversations.listRecentWithLastMessage, {})).length, 1);
    const bob = await z.user("bob");
    assert.deepEqual(await request(bob), { success: false, error: "Phone number already linked to another account" });
    await ada.mutation(api.phoneVerification.unlinkPhone, {});
    assert.equal((await ada.query(api.users.me, {})).user.phone, undefined);
    assert.equal((await z.service.query(api.contacts.getByPhone, { phone })).userId, undefined);
    // Two prove the same number at once: it goes to the first.
    await request(bob);
    const bobs = await sentCode();
    await request(ada);
    const adas = await sentCode();
    assert.equal((await confirm(bob, bobs)).success, true);
    assert.deepEqual(await confirm(ada, adas), { success: false, error: "Phone number already linked to another account" });
  });

  await t.test("what goes out, goes out once", async () => {
    assert.equal(await claim("a"), null);
    const [{ _id: conversationId }] = await z.table("conversations");
    const [{ _id: messageId }] = await z.table("messages");
    const enqueue = (content, more) => z.service.mutation(api.delivery.enqueueOutbound, { channel: "whatsapp", accountId: "main", conversationId, messageId, content, ...more });
    const waiting = async () => (await z.service.query(api.delivery.listPendingByConversation, { conversationId })).map(({ payload, status }) => `${payload.content} ${status}`);
    for (let number = 0; number < 20; number += 1) await enqueue(String(number));
    const other = await enqueue("other account", { accountId: "spare" });
    const none = await enqueue("no account", { accountId: undefined, metadata: { kind: "note", toolName: "t" } });
    await enqueue("web", { channel: "web" });
    const claims = await Promise.all(Array.from({ length: 25 }, (_, number) => claim(`p${number}`, { lockMs: 10 * MINUTE_MS })));
    const taken = claims.filter((one) => one !== null);
    assert.deepEqual(taken.map(({ payload }) => Number(payload.content)).toSorted((a, b) => a - b), Array.from({ length: 20 }, (_, number) => number));
    assert.ok(taken.every(({ status, processorId, lockedUntil }) => status === "processing" && processorId && lockedUntil));
    assert.equal((await claim("p", { accountId: "spare" }))._id, other);
    const withoutAccount = await claim("p", { accountId: undefined });
    assert.equal(withoutAccount.lockedUntil - withoutAccount.updatedAt, 30 * SECOND_MS);
    assert.deepEqual([withoutAccount._id, withoutAccount.payload], [none, { content: "no account", metadata: { kind: "note", toolName: "t" } }]);
    // All but one are sent; that one comes back when its sender is gone.
    for (const { _id } of taken.slice(0, 19)) await z.service.mutation(api.delivery.completeOutbound, { id: _id });
    const [{ _id: id }] = taken.slice(19);
    await z.advance(7 * MINUTE_MS);
    assert.equal(await claim("q"), null);
    await z.advance(4 * MINUTE_MS);
    const again = await claim("q", { lockMs: 1 });
    assert.deepEqual([again._id, again.processorId, again.attemptCount], [id, "q", 0]);
    assert.equal(again.lockedUntil - again.updatedAt, SECOND_MS);
    // It fails five times.
    const fail = (more) => z.service.mutation(api.delivery.failOutbound, { id, error: "x".repeat(600), ...more });
    for (let attempt = 1; attempt < 5; attempt += 1) {
      await fail();
      const { attemptCount, lastError, lockedUntil } = (await z.table("outboundMessages")).find(({ _id }) => _id === id);
      assert.deepEqual([attemptCount, lastError, lockedUntil], [attempt, "x".repeat(500), undefined]);
      assert.equal((await claim("q"))._id, id);
    }
    await fail();
    assert.equal(await claim("q"), null);
    assert.deepEqual(await waiting(), ["other account processing", "no account processing", "web pending"]);
    await fail({ retry: true });
    assert.equal((await claim("q"))._id, id);
    await fail({ retry: false });
    assert.equal(await claim("q"), null);
    const { attemptCount, status } = (await z.table("outboundMessages")).find(({ _id }) => _id === id);
    assert.deepEqual([attemptCount, status], [7, "failed"]);
  });
});
