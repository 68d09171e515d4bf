// The script that puts the widget on a page of others:
//
//   <script src="https://chat.example.com/embed.js" data-organization-id="org_1" data-position="bottom-right"></script>
//
// It adds a launcher and, once somebody wants it, a frame with the widget. It touches nothing else of the page, and it
// needs nothing that a strict content policy forbids: no inline styles, no HTML from strings, no evaluation.

import { Launcher, type Position } from "./launcher.ts";

/** What a page may change. */
export interface Config {
  organizationId?: string;
  position?: Position;
}

/** What pages can call as `window.FusionchatWidget`. */
export interface FusionchatWidget {
  /** Puts the widget on the page, anew if it was there before. */
  init(config?: Config): void;
  show(): void;
  hide(): void;
  /** Takes the widget off the page, until `init` is called. */
  destroy(): void;
}

declare global {
  interface Window {
    FusionchatWidget?: FusionchatWidget;
  }
}

function positionOf(value: string | undefined): Position {
  return value === "bottom-left" ? value : "bottom-right";
}

function start(): void {
  // A page that names the script twice gets one widget.
  if (window.FusionchatWidget) return;
  const script = document.currentScript;
  const { organizationId, position } = script instanceof HTMLScriptElement ? script.dataset : {};
  if (!(script instanceof HTMLScriptElement) || !organizationId) {
    console.error("Fusion Chat: the script needs the attribute data-organization-id with your organization's id.");
    return;
  }
  const page = new URL("widget", script.src);
  let config = { organizationId, position: positionOf(position) };
  let launcher: Launcher | undefined;
  const destroy = () => {
    document.removeEventListener("DOMContentLoaded", mount);
    launcher?.destroy();
    launcher = undefined;
  };
  function mount(): void {
    const url = new URL(page);
    url.searchParams.set("organizationId", config.organizationId);
    launcher = new Launcher(url, config.position);
  }
  const init = (changes: Config = {}) => {
    destroy();
    config = {
      organizationId: changes.organizationId || config.organizationId,
      position: changes.position ? positionOf(changes.position) : config.position,
    };
    // In a page's head there is no body yet.
    if (document.body) mount();
    else document.addEventListener("DOMContentLoaded", mount, { once: true });
  };
  window.FusionchatWidget = { init, show: () => launcher?.show(), hide: () => launcher?.hide(), destroy };
  init();
}

start();
