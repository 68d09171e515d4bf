import { adoptStyle, dropStyle } from "./style.ts";

/** The corner of the page where the widget is. */
export type Position = "bottom-right" | "bottom-left";

const BUTTON_ID = "fusionchat-widget-button";
const CONTAINER_ID = "fusionchat-widget-container";
/** The least height the widget can ask for, in pixels; the most is what the window has. */
const HEIGHT_MIN = 200;
const BUBBLE = "M4 5.5h16v11H10.5L6 20.5v-4H4z";
const CROSS = "M6 6l12 12M18 6L6 18";

function icon(name: string, path: string): SVGElement {
  const create = (tag: string) => document.createElementNS("http://www.w3.org/2000/svg", tag) as SVGElement;
  const svg = create("svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  svg.setAttribute("class", name);
  const line = create("path");
  line.setAttribute("d", path);
  svg.append(line);
  return svg;
}

/** The round button that opens and closes the widget, and the container it appears in. */
export class Launcher {
  readonly #url: URL;
  readonly #button = document.createElement("button");
  readonly #container = document.createElement("div");
  #frame: HTMLIFrameElement | undefined;

  constructor(url: URL, position: Position) {
    this.#url = url;
    const [button, container] = [this.#button, this.#container];
    button.id = BUTTON_ID;
    button.type = "button";
    button.setAttribute("aria-controls", CONTAINER_ID);
    button.append(icon("open", BUBBLE), icon("close", CROSS));
    container.id = CONTAINER_ID;
    container.setAttribute("role", "dialog");
    container.setAttribute("aria-label", "Chat");
    button.dataset["position"] = container.dataset["position"] = position;
    this.#setOpen(false);

    button.addEventListener("click", () => (this.#isOpen ? this.hide() : this.show()));
    // Whoever points at the button will likely press it: the widget is there by then.
    button.addEventListener("pointerenter", this.#load);
    document.addEventListener("keydown", this.#onKey);
    window.addEventListener("message", this.#onMessage);
    adoptStyle();
    document.body.append(button, container);
  }

  get #isOpen(): boolean {
    return !this.#container.hidden;
  }

  #setOpen(isOpen: boolean): void {
    this.#container.hidden = !isOpen;
    this.#button.setAttribute("aria-expanded", String(isOpen));
    this.#button.setAttribute("aria-label", isOpen ? "Close chat" : "Open chat");
  }

  readonly #load = (): void => {
    if (this.#frame) return;
    const frame = document.createElement("iframe");
    frame.title = "Chat";
    frame.allow = "microphone; autoplay; clipboard-read; clipboard-write";
    frame.src = this.#url.href;
    this.#frame = frame;
    this.#container.append(frame);
  };

  readonly #onKey = (event: KeyboardEvent): void => {
    if (event.key === "Escape" && !event.defaultPrevented) this.hide();
  };

  readonly #onMessage = ({ origin, source, data }: MessageEvent<unknown>): void => {
    if (origin !== this.#url.origin || !this.#frame || source !== this.#frame.contentWindow) return;
    const { type, payload } = Object(data) as { type?: unknown; payload?: { height?: unknown } };
    if (type === "close") this.hide();
    if (type === "resize") {
      const height = payload?.height;
      if (typeof height !== "number" || !Number.isFinite(height)) return;
      this.#container.style.setProperty("--fusionchat-height", `${Math.max(height, HEIGHT_MIN)}px`);
    }
  };

  show(): void {
    this.#load();
    this.#setOpen(true);
    this.#frame?.focus();
  }

  hide(): void {
    if (!this.#isOpen) return;
    const hadFocus = this.#container.contains(document.activeElement);
    this.#setOpen(false);
    if (hadFocus || document.activeElement === document.body) this.#button.focus();
  }

  destroy(): void {
    document.removeEventListener("keydown", this.#onKey);
    window.removeEventListener("message", this.#onMessage);
    this.#button.remove();
    this.#container.remove();
    dropStyle();
  }
}
