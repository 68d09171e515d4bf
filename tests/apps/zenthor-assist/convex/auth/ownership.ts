import type { Doc, Id } from "../_generated/dataModel";
import type { DatabaseReader } from "../_generated/server";

/** The user a conversation belongs to: its own, or the one its contact is linked to. */
export async function ownerOf(db: DatabaseReader, conversation: Doc<"conversations">): Promise<Id<"users"> | undefined> {
  if (conversation.userId) return conversation.userId;
  const contact = conversation.contactId ? await db.get(conversation.contactId) : null;
  return contact?.userId;
}

/** A conversation if it belongs to the user; nobody learns whether one of somebody else exists. */
export async function getConversationIfOwnedByUser(
  db: DatabaseReader,
  conversationId: Id<"conversations">,
  userId: Id<"users">,
): Promise<Doc<"conversations"> | null> {
  const conversation = await db.get(conversationId);
  if (!conversation) return null;
  if (conversation.userId === userId) return conversation;
  const contact = conversation.contactId ? await db.get(conversation.contactId) : null;
  return contact?.userId === userId ? conversation : null;
}
