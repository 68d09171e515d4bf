import type { Doc, Id } from "../_generated/dataModel";
import type { DatabaseReader, DatabaseWriter } from "../_generated/server";

type Outbound = Pick<Doc<"outboundMessages">, "channel" | "accountId" | "conversationId" | "messageId" | "to" | "payload">;

/** The account that the senders use when none was set up. */
export const DEFAULT_ACCOUNT_ID = "default";

/** Queues a message for the senders. */
export function insertOutbound(db: DatabaseWriter, message: Outbound): Promise<Id<"outboundMessages">> {
  const now = Date.now();
  return db.insert("outboundMessages", { ...message, status: "pending", attemptCount: 0, createdAt: now, updatedAt: now });
}

/** The WhatsApp account that messages of our own go out by. */
export async function sendingAccountId(db: DatabaseReader): Promise<string> {
  const account = await db
    .query("whatsappAccounts")
    .withIndex("by_enabled", (q) => q.eq("enabled", true))
    .first();
  return account?.accountId ?? DEFAULT_ACCOUNT_ID;
}
