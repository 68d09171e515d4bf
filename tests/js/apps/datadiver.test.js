// DataDiver: users and payments by Clerk's webhook, chat sessions, preferences.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { anyApi as api } from "convex/server";
import { Webhook } from "svix";
import { startExample } from "../support/example.js";
import { startIssuer } from "../support/issuer.js";
import { callAsAdmin, connectClient } from "../support/server.js";
import { until } from "../support/wait.js";
import { unzipped } from "../support/zip.js";

const SECRET = `whsec_${Buffer.from("a secret of thirty-two characters").toString("base64")}`;
const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;

/** The app with its issuer, and what Clerk does: sign requests of its webhook. */
async function startDataDiver(t, options = {}) {
  const issuer = await startIssuer(t);
  const env = { NEXT_PUBLIC_CLERK_FRONTEND_API_URL: issuer.url, CLERK_WEBHOOK_SECRET: SECRET };
  const app = await startExample(t, "datadiver", { env, ...options });
  let sent = 0;
  const clerk = async (type, data, { secret = SECRET, headers = {} } = {}) => {
    const body = JSON.stringify({ type, data, object: "event" });
    const [id, at] = [`msg_${(sent += 1)}`, new Date(app.now())];
    const signed = {
      "svix-id": id,
      "svix-timestamp": String(Math.floor(at / 1000)),
      "svix-signature": new Webhook(secret).sign(id, at, body),
    };
    const response = await fetch(`${app.server.siteUrl}/clerk-users-webhook`, { method: "POST", headers: { ...signed, ...headers }, body });
    return [response.status, await response.text()];
  };
  const token = (subject) => issuer.token(subject, { seconds: (30 * DAY) / 1000 });
  const live = (subject) => {
    const client = connectClient(t, app.server);
    client.setAuth(async () => token(subject));
    return client;
  };
  return Object.assign(app, { issuer, clerk, as: (subject) => app.http(token(subject)), live });
}

const clerksUser = (id, more = {}) => ({
  id,
  object: "user",
  first_name: "Ada",
  last_name: "Lovelace",
  primary_email_address_id: "idn_2",
  email_addresses: [
    { id: "idn_1", email_address: "old@example.org" },
    { id: "idn_2", email_address: "ada@example.org" },
  ],
  public_metadata: {},
  ...more,
});

const euros = (amount) => ({ amount, amount_formatted: (amount / 100).toFixed(2), currency: "EUR", currency_symbol: "€" });

const clerksPayment = (id, payer, more = {}) => ({
  object: "commerce_payment_attempt",
  billing_date: 1_760_000_000_000,
  charge_type: "recurring",
  created_at: 1_760_000_000_000,
  updated_at: 1_760_000_000_000,
  failed_at: null,
  failed_reason: null,
  paid_at: null,
  invoice_id: "inv_1",
  payment_id: id,
  statement_id: "stmt_1",
  status: "pending",
  payer: { email: "ada@example.org", first_name: "Ada", last_name: "Lovelace", user_id: payer, image_url: "https://example.org/a.png" },
  payment_source: { card_type: "visa", last4: "4242", gateway: "stripe" },
  subscription_items: [
    {
      amount: euros(1_900),
      plan: { id: "plan_1", name: "Pro", slug: "pro", amount: 1_900, currency: "EUR", period: "month", interval: 1, features: [] },
      status: "active",
      period_start: 1_760_000_000_000,
      period_end: 1_762_600_000_000,
    },
  ],
  totals: { grand_total: euros(1_900), subtotal: euros(1_597), tax_total: euros(303) },
  ...more,
});

/** What a query gives, one result after another. */
function watch(client, query, args) {
  const seen = [];
  client.onUpdate(query, args, (value) => seen.push(value), (error) => seen.push({ error }));
  return seen;
}

const rejects = (call, what) => assert.rejects(call, (error) => (error.data === undefined ? what.test(error.message) : what.test(String(error.data))));

