import type { ComponentChildren } from "preact";

import { classNames } from "./class_names.ts";

/** What a colour means. */
export type Tone = "neutral" | "accent" | "success" | "warning" | "danger";

/** A word or two about something. */
export function Badge({ tone = "neutral", children }: { readonly tone?: Tone; readonly children: ComponentChildren }) {
  return <span class={classNames("ui-badge", tone !== "neutral" && `ui-badge-${tone}`)}>{children}</span>;
}
