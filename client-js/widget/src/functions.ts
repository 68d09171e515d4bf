// The functions that visitors may call, and the names that this page has for what they take and give.

import type { ArgsOf, ReturnsOf } from "fusion-client";

import { api } from "../../api/api.js";

const { contactSessions, conversations, messages, organizations, secrets, widgetSettings } = api.public;

/** Whether an organisation exists. */
export const validateOrganization = organizations.validate;
/** Says who the visitor is. */
export const createSession = contactSessions.create;
/** Whether a session that is remembered still counts. */
export const validateSession = contactSessions.validate;
/** Begins a conversation. */
export const createConversation = conversations.create;
/** One conversation of the session. */
export const getConversation = conversations.getOne;
/** The session's conversations, newest first. */
export const listConversations = conversations.getMany;
/** Says something. It ends when the answer is complete. */
export const createMessage = messages.create;
/** The messages of a thread, newest first. */
export const listMessages = messages.getMany;
/** The organisation's settings. */
export const getSettings = widgetSettings.getByOrganizationId;
/** The key with which the widget makes voice calls. */
export const getVapiSecrets = secrets.getVapiSecrets;

/** Names a session. */
export type SessionId = ReturnsOf<typeof createSession>;
/** Names a conversation. */
export type ConversationId = ReturnsOf<typeof createConversation>;
/** A conversation in the visitor's list. */
export type Conversation = ReturnsOf<typeof listConversations>["page"][number];
/** Where a conversation stands. */
export type Status = Conversation["status"];
/** A message of a thread. */
export type Message = ReturnsOf<typeof listMessages>["page"][number];
/** What an organisation has set up for its widget. */
export type Settings = NonNullable<ReturnsOf<typeof getSettings>>;
/** What a browser says about itself, for the operators. */
export type ContactMetadata = NonNullable<ArgsOf<typeof createSession>["metadata"]>;
