// The contract of Fusion Chat: every function by its kind, its arguments (as documented and as the application's own
// clients send them), the shape of what it returns, who may call it, and every code and message it refuses with.
// The same table is run over HTTP and over the WebSocket, and for the functions in Rust as for those in TypeScript.

import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { ConvexHttpClient } from "convex/browser";
import { anyApi } from "convex/server";
import { startChat, startChatInTypeScript } from "./support/chat.js";
import { fusion } from "./support/fusion.js";
import { callAsAdmin, connectClient, temporaryFolder } from "./support/server.js";
import { any, array, boolean, document, id, literal, nothing, nullable, number, object, optional, page, string, union } from "./support/shapes.js";
import { until } from "./support/wait.js";

const firstPage = { numItems: 20, cursor: null };
const status = literal("unresolved", "escalated", "resolved");
const metadata = object(
  Object.fromEntries(
    ["userAgent", "language", "languages", "platform", "vendor", "screenResolution", "viewportSize", "timezone", "referrer", "currentUrl"]
      .map((name) => [name, optional(string)])
      .concat([["timezoneOffset", optional(number)], ["cookieEnabled", optional(boolean)]]),
  ),
);
const contactSession = document({ name: string, email: string, organizationId: string, expiresAt: number, metadata: optional(metadata) });

// The agent component, which keeps the messages of the functions in TypeScript, says more than clients ask for.
const extra = (names) => Object.fromEntries(names.map((name) => [name, optional(any)]));
const tokenCounts = ["reasoningTokens", "cachedInputTokens", "nonCachedInputTokens", "cacheWriteInputTokens", "textOutputTokens"];
const message = document({
  threadId: string,
  order: number,
  stepOrder: number,
  status: literal("pending", "success", "failed"),
  tool: boolean,
  text: optional(string),
  message: optional(object({ role: literal("system", "user", "assistant", "tool"), content: any })),
  userId: optional(string),
  agentName: optional(string),
  model: optional(string),
  provider: optional(string),
  usage: optional(object({ promptTokens: number, completionTokens: number, totalTokens: number, ...extra(tokenCounts), raw: optional(any) })),
  finishReason: optional(string),
  error: optional(string),
  fileIds: optional(array(string)),
  ...extra(["id", "embeddingId", "reasoning", "reasoningDetails", "sources", "warnings", "providerMetadata", "providerOptions"]),
});
const widgetSettings = document({
  organizationId: string,
  greetMessage: string,
  defaultSuggestions: object({ suggestion1: optional(string), suggestion2: optional(string), suggestion3: optional(string) }),
  vapiSettings: object({ assistantId: optional(string), phoneNumber: optional(string) }),
});
const plugin = document({ organizationId: string, service: literal("vapi"), secretName: string });
const conversation = { threadId: string, organizationId: string, contactSessionId: id, status };
const conversationItem = document({ ...conversation, lastMessage: nullable(message), contactSession });

const file = object({
  id,
  name: string,
  type: string,
  size: string,
  status: literal("ready", "processing", "error"),
  url: nullable(string),
  category: optional(string),
  progress: optional(number),
  error: optional(string),
});
const bytes = (text) => new TextEncoder().encode(text).buffer;

const INVALID_SESSION = ["UNAUTHORIZED", "Invalid session"];
const NO_CONVERSATION = ["NOT_FOUND", "Conversation not found"];
const OTHER_ORGANIZATION = ["UNAUTHORIZED", "Invalid Organization ID"];
const RESOLVED = ["BAD_REQUEST", "Conversation resolved"];

/** What every private function says to those who may not call it. */
const guarded = (args, nobody = "Identity not found") => [
  { as: "nobody", args, refuses: ["UNAUTHORIZED", nobody] },
  { as: "stranger", args, refuses: ["UNAUTHORIZED", "Organization not found"] },
];

/**
 * The table. Each case runs `as` somebody (default: nobody) and ends in a value of a shape (`returns`), a code and a message
 * (`refuses`), or arguments that are not taken (`rejects`). They run in order, on the data of `world`.
 */
