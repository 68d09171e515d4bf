import type { ComponentChildren } from "preact";

import { Button } from "./button.tsx";
import { AlertIcon } from "./icons.tsx";

/** There is nothing to show, and what one can do about it. */
export function EmptyState({ title, children, icon, action }: {
  readonly title: string;
  readonly children?: ComponentChildren;
  readonly icon?: ComponentChildren;
  readonly action?: ComponentChildren;
}) {
  return (
    <div class="ui-state">
      {icon}
      <p class="ui-state-title">{title}</p>
      {children && <div class="ui-state-text">{children}</div>}
      {action}
    </div>
  );
}

/** Something went wrong; `onRetry` tries again. */
export function ErrorState({ title = "This could not be loaded", error, onRetry }: {
  readonly title?: string | undefined;
  readonly error?: unknown;
  readonly onRetry?: (() => void) | undefined;
}) {
  return (
    <div class="ui-state" role="alert">
      <AlertIcon />
      <p class="ui-state-title">{title}</p>
      {error !== undefined && <div class="ui-state-text">{messageOf(error)}</div>}
      {onRetry && <Button onClick={onRetry}>Try again</Button>}
    </div>
  );
}

/** What an error says to people: the message in its data if the application gave one. */
export function messageOf(error: unknown): string {
  if (typeof error === "string") return error;
  if (typeof error !== "object" || error === null) return "Something went wrong.";
  const data: unknown = "data" in error ? error.data : undefined;
  if (typeof data === "string") return data;
  if (typeof data === "object" && data !== null && "message" in data && typeof data.message === "string") return data.message;
  return error instanceof Error && error.message !== "" ? error.message : "Something went wrong.";
}
