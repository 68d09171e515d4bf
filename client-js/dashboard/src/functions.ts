import type { ItemOf, ReturnsOf } from "fusion-client";

import { api } from "../../api/api.js";

export { api };

/** A row of the list of conversations: a conversation, its visitor, its newest message. */
export type ConversationItem = ItemOf<typeof api.private.conversations.getMany>;
/** A conversation with its visitor. */
export type Conversation = ReturnsOf<typeof api.private.conversations.getOne>;
/** Who has to act on a conversation: the assistant, an operator, nobody. */
export type ConversationStatus = Conversation["status"];
/** A visitor. */
export type ContactSession = Conversation["contactSession"];
/** Something that was said, or done by the assistant. */
export type Message = ItemOf<typeof api.private.messages.getMany>;
/** A document that the assistant answers from. */
export type KnowledgeFile = ItemOf<typeof api.private.files.list>;
/** How the widget greets, and who takes calls from it. */
export type WidgetSettings = NonNullable<ReturnsOf<typeof api.private.widgetSettings.getOne>>;
/** How operators sign in, as the deployment is set up. */
export type SignInConfig = ReturnsOf<typeof api.public.signIn.config>;

/** An assistant at Vapi; it has more fields that do not matter here. */
export type VoiceAssistant = { readonly id: string; readonly name?: string; readonly firstMessage?: string; readonly model?: { readonly model?: string } };
/** A phone number at Vapi. */
export type PhoneNumber = { readonly id: string; readonly number?: string; readonly name?: string; readonly status?: string };
