// The functions that visitors may call, with the types of what they take and give.

import { makeFunctionReference } from "fusion-client";

/** Where a conversation stands. */
export type Status = "unresolved" | "escalated" | "resolved";

/** A message of a thread, as far as a visitor sees it. */
export interface Message {
  _id: string;
  _creationTime: number;
  /** The turn it belongs to, from 0. */
  order: number;
  stepOrder: number;
  status: "pending" | "success" | "failed";
  tool: boolean;
  text?: string;
  message?: { role: "system" | "user" | "assistant" | "tool" };
  /** The operator who wrote it. */
  agentName?: string;
  error?: string;
}

/** A conversation in the visitor's list. */
export interface Conversation {
  _id: string;
  _creationTime: number;
  status: Status;
  threadId: string;
  lastMessage: Message | null;
}

/** What an organisation has set up for its widget. */
export interface Settings {
  greetMessage: string;
  defaultSuggestions: { suggestion1?: string; suggestion2?: string; suggestion3?: string };
  vapiSettings: { assistantId?: string; phoneNumber?: string };
}

/** What a browser says about itself, for the operators. */
export interface ContactMetadata {
  userAgent?: string;
  language?: string;
  languages?: string;
  platform?: string;
  vendor?: string;
  screenResolution?: string;
  viewportSize?: string;
  timezone?: string;
  timezoneOffset?: number;
  cookieEnabled?: boolean;
  referrer?: string;
  currentUrl?: string;
}

interface PaginationOptions {
  numItems: number;
  cursor: string | null;
}

interface Page<Item> {
  page: Item[];
  isDone: boolean;
  continueCursor: string;
}

type Validation = { valid: true } | { valid: false; reason: string };

/** Whether an organisation exists. */
export const validateOrganization =
  makeFunctionReference<"action", { organizationId: string }, Validation>("public/organizations:validate");

/** Says who the visitor is. */
export const createSession =
  makeFunctionReference<"mutation", { name: string; email: string; organizationId: string; metadata?: ContactMetadata }, string>(
    "public/contactSessions:create",
  );

/** Whether a session that is remembered still counts. */
export const validateSession =
  makeFunctionReference<"mutation", { contactSessionId: string }, Validation>("public/contactSessions:validate");

/** Begins a conversation. */
export const createConversation =
  makeFunctionReference<"mutation", { organizationId: string; contactSessionId: string }, string>("public/conversations:create");

/** One conversation of the session. */
export const getConversation =
  makeFunctionReference<"query", { conversationId: string; contactSessionId: string }, { _id: string; status: Status; threadId: string }>(
    "public/conversations:getOne",
  );

/** The session's conversations, newest first. */
export const listConversations =
  makeFunctionReference<"query", { contactSessionId: string; paginationOpts: PaginationOptions }, Page<Conversation>>(
    "public/conversations:getMany",
  );

/** Says something. It ends when the answer is complete. */
export const createMessage =
  makeFunctionReference<"action", { prompt: string; threadId: string; contactSessionId: string }, null>("public/messages:create");

/** The messages of a thread, newest first. */
export const listMessages =
  makeFunctionReference<"query", { threadId: string; contactSessionId: string; paginationOpts: PaginationOptions }, Page<Message>>(
    "public/messages:getMany",
  );

/** The organisation's settings. */
export const getSettings =
  makeFunctionReference<"query", { organizationId: string }, Settings | null>("public/widgetSettings:getByOrganizationId");

/** The key with which the widget makes voice calls. */
export const getVapiSecrets =
  makeFunctionReference<"action", { organizationId: string }, { publicApiKey: string } | null>("public/secrets:getVapiSecrets");
