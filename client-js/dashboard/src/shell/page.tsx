import type { ComponentChildren } from "preact";

/** A page with a title, a line about it, and what one can do first. */
export function PageFrame({ title, about, actions, children }: {
  readonly title: string;
  readonly about: ComponentChildren;
  readonly actions?: ComponentChildren;
  readonly children: ComponentChildren;
}) {
  return (
    <div class="page">
      <div class="page-head">
        <div>
          <h1 tabIndex={-1}>{title}</h1>
          <p class="muted">{about}</p>
        </div>
        {actions && <div class="page-actions">{actions}</div>}
      </div>
      {children}
    </div>
  );
}
