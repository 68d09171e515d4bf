// What the widget remembers in the visitor's browser. Where storage is forbidden, as in frames of some browsers, it
// remembers for as long as the page is open.

import type { ConversationId, SessionId } from "./functions.ts";

const kept = new Map<string, string>();

function local(): Storage | undefined {
  try {
    return window.localStorage;
  } catch {
    return undefined;
  }
}

function read(key: string): string | undefined {
  try {
    return local()?.getItem(key) ?? kept.get(key);
  } catch {
    return kept.get(key);
  }
}

function write(key: string, value: string | undefined): void {
  if (value === undefined) kept.delete(key);
  else kept.set(key, value);
  try {
    if (value === undefined) local()?.removeItem(key);
    else local()?.setItem(key, value);
  } catch {
    // It is full or forbidden; `kept` has it.
  }
}

/** A conversation the visitor had open. */
export interface OpenConversation {
  conversationId: ConversationId;
  threadId: string;
}

/** A message that was not known to have arrived when the page was left. */
export interface UnsentMessage {
  text: string;
  /** The last turn of the thread that was there before it. */
  after: number;
}

/** What is remembered of an organisation's visitor. */
export class Memory {
  readonly #session: string;
  readonly #conversation: string;
  readonly #unsent: string;

  constructor(organizationId: string) {
    this.#session = `fusionchat_contact_session_${organizationId}`;
    this.#conversation = `fusionchat_conversation_${organizationId}`;
    this.#unsent = `fusionchat_unsent_${organizationId}`;
  }

  get session(): SessionId | undefined {
    // Whether it is one, the server says.
    return read(this.#session) as SessionId | undefined;
  }

  set session(id: SessionId | undefined) {
    write(this.#session, id);
    if (id !== undefined) return;
    this.conversation = undefined;
    write(this.#unsent, undefined);
  }

  get conversation(): OpenConversation | undefined {
    const value = parse(read(this.#conversation)) as Partial<OpenConversation> | undefined;
    const { conversationId, threadId } = Object(value) as Partial<OpenConversation>;
    return typeof conversationId === "string" && typeof threadId === "string" ? { conversationId, threadId } : undefined;
  }

  set conversation(conversation: OpenConversation | undefined) {
    write(this.#conversation, conversation && JSON.stringify(conversation));
  }

  /** The unsent messages of a thread. */
  unsent(threadId: string): UnsentMessage[] {
    const messages = this.#unsentByThread()[threadId];
    if (!Array.isArray(messages)) return [];
    return (messages as Partial<UnsentMessage>[]).flatMap((one) =>
      typeof one?.text === "string" && typeof one.after === "number" ? [{ text: one.text, after: one.after }] : []);
  }

  keepUnsent(threadId: string, messages: UnsentMessage[]): void {
    const { [threadId]: _, ...others } = this.#unsentByThread();
    const all = messages.length > 0 ? { ...others, [threadId]: messages } : others;
    write(this.#unsent, Object.keys(all).length > 0 ? JSON.stringify(all) : undefined);
  }

  #unsentByThread(): Record<string, unknown> {
    return Object(parse(read(this.#unsent))) as Record<string, unknown>;
  }
}

function parse(text: string | undefined): unknown {
  try {
    return text === undefined ? undefined : (JSON.parse(text) as unknown);
  } catch {
    return undefined;
  }
}
