import { ArrowUpIcon, MessageIcon, PhoneIcon } from "fusion-ui";

import type { WidgetForm } from "./widget_form.ts";

/** The look of the widget with what is in the form, before it is saved. */
export function WidgetPreview({ form }: { readonly form: WidgetForm }) {
  const suggestions = form.suggestions.filter((text) => text.trim() !== "");
  return (
    <figure class="preview" aria-label="Preview">
      <figcaption class="muted small">Preview</figcaption>
      <div class="preview-window">
        <div class="preview-head">
          <MessageIcon />
          <span>Chat with us</span>
          {(form.assistantId || form.phoneNumber) && <span class="preview-voice"><PhoneIcon /><span class="small">{form.phoneNumber || "Call"}</span></span>}
        </div>
        <div class="preview-body">
          <p class="bubble bubble-text">{form.greeting.trim() || "…"}</p>
          {suggestions.length > 0 && (
            <ul role="list" class="preview-suggestions">{suggestions.map((text, index) => <li key={index}>{text}</li>)}</ul>
          )}
        </div>
        <div class="preview-foot"><span class="muted">Write a message…</span><span class="preview-send"><ArrowUpIcon /></span></div>
      </div>
    </figure>
  );
}
