// Who may do what: visitors prove themselves by a session, operators by their organisation.

import type { Auth } from "convex/server";
import type { Doc, Id } from "../_generated/dataModel";
import type { QueryCtx } from "../_generated/server";
import { notFound, unauthorized } from "./errors";

export type Operator = { organizationId: string; familyName?: string };

/** The operator who calls; their organisation is what the token says, whatever the arguments are. */
export async function requireOperator(ctx: { auth: Auth }, nobody = "Identity not found"): Promise<Operator> {
  const identity = await ctx.auth.getUserIdentity();
  if (identity === null) throw unauthorized(nobody);
  const organizationId = identity.orgId;
  if (typeof organizationId !== "string" || organizationId === "") throw unauthorized("Organization not found");
  return { organizationId, familyName: identity.familyName };
}

/** A session that has not ended. */
export function validSession(session: Doc<"contactSessions"> | null): Doc<"contactSessions"> {
  if (session === null || session.expiresAt < Date.now()) throw unauthorized("Invalid session");
  return session;
}

export async function requireVisitor(ctx: QueryCtx, id: Id<"contactSessions">): Promise<Doc<"contactSessions">> {
  return validSession(await ctx.db.get(id));
}

/** A conversation of the visitor's own. */
export function visitorsConversation(
  conversation: Doc<"conversations"> | null,
  contactSessionId: Id<"contactSessions">,
): Doc<"conversations"> {
  if (conversation === null) throw notFound("Conversation not found");
  if (conversation.contactSessionId !== contactSessionId) throw unauthorized("Incorrect session");
  return conversation;
}

/** A conversation of the operator's organisation. */
export function operatorsConversation(
  { organizationId }: Operator,
  conversation: Doc<"conversations"> | null,
  other = "Invalid Organization ID",
): Doc<"conversations"> {
  if (conversation === null) throw notFound("Conversation not found");
  if (conversation.organizationId !== organizationId) throw unauthorized(other);
  return conversation;
}

export function conversationOfThread(ctx: QueryCtx, threadId: string): Promise<Doc<"conversations"> | null> {
  return ctx.db
    .query("conversations")
    .withIndex("by_thread_id", (q) => q.eq("threadId", threadId))
    .unique();
}
