// A visitor of Fusion Chat's demo organization.

import { api } from "./api.js";

export const ORGANIZATION = "org_demo";

/** A new session and a new conversation in it. */
export async function startConversation(client) {
  const contactSessionId = await client.mutation(api.public.contactSessions.create, {
    name: "Vera Visitor",
    email: "vera@example.com",
    organizationId: ORGANIZATION,
  });
  const conversationId = await client.mutation(api.public.conversations.create, { organizationId: ORGANIZATION, contactSessionId });
  const { threadId } = await client.query(api.public.conversations.getOne, { conversationId, contactSessionId });
  return { contactSessionId, conversationId, threadId };
}
