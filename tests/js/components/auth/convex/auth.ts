import { Password } from "@convex-dev/auth/providers/Password";
import { convexAuth } from "@convex-dev/auth/server";
import { hashSecret, verifySecret } from "./secrets";

export const { auth, signIn, signOut, store, isAuthenticated } = convexAuth({
  providers: [Password({ crypto: { hashSecret, verifySecret } })],
});
