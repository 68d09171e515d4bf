import { Authentication, type AuthTokenFetcher } from "./authentication.ts";
import type { FusionClientOptions, MutationOptions } from "./client_options.ts";
import { Connection } from "./connection.ts";
import { type ConnectionState, sameState } from "./connection_state.ts";
import { type Logger, loggerOf } from "./log.ts";
import { applyOptimistic } from "./optimistic.ts";
import { PaginatedQuery, type PaginatedResult } from "./paginated_query.ts";
import {
  type AuthError,
  type CallResponse,
  INITIAL_VERSION,
  PROTOCOL_VERSION,
  type ServerMessage,
  type StateVersion,
  timestamp,
  timestampText,
  type Transition,
  type TransitionChunk,
} from "./protocol.ts";
import { type QueryResult, QuerySet, tokenOf } from "./query_set.ts";
import { type ArgsOf, type FunctionName, functionName, type ItemOf, type OptionalArgs, type PageArgsOf, type ReturnsOf } from "./reference.ts";
import { Requests } from "./requests.ts";
import { newSessionId } from "./session_id.ts";
import type { Unsubscribe, Watch } from "./subscription.ts";
import { encode, type Value } from "./value.ts";

/** A client of one deployment: subscriptions, mutations and actions over one WebSocket. */
export class FusionClient {
  private readonly sessionId = newSessionId();
  private readonly logger: Logger;
  private readonly queries: QuerySet;
  private readonly requests: Requests;
  private readonly authentication: Authentication;
  private readonly connection: Connection;
  private readonly stateListeners = new Set<(state: ConnectionState) => void>();
  private state: ConnectionState | undefined;
  private publishedState: ConnectionState | undefined;
  /** Who waits for the result of a query, and how it is given. */
  private readonly waiting = new Map<(error: Error) => void, () => boolean>();
  private version: StateVersion = INITIAL_VERSION;
  private maxObserved = 0n;
  /** Whether this connection's opening was sent. */
  private isGreeted = false;
  private isPaused: boolean;
  private isFlushing = false;
  private isPublishing = false;
  private isClosed = false;
  private clockSkew = 0;

  /** Connects to the deployment at `address`, like `"https://example.com"`. */
  constructor(
    address: string,
    private readonly options: FusionClientOptions = {},
  ) {
    const WebSocketConstructor = options.webSocketConstructor ?? globalThis.WebSocket;
    if (WebSocketConstructor === undefined) {
      throw new Error("There is no WebSocket here: give one as the option webSocketConstructor, for example that of the package ws");
    }
    const url = new URL(`${address.replace(/\/+$/, "")}/api/${PROTOCOL_VERSION}/sync`);
    url.protocol = url.protocol.replace("http", "ws");
    this.logger = loggerOf(options.logger);
    this.queries = new QuerySet(this.logger, options.componentPath);
    this.requests = new Requests(this.logger, options.componentPath);
    this.isPaused = options.expectAuth ?? false;
    this.authentication = new Authentication(
      {
        pause: () => (this.isPaused = true),
        resume: () => {
          this.isPaused = false;
          this.flush();
        },
        flush: () => this.flush(),
        reconnect: () => this.connection.restart("AuthError"),
      },
      this.logger,
      { leewaySeconds: options.authRefreshTokenLeewaySeconds ?? 10, isInitialReused: options.initialAuthTokenReuse ?? false },
    );
    this.connection = new Connection(
      url.href,
      WebSocketConstructor,
      {
        opened: () => this.flush(),
        received: (message) => this.received(message),
        lost: () => this.lost(),
        changed: () => this.publishState(),
      },
      this.logger,
    );
    if (options.unsavedChangesWarning) globalThis.addEventListener?.("beforeunload", this.beforeUnload);
  }

  /** Whether `close` was called. */
  get closed(): boolean {
    return this.isClosed;
  }