const contract = (world) => [
  {
    path: "public/contactSessions:create",
    kind: "mutation",
    cases: [
      { args: { name: "Ada", email: "ada@example.org", organizationId: "org_a" }, returns: id },
      {
        args: { name: "A".repeat(100), email: "", organizationId: "org_a", metadata: { timezone: "Europe/Vienna", timezoneOffset: -60, cookieEnabled: true } },
        returns: id,
      },
      { args: { name: "  ", email: "", organizationId: "org_a" }, refuses: ["BAD_REQUEST", "Name must be between 1 and 100 characters"] },
      { args: { name: "A".repeat(101), email: "", organizationId: "org_a" }, refuses: ["BAD_REQUEST", "Name must be between 1 and 100 characters"] },
      { args: { name: "Ada", email: "x".repeat(255), organizationId: "org_a" }, refuses: ["BAD_REQUEST", "Email address too long"] },
      { args: { name: "Ada", email: "" }, rejects: "organizationId" },
      { args: { name: "Ada", email: "", organizationId: "org_a", metadata: { battery: 1 } }, rejects: "battery" },
    ],
  },
  {
    path: "public/contactSessions:validate",
    kind: "mutation",
    cases: [
      { args: { contactSessionId: world.session }, returns: object({ valid: literal(true), contactSession }) },
      { args: { contactSessionId: world.expired }, returns: object({ valid: literal(false), reason: literal("Contact session expired") }) },
      { args: { contactSessionId: world.erased }, returns: object({ valid: literal(false), reason: literal("Contact session not found") }) },
      { args: { contactSessionId: world.conversation }, rejects: "contactSessionId" },
      { args: {}, rejects: "contactSessionId" },
    ],
  },
  {
    path: "public/conversations:create",
    kind: "mutation",
    cases: [
      { args: { organizationId: "org_demo", contactSessionId: world.session }, returns: id },
      { args: { organizationId: "org_a", contactSessionId: world.session }, refuses: ["UNAUTHORIZED", "The session belongs to another organization"] },
      { args: { organizationId: "org_demo", contactSessionId: world.expired }, refuses: INVALID_SESSION },
      { args: { organizationId: "org_demo", contactSessionId: world.erased }, refuses: INVALID_SESSION },
    ],
  },
  {
    path: "public/conversations:getMany",
    kind: "query",
    cases: [
      {
        args: { contactSessionId: world.session, paginationOpts: firstPage },
        returns: page(document({ status, organizationId: string, threadId: string, lastMessage: nullable(message) })),
      },
      { args: { contactSessionId: world.expired, paginationOpts: firstPage }, refuses: INVALID_SESSION },
      { args: { contactSessionId: world.session }, rejects: "paginationOpts" },
    ],
  },
  {
    path: "public/conversations:getOne",
    kind: "query",
    cases: [
      { args: { conversationId: world.conversation, contactSessionId: world.session }, returns: object({ _id: id, status, threadId: string }) },
      { args: { conversationId: world.conversation, contactSessionId: world.other }, refuses: ["UNAUTHORIZED", "Incorrect session"] },
      { args: { conversationId: world.erasedConversation, contactSessionId: world.session }, refuses: NO_CONVERSATION },
      { args: { conversationId: world.conversation, contactSessionId: world.expired }, refuses: INVALID_SESSION },
    ],
  },
  {
    path: "public/messages:create",
    kind: "action",
    cases: [
      { args: { prompt: "What are your opening hours?", threadId: world.thread, contactSessionId: world.session }, returns: nothing },
      { args: { prompt: "", threadId: world.thread, contactSessionId: world.session }, returns: nothing },
      { args: { prompt: "x".repeat(2001), threadId: world.thread, contactSessionId: world.session }, refuses: ["BAD_REQUEST", "Message too long. Maximum 2000 characters."] },
      { args: { prompt: "hi", threadId: world.resolvedThread, contactSessionId: world.session }, refuses: RESOLVED },
      { args: { prompt: "hi", threadId: "nowhere", contactSessionId: world.session }, refuses: NO_CONVERSATION },
      { args: { prompt: "hi", threadId: world.thread, contactSessionId: world.other }, refuses: ["UNAUTHORIZED", "Incorrect session"] },
      { args: { prompt: "hi", threadId: world.thread, contactSessionId: world.expired }, refuses: INVALID_SESSION },
      { args: { threadId: world.thread, contactSessionId: world.session }, rejects: "prompt" },
    ],
  },
  {
    path: "public/messages:getMany",
    kind: "query",
    cases: [
      { args: { threadId: world.thread, contactSessionId: world.session, paginationOpts: firstPage }, returns: page(message) },
      { args: { threadId: world.thread, contactSessionId: world.session, paginationOpts: { numItems: 0, cursor: null } }, returns: page(message) },
      { args: { threadId: world.thread, contactSessionId: world.other, paginationOpts: firstPage }, refuses: ["UNAUTHORIZED", "Incorrect session"] },
      { args: { threadId: "nowhere", contactSessionId: world.session, paginationOpts: firstPage }, refuses: NO_CONVERSATION },
      { args: { threadId: world.thread, contactSessionId: world.erased, paginationOpts: firstPage }, refuses: INVALID_SESSION },
    ],
  },
  {
    path: "public/organizations:validate",
    kind: "action",
    cases: [
      { args: { organizationId: "org_demo" }, returns: object({ valid: literal(true) }) },
      { args: { organizationId: "org_nobody" }, returns: object({ valid: literal(false), reason: literal("Organization not valid") }) },
      { args: {}, rejects: "organizationId" },
    ],
  },
  {
    path: "public/secrets:getVapiSecrets",
    kind: "action",
    cases: [
      { args: { organizationId: "org_demo" }, returns: object({ publicApiKey: literal("public") }) },
      { args: { organizationId: "org_nobody" }, returns: nothing },
    ],
  },
  {
    path: "public/signIn:config",
    kind: "query",
    cases: [{ args: {}, returns: object({ kind: literal("none") }) }],
  },
  {
    path: "public/widgetSettings:getByOrganizationId",
    kind: "query",
    cases: [
      { args: { organizationId: "org_demo" }, returns: widgetSettings },
      { args: { organizationId: "org_nobody" }, returns: nothing },
    ],
  },
  {
    path: "users:getMany",
    kind: "query",
    cases: [
      { as: "stranger", args: {}, returns: array(document({ name: string })) },
      { args: {}, refuses: ["UNAUTHORIZED", "Not authenticated"] },
    ],
  },
  {
    path: "users:add",
    kind: "mutation",
    cases: [
      { as: "operator", args: { name: "Ada" }, returns: id },
      { args: { name: "Ada" }, refuses: ["UNAUTHORIZED", "Not authenticated"] },
      { as: "stranger", args: { name: "Ada" }, refuses: ["UNAUTHORIZED", "Missing organization"] },
      { as: "operator", args: {}, rejects: "name" },
    ],
  },
  {
    path: "private/contactSessions:getOneByConversationId",
    kind: "query",
    cases: [
      ...guarded({ conversationId: world.conversation }, "Unauthorized"),
      { as: "operator", args: { conversationId: world.conversation }, returns: contactSession },
      { as: "operator", args: { conversationId: world.orphan }, returns: nothing },
      { as: "operator", args: { conversationId: world.erasedConversation }, refuses: NO_CONVERSATION },
      { as: "other", args: { conversationId: world.conversation }, refuses: ["UNAUTHORIZED", "Invalid organization id"] },
    ],
  },
  {
    path: "private/conversations:getMany",
    kind: "query",
    cases: [
      ...guarded({ paginationOpts: firstPage }),
      { as: "operator", args: { paginationOpts: firstPage }, returns: page(conversationItem) },
      ...["unresolved", "escalated", "resolved"].map((status) => ({ as: "operator", args: { paginationOpts: firstPage, status }, returns: page(conversationItem) })),
      // The documented form.
      { as: "operator", args: { status: "all" }, returns: page(conversationItem) },
      { as: "operator", args: {}, returns: page(conversationItem) },
      { as: "operator", args: { paginationOpts: firstPage, status: "open" }, rejects: "status" },
    ],
  },
  {
    path: "private/conversations:getOne",
    kind: "query",
    cases: [
      ...guarded({ conversationId: world.conversation }),
      { as: "operator", args: { conversationId: world.conversation }, returns: document({ ...conversation, contactSession }) },
      { as: "operator", args: { conversationId: world.orphan }, refuses: ["NOT_FOUND", "Contact Session not found"] },
      { as: "operator", args: { conversationId: world.erasedConversation }, refuses: NO_CONVERSATION },
      { as: "other", args: { conversationId: world.conversation }, refuses: OTHER_ORGANIZATION },
    ],
  },
  {
    path: "private/messages:getMany",
    kind: "query",
    cases: [
      ...guarded({ threadId: world.thread, paginationOpts: firstPage }),
      { as: "operator", args: { threadId: world.thread, paginationOpts: firstPage }, returns: page(message) },
      { as: "operator", args: { threadId: "nowhere", paginationOpts: firstPage }, refuses: NO_CONVERSATION },
      { as: "other", args: { threadId: world.thread, paginationOpts: firstPage }, refuses: OTHER_ORGANIZATION },
    ],
  },
  {
    path: "private/messages:enhanceResponse",
    kind: "action",
    cases: [
      ...guarded({ prompt: "we look into it" }),
      { as: "operator", args: { prompt: "we look into it" }, returns: string },
      // The documented form.
      { as: "operator", args: { threadId: world.thread, message: "we look into it" }, returns: object({ message: string }) },
      { as: "operator", args: { threadId: "nowhere", message: "x" }, refuses: NO_CONVERSATION },
      { as: "other", args: { threadId: world.thread, message: "x" }, refuses: OTHER_ORGANIZATION },
      { as: "operator", args: { message: "x" }, rejects: "prompt" },
    ],
  },
  {
    path: "private/messages:create",
    kind: "mutation",
    cases: [
      ...guarded({ prompt: "Hi", conversationId: world.conversation }),
      { as: "operator", args: { prompt: "Hi", conversationId: world.conversation }, returns: nothing },
      // The documented form.
      { as: "operator", args: { threadId: world.thread, message: "Hi again" }, returns: nothing },
      { as: "operator", args: { prompt: "Hi", conversationId: world.resolved }, refuses: RESOLVED },
      { as: "operator", args: { prompt: "Hi", conversationId: world.erasedConversation }, refuses: NO_CONVERSATION },
      { as: "operator", args: { threadId: "nowhere", message: "Hi" }, refuses: NO_CONVERSATION },
      { as: "other", args: { prompt: "Hi", conversationId: world.conversation }, refuses: OTHER_ORGANIZATION },
      { as: "operator", args: { prompt: "Hi" }, rejects: "conversationId" },
    ],
  },
  {
    path: "private/conversations:updateStatus",
    kind: "mutation",
    cases: [
      ...guarded({ conversationId: world.conversation, status: "resolved" }),
      ...["resolved", "escalated", "unresolved"].map((status) => ({ as: "operator", args: { conversationId: world.conversation, status }, returns: nothing })),
      { as: "operator", args: { conversationId: world.erasedConversation, status: "resolved" }, refuses: NO_CONVERSATION },
      { as: "other", args: { conversationId: world.conversation, status: "resolved" }, refuses: OTHER_ORGANIZATION },
      { as: "operator", args: { conversationId: world.conversation, status: "all" }, rejects: "status" },
    ],
  },
  {
    path: "private/widgetSettings:getOne",
    kind: "query",
    cases: [...guarded({}), { as: "operator", args: {}, returns: widgetSettings }, { as: "other", args: {}, returns: nothing }],
  },
  {
    path: "private/widgetSettings:upsert",
    kind: "mutation",
    cases: [
      ...guarded({ greetMessage: "Hi", defaultSuggestions: {}, vapiSettings: {} }),
      {
        as: "operator",
        args: { greetMessage: "Hi", defaultSuggestions: { suggestion1: "a", suggestion2: "b", suggestion3: "c" }, vapiSettings: { assistantId: "x", phoneNumber: "+1" } },
        returns: nothing,
      },
      { as: "operator", args: { greetMessage: "Hi", defaultSuggestions: {}, vapiSettings: {} }, returns: nothing },
      { as: "operator", args: { greetMessage: "Hi", defaultSuggestions: {} }, rejects: "vapiSettings" },
    ],
  },
  {
    path: "private/vapi:getAssistants",
    kind: "action",
    cases: [
      ...guarded({}),
      { as: "operator", args: {}, returns: array(object({ id: string, name: string, firstMessage: string, model: object({ provider: string, model: string }) })) },
      { as: "other", args: {}, refuses: ["NOT_FOUND", "Plugin not found"] },
    ],
  },
  {
    path: "private/vapi:getPhoneNumbers",
    kind: "action",
    cases: [
      ...guarded({}),
      { as: "operator", args: {}, returns: array(object({ id: string, name: string, number: string, phoneNumber: string, status: string })) },
      { as: "other", args: {}, refuses: ["NOT_FOUND", "Plugin not found"] },
    ],
  },
  {
    path: "private/files:addFile",
    kind: "action",
    cases: [
      ...guarded({ filename: "a.txt", mimeType: "text/plain", bytes: bytes("text") }),
      { as: "operator", args: { filename: "new.md", mimeType: "", bytes: bytes("# New"), category: "guides" }, returns: object({ url: nullable(string), entryId: id }) },
      {
        as: "operator",
        args: { filename: "a.bin", mimeType: "application/x-nothing", bytes: bytes("text") },
        refuses: ["BAD_REQUEST", "Unsupported MIME type: application/x-nothing"],
      },
      { as: "operator", args: { filename: "a.txt", mimeType: "text/plain" }, rejects: "bytes" },
    ],
  },
  {
    path: "private/files:list",
    kind: "query",
    cases: [
      ...guarded({ paginationOpts: firstPage }),
      { as: "operator", args: { paginationOpts: firstPage }, returns: page(file) },
      { as: "operator", args: { paginationOpts: firstPage, category: "guides" }, returns: page(file) },
      // The documented form.
      { as: "operator", args: {}, returns: page(file) },
      { as: "third", args: { paginationOpts: firstPage }, returns: page(nothing) },
    ],
  },
  {
    path: "private/files:deleteFile",
    kind: "mutation",
    cases: [
      ...guarded({ entryId: world.entry }),
      { as: "third", args: { entryId: world.entry }, refuses: ["UNAUTHORIZED", "Invalid namespace"] },
      { as: "other", args: { entryId: world.entry }, refuses: OTHER_ORGANIZATION },
      { as: "operator", args: { entryId: "nothing" }, refuses: ["NOT_FOUND", "Entry not found"] },
      { as: "operator", args: { entryId: world.entry }, returns: nothing },
      { as: "operator", args: { entryId: world.entry }, refuses: ["NOT_FOUND", "Entry not found"] },
      // The documented form.
      { as: "operator", args: { fileId: world.secondEntry }, returns: nothing },
      { as: "operator", args: {}, rejects: "entryId" },
    ],
  },
  {
    path: "private/plugins:getOne",
    kind: "query",
    cases: [
      ...guarded({ service: "vapi" }),
      { as: "operator", args: { service: "vapi" }, returns: plugin },
      { as: "other", args: { service: "vapi" }, returns: nothing },
      { as: "operator", args: { service: "stripe" }, rejects: "service" },
    ],
  },
  {
    path: "private/secrets:upsert",
    kind: "mutation",
    cases: [
      ...guarded({ service: "vapi", value: { publicApiKey: "a", privateApiKey: "b" } }),
      { as: "operator", args: { service: "vapi", value: { publicApiKey: "public", privateApiKey: "demo" } }, returns: nothing },
      // The documented form.
      { as: "operator", args: { service: "vapi", secretName: "tenant/org_demo/vapi" }, returns: nothing },
      {
        as: "operator",
        args: { service: "vapi", secretName: "tenant/org_other/vapi" },
        refuses: ["BAD_REQUEST", "The name of a secret must begin with tenant/<organization id>/"],
      },
      { as: "operator", args: { service: "vapi" }, rejects: "secretName" },
      { as: "operator", args: { service: "vapi", value: { publicApiKey: "a" } }, rejects: "value" },
    ],
  },
  {
    path: "private/plugins:remove",
    kind: "mutation",
    cases: [
      ...guarded({ service: "vapi" }),
      { as: "operator", args: { service: "vapi" }, returns: nothing },
      { as: "other", args: { service: "vapi" }, refuses: ["NOT_FOUND", "Plugin not found"] },
    ],
  },
  {
    path: "private/secrets:remove",
    kind: "mutation",
    cases: [
      ...guarded({ service: "vapi" }),
      { as: "other", args: { service: "vapi" }, refuses: ["NOT_FOUND", "Plugin not found"] },
      { as: "operator", before: "private/secrets:upsert", beforeArgs: { service: "vapi", secretName: "tenant/org_demo/vapi" }, args: { service: "vapi" }, returns: nothing },
    ],
  },
  {
    path: "private/retention:getOne",
    kind: "query",
    cases: [...guarded({}), { as: "operator", args: {}, returns: nothing }],
  },
  {
    path: "private/retention:upsert",
    kind: "mutation",
    cases: [
      ...guarded({ conversationDays: 30 }),
      { as: "operator", args: { conversationDays: 30 }, returns: nothing },
      { as: "operator", args: { conversationDays: null }, returns: nothing },
      { as: "operator", args: { conversationDays: 0.5 }, refuses: ["BAD_REQUEST", "Conversations can be kept for 1 to 3650 whole days"] },
    ],
  },
];

