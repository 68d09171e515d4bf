import { IconButton, SendIcon } from "fusion-ui";
import type { TargetedEvent } from "preact";
import { useLayoutEffect, useRef, useState } from "preact/hooks";

/** Longest message the server takes, in UTF-16 code units. */
const LENGTH_MAX = 2000;
/** From how many characters on one is told how many are left. */
const LENGTH_SHOWN = 1800;
/** Highest the field grows, in pixels. */
const HEIGHT_MAX = 140;

/** Where a focused field brings up a keyboard over half of the screen, nothing but a touch should focus it. */
const IS_TOUCH = matchMedia("(pointer: coarse)").matches;

/** Where the visitor writes. */
export function Composer({ isDisabled, onSend }: { readonly isDisabled: boolean; readonly onSend: (text: string) => void }) {
  const field = useRef<HTMLTextAreaElement>(null);
  const [text, setText] = useState("");
  useLayoutEffect(() => {
    const area = field.current;
    if (!area) return;
    area.style.height = "auto";
    area.style.height = `${Math.min(area.scrollHeight + 2, HEIGHT_MAX)}px`;
  }, [text]);
  useLayoutEffect(() => {
    const focused = document.activeElement;
    const isFree = focused === null || focused === document.body || focused.matches("h1");
    if (!isDisabled && !IS_TOUCH && isFree && document.hasFocus()) field.current?.focus();
  }, [isDisabled]);
  const send = () => {
    if (text.trim() === "" || isDisabled) return;
    onSend(text.trim());
    setText("");
    field.current?.focus();
  };
  const onKeyDown = (event: TargetedEvent<HTMLTextAreaElement, KeyboardEvent>) => {
    // With some scripts Enter ends the choice of a character.
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    send();
  };
  return (
    <form
      class="widget-composer"
      onSubmit={(event) => {
        event.preventDefault();
        send();
      }}
    >
      <label class="ui-hidden" for="message">Your message</label>
      <textarea
        id="message"
        ref={field}
        class="ui-input"
        rows={1}
        maxLength={LENGTH_MAX}
        placeholder="Write a message"
        disabled={isDisabled}
        value={text}
        data-focus={isDisabled || IS_TOUCH ? undefined : ""}
        onInput={(event) => setText(event.currentTarget.value)}
        onKeyDown={onKeyDown}
      />
      <IconButton type="submit" variant="primary" label="Send" disabled={isDisabled}><SendIcon /></IconButton>
      <span class="widget-count" role="status">{text.length >= LENGTH_SHOWN ? `${LENGTH_MAX - text.length} characters left` : ""}</span>
    </form>
  );
}