  /** Runs a query once. If it is subscribed to, and the connection is up, its result is there already. */
  query<F extends FunctionName<"query">>(query: F, ...[args]: OptionalArgs<F>): Promise<ReturnsOf<F>> {
    return new Promise((resolve, reject) => {
      this.refuseIfClosed();
      const watch = this.watch(query, ...([args] as OptionalArgs<F>));
      const settle = (): boolean => {
        const { status, value, error } = watch.result();
        if (status === "success") resolve(value);
        if (status === "error") reject(error);
        return status !== "loading";
      };
      if (this.isCurrent && settle()) return;
      const unsubscribe = watch.subscribe(() => undefined);
      this.waiting.set(reject, () => {
        const isSettled = settle();
        if (isSettled) unsubscribe();
        return isSettled;
      });
    });
  }

  /**
   * Runs a mutation, exactly once, whatever happens to the connection. Mutations run in the order of their calls. The
   * promise is resolved when the results of queries show the effect.
   */
  async mutation<F extends FunctionName<"mutation">>(
    mutation: F,
    ...[args, options]: [...OptionalArgs<F>, options?: MutationOptions<ArgsOf<F>>]
  ): Promise<ReturnsOf<F>> {
    this.refuseIfClosed();
    const name = functionName(mutation);
    const given = (args ?? {}) as ArgsOf<F>;
    const encoded = encode(given as Value);
    const { optimisticUpdate } = (options ?? {}) as MutationOptions<ArgsOf<F>>;
    const change = optimisticUpdate && ((store: Parameters<typeof optimisticUpdate>[0]) => optimisticUpdate(store, given));
    // Of an update that throws nothing is to stay behind.
    const overlay = change && applyOptimistic(this.queries, [...this.requests.changes(), change]);
    const result = this.requests.add("Mutation", name, encoded, change);
    if (overlay) this.call(this.queries.show([], overlay));
    this.flush();
    return result as Promise<ReturnsOf<F>>;
  }

  /** Runs an action. It fails if the connection is lost meanwhile, because nobody knows then whether it ran. */
  async action<F extends FunctionName<"action">>(action: F, ...[args]: OptionalArgs<F>): Promise<ReturnsOf<F>> {
    this.refuseIfClosed();
    const result = this.requests.add("Action", functionName(action), encode((args ?? {}) as Value));
    this.flush();
    return result as Promise<ReturnsOf<F>>;
  }

  /**
   * Subscribes to a query: calls `callback` with its result now, or as soon as there is one, and with every other one
   * that follows; `onError` if it fails.
   */
  onUpdate<F extends FunctionName<"query">>(
    query: F,
    args: ArgsOf<F>,
    callback: (value: ReturnsOf<F>) => unknown,
    onError: (error: Error) => unknown = (error) => this.logger.error(error),
  ): Unsubscribe<ReturnsOf<F>> {
    const watch = this.watch(query, ...([args] as unknown as OptionalArgs<F>));
    let isSubscribed = true;
    let seen: unknown;
    const tell = () => {
      const result = watch.result();
      if (!isSubscribed || result === seen) return;
      seen = result;
      if (result.status === "success") callback(result.value);
      if (result.status === "error") onError(result.error);
    };
    const end = watch.subscribe(tell);
    if (watch.result().status !== "loading") queueMicrotask(() => this.call([tell]));
    const unsubscribe = () => {
      isSubscribed = false;
      end();
    };
    return Object.assign(unsubscribe, {
      unsubscribe,
      getCurrentValue: () => {
        const { error, value } = watch.result();
        if (error !== undefined) throw error;
        return value;
      },
    });
  }

  /**
   * Subscribes to a query page by page: all pages together are gapless and without duplicates, also while documents come
   * and go. `callback` is called with every other state; the state has the function that loads more.
   */
  onPaginatedUpdate<F extends FunctionName<"query">>(
    query: F,
    args: PageArgsOf<F>,
    options: { readonly initialNumItems: number },
    callback: (result: PaginatedResult<ItemOf<F>>) => unknown,
  ): () => void {
    const pages = new PaginatedQuery<ItemOf<F>>(this, functionName(query), args as Record<string, Value>, options.initialNumItems);
    return pages.subscribe(() => callback(pages.result()));
  }

