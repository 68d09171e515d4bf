import { usePaginatedQuery } from "fusion-client/preact";
import { Avatar, EmptyState, InboxIcon, InfiniteList, RelativeTime, SkeletonLines, TabPanel, Tabs } from "fusion-ui";
import { useState } from "preact/hooks";

import { api } from "../functions.ts";
import type { ConversationItem, ConversationStatus } from "../functions.ts";
import { conversationPath, Link } from "../router.tsx";
import { recall, remember } from "../session/storage.ts";
import { roleOf } from "./message_text.ts";
import { StatusBadge } from "./status.tsx";

type Filter = "all" | ConversationStatus;

const FILTERS = [
  { id: "all", label: "All" },
  { id: "unresolved", label: "Unresolved" },
  { id: "escalated", label: "Escalated" },
  { id: "resolved", label: "Resolved" },
] as const;
const REMEMBERED = "fusionchat_filter";
const PAGE_SIZE = 20;

const EMPTY: { readonly [filter in Filter]: readonly [string, string] } = {
  all: ["No conversations yet", "They appear here as soon as somebody writes in the widget."],
  unresolved: ["Nothing is unresolved", "Conversations that the assistant looks after appear here."],
  escalated: ["Nobody waits for you", "Conversations that need a person appear here."],
  resolved: ["Nothing is resolved yet", "Conversations that are done appear here."],
};

/** All conversations, or those of a status, newest first. */
export function ConversationList({ selected }: { readonly selected: string | undefined }) {
  const [filter, setFilter] = useState<Filter>(() => FILTERS.find(({ id }) => id === recall(REMEMBERED))?.id ?? "all");
  const select = (chosen: Filter) => {
    setFilter(chosen);
    remember(REMEMBERED, chosen);
  };
  return (
    <>
      <Tabs name="conversations" label="Status" tabs={FILTERS} selected={filter} onSelect={select} />
      <TabPanel name="conversations" selected={filter} class="conversations-panel">
        <Rows key={filter} filter={filter} selected={selected} />
      </TabPanel>
    </>
  );
}

function Rows({ filter, selected }: { readonly filter: Filter; readonly selected: string | undefined }) {
  const pages = usePaginatedQuery(api.private.conversations.getMany, filter === "all" ? {} : { status: filter }, { initialNumItems: PAGE_SIZE });
  const [title, words] = EMPTY[filter];
  return (
    <InfiniteList
      pages={pages}
      label="Conversations"
      keyOf={({ _id }) => _id}
      pageSize={PAGE_SIZE}
      class="rows"
      loading={<SkeletonLines count={6} height="3.5rem" />}
      empty={<EmptyState icon={<InboxIcon />} title={title}>{words}</EmptyState>}
    >
      {(item) => <Row item={item} isSelected={item._id === selected} />}
    </InfiniteList>
  );
}

function Row({ item, isSelected }: { readonly item: ConversationItem; readonly isSelected: boolean }) {
  const { contactSession, lastMessage, status } = item;
  const isOurs = lastMessage !== null && roleOf(lastMessage) !== "user";
  return (
    <Link href={conversationPath(item._id)} class="row" aria-current={isSelected ? "true" : undefined}>
      <Avatar name={contactSession.name} />
      <span class="row-words">
        <span class="row-top">
          <span class="row-name">{contactSession.name}</span>
          <span class="row-time muted small"><RelativeTime at={lastMessage?._creationTime ?? item._creationTime} /></span>
        </span>
        <span class="row-bottom">
          <span class="row-text muted">{isOurs && <span aria-hidden="true">↩ </span>}{lastMessage?.text ?? "…"}</span>
          <StatusBadge status={status} />
        </span>
      </span>
    </Link>
  );
}
