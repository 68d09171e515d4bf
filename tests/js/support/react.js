// React in Node: a DOM from happy-dom, rendered for real, observed by recording every render.

import { Window } from "happy-dom";
import { createElement } from "react";

const window = new Window({ url: "http://localhost/" });
for (const name of ["window", "document", "navigator", "HTMLElement", "HTMLIFrameElement", "Node", "Event", "MutationObserver"]) {
  const value = name === "window" ? window : window[name];
  Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
}
// React DOM looks for the DOM when it is loaded.
const { createRoot } = await import("react-dom/client");

/** Renders `children` below `wrapper` and unmounts at the end of the test. */
export function render(t, element) {
  const container = document.createElement("div");
  document.body.appendChild(container);
  const root = createRoot(container);
  root.render(element);
  t.after(() => root.unmount());
  return { container, rerender: (next) => root.render(next), unmount: () => root.unmount() };
}

/** A component that records what `useValue` returns on every render. */
export function recorder(useValue) {
  const renders = [];
  function Recorder(props) {
    const value = useValue(props);
    renders.push(value);
    return createElement("pre", null, JSON.stringify(value));
  }
  return { Recorder, renders };
}
