// Components in Node: a DOM from happy-dom, rendered for real, observed by recording every render. Each kind is a library
// of components with a client's hooks for it: the official ones for React, Fusion's for React and for Preact.

import { createHash } from "node:crypto";
import { cpSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import path from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import * as convex from "convex/react";
import { Window } from "happy-dom";
import * as preact from "preact";
import * as react from "react";
import WebSocket from "ws";

const window = new Window({ url: "http://localhost/" });
for (const name of ["window", "document", "navigator", "HTMLElement", "HTMLIFrameElement", "Node", "Event", "MutationObserver"]) {
  const value = name === "window" ? window : window[name];
  Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
}
// React DOM looks for the DOM when it is loaded.
const { createRoot } = await import("react-dom/client");

/** The built client and its hooks, copied to where they find the same React and Preact as these tests. */
async function builtClient() {
  const here = path.dirname(fileURLToPath(import.meta.url));
  const built = path.resolve(here, "../../../client-js/dist");
  const names = ["client.js", "client-react.js", "client-preact.js"];
  const hash = createHash("sha256");
  for (const name of names) hash.update(readFileSync(path.join(built, name)));
  const folder = path.resolve(here, "../node_modules/.fusion-client", hash.digest("hex").slice(0, 16));
  if (!existsSync(folder)) {
    const unfinished = `${folder}.${process.pid}`;
    mkdirSync(unfinished, { recursive: true });
    for (const name of names) cpSync(path.join(built, name), path.join(unfinished, name));
    try {
      renameSync(unfinished, folder);
    } catch {
      // Another test has put it there meanwhile.
      rmSync(unfinished, { recursive: true });
    }
  }
  return Promise.all(names.map((name) => import(pathToFileURL(path.join(folder, name)).href)));
}
const [{ FusionClient }, fusionReact, fusionPreact] = await builtClient();

function renderReact(t, element) {
  const container = document.createElement("div");
  document.body.appendChild(container);
  const root = createRoot(container);
  root.render(element);
  t.after(() => root.unmount());
  return { container, rerender: (next) => root.render(next), unmount: () => root.unmount() };
}

function renderPreact(t, element) {
  const container = document.createElement("div");
  document.body.appendChild(container);
  const rerender = (next) => preact.render(next, container);
  const unmount = () => rerender(null);
  rerender(element);
  t.after(unmount);
  return { container, rerender, unmount };
}

/** A component that records what `useValue` returns on every render. */
function recorderOf(createElement) {
  return (useValue) => {
    const renders = [];
    function Recorder(props) {
      const value = useValue(props);
      renders.push(value);
      return createElement("pre", null, JSON.stringify(value));
    }
    return { Recorder, renders };
  };
}

function closed(t, client) {
  t.after(() => client.close());
  return client;
}

const fusion = (hooks) => ({
  ...hooks,
  connect: (t, server, options = {}) =>
    closed(t, new FusionClient(server.url, { webSocketConstructor: WebSocket, logger: false, ...options })),
  Provider: hooks.FusionProvider,
  ProviderWithAuth: hooks.FusionProviderWithAuth,
  useAuthState: hooks.useFusionAuth,
  useQueries: (queries) => Object.fromEntries(Object.entries(hooks.useQueries(queries)).map(([name, { value }]) => [name, value])),
});

/** The same names for the same things. */
export const kinds = [
  {
    name: "convex/react",
    createElement: react.createElement,
    recorder: recorderOf(react.createElement),
    render: renderReact,
    ...convex,
    connect: (t, server, options = {}) =>
      closed(t, new convex.ConvexReactClient(server.url, { webSocketConstructor: WebSocket, unsavedChangesWarning: false, logger: false, ...options })),
    Provider: convex.ConvexProvider,
    ProviderWithAuth: convex.ConvexProviderWithAuth,
    useAuthState: convex.useConvexAuth,
  },
  {
    name: "fusion-client/react",
    createElement: react.createElement,
    recorder: recorderOf(react.createElement),
    render: renderReact,
    ...fusion(fusionReact),
  },
  {
    name: "fusion-client/preact",
    createElement: preact.createElement,
    recorder: recorderOf(preact.createElement),
    render: renderPreact,
    ...fusion(fusionPreact),
  },
];
