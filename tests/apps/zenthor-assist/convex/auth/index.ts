// The wrappers that all public functions are made with: who may call is said where a function begins.

import { customAction, customCtx, customMutation, customQuery } from "convex-helpers/server/customFunctions";
import { action, mutation, query } from "../_generated/server";
import { getAdmin, getCaller } from "./caller";
import { checkServiceKey, serviceKeyArgs } from "./serviceKey";

const user = customCtx(async (ctx: Parameters<typeof getCaller>[0]) => ({ auth: await getCaller(ctx) }));
const admin = customCtx(async (ctx: Parameters<typeof getAdmin>[0]) => ({ auth: await getAdmin(ctx) }));

/** The key is for the wrapper alone: functions do not see it. */
const service = {
  args: serviceKeyArgs,
  input: async (_ctx: object, { serviceKey }: { serviceKey?: string }) => {
    checkServiceKey(serviceKey);
    return { ctx: {}, args: {} };
  },
};

/** For signed-in users; `ctx.auth` is the caller. */
export const authQuery = customQuery(query, user);
export const authMutation = customMutation(mutation, user);

/** For administrators. */
export const adminQuery = customQuery(query, admin);
export const adminMutation = customMutation(mutation, admin);

/** For services that know `AGENT_SECRET`. */
export const serviceQuery = customQuery(query, service);
export const serviceMutation = customMutation(mutation, service);
export const serviceAction = customAction(action, service);
