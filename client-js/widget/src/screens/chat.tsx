import { ErrorState, SkeletonLines } from "fusion-ui";
import { useQueryResult } from "fusion-client/preact";
import { useEffect } from "preact/hooks";

import type { View } from "../app.tsx";
import { Thread } from "../chat/thread.tsx";
import { codeOf, isSessionOver, wordsOf } from "../failures.ts";
import { getConversation, type SessionId, type Settings } from "../functions.ts";
import { Screen } from "../screen.tsx";
import type { Memory } from "../storage.ts";
import { StatusBadge } from "./inbox.tsx";

/** One conversation. */
export function ChatScreen({ organizationId, session, view, memory, settings, onShow, onRefused }: {
  readonly organizationId: string;
  readonly session: SessionId;
  readonly view: View & { readonly name: "chat" };
  readonly memory: Memory;
  readonly settings: Settings | null | undefined;
  readonly onShow: (view: View) => void;
  readonly onRefused: () => void;
}) {
  const { conversationId } = view;
  const { value: conversation, error } = useQueryResult(getConversation, { conversationId, contactSessionId: session });
  const threadId = conversation?.threadId ?? view.threadId;
  const isRefused = isSessionOver(error);
  const isGone = codeOf(error) === "NOT_FOUND";
  useEffect(() => {
    if (isRefused) onRefused();
  }, [isRefused, onRefused]);
  useEffect(() => {
    if (isGone) memory.conversation = undefined;
    else if (conversation) memory.conversation = { conversationId, threadId: conversation.threadId };
  }, [memory, conversationId, conversation, isGone]);
  return (
    <Screen
      title="Chat"
      status={conversation && <StatusBadge status={conversation.status} />}
      onBack={() => onShow({ name: view.from })}
    >
      {error !== undefined && !isRefused
        ? <ErrorState title="This conversation cannot be shown" error={wordsOf(error, "Please try again later.")} />
        : threadId === undefined
          ? <SkeletonLines count={3} />
          : <Thread {...{ organizationId, session, threadId, memory, settings, onShow, onRefused }} status={conversation?.status} />}
    </Screen>
  );
}
