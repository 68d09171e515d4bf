// The page around the widget. It hears nothing of the visitor; it is only asked to close the widget.

/** Whether the widget is in a frame of another page. */
export const isFramed = window.parent !== window;

/** Asks the page around to close the widget. */
export function requestClose(): void {
  // Whose page it is cannot be known, and there is nothing to hide in this.
  if (isFramed) window.parent.postMessage({ type: "close" }, "*");
}

/** Moves the focus to where the screen is used from: its field, or else its heading. */
export function focusScreen(): void {
  const [heading, field] = document.querySelectorAll<HTMLElement>("[data-focus]");
  (field ?? heading)?.focus({ preventScroll: true });
}

/** Closes the widget with Escape, and receives the focus when it is opened. */
export function watchFrame(): void {
  window.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !event.defaultPrevented) requestClose();
  });
  window.addEventListener("focus", () => {
    if (document.activeElement === null || document.activeElement === document.body) focusScreen();
  });
}