/** What only other functions and administrators may call, with the arguments of a call that succeeds. */
const internal = (world) => [
  ["system/contactSessions:getOne", { contactSessionId: world.session }, nullable(contactSession)],
  ["system/contactSessions:refresh", { contactSessionId: world.session }, contactSession],
  ["system/conversations:getByThreadId", { threadId: world.thread }, nullable(document(conversation))],
  ["system/conversations:escalate", { threadId: world.thread }, nothing],
  ["system/conversations:resolve", { threadId: world.thread }, nothing],
  ["system/plugins:upsert", { service: "vapi", secretName: "tenant/org_a/vapi", organizationId: "org_a" }, nothing],
  ["system/plugins:getByOrganizationIdAndService", { organizationId: "org_a", service: "vapi" }, nullable(plugin)],
  ["system/secrets:upsert", { organizationId: "org_a", service: "vapi", value: { publicApiKey: "a", privateApiKey: "b" } }, object({ status: literal("success") })],
  ["system/secrets:remove", { organizationId: "org_a", service: "vapi" }, object({ status: literal("success") })],
  ["system/rateLimits:checkRateLimitInternal", { key: "k", limitKey: "messages" }, nothing],
  ["system/rateLimitCleanup:cleanup", {}, object({ deletedCount: number })],
  ["system/subscriptions:upsert", { organizationId: "org_a", status: "active" }, nothing],
  ["system/services:list", {}, array(object({ service: string, mode: literal("real", "embedded", "misconfigured"), detail: string }))],
  [
    "system/privacy:exportOrganization",
    { organizationId: "org_a" },
    object({ requestId: id, status: literal("done"), documents: number, parts: array(object({ url: nullable(string), size: number })) }),
  ],
  ["system/privacy:eraseContact", { organizationId: "org_a", email: "nobody@example.org" }, object({ requestId: id, status: literal("done"), documents: number, parts: array(any) })],
];

