import { createClient, type GenericCtx } from "@convex-dev/better-auth";
import { convex } from "@convex-dev/better-auth/plugins";
import { betterAuth } from "better-auth/minimal";
import { components } from "./_generated/api";
import type { DataModel } from "./_generated/dataModel";
import { query } from "./_generated/server";
import authConfig from "./auth.config";
import { hashSecret, verifySecret } from "./secrets";

export const authComponent = createClient<DataModel>(components.betterAuth);

export const createAuth = (ctx: GenericCtx<DataModel>) =>
  betterAuth({
    baseURL: process.env.CONVEX_SITE_URL,
    secret: process.env.BETTER_AUTH_SECRET,
    database: authComponent.adapter(ctx),
    emailAndPassword: {
      enabled: true,
      requireEmailVerification: false,
      password: { hash: hashSecret, verify: ({ hash, password }) => verifySecret(password, hash) },
    },
    plugins: [convex({ authConfig })],
  });

/** The e-mail address of whoever asks; null for strangers. */
export const me = query({
  args: {},
  handler: async (ctx) => (await authComponent.safeGetAuthUser(ctx))?.email ?? null,
});
