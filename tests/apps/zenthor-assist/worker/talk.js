// `node worker/talk.js "Hello"`: says something as Ada, whom the issuer of `fusion dev` signs in, and shows the answer grow.

import { ConvexClient } from "convex/browser";
import { anyApi as api } from "convex/server";

const { CONVEX_URL = "http://127.0.0.1:3210" } = process.env;
const content = process.argv[2] ?? "Hello";

const response = await fetch(`${CONVEX_URL}/_dev/issuer/token`, {
  method: "POST",
  body: JSON.stringify({ sub: "ada", name: "Ada", email: "ada@example.org", email_verified: true }),
});
const { token } = await response.json();

const client = new ConvexClient(CONVEX_URL);
client.setAuth(async () => token);
await client.mutation(api.users.getOrCreateFromClerk, { name: "Ada" });
const conversationId = await client.mutation(api.conversations.create, {});
client.onUpdate(api.messages.listByConversation, { conversationId }, async (messages) => {
  const last = messages.at(-1);
  console.log(last ? `${last.role}: ${last.content}` : "…");
  if (last?.role === "assistant" && !last.streaming) await client.close();
});
await client.mutation(api.messages.send, { conversationId, content });