async function token(server, claims) {
  const options = claims && { method: "POST", body: JSON.stringify(claims) };
  const response = await fetch(`${server.url}/_dev/issuer/token`, options);
  return (await response.json()).token;
}

/** Clients of five people: nobody, a stranger without an organisation, operators of the demo organisation and of two others. */
async function people(t, server, transport) {
  const tokens = {
    nobody: undefined,
    stranger: await token(server, { sub: "stranger" }),
    operator: await token(server),
    other: await token(server, { sub: "other", orgId: "org_other" }),
    third: await token(server, { sub: "third", orgId: "org_third" }),
  };
  return Object.fromEntries(
    Object.entries(tokens).map(([name, token]) => {
      const client = transport === "http" ? new ConvexHttpClient(server.url, { logger: false }) : connectClient(t, server);
      if (token) client.setAuth(transport === "http" ? token : async () => token);
      return [name, client];
    }),
  );
}

const reference = (functionPath) => {
  const [module, name] = functionPath.split(":");
  return module.split("/").reduce((api, part) => api[part], anyApi)[name];
};

/** Data on which every rule can be seen. */
async function prepare(server, { nobody, operator, other }) {
  const session = (email) => nobody.mutation(anyApi.public.contactSessions.create, { name: "Vera", email, organizationId: "org_demo" });
  const talk = async (contactSessionId) => {
    const conversation = await nobody.mutation(anyApi.public.conversations.create, { organizationId: "org_demo", contactSessionId });
    const { threadId } = await nobody.query(anyApi.public.conversations.getOne, { conversationId: conversation, contactSessionId });
    return { conversation, threadId };
  };
  const [own, second, gone] = [await session("own@example.org"), await session("second@example.org"), await session("gone@example.org")];
  const { conversation, threadId: thread } = await talk(own);
  const { conversation: resolved, threadId: resolvedThread } = await talk(own);
  await operator.mutation(anyApi.private.conversations.updateStatus, { conversationId: resolved, status: "resolved" });
  const { conversation: erasedConversation } = await talk(gone);
  await callAsAdmin(server, "system/privacy:eraseContact", { organizationId: "org_demo", email: "gone@example.org" });
  // A session that ended long ago, and a conversation whose session is gone.
  const folder = temporaryFolder();
  const load = async (table, row) => {
    const file = path.join(folder, `${table}.jsonl`);
    writeFileSync(file, JSON.stringify(row));
    const { code, stderr } = await fusion(folder, "import", "--table", table, "--append", "--yes", file, "--url", server.url, "--admin-key", server.adminKey);
    assert.equal(code, 0, stderr);
  };
  await load("contactSessions", { name: "Old", email: "old@example.org", organizationId: "org_demo", expiresAt: 1 });
  await load("conversations", { threadId: "no thread", organizationId: "org_demo", contactSessionId: gone, status: "unresolved" });
  const rows = async (table) => {
    const { code, stdout, stderr } = await fusion(folder, "data", table, "--format", "jsonLines", "--url", server.url, "--admin-key", server.adminKey);
    assert.equal(code, 0, stderr);
    return stdout.trim().split("\n").map((line) => JSON.parse(line));
  };
  const expired = (await rows("contactSessions")).find(({ expiresAt }) => expiresAt === 1)._id;
  const orphan = (await rows("conversations")).find(({ threadId }) => threadId === "no thread")._id;
  await operator.mutation(anyApi.private.secrets.upsert, { service: "vapi", value: { publicApiKey: "public", privateApiKey: "demo" } });
  await until("the connection", () => operator.query(anyApi.private.plugins.getOne, { service: "vapi" }));
  assert.equal(await other.query(anyApi.private.widgetSettings.getOne, {}), null);
  const upload = async (client, filename) =>
    (await client.action(anyApi.private.files.addFile, { filename, mimeType: "text/plain", bytes: bytes(`About ${filename}`) })).entryId;
  const [entry, secondEntry] = [await upload(operator, "one.txt"), await upload(operator, "two.txt")];
  await upload(other, "other.txt");
  return { session: own, other: second, erased: gone, expired, conversation, thread, resolved, resolvedThread, erasedConversation, orphan, entry, secondEntry };
}