test("users come and go with Clerk's webhook, and everybody sees their own", async (t) => {
  const app = await startDataDiver(t);
  const seen = watch(app.live("user_ada"), api.users.current, {});
  await until("nobody yet", () => seen.at(-1) === null);

  assert.deepEqual(await app.clerk("user.created", clerksUser("user_ada")), [200, ""]);
  const ada = await until("the user", () => seen.at(-1) ?? undefined);
  const { _id, _creationTime, createdAt, updatedAt, ...rest } = ada;
  assert.deepEqual(rest, { externalId: "user_ada", name: "Ada Lovelace", email: "ada@example.org" });
  assert.equal(createdAt, updatedAt);
  assert.deepEqual(await app.as("user_ada").query(api.users.getCurrentUser, {}), ada);
  assert.equal(await app.http().query(api.users.current, {}), null);
  assert.equal(await app.as("user_bob").query(api.users.getCurrentUser, {}), null);

  // Preferences have any form, and add up; who changes them is who calls.
  await app.as("user_ada").mutation(api.users.update, { preferences: { theme: "dark", panels: { left: [1, 2] } } });
  await app.as("user_ada").mutation(api.users.update, { preferences: { theme: "light" }, name: "Ada L." });
  await until("the preferences", () => seen.at(-1).preferences?.theme === "light");
  assert.deepEqual([seen.at(-1).name, seen.at(-1).preferences], ["Ada L.", { theme: "light", panels: { left: [1, 2] } }]);
  assert.deepEqual(await app.as("user_ada").query(api.users.getPrivateData, {}), {
    email: "ada@example.org",
    preferences: seen.at(-1).preferences,
    payments: [],
  });

  // A second delivery of the same user is the same user; names that Clerk does not know are not the word "null".
  assert.equal((await app.clerk("user.updated", clerksUser("user_ada", { last_name: null })))[0], 200);
  await until("the name without the last", () => seen.at(-1).name === "Ada");
  assert.equal(seen.at(-1)._id, _id);
  assert.equal(seen.at(-1).preferences.theme, "light");
  await app.clerk("user.updated", clerksUser("user_ada", { first_name: null, last_name: null, email_addresses: [] }));
  await until("no name at all", () => seen.at(-1).name === "");
  assert.equal(seen.at(-1).email, undefined);

  // In the form of the document.
  await callAsAdmin(app.server, "users:upsertFromClerk", { data: { id: "user_eve", first_name: "Eve", email_addresses: [] } });
  assert.equal((await app.as("user_eve").query(api.users.current, {})).name, "Eve");

  const sessionId = await app.as("user_ada").mutation(api.sessions.create, { userId: "user_ada" });
  assert.equal((await app.clerk("user.deleted", { id: "user_ada", deleted: true }))[0], 200);
  await until("the user to be gone", () => seen.at(-1) === null);
  assert.equal((await app.as("user_ada").query(api.sessions.get, { sessionId })).active, false);
  // Gone twice is gone; what the app does not know of is received, too.
  assert.deepEqual(await app.clerk("user.deleted", { id: "user_ada", deleted: true }), [200, ""]);
  assert.deepEqual(await app.clerk("organization.created", { id: "org_1" }), [200, ""]);

  await t.test("what is refused", async () => {
    const other = `whsec_${Buffer.from("another secret of its characters").toString("base64")}`;
    assert.deepEqual(await app.clerk("user.created", clerksUser("user_x"), { secret: other }), [400, "Error occured"]);
    assert.deepEqual(await app.clerk("user.created", clerksUser("user_x"), { headers: { "svix-id": "" } }), [400, "Error occured"]);
    const old = { "svix-timestamp": "1700000000" };
    assert.deepEqual(await app.clerk("user.created", clerksUser("user_x"), { headers: old }), [400, "Error occured"]);
    assert.deepEqual(await app.clerk("user.created", { first_name: "No" }), [400, "the user's field id must be a string"]);
    assert.equal((await fetch(`${app.server.siteUrl}/clerk-users-webhook`)).status, 404);
    assert.deepEqual((await app.rows("users")).map(({ externalId }) => externalId), ["user_eve"]);

    await rejects(app.http().query(api.users.getPrivateData, {}), /Unauthenticated/);
    await rejects(app.http().mutation(api.users.update, { name: "x" }), /Unauthenticated/);
    await rejects(app.as("user_ada").mutation(api.users.update, { name: "x" }), /User not found/);
    await rejects(app.as("user_ada").query(api.users.getPrivateData, {}), /User not found/);
    await rejects(app.as("user_eve").mutation(api.users.update, { preferences: "dark" }), /ArgumentValidationError/);
    await rejects(app.as("user_eve").mutation(api.users.update, { email: "a@b.c" }), /ArgumentValidationError/);
    await rejects(app.http().mutation(api.users.upsertFromClerk, { data: { id: "x" } }), /Could not find public function/);
    await rejects(app.http("not a token").query(api.users.current, {}), /InvalidAuthHeader|token/i);
    await rejects(app.http(app.issuer.token("user_eve", { seconds: -60 })).query(api.users.current, {}), /token|expired/i);

    await app.set({ CLERK_WEBHOOK_SECRET: "" });
    assert.deepEqual(await app.clerk("user.created", clerksUser("user_x")), [500, "the webhook is not configured"]);
  });
});

