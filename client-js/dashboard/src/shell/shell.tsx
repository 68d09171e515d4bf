import { CodeIcon, ErrorBoundary, FileIcon, InboxIcon, PaletteIcon, PhoneIcon } from "fusion-ui";
import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";

import { ConversationsPage } from "../conversations/conversations_page.tsx";
import { FilesPage } from "../files/files_page.tsx";
import { InstallPage } from "../install/install_page.tsx";
import { BASE, Link, useRoute } from "../router.tsx";
import type { Route } from "../router.tsx";
import { SettingsPage } from "../settings/settings_page.tsx";
import { VoicePage } from "../voice/voice_page.tsx";
import { WidgetPage } from "../widget/widget_page.tsx";
import { AccountMenu } from "./account_menu.tsx";
import { ConnectionNotice } from "./connection_notice.tsx";
import { PageFrame } from "./page.tsx";

type Entry = { readonly page: Route["page"]; readonly path: string; readonly label: string; readonly icon: ComponentChildren };

const ENTRIES: readonly Entry[] = [
  { page: "conversations", path: BASE, label: "Conversations", icon: <InboxIcon /> },
  { page: "files", path: `${BASE}/files`, label: "Knowledge", icon: <FileIcon /> },
  { page: "widget", path: `${BASE}/widget`, label: "Widget", icon: <PaletteIcon /> },
  { page: "voice", path: `${BASE}/voice`, label: "Voice", icon: <PhoneIcon /> },
  { page: "install", path: `${BASE}/install`, label: "Install", icon: <CodeIcon /> },
];
const TITLES: { readonly [page in Route["page"]]: string } = {
  conversations: "Conversations",
  files: "Knowledge",
  widget: "Widget",
  voice: "Voice",
  install: "Install",
  settings: "Settings",
  unknown: "Nothing here",
};

/** The pages with what is around them. */
export function Shell() {
  const route = useRoute();
  const isFirst = useRef(true);
  useEffect(() => {
    document.title = `${TITLES[route.page]} · Fusion Chat`;
    // Those who cannot see that the page is another one hear it.
    if (!isFirst.current) document.querySelector<HTMLElement>("main h1")?.focus();
    isFirst.current = false;
  }, [route.page]);
  return (
    <div class="shell">
      <a class="skip" href="#content" onClick={(event) => {
        event.preventDefault();
        document.getElementById("content")?.focus();
      }}>Skip to the content</a>
      <header class="shell-bar">
        <span class="brand">Fusion Chat</span>
        <nav class="shell-nav" aria-label="Pages">
          <ul role="list">
            {ENTRIES.map(({ page, path, label, icon }) => (
              <li key={page}>
                <Link href={path} class="shell-link" aria-current={route.page === page ? "page" : undefined}>{icon}<span>{label}</span></Link>
              </li>
            ))}
          </ul>
        </nav>
        <AccountMenu />
      </header>
      <main class="shell-main" id="content" tabIndex={-1}>
        <ConnectionNotice />
        <ErrorBoundary key={route.page}><Page route={route} /></ErrorBoundary>
      </main>
    </div>
  );
}

function Page({ route }: { readonly route: Route }) {
  switch (route.page) {
    case "conversations":
      return <ConversationsPage selected={route.conversationId} />;
    case "files":
      return <FilesPage />;
    case "widget":
      return <WidgetPage />;
    case "voice":
      return <VoicePage />;
    case "install":
      return <InstallPage />;
    case "settings":
      return <SettingsPage />;
    case "unknown":
      return <PageFrame title="Nothing here" about="There is no such page."><Link href={BASE}>Go to the conversations</Link></PageFrame>;
  }
}