  /** A query, to be read and watched by who wants to decide when. */
  watch<F extends FunctionName<"query">>(query: F, ...[args]: OptionalArgs<F>): Watch<ReturnsOf<F>> {
    const token = tokenOf(functionName(query), encode((args ?? {}) as Value));
    return {
      token,
      result: () => this.queries.result(token) as QueryResult<ReturnsOf<F>>,
      subscribe: (listener) => {
        const unsubscribe = this.queries.subscribe(token, listener);
        this.flushSoon();
        return () => {
          unsubscribe();
          this.flushSoon();
        };
      },
    };
  }

  /**
   * Signs in: `fetchToken` is called now and whenever another token is needed. `onChange` is called when the server has
   * taken a token, and when there is none that it takes.
   */
  setAuth(fetchToken: AuthTokenFetcher, onChange?: (isAuthenticated: boolean) => void): void {
    void this.authentication.set(fetchToken, onChange);
  }

  /** Signs out. */
  clearAuth(): void {
    this.authentication.clear();
  }

  /** Calls with the rights of an admin key from now on: as nobody, or as the user `identity`. */
  setAdminAuth(key: string, identity?: Record<string, Value>, onChange?: (isAuthenticated: boolean) => void): void {
    this.authentication.setAdmin(key, identity && encode(identity), onChange);
  }

  /** How the client stands to its server; the same object until it changes. */
  connectionState(): ConnectionState {
    const summary = this.requests.summary();
    const state = {
      isWebSocketConnected: this.connection.isOpen,
      hasEverConnected: this.connection.count > 0,
      connectionCount: this.connection.count,
      connectionRetries: this.connection.retries,
      hasInflightRequests: summary.timeOfOldestInflightRequest !== null,
      ...summary,
    };
    if (this.state === undefined || !sameState(this.state, state)) this.state = state;
    return this.state;
  }

  /** Calls `listener` whenever the connection state is another one. */
  subscribeToConnectionState(listener: (state: ConnectionState) => void): () => void {
    const own = (state: ConnectionState) => listener(state);
    this.stateListeners.add(own);
    return () => void this.stateListeners.delete(own);
  }

  /** The time of the server's clock, as it was when the connection was made: for showing how old something is. */
  serverNow(): number {
    return Date.now() - this.clockSkew;
  }

  /** Ends all subscriptions and the connection. Calls without an answer fail. */
  async close(): Promise<void> {
    if (this.isClosed) return;
    this.end(new Error("The client was closed"));
  }

  private readonly beforeUnload = (event: Event): void => {
    if (this.connectionState().hasInflightRequests) event.preventDefault();
  };

  /** Whether the server has answered to all that it was told: results are of now, and not of before a connection was lost. */
  private get isCurrent(): boolean {
    return this.isGreeted && this.version.querySet === this.queries.version && this.version.identity === this.authentication.version;
  }

  private refuseIfClosed(): void {
    if (this.isClosed) throw new Error("The client was closed");
  }

  private end(error: Error): void {
    this.isClosed = true;
    this.authentication.stop();
    this.requests.rejectAll(error);
    this.connection.close();
    for (const reject of this.waiting.keys()) reject(error);
    globalThis.removeEventListener?.("beforeunload", this.beforeUnload);
  }

  /** Sends everything that the server does not know yet. */
  private flush(): void {
    this.publishState();
    // The constructor opens the connection before it is assigned.
    if (this.isClosed || this.isPaused || !this.connection?.isOpen) return;
    if (!this.isGreeted) {
      this.connection.send({
        type: "Connect",
        sessionId: this.sessionId,
        connectionCount: this.connection.count - 1,
        lastCloseReason: this.connection.lastCloseReason,
        ...(this.maxObserved === 0n ? {} : { maxObservedTimestamp: timestampText(this.maxObserved) }),
        clientTs: Date.now(),
      });
    }
    const authenticate = this.authentication.message();
    if (authenticate !== undefined) this.connection.send(authenticate);
    const modifications = this.queries.modifications();
    if (!this.isGreeted || modifications.length > 0) {
      const baseVersion = this.queries.version++;
      this.connection.send({ type: "ModifyQuerySet", baseVersion, newVersion: this.queries.version, modifications });
    }
    this.isGreeted = true;
    for (const message of this.requests.messages()) this.connection.send(message);
  }

