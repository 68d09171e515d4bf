import { EmptyState, ErrorBoundary, ErrorState, MessageIcon } from "fusion-ui";

import { BASE, Link } from "../router.tsx";
import { ConversationList } from "./conversation_list.tsx";
import { ConversationView } from "./conversation_view.tsx";

/** The list of conversations beside the one that is read; on a phone one or the other. */
export function ConversationsPage({ selected }: { readonly selected: string | undefined }) {
  return (
    <div class={selected === undefined ? "conversations" : "conversations conversations-open"}>
      <div class="conversations-list">
        <h1 tabIndex={-1}>Conversations</h1>
        <ConversationList selected={selected} />
      </div>
      {selected === undefined
        ? <div class="conversations-none">
            <EmptyState icon={<MessageIcon />} title="Choose a conversation">What visitors write appears here while they write it.</EmptyState>
          </div>
        : <ErrorBoundary
            key={selected}
            fallback={(error) => (
              <div class="conversations-none">
                <ErrorState title="This conversation cannot be shown" error={error} />
                <Link href={BASE}>All conversations</Link>
              </div>
            )}
          >
            <ConversationView conversationId={selected} />
          </ErrorBoundary>}
    </div>
  );
}
