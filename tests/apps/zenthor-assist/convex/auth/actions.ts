// Apart from the other wrappers because it calls a function by its reference, whose type comes from all modules.

import { customAction, customCtx } from "convex-helpers/server/customFunctions";
import { internal } from "../_generated/api";
import { action } from "../_generated/server";
import type { ActionCtx } from "../_generated/server";
import type { Caller } from "./caller";

/** For signed-in users; `ctx.auth` is the caller. */
export const authAction = customAction(
  action,
  customCtx(async (ctx: ActionCtx): Promise<{ auth: Caller }> => ({ auth: await ctx.runQuery(internal.auth.session.caller, {}) })),
);
