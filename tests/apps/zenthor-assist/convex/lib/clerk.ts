// What Clerk says of a user, and what is kept of it.

import type { UserJSON } from "@clerk/backend";
import type { Infer } from "convex/values";
import { v } from "convex/values";

/** A user as Clerk knows them, with what the application needs. */
export const clerkUser = v.object({
  externalId: v.string(),
  name: v.string(),
  email: v.string(),
  emailVerified: v.boolean(),
  image: v.optional(v.string()),
});

type Known = Pick<UserJSON, "id" | "first_name" | "last_name" | "image_url" | "primary_email_address_id"> & {
  email_addresses: { id: string; email_address: string; verification: { status: string } | null }[];
};

/** A user out of a webhook's event. */
export function fromWebhook(data: Known): Infer<typeof clerkUser> {
  const primary =
    data.email_addresses.find(({ id }) => id === data.primary_email_address_id) ?? data.email_addresses[0];
  return {
    externalId: data.id,
    name: [data.first_name, data.last_name].filter(Boolean).join(" ") || "User",
    email: (primary?.email_address ?? "").toLowerCase(),
    emailVerified: primary?.verification?.status === "verified",
    image: data.image_url || undefined,
  };
}
