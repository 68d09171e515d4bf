import type { Logger } from "./log.ts";
import type { ClientMessage, ServerMessage, TransitionChunk } from "./protocol.ts";

/** What makes sockets: the platform's `WebSocket`, or one like it. */
export type WebSocketConstructor = new (url: string) => WebSocket;

/** What happens on a connection. */
export interface ConnectionEvents {
  /** A new socket is open, and nothing has been sent on it. */
  opened(): void;
  received(message: Exclude<ServerMessage, TransitionChunk>): void;
  /** The socket is gone; another one follows if the connection was not closed. */
  lost(): void;
  /** Something in the connection's state has changed. */
  changed(): void;
}

/** The server sends something at least every 15 s. */
const INACTIVITY_MS = 60_000;
/** After the network or the machine was away, it is not given as long. */
const INACTIVITY_AFTER_WAKING_MS = 20_000;
const FIRST_DELAY_MS = 500;
const FIRST_DELAY_OVERLOADED_MS = 3000;
const MAX_DELAY_MS = 16_000;

/** Why a server that has too much to do closes connections. */
const OVERLOADED =
  /^(SubscriptionsWorkerFullError|TooManyConcurrentRequests|CommitterFullError|AwsTooManyRequestsException|ExecuteFullError|SystemTimeoutError|ExpiredInQueue|VectorIndexTooLarge|SearchIndexTooLarge|TooManyWritesInTimePeriod)/;

/** One socket after the other to the same server, opened again whenever one is lost. */
export class Connection {
  /** How many sockets were open so far. */
  count = 0;
  /** Attempts since the last time all was in order. */
  retries = 0;
  /** Why the last socket was lost. */
  lastCloseReason = "InitialConnect";

  private socket: WebSocket | undefined;
  private isClosed = false;
  private chunks: string[] = [];
  private inactivity: ReturnType<typeof setTimeout> | undefined;
  private retry: ReturnType<typeof setTimeout> | undefined;
  private readonly wake = () => this.woken();

  constructor(
    private readonly url: string,
    private readonly WebSocket: WebSocketConstructor,
    private readonly events: ConnectionEvents,
    private readonly logger: Logger,
  ) {
    // There are no such events in Node.
    globalThis.addEventListener?.("online", this.wake);
    globalThis.document?.addEventListener?.("visibilitychange", this.wake);
    this.open();
  }

  /** Whether messages can be sent. */
  get isOpen(): boolean {
    return this.socket?.readyState === 1;
  }

  /** Sends a message on the open socket. */
  send(message: ClientMessage): void {
    this.socket?.send(JSON.stringify(message));
  }

  /** Gives the socket up; another one follows at once, or after a while if `delayed`. */
  restart(reason: string, delayed = false): void {
    if (this.isClosed) return;
    this.drop(reason);
    this.reopen(delayed ? FIRST_DELAY_MS : 0);
  }

  /** Ends it for good. */
  close(): void {
    this.isClosed = true;
    globalThis.removeEventListener?.("online", this.wake);
    globalThis.document?.removeEventListener?.("visibilitychange", this.wake);
    this.drop("ClientClosed");
    clearTimeout(this.retry);
  }

  private open(): void {
    this.retry = undefined;
    const socket = new this.WebSocket(this.url);
    this.socket = socket;
    this.watchFor(INACTIVITY_MS);
    socket.onopen = () => {
      this.watchFor(INACTIVITY_MS);
      this.count += 1;
      this.events.opened();
      this.events.changed();
    };
    socket.onmessage = ({ data }) => {
      this.watchFor(INACTIVITY_MS);
      this.read(String(data));
    };
    // The event of an error says nothing, and a close follows.
    socket.onerror = () => undefined;
    socket.onclose = ({ code, reason }) => {
      if (![1000, 1001, 1005, 4040].includes(code)) this.logger.warn(`The connection was lost: ${code} ${reason}`);
      this.drop(reason || `closed with ${code}`);
      this.reopen(OVERLOADED.test(reason) ? FIRST_DELAY_OVERLOADED_MS : FIRST_DELAY_MS);
    };
  }

  private read(text: string): void {
    let message: ServerMessage;
    try {
      message = JSON.parse(text) as ServerMessage;
      if (message.type === "TransitionChunk") {
        const whole = this.assemble(message);
        if (whole === undefined) return;
        message = JSON.parse(whole) as ServerMessage;
      }
      if (message.type !== "TransitionChunk") this.events.received(message);
    } catch (error) {
      // Whatever is wrong here, a new connection begins with the whole state.
      this.logger.error("The server's message makes no sense; connecting again:", error);
      this.restart("ProtocolError", true);
    }
  }

  private assemble({ chunk, partNumber, totalParts }: TransitionChunk): string | undefined {
    if (partNumber !== this.chunks.length) throw new Error(`part ${partNumber} of a transition is not the next one`);
    this.chunks.push(chunk);
    if (this.chunks.length < totalParts) return undefined;
    const whole = this.chunks.join("");
    this.chunks = [];
    return whole;
  }

  /** Forgets the socket; nothing of it is heard from now on. */
  private drop(reason: string): void {
    clearTimeout(this.inactivity);
    this.chunks = [];
    const { socket } = this;
    if (socket === undefined) return;
    this.socket = undefined;
    this.lastCloseReason = reason;
    socket.onopen = socket.onmessage = socket.onclose = null;
    // Closing before it is open is an error, for which there has to be a listener.
    socket.onerror = () => undefined;
    socket.close();
    this.events.lost();
    this.events.changed();
  }

  private reopen(firstDelay: number): void {
    clearTimeout(this.retry);
    // Not all clients of a server that was restarted come back at the same moment.
    const delay = Math.min(firstDelay * 2 ** this.retries, MAX_DELAY_MS) * (0.5 + Math.random());
    this.retries += 1;
    this.retry = setTimeout(() => this.open(), delay);
    this.events.changed();
  }

  private watchFor(ms: number): void {
    clearTimeout(this.inactivity);
    this.inactivity = setTimeout(() => this.restart("InactiveServer"), ms);
  }

  /** The network is back, or somebody looks at the page again: nobody should have to wait for a timer. */
  private woken(): void {
    if (globalThis.document?.visibilityState === "hidden") return;
    if (this.retry !== undefined) {
      clearTimeout(this.retry);
      this.open();
    } else if (this.isOpen) {
      this.watchFor(INACTIVITY_AFTER_WAKING_MS);
    }
  }
}
