import { v } from "convex/values";
import { authQuery } from "./auth";

export const get = authQuery({
  args: {},
  returns: v.object({ message: v.string() }),
  handler: async (ctx) => ({ message: `This is private to ${ctx.auth.user.name}` }),
});
