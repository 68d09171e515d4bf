// Clerk's webhook: what changes there is changed here.

import { httpRouter } from "convex/server";
import { ConvexError } from "convex/values";
import { Webhook } from "svix";
import { internal } from "./_generated/api";
import { httpAction } from "./_generated/server";
import { transformWebhookData } from "./paymentAttemptTypes";

type ClerkEvent = { type: string; data: Record<string, unknown> };

/** The event, if Clerk has signed the request. */
async function verified(request: Request, webhook: Webhook): Promise<ClerkEvent | null> {
  const body = await request.text();
  const headers = ["svix-id", "svix-timestamp", "svix-signature"].map((name) => [name, request.headers.get(name) ?? ""]);
  try {
    return webhook.verify(body, Object.fromEntries(headers)) as ClerkEvent;
  } catch (error) {
    console.error("Error verifying webhook event", error);
    return null;
  }
}

const http = httpRouter();

http.route({
  path: "/clerk-users-webhook",
  method: "POST",
  handler: httpAction(async (ctx, request) => {
    const secret = process.env.CLERK_WEBHOOK_SECRET;
    if (!secret) {
      console.error("CLERK_WEBHOOK_SECRET is not set");
      return new Response("the webhook is not configured", { status: 500 });
    }
    const event = await verified(request, new Webhook(secret));
    if (event === null) return new Response("Error occured", { status: 400 });
    try {
      switch (event.type) {
        case "user.created":
        case "user.updated":
          await ctx.runMutation(internal.users.upsertFromClerk, { data: event.data });
          break;
        case "user.deleted":
          await ctx.runMutation(internal.users.deleteFromClerk, { clerkUserId: String(event.data.id) });
          break;
        case "paymentAttempt.updated":
          await ctx.runMutation(internal.paymentAttempts.savePaymentAttempt, {
            paymentAttemptData: transformWebhookData(event.data),
          });
          break;
        default:
          console.log("Ignored webhook event", event.type);
      }
    } catch (error) {
      // What an event lacks it lacks the next time, too: only other failures are worth Clerk's trying again.
      if (error instanceof ConvexError) return new Response(String(error.data), { status: 400 });
      throw error;
    }
    return new Response(null, { status: 200 });
  }),
});

export default http;
