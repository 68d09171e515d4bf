"use node";

import { action } from "./_generated/server";

export const request = action({ args: {}, handler: async (ctx): Promise<unknown> => await ctx.meta.getRequestMetadata() });

export const metadata = action({ args: {}, handler: async (ctx): Promise<unknown> => await ctx.meta.getFunctionMetadata() });
