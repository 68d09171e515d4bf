import { Badge, EmptyState, InfiniteList, RelativeTime, type Tone } from "fusion-ui";
import { usePaginatedQuery } from "fusion-client/preact";
import { useEffect } from "preact/hooks";

import type { View } from "../app.tsx";
import { isSessionOver, wordsOf } from "../failures.ts";
import { type Conversation, listConversations, type SessionId, type Status } from "../functions.ts";
import { Navigation, Screen } from "../screen.tsx";

const PAGE = 10;
const STATUS: Record<Status, { label: string; tone: Tone }> = {
  unresolved: { label: "Open", tone: "accent" },
  escalated: { label: "With our team", tone: "warning" },
  resolved: { label: "Resolved", tone: "success" },
};

/** How a conversation stands. */
export function StatusBadge({ status }: { readonly status: Status }) {
  const { label, tone } = STATUS[status];
  return <Badge tone={tone}>{label}</Badge>;
}

/** The visitor's conversations, newest first. */
export function InboxScreen({ session, onShow, onRefused }: {
  readonly session: SessionId;
  readonly onShow: (view: View) => void;
  readonly onRefused: () => void;
}) {
  const pages = usePaginatedQuery(listConversations, { contactSessionId: session }, { initialNumItems: PAGE });
  const isRefused = isSessionOver(pages.error);
  useEffect(() => {
    if (isRefused) onRefused();
  }, [isRefused, onRefused]);
  const error = pages.error === undefined ? {} : { error: wordsOf(pages.error, "Please try again later.") };
  return (
    <Screen title="Your conversations" footer={<Navigation current="inbox" onShow={onShow} />}>
      <InfiniteList
        pages={{ results: pages.results, status: pages.status, loadMore: pages.loadMore, ...error }}
        label="Your conversations"
        keyOf={({ _id }) => _id}
        pageSize={PAGE}
        class="widget-list"
        empty={<EmptyState title="No conversations yet">What you write to us will be listed here.</EmptyState>}
      >
        {(conversation) => <Row conversation={conversation} onShow={onShow} />}
      </InfiniteList>
    </Screen>
  );
}

function Row({ conversation, onShow }: { readonly conversation: Conversation; readonly onShow: (view: View) => void }) {
  const { _id, _creationTime, threadId, status, lastMessage } = conversation;
  const text = lastMessage?.text?.trim() || "…";
  return (
    <button type="button" class="widget-row" onClick={() => onShow({ name: "chat", conversationId: _id, threadId, from: "inbox" })}>
      <span class="widget-row-text">{lastMessage?.message?.role === "user" ? `You: ${text}` : text}</span>
      <span class="widget-row-foot">
        <StatusBadge status={status} />
        <RelativeTime at={lastMessage?._creationTime ?? _creationTime} />
      </span>
    </button>
  );
}
