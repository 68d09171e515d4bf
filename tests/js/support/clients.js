// The clients under test, side by side: the official one and Fusion's own, as it is built for pages.

import { ConvexClient } from "convex/browser";
import { ConvexError } from "convex/values";
import WebSocket from "ws";
import { FusionClient, FusionError } from "../../../client-js/dist/client.js";

/** `{name, connect, ErrorWithData}`: `connect(t, server, options)` gives a client that is closed at the end of the test. */
export const clients = [
  {
    name: "ConvexClient",
    ErrorWithData: ConvexError,
    connect: (t, server, options = {}) => closed(t, new ConvexClient(server.url, { logger: false, ...options })),
    clearAuth: (client) => client.client.clearAuth(),
  },
  {
    name: "FusionClient",
    ErrorWithData: FusionError,
    connect: (t, server, options = {}) => closed(t, new FusionClient(server.url, { logger: false, webSocketConstructor: WebSocket, ...options })),
    clearAuth: (client) => client.clearAuth(),
  },
];

function closed(t, client) {
  t.after(() => client.close());
  return client;
}
