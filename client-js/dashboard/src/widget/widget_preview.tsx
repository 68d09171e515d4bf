import { ArrowLeftIcon, Badge, PhoneIcon, SendIcon } from "fusion-ui";

import type { WidgetForm } from "./widget_form.ts";

/** The look of the widget with what is in the form, before it is saved. */
export function WidgetPreview({ form: { greeting, suggestions, assistantId, phoneNumber } }: { readonly form: WidgetForm }) {
  const offered = suggestions.filter((text) => text.trim() !== "");
  return (
    <figure class="preview" aria-label="Preview">
      <figcaption class="muted small">Preview</figcaption>
      <div class="preview-window">
        <div class="preview-head">
          <ArrowLeftIcon />
          <span class="preview-title">Chat</span>
          <Badge tone="accent">Open</Badge>
        </div>
        <div class="preview-body">
          <p class="preview-bubble bubble-text">{greeting.trim() || "…"}</p>
          {offered.length > 0 && <ul role="list" class="preview-suggestions">{offered.map((text, index) => <li key={index}>{text}</li>)}</ul>}
        </div>
        <div class="preview-foot"><span class="preview-input muted">Write a message</span><span class="preview-send"><SendIcon /></span></div>
      </div>
      {(assistantId || phoneNumber) && (
        <p class="muted small preview-voice"><PhoneIcon />Offered before a chat: {[assistantId && "a voice call", phoneNumber].filter(Boolean).join(", ")}</p>
      )}
    </figure>
  );
}
