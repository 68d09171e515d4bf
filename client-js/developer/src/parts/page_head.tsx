// The head of a page: what it is, and what can be done on it.

import type { ComponentChildren } from "preact";

/** Title, figures beside it, and actions at the end. */
export function PageHead({ title, children, aside }: { title: ComponentChildren; children?: ComponentChildren; aside?: ComponentChildren }) {
  return (
    <header class="page-head">
      <h1>{title}</h1>
      {aside && <div class="page-aside muted">{aside}</div>}
      <div class="page-actions">{children}</div>
    </header>
  );
}
