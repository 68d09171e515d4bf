// The messages of a conversation, which the agent component keeps.

import { listMessages, saveMessage, type MessageDoc } from "@convex-dev/agent";
import type { PaginationOptions, PaginationResult } from "convex/server";
import { components } from "../_generated/api";
import type { ActionCtx, MutationCtx, QueryCtx } from "../_generated/server";

/** A thread of the functions in Rust is none of the component's: its border refuses the id. */
const isForeign = (error: unknown): boolean => error instanceof Error && error.message.includes("ArgumentValidationError");

/** A page of messages, newest first. A conversation that was begun in Rust has none here. */
export async function messagesOf(ctx: QueryCtx, threadId: string, paginationOpts: PaginationOptions): Promise<PaginationResult<MessageDoc>> {
  try {
    return await listMessages(ctx, components.agent, { threadId, paginationOpts });
  } catch (error) {
    if (!isForeign(error)) throw error;
    return { page: [], isDone: true, continueCursor: "" };
  }
}

export async function lastMessageOf(ctx: QueryCtx, threadId: string): Promise<MessageDoc | null> {
  const { page } = await messagesOf(ctx, threadId, { numItems: 1, cursor: null });
  return page[0] ?? null;
}

/** Says something in the organisation's name. */
export async function say(ctx: MutationCtx | ActionCtx, threadId: string, content: string, agentName?: string): Promise<void> {
  await saveMessage(ctx, components.agent, { threadId, agentName, message: { role: "assistant", content } });
}
