import { ArrowLeftIcon, CloseIcon, IconButton, InboxIcon, MessageIcon } from "fusion-ui";
import type { ComponentChildren } from "preact";
import { useEffect } from "preact/hooks";

import type { View } from "./app.tsx";
import { useIsOffline } from "./connection.ts";
import { isFramed, requestClose } from "./frame.ts";

/** What all screens have: a heading with the ways back and out, the state of the connection, and the content. */
export function Screen({ title, status, onBack, footer, children }: {
  readonly title: string;
  readonly status?: ComponentChildren;
  readonly onBack?: (() => void) | undefined;
  readonly footer?: ComponentChildren;
  readonly children: ComponentChildren;
}) {
  const isOffline = useIsOffline();
  useEffect(() => {
    document.title = title;
  }, [title]);
  return (
    <div class="widget">
      <header class="widget-head">
        {onBack && <IconButton variant="quiet" label="Back" onClick={onBack}><ArrowLeftIcon /></IconButton>}
        <h1 tabIndex={-1} data-focus="">{title}</h1>
        {status}
        {isFramed && <IconButton variant="quiet" label="Close chat" class="widget-close" onClick={requestClose}><CloseIcon /></IconButton>}
      </header>
      <p class="widget-offline" role="status">{isOffline ? "No connection. Trying to reconnect…" : ""}</p>
      <main class="widget-main">{children}</main>
      {footer}
    </div>
  );
}

/** The way between the first screen and the list of conversations. */
export function Navigation({ current, onShow }: { readonly current: "home" | "inbox"; readonly onShow: (view: View) => void }) {
  const item = (name: "home" | "inbox", label: string, icon: ComponentChildren) => (
    <button type="button" class="widget-tab" aria-current={current === name ? "page" : undefined} onClick={() => onShow({ name })}>
      {icon}
      {label}
    </button>
  );
  return (
    <nav class="widget-nav" aria-label="Chat">
      {item("home", "Home", <MessageIcon />)}
      {item("inbox", "Your conversations", <InboxIcon />)}
    </nav>
  );
}
