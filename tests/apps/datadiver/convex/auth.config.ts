import type { AuthConfig } from "convex/server";

// Clerk signs the tokens, from its JWT template "convex".
export default {
  providers: [{ domain: process.env.NEXT_PUBLIC_CLERK_FRONTEND_API_URL!, applicationID: "convex" }],
} satisfies AuthConfig;