test("sessions are live, keep their last activity, and end when nobody uses them", async (t) => {
  const app = await startDataDiver(t);
  await app.clerk("user.created", clerksUser("user_ada"));
  const ada = app.as("user_ada");
  const client = app.live("user_ada");
  const all = watch(client, api.sessions.getUserSessions, { userId: "user_ada" });
  await until("no session", () => all.at(-1)?.length === 0);
  assert.deepEqual(await app.http().query(api.sessions.getUserSessions, {}), []);

  const first = await client.mutation(api.sessions.createSession, { userId: "user_ada", metadata: { topic: "document analysis" } });
  const second = await ada.mutation(api.sessions.create, { userId: "user_ada" });
  await until("both", () => all.at(-1).length === 2);
  const session = watch(client, api.sessions.get, { sessionId: first });
  await until("the session", () => session.at(-1)?.metadata?.topic === "document analysis");
  const { createdAt, lastActivity } = session.at(-1);
  assert.equal(createdAt, lastActivity);

  // The AI backend tells of its work.
  await app.advance(20 * MINUTE);
  await ada.mutation(api.sessions.update, { sessionId: first, metadata: { messages: 1 } });
  await until("the activity", () => session.at(-1).metadata.messages === 1);
  assert.equal(session.at(-1).metadata.topic, "document analysis");
  assert.ok(session.at(-1).lastActivity >= lastActivity + 20 * MINUTE);
  await until("the one in use first", () => all.at(-1)[0].sessionId === first);

  // The other one has not been used for half an hour.
  await app.advance(11 * MINUTE);
  await until("only the one in use", () => all.at(-1).length === 1);
  assert.equal((await ada.query(api.sessions.get, { sessionId: second })).active, false);
  assert.equal(session.at(-1).active, true);
  await rejects(ada.mutation(api.sessions.update, { sessionId: second }), /Session has ended/);
  await app.advance(31 * MINUTE);
  await until("the end", () => session.at(-1).active === false);

  const third = await ada.mutation(api.sessions.create, { userId: "user_ada" });
  await ada.mutation(api.sessions.end, { sessionId: third });
  await rejects(ada.mutation(api.sessions.end, { sessionId: third }), /Session has ended/);

  // Strangers learn nothing, not even that there is one.
  const bob = app.as("user_bob");
  assert.equal(await bob.query(api.sessions.get, { sessionId: first }), null);
  assert.equal(await ada.query(api.sessions.get, { sessionId: "none" }), null);
  await rejects(bob.query(api.sessions.getUserSessions, { userId: "user_ada" }), /Forbidden/);
  await rejects(bob.mutation(api.sessions.create, { userId: "user_ada" }), /Forbidden/);
  await rejects(bob.mutation(api.sessions.update, { sessionId: first }), /Session not found/);
  await rejects(bob.mutation(api.sessions.end, { sessionId: first }), /Session not found/);
  for (const call of [
    () => app.http().query(api.sessions.get, { sessionId: first }),
    () => app.http().query(api.sessions.getUserSessions, { userId: "user_ada" }),
    () => app.http().mutation(api.sessions.create, { userId: "user_ada" }),
    () => app.http().mutation(api.sessions.update, { sessionId: first }),
    () => app.http().mutation(api.sessions.end, { sessionId: first }),
  ]) {
    await rejects(call(), /Unauthenticated/);
  }
  await rejects(ada.mutation(api.sessions.create, { userId: "user_ada", metadata: ["no object"] }), /ArgumentValidationError/);

  // The document's tuning of lists.
  for (let n = 0; n < 3; n += 1) await ada.mutation(api.sessions.create, { userId: "user_ada", metadata: { n } });
  await app.set({ CONVEX_MAX_QUERY_SIZE: "2" });
  await until("the two newest", () => all.at(-1).length === 2 && all.at(-1)[0].metadata.n === 2);
});

