// Fusion Chat's functions change from Rust to TypeScript and back while its clients are connected.

import assert from "node:assert/strict";
import { test } from "node:test";
import { anyApi as api } from "convex/server";
import { pushChatInTypeScript, startChat } from "./support/chat.js";
import { run } from "./support/fusion.js";
import { connectClient } from "./support/server.js";
import { until } from "./support/wait.js";

const first = { numItems: 20, cursor: null };

test("from Rust to TypeScript and back, and no client notices", async (t) => {
  const server = await startChat(t);
  const visitor = connectClient(t, server);
  const operator = connectClient(t, server);
  const { token } = await (await fetch(`${server.url}/_dev/issuer/token`)).json();
  operator.setAuth(async () => token);
  const contactSessionId = await visitor.mutation(api.public.contactSessions.create, { name: "Ada", email: "ada@example.org", organizationId: "org_demo" });
  const talk = async (prompt) => {
    const conversationId = await visitor.mutation(api.public.conversations.create, { organizationId: "org_demo", contactSessionId });
    const { threadId } = await visitor.query(api.public.conversations.getOne, { conversationId, contactSessionId });
    await visitor.action(api.public.messages.create, { prompt, threadId, contactSessionId });
    return { conversationId, threadId };
  };
  const texts = async (threadId) => {
    const { page } = await visitor.query(api.public.messages.getMany, { threadId, contactSessionId, paginationOpts: first });
    return page.map(({ text }) => text ?? "");
  };

  // Who looks at the list goes on looking at it.
  const lists = [];
  operator.onUpdate(api.private.conversations.getMany, { paginationOpts: first }, ({ page }) => lists.push(page.map(({ _id }) => _id)), (error) => lists.push(error));
  const inRust = await talk("hello in Rust");
  await until("the conversation in Rust", () => lists.at(-1)?.includes?.(inRust.conversationId));
  assert.ok((await texts(inRust.threadId)).includes("hello in Rust"));

  const app = await pushChatInTypeScript(t, server);
  const push = async () => {
    const { code, output } = await app.run(server, ["deploy", "--typecheck", "disable"]);
    assert.equal(code, 0, output);
  };
  const inTypeScript = await talk("hello in TypeScript");
  await until("the conversation in TypeScript", () => lists.at(-1)?.includes?.(inTypeScript.conversationId));
  assert.ok(lists.at(-1).includes(inRust.conversationId));
  const said = await texts(inTypeScript.threadId);
  assert.ok(said.includes("hello in TypeScript") && said.some((text) => /^An answer to \d+ messages\.$/.test(text)), said.join());
  assert.deepEqual(await texts(inRust.threadId), []);

  // An operator answers, and the visitor sees it at once.
  const seen = [];
  visitor.onUpdate(api.public.messages.getMany, { threadId: inTypeScript.threadId, contactSessionId, paginationOpts: first }, ({ page }) => seen.push(page[0]?.text));
  await operator.mutation(api.private.messages.create, { prompt: "I take over", conversationId: inTypeScript.conversationId });
  await until("the operator's message", () => seen.at(-1) === "I take over");

  const { code, stdout } = await run(process.execPath, app.folder, ["node_modules/typescript/bin/tsc", "--noEmit", "-p", "convex"]);
  assert.equal(code, 0, stdout);

  // Without any function pushed, those in Rust are there again, with what was theirs.
  const sources = ["convex.config.ts", "auth.config.ts", "schema.ts", "crons.ts", "users.ts", "public", "private", "system", "lib"];
  for (const name of sources) app.remove(`convex/${name}`);
  await push();
  assert.ok((await texts(inRust.threadId)).includes("hello in Rust"));
  const again = await talk("once more in Rust");
  await until("the next conversation in Rust", () => lists.at(-1)?.includes?.(again.conversationId));

  assert.ok(lists.every(Array.isArray), String(lists.find((list) => !Array.isArray(list))));
  for (const client of [visitor, operator]) assert.equal(client.connectionState().connectionCount, 1);
});
