import { v } from "convex/values";
import { query } from "./_generated/server";

/** For whoever wants to know whether the functions answer. */
export const get = query({ args: {}, returns: v.string(), handler: async () => "OK" });