  /** Sends a little later, so that subscriptions of one moment go together, and are answered together. */
  private flushSoon(): void {
    if (this.isFlushing) return;
    this.isFlushing = true;
    queueMicrotask(() => {
      this.isFlushing = false;
      this.flush();
    });
  }

  private lost(): void {
    this.isGreeted = false;
    this.version = INITIAL_VERSION;
    this.queries.forget();
    this.authentication.forget();
    this.requests.connectionLost();
    if (!/^(|InitialConnect|InactiveServer|AuthError|ClientClosed)$/.test(this.connection.lastCloseReason)) {
      this.options.onServerDisconnectError?.(this.connection.lastCloseReason);
    }
  }

  private received(message: Exclude<ServerMessage, TransitionChunk>): void {
    switch (message.type) {
      case "Transition":
        return this.transition(message);
      case "MutationResponse":
      case "ActionResponse":
        return this.answered(message);
      case "AuthError":
        return this.authentication.refused(message satisfies AuthError);
      case "FatalError":
        this.logger.error("The server ended the connection for good:", message.error);
        return this.end(new Error(message.error));
      case "Ping":
        return undefined;
    }
  }

  private transition({ startVersion, endVersion, modifications, clientClockSkew }: Transition): void {
    const { querySet, identity, ts } = this.version;
    if (startVersion.querySet !== querySet || startVersion.identity !== identity || startVersion.ts !== ts) {
      throw new Error(`a transition from ${JSON.stringify(startVersion)} at ${JSON.stringify(this.version)}`);
    }
    this.version = endVersion;
    if (typeof clientClockSkew === "number") this.clockSkew = clientClockSkew;
    const at = this.observed(timestamp(endVersion.ts));
    const updated = this.queries.apply(modifications);
    const done = this.requests.reflected(at);
    this.authentication.confirmed(startVersion.identity, endVersion.identity);
    this.showQueries(updated);
    // After the queries: who waits for a mutation finds its effect in them.
    for (const resolve of done) resolve();
    if (this.isCurrent) {
      for (const [reject, settle] of this.waiting) if (settle()) this.waiting.delete(reject);
    }
    this.settled();
  }

  private answered(response: CallResponse): void {
    if (response.success && response.ts !== undefined) this.observed(timestamp(response.ts));
    const hasFailed = this.requests.answered(response);
    // An answer that was given before is of a moment that queries may show already.
    const done = this.requests.reflected(timestamp(this.version.ts));
    if (hasFailed || done.length > 0) this.showQueries([]);
    for (const resolve of done) resolve();
    this.settled();
  }

  /** Shows results with the optimistic updates that are still in force. */
  private showQueries(updated: Iterable<string>): void {
    let changes = this.requests.changes();
    for (;;) {
      try {
        this.call(this.queries.show(updated, applyOptimistic(this.queries, changes)));
        return;
      } catch (error) {
        // Results have changed so that an update cannot handle them: then what the server says is shown.
        this.logger.error("An optimistic update failed:", error);
        changes = [];
      }
    }
  }

  private observed(ts: bigint): bigint {
    if (ts > this.maxObserved) this.maxObserved = ts;
    return ts;
  }

  /** After an answer: maybe all is in order again, and more can be sent. */
  private settled(): void {
    if (this.isCurrent && !this.requests.isReplaying) this.connection.retries = 0;
    this.flush();
  }

  /** Calls listeners, of which one may throw without harm to the others. */
  private call(listeners: readonly (() => void)[]): void {
    for (const listener of listeners) {
      try {
        listener();
      } catch (error) {
        this.logger.error("A subscriber failed:", error);
      }
    }
  }

  private publishState(): void {
    if (this.isPublishing) return;
    this.isPublishing = true;
    queueMicrotask(() => {
      this.isPublishing = false;
      const state = this.connectionState();
      if (this.publishedState === state) return;
      this.publishedState = state;
      this.call([...this.stateListeners].map((listener) => () => listener(state)));
    });
  }
}
