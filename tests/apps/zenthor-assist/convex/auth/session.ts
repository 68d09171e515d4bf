import { doc } from "convex-helpers/validators";
import { v } from "convex/values";
import { internalQuery } from "../_generated/server";
import { role } from "../lib/fields";
import schema from "../schema";
import { type Caller, getCaller } from "./caller";

/** The caller of an action, which has no database of its own to look it up in. */
export const caller = internalQuery({
  args: {},
  returns: v.object({ identitySubject: v.string(), user: doc(schema, "users"), role, isAdmin: v.boolean() }),
  handler: (ctx): Promise<Caller> => getCaller(ctx),
});