test("payment attempts follow Clerk Billing", async (t) => {
  const app = await startDataDiver(t);
  // The payment is told of before the one who pays.
  assert.deepEqual(await app.clerk("paymentAttempt.updated", clerksPayment("pay_1", "user_ada")), [200, ""]);
  assert.equal((await app.rows("paymentAttempts"))[0].userId, undefined);
  await app.clerk("user.created", clerksUser("user_ada"));
  const latest = watch(app.live("user_ada"), api.paymentAttempts.getLatest, { userId: "user_ada" });
  const attempt = await until("the attempt", () => latest.at(-1) ?? undefined);
  const { _id, _creationTime, userId, createdAt, ...data } = attempt;
  assert.equal(userId, (await app.as("user_ada").query(api.users.current, {}))._id);
  assert.equal(createdAt, 1_760_000_000_000);
  // Exactly what is kept of the webhook.
  const { object, failed_at, failed_reason, paid_at, payer, payment_source, subscription_items, ...same } = clerksPayment("pay_1", "user_ada");
  const { image_url, ...who } = payer;
  const { gateway, ...card } = payment_source;
  const [{ plan, ...item }] = subscription_items;
  const { features, ...kept } = plan;
  assert.deepEqual(data, { ...same, payer: who, payment_source: card, subscription_items: [{ ...item, plan: kept }], amount: 1_900, currency: "EUR" });

  const failed = { status: "failed", updated_at: 1_760_000_100_000, failed_at: 1_760_000_100_000, failed_reason: { code: "card_declined", decline_code: "expired_card" } };
  await app.clerk("paymentAttempt.updated", clerksPayment("pay_1", "user_ada", failed));
  await until("the failure", () => latest.at(-1).status === "failed");
  assert.equal(latest.at(-1)._id, _id);
  assert.deepEqual(latest.at(-1).failed_reason, failed.failed_reason);
  // An older event that comes late changes nothing; a newer one clears the failure.
  await app.clerk("paymentAttempt.updated", clerksPayment("pay_1", "user_ada"));
  assert.equal((await app.rows("paymentAttempts"))[0].status, "failed");
  await app.clerk("paymentAttempt.updated", clerksPayment("pay_1", "user_ada", { status: "paid", updated_at: 1_760_000_200_000, paid_at: 1_760_000_200_000 }));
  await until("the payment", () => latest.at(-1).status === "paid");
  assert.deepEqual([latest.at(-1).failed_at, latest.at(-1).failed_reason, latest.at(-1).paid_at], [undefined, undefined, 1_760_000_200_000]);

  // In the form of the document, and with all that Clerk sends.
  const upsert = (data) => app.fusion("run", "paymentAttempts:upsertPaymentAttempt", JSON.stringify({ data }));
  await upsert({ payment_id: "pay_2", userId: "user_ada", status: "pending", amount: 5, currency: "USD", metadata: { coupon: "x" }, plan: "team" });
  await until("the newer attempt", () => latest.at(-1).payment_id === "pay_2");
  assert.deepEqual(latest.at(-1).metadata, { coupon: "x", plan: "team" });
  await upsert({ payment_id: "pay_2", userId, status: "paid" });
  await until("its status", () => latest.at(-1).status === "paid");
  assert.equal(latest.at(-1).amount, 5);
  await upsert(clerksPayment("pay_3", "user_ada", { created_at: 4_000_000_000_000 }));
  await until("the third", () => latest.at(-1).payment_id === "pay_3");
  assert.equal((await app.rows("paymentAttempts")).length, 3);
  const { payments } = await app.as("user_ada").query(api.users.getPrivateData, {});
  assert.deepEqual(payments.map(({ payment_id }) => payment_id), ["pay_3", "pay_2", "pay_1"]);

  // By both ids of the caller; nobody else's.
  const ada = app.as("user_ada");
  assert.equal((await ada.query(api.paymentAttempts.getLatest, { userId })).payment_id, "pay_3");
  assert.equal(await app.http().query(api.paymentAttempts.getLatest, {}), null);
  await app.clerk("user.created", clerksUser("user_bob"));
  assert.equal(await app.as("user_bob").query(api.paymentAttempts.getLatest, { userId: "user_bob" }), null);
  await rejects(app.as("user_bob").query(api.paymentAttempts.getLatest, { userId: "user_ada" }), /Forbidden/);
  await rejects(app.http().query(api.paymentAttempts.getLatest, { userId: "user_ada" }), /Unauthenticated/);

  const without = (name) => ({ ...clerksPayment("pay_4", "user_ada"), [name]: undefined });
  const wrong = async (data) => (await app.clerk("paymentAttempt.updated", data)).join(" ");
  assert.equal(await wrong(without("payer")), "400 the payment attempt's field payer must be an object");
  assert.equal(await wrong(without("created_at")), "400 the payment attempt's field created_at must be a number");
  assert.equal(await wrong(without("subscription_items")), "400 the payment attempt's field subscription_items must be an array");
  const items = [{ amount: euros(1), plan: {}, status: "active", period_start: 0, period_end: 0 }];
  assert.equal(await wrong(clerksPayment("pay_4", "user_ada", { subscription_items: items })), "400 the payment attempt's field subscription_items[0].plan.id must be a string");
  for (const [data, what] of [
    [{ status: "paid" }, /field payment_id must be a string/],
    [{ payment_id: "p" }, /field status must be a string/],
    [{ payment_id: "p", status: "paid", amount: "5" }, /field amount must be a number/],
    [{ payment_id: "p", status: "paid", metadata: [] }, /field metadata must be an object/],
    [{ payment_id: "p", status: "paid", userId: "user_none" }, /there is no user user_none/],
  ]) {
    await assert.rejects(callAsAdmin(app.server, "paymentAttempts:upsertPaymentAttempt", { data }), what);
  }
  assert.equal((await app.rows("paymentAttempts")).length, 3);
});

