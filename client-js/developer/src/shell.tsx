// The frame around every page: where one can go, which deployment this is, whether it can be reached.

import type { ComponentChildren, ComponentType } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { useConnectionState, useQueryResult } from "fusion-client/preact";
import { CodeIcon, FileIcon, IconButton, MoonIcon, SettingsIcon, SignOutIcon, Spinner, SunIcon, setTheme, useLasting } from "fusion-ui";
import { useDeployment } from "./deployment.tsx";
import { ArchiveIcon, BlocksIcon, ChartIcon, ClockIcon, KeyIcon, ListIcon, LogoIcon, TableIcon } from "./parts/icons.tsx";
import { PausedBanner } from "./parts/pausing.tsx";
import { Link, useRouter } from "./router.tsx";
import { system } from "./system.ts";

/** The pages, by the first part of the path. */
export const PAGES: readonly { readonly id: string; readonly title: string; readonly Icon: ComponentType }[] = [
  { id: "health", title: "Health", Icon: ChartIcon },
  { id: "data", title: "Data", Icon: TableIcon },
  { id: "functions", title: "Functions", Icon: CodeIcon },
  { id: "logs", title: "Logs", Icon: ListIcon },
  { id: "files", title: "Files", Icon: FileIcon },
  { id: "schedules", title: "Schedules", Icon: ClockIcon },
  { id: "environment", title: "Environment", Icon: KeyIcon },
  { id: "components", title: "Components", Icon: BlocksIcon },
  { id: "backups", title: "Import & export", Icon: ArchiveIcon },
  { id: "settings", title: "Settings", Icon: SettingsIcon },
];

function isDark(): boolean {
  const { theme } = document.documentElement.dataset;
  return theme ? theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
}

function ThemeButton() {
  const [dark, setDark] = useState(isDark);
  return (
    <IconButton
      label={dark ? "Light colours" : "Dark colours"}
      size="sm"
      icon={dark ? <SunIcon /> : <MoonIcon />}
      onClick={() => {
        setTheme(dark ? "light" : "dark");
        setDark(!dark);
      }}
    />
  );
}

function ConnectionBanner() {
  const isLost = useLasting(!useConnectionState().isWebSocketConnected);
  return (
    <div role="status" class="connection">
      {isLost && (
        <p><Spinner /> The connection to the deployment is lost. What is shown may be old; trying to reconnect…</p>
      )}
    </div>
  );
}

/** The frame. */
export function Shell({ children }: { children: ComponentChildren }) {
  const { name, signOut } = useDeployment();
  const router = useRouter();
  const components = useQueryResult(system.components, {});
  const hasComponents = components.status === "success" && components.value.length > 1;
  const current = router.parts[0] ?? "health";
  const list = useRef<HTMLUListElement>(null);
  // On a phone there is no room for all of them.
  useEffect(() => list.current?.querySelector("[aria-current]")?.scrollIntoView({ block: "nearest", inline: "nearest" }), [current, hasComponents]);
  return (
    <div class="shell">
      <a class="skip" href="#page">Skip to the page</a>
      <header class="side">
        <div class="brand">
          <LogoIcon />
          <div>
            <strong>Fusion</strong>
            <span class="muted" title="Instance">{name}</span>
          </div>
        </div>
        <nav aria-label="Pages">
          <ul role="list" ref={list}>
            {PAGES.filter(({ id }) => id !== "components" || hasComponents).map(({ id, title, Icon }) => (
              <li key={id}>
                <Link to={`/${id}`} isCurrent={id === current} class="nav-link"><Icon />{title}</Link>
              </li>
            ))}
          </ul>
        </nav>
        <div class="side-foot">
          <ThemeButton />
          <IconButton label="Sign out" size="sm" icon={<SignOutIcon />} onClick={() => signOut()} />
        </div>
      </header>
      <main id="page" tabIndex={-1}>
        <ConnectionBanner />
        <PausedBanner />
        {children}
      </main>
    </div>
  );
}
