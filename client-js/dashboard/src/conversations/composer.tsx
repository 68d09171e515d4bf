import { useAction, useMutation } from "fusion-client/preact";
import { Button, SendIcon, SparklesIcon, toastError } from "fusion-ui";
import { useLayoutEffect, useRef, useState } from "preact/hooks";

import { api } from "../functions.ts";
import type { Conversation } from "../functions.ts";

/** What was begun in each conversation stays while one looks at others. */
const drafts = new Map<string, string>();

/** Where an operator answers: Enter sends, Shift and Enter begin a new line. */
export function Composer({ conversation: { _id: conversationId, status } }: { readonly conversation: Conversation }) {
  const create = useMutation(api.private.messages.create);
  const enhance = useAction(api.private.messages.enhanceResponse);
  const [draft, setDraft] = useState(drafts.get(conversationId) ?? "");
  const [isSending, setIsSending] = useState(false);
  const [isEnhancing, setIsEnhancing] = useState(false);
  const field = useRef<HTMLTextAreaElement>(null);
  const isResolved = status === "resolved";
  const isEmpty = draft.trim() === "";

  const write = (text: string) => {
    setDraft(text);
    drafts.set(conversationId, text);
  };
  // The field is as high as what is in it, up to a limit of the style.
  useLayoutEffect(() => {
    const element = field.current;
    if (!element) return;
    element.style.height = "auto";
    element.style.height = `${element.scrollHeight + 2}px`;
  }, [draft]);

  const send = async () => {
    if (isEmpty || isSending || isEnhancing || isResolved) return;
    setIsSending(true);
    write("");
    try {
      await create({ conversationId, prompt: draft });
    } catch (error) {
      // What could not be said is there to be tried again, unless something else is written meanwhile.
      if ((drafts.get(conversationId) ?? "") === "") write(draft);
      toastError(error);
    }
    setIsSending(false);
    field.current?.focus();
  };
  const improve = async () => {
    setIsEnhancing(true);
    try {
      const better = await enhance({ prompt: draft });
      write(typeof better === "string" ? better : better.message);
    } catch (error) {
      toastError(error);
    }
    setIsEnhancing(false);
    field.current?.focus();
  };

  return (
    <form
      class="composer"
      onSubmit={(event) => {
        event.preventDefault();
        void send();
      }}
    >
      {isResolved && <p class="muted small">This conversation is resolved. Reopen it to answer.</p>}
      {status === "unresolved" && <p class="muted small">The assistant answers here. When you reply, you take over.</p>}
      <textarea
        ref={field}
        class="ui-input"
        rows={2}
        aria-label="Your answer"
        placeholder={isResolved ? "Resolved" : "Write an answer…"}
        value={draft}
        disabled={isResolved}
        readOnly={isEnhancing}
        onInput={(event) => write(event.currentTarget.value)}
        onKeyDown={(event) => {
          if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
          event.preventDefault();
          void send();
        }}
      />
      <div class="composer-actions">
        <Button size="sm" icon={<SparklesIcon />} busy={isEnhancing} disabled={isEmpty || isResolved} onClick={improve}>Enhance</Button>
        <Button size="sm" type="submit" variant="primary" icon={<SendIcon />} busy={isSending} disabled={isResolved || (isEmpty && !isSending)}>Send</Button>
      </div>
    </form>
  );
}
