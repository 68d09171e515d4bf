// What conversations, messages and tasks do alike.

import type { Doc, Id } from "../_generated/dataModel";
import type { DatabaseReader, DatabaseWriter } from "../_generated/server";

export const NEW_CHAT = "New chat";
const TITLE_LENGTH = 50;

type Channel = Doc<"conversations">["channel"];

/** The conversations of a user's own, oldest first. */
export const conversationsOfUser = (db: DatabaseReader, userId: Id<"users">): Promise<Doc<"conversations">[]> =>
  db
    .query("conversations")
    .withIndex("by_userId", (q) => q.eq("userId", userId))
    .collect();

/** A contact's active conversation on WhatsApp, which is begun if there is none. */
export async function whatsappConversationOf(
  db: DatabaseWriter,
  contactId: Id<"contacts">,
  agentId?: Id<"agents">,
): Promise<Id<"conversations">> {
  const all = await db
    .query("conversations")
    .withIndex("by_contactId", (q) => q.eq("contactId", contactId))
    .collect();
  const active = all.find(({ channel, status }) => channel === "whatsapp" && status === "active");
  return active?._id ?? (await db.insert("conversations", { channel: "whatsapp", contactId, agentId, status: "active" }));
}

/** Queues the answer to a message. */
export const enqueueJob = (
  db: DatabaseWriter,
  conversation: Doc<"conversations">,
  messageId: Id<"messages">,
): Promise<Id<"agentQueue">> =>
  db.insert("agentQueue", {
    messageId,
    conversationId: conversation._id,
    agentId: conversation.agentId,
    status: "pending",
    attemptCount: 0,
  });

/** What a conversation is called after its first message. */
function titleFor(content: string): string {
  const characters = [...content];
  return characters.length > TITLE_LENGTH ? `${characters.slice(0, TITLE_LENGTH).join("")}…` : content;
}

/** Stores what a user says, names the conversation after it if it has no name, and queues the answer. */
export async function receiveUserMessage(
  db: DatabaseWriter,
  conversation: Doc<"conversations">,
  content: string,
  channel: Channel = conversation.channel,
): Promise<Id<"messages">> {
  const messageId = await db.insert("messages", {
    conversationId: conversation._id,
    role: "user",
    content,
    channel,
    status: "sent",
  });
  if (!conversation.title || conversation.title === NEW_CHAT) {
    await db.patch(conversation._id, { title: titleFor(content) });
  }
  await enqueueJob(db, conversation, messageId);
  return messageId;
}
