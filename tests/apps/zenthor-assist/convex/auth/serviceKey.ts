// The key that services of our own call with.

import { ConvexError, v } from "convex/values";

/** The argument that every service function takes beside its own. */
export const serviceKeyArgs = { serviceKey: v.optional(v.string()) };

/** Whether two texts are the same, in a time that does not tell where they differ. */
function sameText(one: string, other: string): boolean {
  let difference = one.length ^ other.length;
  for (let at = 0; at < one.length; at += 1) difference |= one.charCodeAt(at) ^ other.charCodeAt(at % other.length);
  return difference === 0;
}

/** Refuses everybody who does not know `AGENT_SECRET`, and everybody while there is none. */
export function checkServiceKey(serviceKey: string | undefined): void {
  const secret = process.env.AGENT_SECRET;
  if (!secret || !serviceKey || !sameText(serviceKey, secret)) throw new ConvexError("Forbidden");
}
