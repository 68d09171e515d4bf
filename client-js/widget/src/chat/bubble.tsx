import { Button, classNames } from "fusion-ui";

import type { Message } from "../functions.ts";
import { Markdown } from "../markdown.tsx";
import type { Outgoing } from "../outbox.ts";
import { speakerOf } from "./announcement.ts";
import { isVisitors } from "./transcript.ts";

/** A message of the thread. */
export function Bubble({ message }: { readonly message: Message }) {
  const isMine = isVisitors(message);
  const at = new Date(message._creationTime);
  return (
    <article class={classNames("widget-message", isMine && "widget-message-mine")}>
      <p class={message.agentName && !isMine ? "widget-speaker" : "ui-hidden"}>{speakerOf(message)}</p>
      <div class="widget-bubble"><Markdown text={message.text ?? ""} /></div>
      {message.status === "pending" && !isMine
        ? <p class="widget-note">Writing…</p>
        : (
          <p class="widget-note">
            {message.status === "failed" && !isMine && "Not complete. "}
            <time dateTime={at.toISOString()}>{at.toLocaleTimeString(undefined, { hour: "numeric", minute: "2-digit" })}</time>
          </p>
        )}
    </article>
  );
}

/** A message on its way. */
export function OutgoingBubble({ entry, isOffline, onRetry, onDiscard }: {
  readonly entry: Outgoing;
  readonly isOffline: boolean;
  readonly onRetry: () => void;
  readonly onDiscard: () => void;
}) {
  const isFailed = entry.state === "failed";
  return (
    <article class={classNames("widget-message widget-message-mine", isFailed && "widget-message-failed")} aria-busy={isFailed ? undefined : "true"}>
      <p class="ui-hidden">You</p>
      <div class="widget-bubble"><Markdown text={entry.text} /></div>
      {isFailed
        ? (
          <div class="widget-note widget-note-failed" role="alert">
            <span>{entry.error}</span>
            <Button size="sm" variant="quiet" onClick={onRetry}>Try again</Button>
            <Button size="sm" variant="quiet" onClick={onDiscard}>Discard</Button>
          </div>
        )
        : <p class="widget-note">{entry.state === "sent" ? "Sent" : isOffline ? "Will be sent once the connection is back" : "Sending…"}</p>}
    </article>
  );
}

/** The assistant has not said anything yet. */
export function Typing() {
  return (
    <div class="widget-message">
      <div class="widget-bubble widget-typing" role="status">
        <span class="ui-hidden">An answer is being written</span>
        <i /><i /><i />
      </div>
    </div>
  );
}
