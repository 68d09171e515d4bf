// What the visitor has said that is not yet on the thread.
//
// Saying something is an action, which a server does not repeat by itself: whoever loses the connection while it runs
// cannot know from it whether the message arrived. So the thread decides. A message is looked for there, and only if it
// is not among those that came after the visitor began to send it, it is sent once more. Messages are sent one after
// the other, in the order they were written.

import type { FusionClient } from "fusion-client";

import { codeOf, wordsOf } from "./failures.ts";
import { createMessage, listMessages, type Message, type SessionId } from "./functions.ts";
import type { Memory } from "./storage.ts";

/** A message on its way. */
export interface Outgoing {
  readonly id: number;
  readonly text: string;
  /** The last turn of the thread before it; it will be in a later one. */
  readonly after: number;
  /** "checking": it was sent during an earlier visit; "sent": the server says so, and the thread will show it. */
  state: "checking" | "sending" | "sent" | "failed";
  /** Whether it may be on the thread though nobody said so. */
  wasTried: boolean;
  /** Why it failed. */
  error?: string;
}

/** How often a message whose fate is unknown is sent again before the visitor is asked to decide. */
const ATTEMPTS_MAX = 3;
/** How many of the newest messages are searched for one that may have arrived. Those of a list ask for other numbers, so that this is never answered by what a list showed a while ago. */
const SEARCHED = 37;
/** Errors that are found before a message is put on the thread. */
const REFUSALS = new Set(["BAD_REQUEST", "NOT_FOUND", "RATE_LIMIT_EXCEEDED", "UNAUTHORIZED"]);
const FAILED = "The message could not be sent.";
/** How long a message whose fate is unknown may still turn up before it is sent again, in milliseconds. */
const GRACE = 1000;

const outboxes = new Map<string, Outbox>();

/** The outbox of a thread. It goes on with its work while the thread is not shown. */
export function outboxOf(client: FusionClient, memory: Memory, threadId: string, contactSessionId: SessionId): Outbox {
  const key = `${contactSessionId} ${threadId}`;
  const outbox = outboxes.get(key) ?? new Outbox(client, memory, threadId, contactSessionId);
  outboxes.set(key, outbox);
  return outbox;
}

/** The messages of one thread that are on their way. */
export class Outbox {
  readonly #client: FusionClient;
  readonly #memory: Memory;
  readonly #thread: { threadId: string; contactSessionId: SessionId };
  readonly #listeners = new Set<() => void>();
  /** Messages of the thread that were recognised, so that two equal ones are not taken for one. */
  readonly #recognised = new Set<string>();
  #entries: readonly Outgoing[] = [];
  #known: readonly Message[] = [];
  #isBusy = false;
  #answering = 0;
  #nextId = 1;