async function check(clients, { path: functionPath, kind, cases }) {
  for (const { as = "nobody", args, returns, refuses, rejects, before, beforeArgs } of cases) {
    const what = `${functionPath} as ${as} with ${JSON.stringify(args)}`;
    const client = clients[as];
    if (before) await client.mutation(reference(before), beforeArgs);
    const call = client[kind](reference(functionPath), args);
    if (returns) {
      const value = await call.catch((error) => assert.fail(`${what}: ${error.message}`));
      assert.doesNotThrow(() => returns(value, ""), (error) => assert.fail(`${what}: ${error.message}`));
      continue;
    }
    const error = await call.then((value) => assert.fail(`${what} returned ${JSON.stringify(value)}`), (error) => error);
    if (refuses) {
      assert.deepEqual(error.data, { code: refuses[0], message: refuses[1] }, `${what}: ${error.message}`);
    } else {
      assert.match(error.message, new RegExp(`ArgumentValidationError[^]*${rejects}`), what);
      assert.equal(error.data, undefined, what);
    }
  }
}

/** A function called as another kind than it is. */
async function checkKind(client, { path: functionPath, kind, cases }) {
  for (const wrong of ["query", "mutation", "action"].filter((other) => other !== kind)) {
    const error = await client[wrong](reference(functionPath), cases[0].args).then(() => undefined, (error) => error);
    assert.ok(error, `${functionPath} could be called as a ${wrong}`);
  }
}

