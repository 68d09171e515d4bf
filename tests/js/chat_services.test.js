// Fusion Chat's outside services through a real server: keys that stay inside, Clerk's webhook signed by Svix's own library,
// Clerk's tokens, and what the server says about its services.

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import path from "node:path";
import { test } from "node:test";
import { ConvexClient, ConvexHttpClient } from "convex/browser";
import { anyApi as api } from "convex/server";
import { Webhook } from "svix";
import { WebSocket } from "ws";
import { fusion } from "./support/fusion.js";
import { startIssuer } from "./support/issuer.js";
import { callAsAdmin, connectClient, startServer, temporaryFolder } from "./support/server.js";
import { until } from "./support/wait.js";

const startChat = (t, options = {}) => startServer(t, { program: "fusion", args: ["dev", "--app", "fusion-chat"], ...options });

async function setVariables(server, variables) {
  const changes = Object.entries(variables).map(([name, value]) => ({ name, value }));
  const response = await fetch(`${server.url}/api/update_environment_variables`, {
    method: "POST",
    headers: { "Content-Type": "application/json", Authorization: `Convex ${server.adminKey}` },
    body: JSON.stringify({ changes }),
  });
  assert.equal(response.status, 200, await response.text());
}

async function operatorToken(server) {
  const response = await fetch(`${server.url}/_dev/issuer/token`);
  return (await response.json()).token;
}

/** All rows of a table, as the command line shows them. */
async function rows(server, table) {
  const { code, stdout, stderr } = await fusion(temporaryFolder(), "data", table, "--limit", "1000", "--format", "jsonLines", "--url", server.url, "--admin-key", server.adminKey);
  assert.equal(code, 0, stderr);
  return stdout.split("\n").filter(Boolean).map((line) => JSON.parse(line));
}

