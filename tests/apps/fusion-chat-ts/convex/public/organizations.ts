import { createClerkClient } from "@clerk/backend";
import { v } from "convex/values";
import { action } from "../_generated/server";

/** Whether there is such an organisation at Clerk. */
export const validate = action({
  args: { organizationId: v.string() },
  handler: async (_ctx, { organizationId }) => {
    const clerk = createClerkClient({ secretKey: process.env.CLERK_SECRET_KEY ?? "", apiUrl: process.env.CLERK_API_URL || undefined });
    try {
      await clerk.organizations.getOrganization({ organizationId });
      return { valid: true as const };
    } catch {
      return { valid: false as const, reason: "Organization not valid" };
    }
  },
});
