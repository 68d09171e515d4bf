import { usePaginatedQuery } from "fusion-client/preact";
import { AlertIcon, EmptyState, InfiniteList, RelativeTime, SkeletonLines } from "fusion-ui";
import { useMemo } from "preact/hooks";

import { api } from "../functions.ts";
import type { Message } from "../functions.ts";
import { deedOf, isShown, roleOf } from "./message_text.ts";

const PAGE_SIZE = 20;

/** What was said, newest at the bottom, as it grows; older messages come by scrolling up. */
export function Messages({ threadId, visitor }: { readonly threadId: string; readonly visitor: string }) {
  const pages = usePaginatedQuery(api.private.messages.getMany, { threadId }, { initialNumItems: PAGE_SIZE });
  const { results } = pages;
  const shown = useMemo(() => results.filter(isShown), [results]);
  return (
    <InfiniteList
      pages={{ ...pages, results: shown }}
      label="Messages"
      direction="up"
      keyOf={({ _id }) => _id}
      pageSize={PAGE_SIZE}
      class="messages"
      loading={<div class="messages"><SkeletonLines count={4} height="3rem" /></div>}
      empty={<EmptyState title="Nothing was said yet" />}
    >
      {(message) => <Line message={message} visitor={visitor} />}
    </InfiniteList>
  );
}

function Line({ message, visitor }: { readonly message: Message; readonly visitor: string }) {
  const deed = message.tool ? deedOf(message) : undefined;
  if (deed) return <p class="deed muted small">{message.agentName ?? "The assistant"} {deed}</p>;
  const isVisitor = roleOf(message) === "user";
  return (
    <div class={isVisitor ? "message" : "message message-ours"}>
      <div class="bubble">
        {message.text
          ? <p class="bubble-text">{message.text}</p>
          : message.status === "pending" && <span class="typing" role="status"><span class="ui-hidden">Writing</span><i /><i /><i /></span>}
        {message.status === "failed" && <p class="bubble-failed"><AlertIcon />{message.error ?? "This answer failed."}</p>}
      </div>
      <p class="muted small"><span>{isVisitor ? visitor : authorOf(message)}</span> · <RelativeTime at={message._creationTime} /></p>
    </div>
  );
}

function authorOf({ agentName, model }: Message): string {
  if (model !== undefined) return "Assistant";
  return agentName ?? "Team";
}
