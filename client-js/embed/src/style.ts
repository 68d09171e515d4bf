// A stylesheet made by script, which a page's content policy has nothing against. `all: initial` keeps the page's own
// styles out; the colours are those of the widget.

const CSS = `
#fusionchat-widget-button, #fusionchat-widget-container {
  all: initial; box-sizing: border-box; position: fixed; bottom: 20px; right: 20px; z-index: 2147483000;
  --accent: #3f51c9; --on-accent: #fff; --surface: #fff; --line: #e1e1e8;
}
#fusionchat-widget-button[data-position=bottom-left], #fusionchat-widget-container[data-position=bottom-left] {
  right: auto; left: 20px;
}
#fusionchat-widget-button {
  display: grid; place-items: center; width: 60px; height: 60px; border-radius: 50%; cursor: pointer;
  background: var(--accent); color: var(--on-accent); box-shadow: 0 4px 16px rgb(0 0 0 / .2);
}
#fusionchat-widget-button:focus-visible { outline: 3px solid var(--accent); outline-offset: 3px; }
#fusionchat-widget-button svg {
  all: initial; grid-area: 1 / 1; width: 28px; height: 28px; cursor: pointer;
  fill: none; stroke: var(--on-accent); stroke-width: 1.8; stroke-linecap: round; stroke-linejoin: round;
}
#fusionchat-widget-button[aria-expanded=false] .close, #fusionchat-widget-button[aria-expanded=true] .open { opacity: 0; }
#fusionchat-widget-container {
  bottom: 96px; width: 400px; height: min(var(--fusionchat-height, 600px), 100vh - 116px); max-width: calc(100vw - 40px);
  overflow: hidden; border: 1px solid var(--line); border-radius: 16px; background: var(--surface);
  box-shadow: 0 12px 40px rgb(0 0 0 / .22);
}
#fusionchat-widget-container[hidden] { display: none; }
#fusionchat-widget-container iframe {
  all: initial; display: block; width: 100%; height: 100%; border: 0; color-scheme: light dark;
}
@media (prefers-color-scheme: dark) {
  #fusionchat-widget-button, #fusionchat-widget-container {
    --accent: #9dadff; --on-accent: #11163a; --surface: #17181c; --line: #2c2e36;
  }
}
@media (prefers-reduced-motion: no-preference) {
  #fusionchat-widget-button, #fusionchat-widget-button svg { transition: transform .15s, opacity .15s; }
  #fusionchat-widget-button:hover { transform: scale(1.05); }
  #fusionchat-widget-container { animation: fusionchat-appear .18s ease-out; }
  @keyframes fusionchat-appear { from { opacity: 0; transform: translateY(12px); } }
}
@media (max-width: 480px) {
  #fusionchat-widget-container, #fusionchat-widget-container[data-position=bottom-left] {
    inset: 0; width: 100%; max-width: none; height: 100%; border: 0; border-radius: 0;
  }
  #fusionchat-widget-button[aria-expanded=true] { display: none; }
}
`;

let sheet: CSSStyleSheet | undefined;

/** Makes the document use the stylesheet. */
export function adoptStyle(): void {
  if (!sheet) {
    sheet = new CSSStyleSheet();
    sheet.replaceSync(CSS.replace(/\s+/g, " "));
  }
  document.adoptedStyleSheets.push(sheet);
}

/** Makes the document no longer use it. */
export function dropStyle(): void {
  document.adoptedStyleSheets = document.adoptedStyleSheets.filter((one) => one !== sheet);
}