const implementations = { Rust: startChat, TypeScript: startChatInTypeScript };
const runs = Object.entries(implementations).flatMap(([language, start]) => ["http", "websocket"].map((transport) => ({ language, start, transport })));

for (const { language, start, transport } of runs) {
  test(`the whole function table in ${language} over ${transport}`, async (t) => {
    const server = await start(t);
    const clients = await people(t, server, transport);
    const world = await prepare(server, clients);
    const table = contract(world);
    for (const entry of table) await check(clients, entry);
    for (const entry of table) await checkKind(clients.operator, entry);

    for (const [functionPath, args, shape] of internal(world)) {
      for (const client of [clients.nobody, clients.operator]) {
        for (const kind of ["query", "mutation", "action"]) {
          const error = await client[kind](reference(functionPath), args).then(() => assert.fail(`${functionPath} is public`), (error) => error);
          assert.match(error.message, /Could not find public function/, functionPath);
        }
      }
      const value = await callAsAdmin(server, functionPath, args);
      assert.doesNotThrow(() => shape(value, ""), (error) => assert.fail(`${functionPath}: ${error.message}`));
    }

    // Whatever clients can call has its place in the table.
    const { stdout } = await fusion(temporaryFolder(), "function-spec", "--url", server.url, "--admin-key", server.adminKey);
    const spec = JSON.parse(stdout).functions.filter(({ identifier, visibility }) => identifier && visibility.kind === "public");
    const found = spec.map(({ identifier, functionType }) => `${functionType.toLowerCase()} ${identifier.replace(".js:", ":")}`);
    const known = table.map(({ path: functionPath, kind }) => `${kind} ${functionPath}`);
    assert.deepEqual(found.sort(), known.sort());
  });
}

