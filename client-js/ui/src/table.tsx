import type { ComponentChildren } from "preact";

import { classNames } from "./class_names.ts";

/** A table in a frame that scrolls by itself; `children` are its `<thead>` and `<tbody>`. */
export function Table({ label, class: extra, children }: {
  readonly label: string;
  readonly class?: string;
  readonly children: ComponentChildren;
}) {
  return (
    <div class={classNames("ui-table-frame", extra)} role="region" aria-label={label} tabIndex={0}>
      <table class="ui-table">{children}</table>
    </div>
  );
}