test("every table is exported and imported, by either command line", async (t) => {
  const app = await startDataDiver(t, { by: "fusion", types: true });
  const users = [
    { name: "Amy", externalId: "user_amy", email: "amy@example.org", preferences: { deep: { list: [1, null, "x"] } }, createdAt: 1, updatedAt: 2 },
    { name: "Bob", externalId: "user_bob", createdAt: 3, updatedAt: 4 },
  ];
  app.write("data.jsonl", users.map((user) => `${JSON.stringify(user)}\n`).join(""));
  await app.fusion("import", "--table", "users", "data.jsonl");
  const { _id, _creationTime, ...amy } = await app.as("user_amy").query(api.users.current, {});
  assert.deepEqual(amy, users[0]);
  await app.clerk("paymentAttempt.updated", clerksPayment("pay_1", "user_amy"));
  await app.as("user_bob").mutation(api.sessions.create, { userId: "user_bob", metadata: { topic: "x" } });

  // A user that does not fit, by its place.
  app.write("wrong.jsonl", '{"name":"Eve","externalId":"user_eve","createdAt":"now","updatedAt":1}\n');
  const { code, output } = await app.tryConvex("import", "--table", "users", "--append", "--yes", "wrong.jsonl");
  assert.equal(code, 1, output);
  assert.match(output, /createdAt/);

  await app.convex("export", "--path", "snapshot.zip");
  const entries = unzipped(path.join(app.folder, "snapshot.zip"));
  for (const table of ["users", "sessions", "paymentAttempts"]) assert.ok(entries[`${table}/documents.jsonl`], table);
  const { stdout } = await app.fusion("export", "--table", "users");
  assert.equal(stdout, entries["users/documents.jsonl"]);
  app.write("users.jsonl", stdout);
  await app.fusion("export", "--table", "sessions", "--path", "sessions.jsonl");
  assert.equal(readFileSync(path.join(app.folder, "sessions.jsonl"), "utf8"), entries["sessions/documents.jsonl"]);

  // Somewhere else, from the snapshot and table by table, under the same ids.
  const other = await startDataDiver(t);
  const push = await other.push("fusion");
  assert.match(push.stderr, /Deployed to/);
  await other.convex("import", "--replace-all", "--yes", path.join(app.folder, "snapshot.zip"));
  await other.fusion("import", "--table", "users", "--replace", "--yes", path.join(app.folder, "users.jsonl"));
  await other.convex("import", "--table", "sessions", "--replace", "--yes", path.join(app.folder, "sessions.jsonl"));
  for (const table of ["users", "sessions", "paymentAttempts"]) assert.deepEqual(await other.rows(table), await app.rows(table), table);
  assert.equal((await other.as("user_amy").query(api.paymentAttempts.getLatest, { userId: _id })).payment_id, "pay_1");
});
