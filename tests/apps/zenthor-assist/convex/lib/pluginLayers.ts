// Installations and policies lie in layers, from the whole workspace to one agent on one channel.

import type { Infer } from "convex/values";
import type { Doc } from "../_generated/dataModel";
import type { toolPolicy } from "./fields";

type Layer = Pick<Doc<"pluginInstalls">, "agentId" | "channel">;

/** The layers that hold at a place, the most general first. */
export function layers({ agentId, channel }: Layer): Layer[] {
  const all: Layer[] = [{}];
  if (channel) all.push({ channel });
  if (agentId) all.push({ agentId });
  if (agentId && channel) all.push({ agentId, channel });
  return all;
}

/** Of the installations of several layers, for each plugin the one of the last layer. */
export const effectiveInstalls = (installs: Doc<"pluginInstalls">[]): Doc<"pluginInstalls">[] => [
  ...new Map(installs.map((install) => [install.pluginName, install])).values(),
];

/** Allowed is what every list of allowed tools names, denied what any list of denied ones does. */
export function effectivePolicy(policies: Pick<Doc<"pluginPolicies">, "allow" | "deny">[]): Infer<typeof toolPolicy> {
  const lists = (key: "allow" | "deny") => policies.map((policy) => policy[key]).filter((list) => list !== undefined);
  const [allowed, denied] = [lists("allow"), lists("deny")];
  const [first, ...rest] = allowed;
  return {
    ...(first && { allow: [...new Set(first)].filter((tool) => rest.every((list) => list.includes(tool))) }),
    ...(denied.length > 0 && { deny: [...new Set(denied.flat())] }),
  };
}