/** Clerk's backend API on loopback: keeps what it was asked, answers with `status`. */
async function startClerk(t) {
  const clerk = { requests: [], status: 200 };
  const server = createServer(async (request, response) => {
    let text = "";
    for await (const part of request) text += part;
    clerk.requests.push({ method: request.method, url: request.url, headers: request.headers, text });
    response.writeHead(clerk.status, { "Content-Type": "application/json" });
    response.end(JSON.stringify({ object: "organization", id: request.url.split("/").at(-1) }));
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => server.close());
  clerk.url = `http://127.0.0.1:${server.address().port}`;
  return clerk;
}

const SECRET = `whsec_${Buffer.from("0123456789abcdef0123456789abcdef").toString("base64")}`;
const MINUTE = 60_000;

/** A report as Clerk sends it: `{body, headers}`. */
function report(event, { messageId = `msg_${Math.random().toString(36).slice(2)}`, at = new Date(), secret = SECRET } = {}) {
  const body = JSON.stringify(event);
  const signature = new Webhook(secret).sign(messageId, at, body);
  const timestamp = String(Math.floor(at.getTime() / 1000));
  return { body, headers: { "Content-Type": "application/json", "svix-id": messageId, "svix-timestamp": timestamp, "svix-signature": signature } };
}

const subscription = (status, updatedAt, organizationId = "org_paying") => ({
  type: "subscription.updated",
  object: "event",
  data: { id: "sub_1", status, updated_at: updatedAt, payer: { organization_id: organizationId } },
});

test("Clerk's webhook takes in what Svix signed, once and in order, and nothing else", async (t) => {
  const clerk = await startClerk(t);
  const server = await startChat(t);
  const send = async ({ body, headers }) => {
    const response = await fetch(`${server.siteUrl}/clerk-webhook`, { method: "POST", headers, body });
    return `${response.status} ${await response.text()}`;
  };
  const statuses = async () => (await rows(server, "subscriptions")).filter(({ organizationId }) => organizationId === "org_paying").map(({ status }) => status);
  const REFUSED = "400 Error occurred";
  const now = Date.now();
  assert.equal(await send(report(subscription("active", now))), REFUSED, "no secret is set");
  await setVariables(server, { CLERK_WEBHOOK_SECRET: SECRET, CLERK_SECRET_KEY: "sk_test_clerk", CLERK_API_URL: clerk.url });

  const good = report(subscription("active", now));
  assert.equal(await send(good), "200 ");
  assert.deepEqual(await statuses(), ["active"]);
  assert.equal(clerk.requests.length, 1);
  const [{ method, url, headers, text }] = clerk.requests;
  assert.deepEqual([method, url, JSON.parse(text)], ["PATCH", "/v1/organizations/org_paying", { max_allowed_memberships: 5 }]);
  assert.equal(headers.authorization, "Bearer sk_test_clerk");

  // Replayed: acknowledged, without effect.
  await callAsAdmin(server, "system/subscriptions:upsert", { organizationId: "org_paying", status: "canceled" });
  assert.equal(await send(good), "200 ");
  assert.deepEqual(await statuses(), ["canceled"]);
  assert.equal(clerk.requests.length, 1);

  // Late: what is older than what is known does not count.
  assert.equal(await send(report(subscription("active", now - 1000))), "200 ");
  assert.deepEqual(await statuses(), ["canceled"]);
  assert.equal(await send(report(subscription("active", now + 1000))), "200 ");
  assert.deepEqual(await statuses(), ["active"]);
  assert.equal(await send(report(subscription("past_due", now + 2000))), "200 ");
  assert.deepEqual(await statuses(), ["inactive"]);
  assert.deepEqual(JSON.parse(clerk.requests.at(-1).text), { max_allowed_memberships: 1 });

  // Tampered, stale, early, with another key, without a header, without a signature.
  const event = subscription("active", now + 3000);
  const fresh = report(event);
  assert.equal(await send({ ...fresh, body: fresh.body.replace("org_paying", "org_thief") }), REFUSED);
  assert.equal(await send({ ...fresh, headers: { ...fresh.headers, "svix-id": "msg_other" } }), REFUSED);
  assert.equal(await send(report(event, { at: new Date(now - 6 * MINUTE) })), REFUSED);
  assert.equal(await send(report(event, { at: new Date(now + 6 * MINUTE) })), REFUSED);
  assert.equal(await send(report(event, { secret: `whsec_${Buffer.from("another").toString("base64")}` })), REFUSED);
  for (const name of ["svix-id", "svix-timestamp", "svix-signature"]) {
    const { [name]: _, ...rest } = fresh.headers;
    assert.equal(await send({ ...fresh, headers: rest }), REFUSED, name);
    assert.equal(await send({ ...fresh, headers: { ...fresh.headers, [name]: "nonsense" } }), REFUSED, name);
  }
  assert.equal(await send({ ...fresh, body: "" }), REFUSED);
  assert.deepEqual(await statuses(), ["inactive"]);

  assert.equal(await send(report(subscription("active", now, ""))), "400 Missing Organization ID");
  assert.equal(await send(report({ type: "subscription.updated", data: {} })), "400 Missing Organization ID");
  assert.equal(await send(report({ type: "user.created", data: { id: "user_1" } })), "200 ");

  // While Clerk cannot be told, the report is refused and comes again.
  clerk.status = 400;
  assert.match(await send(fresh), /^500 /);
  assert.deepEqual(await statuses(), ["inactive"]);
  clerk.status = 200;
  assert.equal(await send(fresh), "200 ");
  assert.deepEqual(await statuses(), ["active"]);
  assert.equal((await fetch(`${server.siteUrl}/clerk-webhook`)).status, 404);
});

/** Every byte of every file below a folder. */
function files(folder) {
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.join(entry.parentPath ?? entry.path, entry.name))
    .map((file) => ({ file, content: readFileSync(file) }));
}

