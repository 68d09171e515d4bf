import { Button, InfiniteList, SkeletonLines } from "fusion-ui";
import { useFusion, usePaginatedQuery } from "fusion-client/preact";
import { useEffect, useLayoutEffect, useMemo, useState } from "preact/hooks";

import type { View } from "../app.tsx";
import { useIsOffline } from "../connection.ts";
import { isSessionOver, wordsOf } from "../failures.ts";
import { focusScreen } from "../frame.ts";
import { listMessages, type Message, type SessionId, type Settings, type Status } from "../functions.ts";
import { type Outbox, outboxOf } from "../outbox.ts";
import { useNewConversation } from "../screens/home.tsx";
import type { Memory } from "../storage.ts";
import { useAnnouncement } from "./announcement.ts";
import { Bubble, OutgoingBubble, Typing } from "./bubble.tsx";
import { Composer } from "./composer.tsx";
import { transcribe } from "./transcript.ts";

const PAGE = 10;
/** How long nothing may happen to a message that nobody here waits for the answer of, until it may be sent again. */
const PATIENCE = 15_000;
const NONE: Settings["defaultSuggestions"] = {};

/** What is said in a conversation, and where the visitor says more. */
export function Thread({ organizationId, session, threadId, memory, settings, status, onShow, onRefused }: {
  readonly organizationId: string;
  readonly session: SessionId;
  readonly threadId: string;
  readonly memory: Memory;
  readonly settings: Settings | null | undefined;
  /** Not known yet while the conversation is being loaded. */
  readonly status: Status | undefined;
  readonly onShow: (view: View) => void;
  readonly onRefused: () => void;
}) {
  const isOffline = useIsOffline();
  const pages = usePaginatedQuery(listMessages, { threadId, contactSessionId: session }, { initialNumItems: PAGE });
  const isLoading = pages.status === "LoadingFirstPage";
  const transcript = useMemo(() => transcribe(pages.results), [pages.results]);
  const outbox = useOutbox(memory, threadId, session, pages.results, isLoading);
  const entries = outbox.entries;
  const announcement = useAnnouncement(transcript.messages, isLoading);
  const isStale = useIsStale(transcript.waiting, outbox.isAnswering || isOffline);
  const unanswered = transcript.unanswered ?? (isStale ? transcript.waiting : undefined);
  const isResolved = status === "resolved";
  const isRefused = isSessionOver(pages.error);
  useEffect(() => {
    if (isRefused) onRefused();
  }, [isRefused, onRefused]);

  const send = (text: string) => {
    outbox.send(text);
    // Whoever says something wants to see it, and what was pressed to say it may be gone.
    requestAnimationFrame(() => {
      const list = document.querySelector(".widget-thread");
      if (list) list.scrollTop = list.scrollHeight;
      if (document.activeElement === document.body) focusScreen();
    });
  };
  const canSuggest = !isLoading && !isResolved && transcript.messages.length === 1 && entries.length === 0 && pages.status === "Exhausted";
  const after = (
    <>
      {entries.map((entry) => (
        <OutgoingBubble key={entry.id} entry={entry} isOffline={isOffline} onRetry={() => outbox.retry(entry.id)} onDiscard={() => outbox.discard(entry.id)} />
      ))}
      {transcript.waiting && !isStale && entries.length === 0 && <Typing />}
      {unanswered && entries.length === 0 && !isResolved && (
        <div class="widget-notice" role="alert">
          <span>No answer came.</span>
          <Button size="sm" onClick={() => send(unanswered.text ?? "")}>Try again</Button>
        </div>
      )}
      {canSuggest && <Suggestions suggestions={settings?.defaultSuggestions ?? NONE} onChoose={send} />}
    </>
  );
  return (
    <>
      <InfiniteList
        pages={{
          results: transcript.messages,
          status: pages.status,
          loadMore: pages.loadMore,
          ...(pages.error === undefined ? {} : { error: wordsOf(pages.error, "Please try again later.") }),
        }}
        label="Messages"
        keyOf={({ _id }) => _id}
        pageSize={PAGE}
        direction="up"
        class="widget-thread"
        loading={<div class="widget-thread"><SkeletonLines count={3} /></div>}
        empty={null}
        after={after}
      >
        {(message) => <Bubble message={message} />}
      </InfiniteList>
      <p class="ui-hidden" aria-live="polite">{announcement}</p>
      {isResolved
        ? <Resolved {...{ organizationId, session, onShow, onRefused }} />
        : <Composer isDisabled={isLoading} onSend={send} />}
    </>
  );
}

/** The messages on their way, as they stand. */
function useOutbox(memory: Memory, threadId: string, session: SessionId, messages: readonly Message[], isLoading: boolean): Outbox {
  const client = useFusion();
  const outbox = useMemo(() => outboxOf(client, memory, threadId, session), [client, memory, threadId, session]);
  const [, draw] = useState(0);
  useLayoutEffect(() => outbox.subscribe(() => draw((number) => number + 1)), [outbox]);
  useLayoutEffect(() => {
    if (!isLoading) outbox.observe(messages);
  }, [outbox, messages, isLoading]);
  return outbox;
}

/** Whether a message has been waiting for an answer for so long that none is to be expected. */
function useIsStale(waiting: Message | undefined, isExpected: boolean): boolean {
  const [stale, setStale] = useState<Message>();
  useEffect(() => {
    if (!waiting || isExpected) return undefined;
    const timer = setTimeout(() => setStale(waiting), PATIENCE);
    return () => clearTimeout(timer);
  }, [waiting, isExpected]);
  return waiting !== undefined && stale === waiting && !isExpected;
}

function Suggestions({ suggestions, onChoose }: {
  readonly suggestions: Settings["defaultSuggestions"];
  readonly onChoose: (text: string) => void;
}) {
  const { suggestion1, suggestion2, suggestion3 } = suggestions;
  const texts = [suggestion1, suggestion2, suggestion3].flatMap((text) => (text?.trim() ? [text] : []));
  if (texts.length === 0) return null;
  return (
    <div class="widget-suggestions" role="group" aria-label="Suggestions">
      {texts.map((text) => <Button key={text} size="sm" onClick={() => onChoose(text)}>{text}</Button>)}
    </div>
  );
}

function Resolved({ organizationId, session, onShow, onRefused }: {
  readonly organizationId: string;
  readonly session: SessionId;
  readonly onShow: (view: View) => void;
  readonly onRefused: () => void;
}) {
  const { begin, isBusy, failure } = useNewConversation(organizationId, session, onShow, onRefused);
  return (
    <div class="widget-resolved">
      <label class="ui-hidden" for="message">Your message</label>
      <textarea id="message" class="ui-input" rows={1} disabled placeholder="This conversation is resolved" />
      <Button variant="primary" busy={isBusy} onClick={begin}>Start a new conversation</Button>
      {failure && <p class="ui-notice ui-notice-danger" role="alert">{failure}</p>}
    </div>
  );
}
