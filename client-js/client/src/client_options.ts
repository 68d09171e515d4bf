import type { WebSocketConstructor } from "./connection.ts";
import type { Logger } from "./log.ts";
import type { OptimisticUpdate } from "./optimistic.ts";

/** Options of a client. */
export interface FusionClientOptions {
  /** Makes the sockets, where the platform has no `WebSocket` (Node before version 22: the one of the package `ws`). */
  readonly webSocketConstructor?: WebSocketConstructor | undefined;
  /** Where to print what functions print and what goes wrong: the console, unless `false` or something else is given. */
  readonly logger?: Logger | boolean | undefined;
  /** How long before a token expires the next one is fetched; 10 by default. */
  readonly authRefreshTokenLeewaySeconds?: number | undefined;
  /** Sends nothing until there is a token: for pages that are only for people who are signed in. */
  readonly expectAuth?: boolean | undefined;
  /** Uses the first token until it expires; by default it may come from a cache and a fresh one is fetched at once. */
  readonly initialAuthTokenReuse?: boolean | undefined;
  /** Lets the browser ask before a page is closed while a call has no answer. */
  readonly unsavedChangesWarning?: boolean | undefined;
  /** For administrators: the path of the component whose functions are called, instead of the app's. */
  readonly componentPath?: string | undefined;
  /** Called with the reason when the server closes the connection because something is wrong. */
  readonly onServerDisconnectError?: ((reason: string) => void) | undefined;
}

/** Options of a call of a mutation. */
export interface MutationOptions<Args> {
  /** Shows what the mutation is going to do until its effect arrives, or until it fails. */
  readonly optimisticUpdate?: OptimisticUpdate<Args> | undefined;
}
