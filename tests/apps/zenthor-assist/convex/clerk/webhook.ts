// What Clerk sends when users change, signed with Svix.

import type { WebhookEvent } from "@clerk/backend";
import { Webhook } from "svix";
import { internal } from "../_generated/api";
import { type ActionCtx, httpAction } from "../_generated/server";
import { fromWebhook } from "../lib/clerk";

const SIGNED_HEADERS = ["svix-id", "svix-timestamp", "svix-signature"];

const answer = (text: string, status: number): Response => new Response(text, { status });

async function handle(ctx: ActionCtx, event: WebhookEvent): Promise<void> {
  switch (event.type) {
    case "user.created":
    case "user.updated":
      await ctx.runMutation(internal.clerk.users.upsertFromClerk, { user: fromWebhook(event.data) });
      return;
    case "user.deleted":
      if (event.data.id) {
        await ctx.runMutation(internal.clerk.users.deactivateFromClerk, { externalId: event.data.id });
      }
      return;
    default:
  }
}

export const clerkWebhook = httpAction(async (ctx, request) => {
  const secret = process.env.CLERK_WEBHOOK_SECRET;
  if (!secret) return answer("Server configuration error", 500);
  const headers: Record<string, string> = {};
  for (const name of SIGNED_HEADERS) {
    const value = request.headers.get(name);
    if (!value) return answer("Missing svix headers", 400);
    headers[name] = value;
  }
  let event: WebhookEvent;
  try {
    event = new Webhook(secret).verify(await request.text(), headers) as WebhookEvent;
  } catch {
    return answer("Invalid signature", 400);
  }
  try {
    await handle(ctx, event);
  } catch (error) {
    console.error("Clerk's event was not handled", error);
    return answer("Internal error", 500);
  }
  return answer("OK", 200);
});
