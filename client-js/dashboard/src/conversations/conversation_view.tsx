import { useMutation, useQuery } from "fusion-client/preact";
import { ArrowLeftIcon, Avatar, Button, Dialog, IconButton, Skeleton, toastError, UserIcon } from "fusion-ui";
import type { GenericId } from "fusion-client";
import { useEffect, useRef, useState } from "preact/hooks";

import { api } from "../functions.ts";
import type { Conversation } from "../functions.ts";
import { BASE, navigate } from "../router.tsx";
import { Composer } from "./composer.tsx";
import { ContactPanel } from "./contact_panel.tsx";
import { Messages } from "./messages.tsx";
import { StatusBadge, STATUSES } from "./status.tsx";

/** One conversation: who it is with, what was said, and a place to answer. */
export function ConversationView({ conversationId }: { readonly conversationId: string }) {
  const conversation = useQuery(api.private.conversations.getOne, { conversationId: conversationId as GenericId<"conversations"> });
  const [showsContact, setShowsContact] = useState(false);
  if (!conversation) return <section class="thread" aria-busy="true"><div class="thread-head"><Skeleton width="10rem" height="1.25rem" /></div></section>;
  const { contactSession } = conversation;
  return (
    <>
      <section class="thread" aria-label={`Conversation with ${contactSession.name}`}>
        <Head conversation={conversation} onContact={() => setShowsContact(true)} />
        <Messages threadId={conversation.threadId} visitor={contactSession.name} />
        <Composer key={conversation._id} conversation={conversation} />
      </section>
      <aside class="contact" aria-label="Contact">
        <ContactPanel contact={contactSession} startedAt={conversation._creationTime} />
      </aside>
      <Dialog open={showsContact} title="Contact" onClose={() => setShowsContact(false)}>
        <ContactPanel contact={contactSession} startedAt={conversation._creationTime} />
      </Dialog>
    </>
  );
}

function Head({ conversation, onContact }: { readonly conversation: Conversation; readonly onContact: () => void }) {
  const { _id: conversationId, contactSession, status } = conversation;
  const updateStatus = useMutation(api.private.conversations.updateStatus);
  const [busy, setBusy] = useState(false);
  const heading = useRef<HTMLHeadingElement>(null);
  // Whoever opened the conversation with the keyboard goes on in it.
  useEffect(() => heading.current?.focus({ preventScroll: true }), [conversationId]);
  const { next, action } = STATUSES[status];
  const change = async () => {
    setBusy(true);
    await updateStatus({ conversationId, status: next }).catch(toastError);
    setBusy(false);
  };
  return (
    <div class="thread-head">
      <IconButton class="only-narrow" label="All conversations" icon={<ArrowLeftIcon />} onClick={() => navigate(BASE)} />
      <Avatar name={contactSession.name} />
      <div class="thread-who">
        <h2 ref={heading} tabIndex={-1}>{contactSession.name}</h2>
        <p class="muted small">{contactSession.email}</p>
      </div>
      <StatusBadge status={status} />
      <Button size="sm" variant={status === "escalated" ? "primary" : "secondary"} busy={busy} onClick={change}>{action}</Button>
      <IconButton class="contact-button" label="Contact" icon={<UserIcon />} onClick={onContact} />
    </div>
  );
}
