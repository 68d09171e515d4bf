import type { Infer } from "convex/values";
import type { Doc } from "../_generated/dataModel";
import type { role } from "../lib/fields";

export type Role = Infer<typeof role>;

/** Whether `ADMIN_EMAIL_ALLOWLIST`, addresses between commas, names this one. */
export function isAllowlisted(email: string): boolean {
  const addresses = (process.env.ADMIN_EMAIL_ALLOWLIST ?? "").split(",").map((address) => address.trim().toLowerCase());
  return email !== "" && addresses.includes(email.trim().toLowerCase());
}

/** The role of somebody who was given none. */
export const defaultRole = (email: string): Role => (isAllowlisted(email) ? "admin" : "member");

export const roleOf = (user: Doc<"users">): Role => user.role ?? defaultRole(user.email);