  constructor(client: FusionClient, memory: Memory, threadId: string, contactSessionId: SessionId) {
    this.#client = client;
    this.#memory = memory;
    this.#thread = { threadId, contactSessionId };
    for (const { text, after } of memory.unsent(threadId)) {
      // The page was left before it was known. Nothing is sent without the visitor's seeing it.
      const entry: Outgoing = { id: this.#nextId++, text, after, state: "checking", wasTried: true };
      this.#entries = [...this.#entries, entry];
      void this.#settle(entry);
    }
  }

  /** The messages on their way, oldest first. Another array each time something has changed. */
  get entries(): readonly Outgoing[] {
    return this.#entries;
  }

  /** Whether the server is working on an answer to what this page has sent. */
  get isAnswering(): boolean {
    return this.#answering > 0;
  }

  /** Calls `listener` after each change; gives what ends that. */
  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Says something. */
  send(text: string): void {
    const after = this.#known.reduce((last, { order }) => Math.max(last, order), -1);
    this.#entries = [...this.#entries, { id: this.#nextId++, text, after, state: "sending", wasTried: false }];
    this.#changed();
    void this.#work();
  }

  /** Tries again to send a message that failed. */
  retry(id: number): void {
    const entry = this.#entries.find((one) => one.id === id);
    if (entry?.state !== "failed") return;
    this.#set(entry, "sending");
    void this.#work();
  }

  /** Takes a message that failed away. */
  discard(id: number): void {
    this.#entries = this.#entries.filter((one) => one.id !== id);
    this.#changed();
  }

  /** What is on the thread now. */
  observe(messages: readonly Message[]): void {
    this.#known = messages;
    const arrived = new Set(this.#entries.filter((entry) => this.#recognise(entry, messages)));
    if (arrived.size === 0) return;
    this.#entries = this.#entries.filter((entry) => !arrived.has(entry));
    this.#changed();
  }

  #recognise(entry: Outgoing, messages: readonly Message[]): boolean {
    // The newest are first; of two equal ones the older arrived first.
    const found = messages.findLast((one) =>
      one.message?.role === "user" && one.order > entry.after && one.text === entry.text && !this.#recognised.has(one._id));
    if (found) this.#recognised.add(found._id);
    return found !== undefined;
  }

  /** Sends what waits, in order. */
  async #work(): Promise<void> {
    if (this.#isBusy) return;
    this.#isBusy = true;
    for (;;) {
      const next = this.#entries.find(({ state }) => state === "sending");
      if (!next) break;
      await this.#deliver(next);
    }
    this.#isBusy = false;
  }

  /** Sends a message until it is on the thread or refused. */
  async #deliver(entry: Outgoing): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      if (entry.wasTried && (await this.#isThereAfterAll(entry))) return;
      entry.wasTried = true;
      const error = await this.#attempt(entry);
      if (!this.#entries.includes(entry)) return;
      if (error === undefined) return this.#set(entry, "sent");
      const code = codeOf(error);
      if (code !== undefined && REFUSALS.has(code)) entry.wasTried = false;
      else if (code !== undefined && (await this.#find(entry))) return;
      if (code !== undefined || attempt === ATTEMPTS_MAX) return this.#set(entry, "failed", wordsOf(error, FAILED));
    }
  }

  /** Sends a message once; ends when it is on the thread (with nothing) or when the call failed (with its error). */
  async #attempt(entry: Outgoing): Promise<unknown> {
    this.#answering++;
    const call = this.#client.action(createMessage, { prompt: entry.text, ...this.#thread }).then(
      () => undefined,
      (error: unknown) => error ?? new Error(FAILED),
    ).finally(() => {
      this.#answering--;
      this.#changed();
    });
    let stop: (() => void) | undefined;
    const arrival = new Promise<undefined>((resolve) => {
      stop = this.subscribe(() => {
        if (!this.#entries.includes(entry)) resolve(undefined);
      });
    });
    const error = await Promise.race([call, arrival]);
    stop?.();
    return error;
  }

  /** Whether a message that was tried before is on the thread, now or in a moment: a slow server may still be at it. */
  async #isThereAfterAll(entry: Outgoing): Promise<boolean> {
    if (await this.#find(entry)) return true;
    await new Promise((resolve) => setTimeout(resolve, GRACE));
    return this.#find(entry);
  }

  /** Whether a message is on the thread, as of now. */
  async #find(entry: Outgoing): Promise<boolean> {
    try {
      const { page } = await this.#client.query(listMessages, { ...this.#thread, paginationOpts: { numItems: SEARCHED, cursor: null } });
      if (!this.#entries.includes(entry)) return true;
      if (!this.#recognise(entry, page)) return false;
      this.discard(entry.id);
      return true;
    } catch (error) {
      this.#set(entry, "failed", wordsOf(error, FAILED));
      return true;
    }
  }

  /** Finds out whether a message of an earlier visit arrived; if not, the visitor decides. */
  async #settle(entry: Outgoing): Promise<void> {
    if (!(await this.#find(entry))) this.#set(entry, "failed", "The message was not sent.");
  }

  #set(entry: Outgoing, state: Outgoing["state"], error?: string): void {
    entry.state = state;
    if (error === undefined) delete entry.error;
    else entry.error = error;
    this.#entries = [...this.#entries];
    this.#changed();
  }

  #changed(): void {
    const unsent = this.#entries.filter(({ state }) => state !== "sent").map(({ text, after }) => ({ text, after }));
    this.#memory.keepUnsent(this.#thread.threadId, unsent);
    for (const listener of this.#listeners) listener();
  }
}