test("a private key never leaves the server: not in an answer, a log, an export or a file", async (t) => {
  const PRIVATE_KEY = "4d1c9a6e-e5b0-private-key-of-the-demo-organization";
  const server = await startChat(t);
  const heard = [];
  // Everything the server says to these clients, by any transport.
  class Listening extends WebSocket {
    constructor(...args) {
      super(...args);
      this.addEventListener("message", ({ data }) => heard.push(String(data)));
    }
  }
  const listeningFetch = async (...args) => {
    const response = await fetch(...args);
    heard.push(await response.clone().text());
    return response;
  };
  const token = await operatorToken(server);
  const operator = new ConvexClient(server.url, { logger: false, webSocketConstructor: Listening });
  t.after(() => operator.close());
  operator.setAuth(async () => token);
  const http = new ConvexHttpClient(server.url, { logger: false, fetch: listeningFetch });
  const value = { publicApiKey: "the-public-key", privateApiKey: PRIVATE_KEY };

  let plugin = null;
  operator.onUpdate(api.private.plugins.getOne, { service: "vapi" }, (found) => (plugin = found));
  assert.equal(await operator.mutation(api.private.secrets.upsert, { service: "vapi", value }), null);
  await until("the connection to appear by itself", () => plugin !== null);
  assert.equal(plugin.secretName, "tenant/org_demo/vapi");
  assert.deepEqual(await operator.action(api.public.secrets.getVapiSecrets, { organizationId: "org_demo" }), { publicApiKey: "the-public-key" });
  assert.deepEqual(await http.action(api.public.secrets.getVapiSecrets, { organizationId: "org_demo" }), { publicApiKey: "the-public-key" });

  // Vapi that repeats the key, refuses it, and is not there.
  const vapi = createServer((request, response) => {
    const key = request.headers.authorization.slice("Bearer ".length);
    assert.equal(key, PRIVATE_KEY);
    const isList = request.url === "/assistant";
    response.writeHead(isList ? 200 : 400, { "Content-Type": "application/json" });
    response.end(isList ? JSON.stringify([{ id: "a1", name: `of ${key}`, server: { secret: key } }]) : JSON.stringify({ message: `bad ${key}` }));
  });
  await new Promise((resolve) => vapi.listen(0, "127.0.0.1", resolve));
  t.after(() => vapi.close());
  await setVariables(server, { VAPI_API_URL: `http://127.0.0.1:${vapi.address().port}` });
  const [assistant] = await operator.action(api.private.vapi.getAssistants, {});
  assert.equal(assistant.id, "a1");
  await assert.rejects(operator.action(api.private.vapi.getPhoneNumbers, {}));
  await setVariables(server, { VAPI_API_URL: "http://127.0.0.1:1" });
  await assert.rejects(operator.action(api.private.vapi.getAssistants, {}));

  // Wrong arguments, with the key in them.
  http.setAuth(token);
  for (const args of [{ service: "vapi", value, extra: 1 }, { service: "other", value }, { service: "vapi", value: { ...value, more: 1 } }, { value }]) {
    for (const client of [operator, http]) await assert.rejects(client.mutation(api.private.secrets.upsert, args));
  }
  await assert.rejects(callAsAdmin(server, "system/secrets:upsert", { service: "vapi", value }), (error) => {
    heard.push(error.message);
    return true;
  });

  // What an administrator can get.
  const admin = { Authorization: `Convex ${server.adminKey}` };
  for (const url of ["/api/stream_function_logs?cursor=0", "/api/stream_udf_execution?cursor=0", "/metrics"]) {
    heard.push(await (await fetch(`${server.url}${url}`, { headers: admin })).text());
  }
  for (const table of ["plugins", "_scheduled_functions", "widgetSettings"]) heard.push(JSON.stringify(await rows(server, table)));
  heard.push(JSON.stringify(await callAsAdmin(server, "system/privacy:exportOrganization", { organizationId: "org_demo" })));
  const folder = temporaryFolder();
  const zip = path.join(folder, "export.zip");
  const exported = await fusion(folder, "export", "--path", zip, "--include-file-storage", "--url", server.url, "--admin-key", server.adminKey);
  assert.equal(exported.code, 0, exported.stderr);
  heard.push(server.log());

  const said = heard.join("\n");
  assert.ok(said.includes("the-public-key"), "what is listened to has answers in it");
  assert.ok(!said.includes(PRIVATE_KEY), "the private key was said");
  for (const { file, content } of files(path.dirname(server.data))) {
    // Compressed files are read as what they hold.
    assert.ok(!content.includes(PRIVATE_KEY), `${file} has the private key`);
  }
  const unpacked = await import("node:zlib").then(({ inflateRawSync }) => unzip(readFileSync(zip), inflateRawSync));
  assert.ok(unpacked.some((content) => content.includes("tenant/org_demo/vapi")), "the export has the connection");
  assert.ok(unpacked.every((content) => !content.includes(PRIVATE_KEY)), "the export has the private key");

  // After a restart the vault still opens.
  await server.stop();
  const again = await startChat(t, { data: server.data });
  const client = new ConvexHttpClient(again.url, { logger: false });
  assert.deepEqual(await client.action(api.public.secrets.getVapiSecrets, { organizationId: "org_demo" }), { publicApiKey: "the-public-key" });
});

/** The contents of a zip file, by its central directory. */
function unzip(archive, inflate) {
  const contents = [];
  for (let at = archive.indexOf("PK\x01\x02", 0, "latin1"); at >= 0; at = archive.indexOf("PK\x01\x02", at + 46, "latin1")) {
    const [method, size, offset] = [archive.readUInt16LE(at + 10), archive.readUInt32LE(at + 20), archive.readUInt32LE(at + 42)];
    const start = offset + 30 + archive.readUInt16LE(offset + 26) + archive.readUInt16LE(offset + 28);
    const content = archive.subarray(start, start + size);
    contents.push(method === 8 ? inflate(content) : content);
  }
  return contents;
}

