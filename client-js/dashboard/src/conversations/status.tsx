import { Badge } from "fusion-ui";
import type { Tone } from "fusion-ui";

import type { ConversationStatus } from "../functions.ts";

type Words = { readonly label: string; readonly tone: Tone; readonly next: ConversationStatus; readonly action: string };

/** What there is to say about each status: the next one is what the button leads to. */
export const STATUSES: { readonly [status in ConversationStatus]: Words } = {
  unresolved: { label: "Unresolved", tone: "accent", next: "escalated", action: "Escalate" },
  escalated: { label: "Escalated", tone: "warning", next: "resolved", action: "Resolve" },
  resolved: { label: "Resolved", tone: "success", next: "unresolved", action: "Reopen" },
};

/** Who has to act, in a word. */
export function StatusBadge({ status }: { readonly status: ConversationStatus }) {
  const { label, tone } = STATUSES[status];
  return <Badge tone={tone}>{label}</Badge>;
}