for (const [language, start] of Object.entries(implementations)) {
  test(`limits of visitors in ${language}: each kind has a counter of its own`, async (t) => {
    const server = await start(t);
    const client = new ConvexHttpClient(server.url, { logger: false });
    const limited = (error) => {
      assert.equal(error.data?.code, "RATE_LIMIT_EXCEEDED", error.message);
      assert.match(error.data.message, /^Rate limit exceeded\. Try again in \d+ seconds\.$/);
      return true;
    };
    /** Calls until the limit is met; windows may change once in between. */
    const exhaust = async (max, call) => {
      for (let count = 0; ; count++) {
        const error = await call().then(() => undefined, (error) => error);
        if (error) {
          limited(error);
          assert.ok(count >= max && count <= 2 * max, `${count} of ${max}`);
          return;
        }
        assert.ok(count <= 2 * max, `more than ${2 * max} calls`);
      }
    };
    const create = (organizationId) => client.mutation(anyApi.public.contactSessions.create, { name: "Ada", email: "", organizationId });
    await exhaust(5, () => create("org_busy"));
    const contactSessionId = await create("org_demo");
    const talk = () => client.mutation(anyApi.public.conversations.create, { organizationId: "org_demo", contactSessionId });
    const conversationId = await talk();
    const { threadId } = await client.query(anyApi.public.conversations.getOne, { conversationId, contactSessionId });
    await exhaust(30, () => client.action(anyApi.public.messages.create, { prompt: "hello", threadId, contactSessionId }));
    await talk();
    await exhaust(8, talk);
  });
}