test("operators sign in with the tokens of the issuer that CLERK_JWT_ISSUER_DOMAIN names", async (t) => {
  const issuer = await startIssuer(t);
  const first = await startChat(t);
  await setVariables(first, { CLERK_JWT_ISSUER_DOMAIN: issuer.url });
  await first.stop();
  const server = await startChat(t, { data: first.data });
  const operator = connectClient(t, server);
  const claims = { orgId: "org_clerk", family_name: "Lovelace" };
  operator.setAuth(async () => issuer.token("user_1", { claims }));
  await operator.mutation(api.private.widgetSettings.upsert, { greetMessage: "Hi from Clerk", defaultSuggestions: {}, vapiSettings: {} });
  const visitor = connectClient(t, server);
  assert.deepEqual(await visitor.action(api.public.organizations.validate, { organizationId: "org_clerk" }), { valid: true });
  const contactSessionId = await visitor.mutation(api.public.contactSessions.create, { name: "Vera", email: "", organizationId: "org_clerk" });
  const conversationId = await visitor.mutation(api.public.conversations.create, { organizationId: "org_clerk", contactSessionId });
  await operator.mutation(api.private.messages.create, { conversationId, prompt: "A human here." });
  const { threadId } = await operator.query(api.private.conversations.getOne, { conversationId });
  const { page } = await operator.query(api.private.messages.getMany, { threadId, paginationOpts: { numItems: 1, cursor: null } });
  assert.equal(page[0].agentName, "Lovelace");
  const stranger = new ConvexHttpClient(server.url, { logger: false });
  stranger.setAuth(issuer.token("user_2"));
  await assert.rejects(stranger.query(api.private.widgetSettings.getOne, {}), (error) => {
    assert.deepEqual(error.data, { code: "UNAUTHORIZED", message: "Organization not found" });
    return true;
  });

  // A wrong value is told and keeps nobody from starting.
  await setVariables(server, { CLERK_JWT_ISSUER_DOMAIN: "ftp://nowhere" });
  await server.stop();
  const third = await startChat(t, { data: first.data });
  await until("the warning", () => /CLERK_JWT_ISSUER_DOMAIN names no issuer/.test(third.log()));
});

test("the server says which services are real and which are built in", async (t) => {
  const first = await startChat(t);
  const modes = async (server) =>
    Object.fromEntries((await callAsAdmin(server, "system/services:list")).map(({ service, mode }) => [service, mode]));
  const before = await modes(first);
  assert.deepEqual([before.secrets, before.organizations], ["embedded", "embedded"]);
  // The list is printed after the server is ready.
  await until("the list of services", () => /secrets +embedded +encrypted vault/.test(first.log()));
  await setVariables(first, { AWS_ACCESS_KEY_ID: "AKIDEXAMPLE", AWS_SECRET_ACCESS_KEY: "very-secret-access-key", CLERK_SECRET_KEY: "sk_test_clerk" });
  const after = await modes(first);
  assert.deepEqual([after.secrets, after.organizations], ["real", "real"]);
  await first.stop();
  const second = await startChat(t, { data: first.data });
  const logSince = () => second.log().slice(first.log().indexOf("Stopped."));
  await until("the list of services again", () => /voice +real/.test(logSince()));
  const log = logSince();
  assert.match(log, /secrets +real +AWS Secrets Manager in us-east-1/);
  assert.match(log, /organizations +real +Clerk at/);
  assert.ok(!log.includes("very-secret-access-key") && !log.includes("sk_test_clerk"));
});

test("no name, address or message of a visitor is in a log, whatever goes wrong", async (t) => {
  const server = await startChat(t);
  const client = connectClient(t, server);
  const [name, email, said] = ["Very Personal Name", "very.personal@example.org", "my very personal question"];
  const person = { name, email, organizationId: "org_demo", metadata: { currentUrl: `https://example.org/${email}` } };
  const contactSessionId = await client.mutation(api.public.contactSessions.create, person);
  const conversationId = await client.mutation(api.public.conversations.create, { organizationId: "org_demo", contactSessionId });
  const { threadId } = await client.query(api.public.conversations.getOne, { conversationId, contactSessionId });
  const ask = { prompt: said, threadId, contactSessionId };
  await client.action(api.public.messages.create, ask);
  const operator = connectClient(t, server);
  const token = await operatorToken(server);
  operator.setAuth(async () => token);
  await operator.mutation(api.private.messages.create, { conversationId, prompt: said });
  await operator.action(api.private.messages.enhanceResponse, { prompt: said });
  // Refused in every way there is.
  await assert.rejects(client.mutation(api.public.contactSessions.create, { ...person, extra: 1 }));
  await assert.rejects(client.mutation(api.public.contactSessions.create, { name, email }));
  await assert.rejects(client.mutation(api.public.contactSessions.create, { ...person, email: email.repeat(20) }));
  await assert.rejects(client.action(api.public.messages.create, { ...ask, extra: 1 }));
  await assert.rejects(client.action(api.public.messages.create, { ...ask, prompt: said.repeat(200) }));
  await assert.rejects(client.action(api.public.messages.create, { ...ask, threadId: "nowhere" }));
  await assert.rejects(operator.mutation(api.private.messages.create, { prompt: said }));
  await assert.rejects(operator.action(api.private.messages.enhanceResponse, { prompt: said, extra: said }));
  await assert.rejects(callAsAdmin(server, "system/privacy:eraseContact", { organizationId: "org_demo", email, extra: 1 }));
  // A language model that repeats what it was asked when it refuses.
  const model = createServer(async (request, response) => {
    let text = "";
    for await (const part of request) text += part;
    response.writeHead(400, { "Content-Type": "application/json" });
    response.end(JSON.stringify({ error: { message: `cannot answer ${email}`, echo: text } }));
  });
  await new Promise((resolve) => model.listen(0, "127.0.0.1", resolve));
  t.after(() => model.close());
  await operator.mutation(api.private.conversations.updateStatus, { conversationId, status: "unresolved" });
  await setVariables(server, { OPENAI_API_KEY: "sk-test-0123456789", OPENAI_BASE_URL: `http://127.0.0.1:${model.address().port}/v1` });
  await client.action(api.public.messages.create, ask).catch(() => {});
  await callAsAdmin(server, "system/privacy:eraseContact", { organizationId: "org_demo", email });
  assert.deepEqual((await rows(server, "contactSessions")).filter((row) => row.email === email), []);

  const logs = [server.log()];
  for (const url of ["/api/stream_function_logs?cursor=0", "/api/stream_udf_execution?cursor=0", "/metrics"]) {
    const response = await fetch(`${server.url}${url}`, { headers: { Authorization: `Convex ${server.adminKey}` } });
    logs.push(await response.text());
  }
  const all = logs.join("\n");
  assert.ok(all.includes("public/messages"), "the log has the calls in it");
  for (const personal of [name, email, said]) assert.ok(!all.includes(personal), `${personal} is in a log: ${all.slice(Math.max(0, all.indexOf(personal) - 300), all.indexOf(personal) + 100)}`);
});

test("connecting a service needs an active subscription where the deployment says so", async (t) => {
  const server = await startChat(t);
  const operator = connectClient(t, server);
  const response = await fetch(`${server.url}/_dev/issuer/token`, { method: "POST", body: JSON.stringify({ sub: "user_1", orgId: "org_new" }) });
  const { token } = await response.json();
  operator.setAuth(async () => token);
  const connect = () => operator.mutation(api.private.secrets.upsert, { service: "vapi", value: { publicApiKey: "a", privateApiKey: "demo" } });
  const refusal = async () => (await connect().then(assert.fail, (error) => error)).data;
  await connect();
  await setVariables(server, { REQUIRE_ACTIVE_SUBSCRIPTION: "true" });
  assert.deepEqual(await refusal(), { code: "SUBSCRIPTION_REQUIRED", message: "No subscription found for this organization" });
  await callAsAdmin(server, "system/subscriptions:upsert", { organizationId: "org_new", status: "inactive" });
  assert.deepEqual(await refusal(), { code: "SUBSCRIPTION_INACTIVE", message: "Subscription is inactive" });
  await callAsAdmin(server, "system/subscriptions:upsert", { organizationId: "org_new", status: "active" });
  await connect();
  await setVariables(server, { REQUIRE_ACTIVE_SUBSCRIPTION: "perhaps" });
  await assert.rejects(connect(), /REQUIRE_ACTIVE_SUBSCRIPTION must be true or false/);
});
