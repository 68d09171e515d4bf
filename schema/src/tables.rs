//! The tables of Fusion Chat, the customer-support application.
//!
//! Organisations are known by their ids at the identity provider, so there is no table of them. A conversation
//! belongs to a visitor's session and an organisation; its messages live in a thread. Threads and messages are
//! tables of their own; their ids cross the public surface as plain strings.

mod chat;
mod knowledge;
mod organization;
mod thread;

pub use chat::{ContactMetadata, ContactSession, Conversation, ConversationStatus, RateLimit, User};
pub use knowledge::{EntryStatus, KnowledgeChunk, KnowledgeEntry, KnowledgeVector};
pub use organization::{
    DefaultSuggestions, ExportPart, Plugin, PluginService, PrivacyRequest, PrivacyRequestKind,
    PrivacyRequestStatus, RetentionPolicy, Subscription, SubscriptionStatus, VapiSettings, WebhookDelivery,
    WidgetSettings,
};
pub use thread::{AgentMessage, AgentThread, MessageBody, MessageRole, MessageStatus, ThreadStatus, Usage};

use crate::{Schema, Table};

/// All tables of Fusion Chat; documents are checked against them.
pub fn schema() -> Schema {
    Schema::new(vec![
        Subscription::definition(),
        WidgetSettings::definition(),
        Plugin::definition(),
        Conversation::definition(),
        ContactSession::definition(),
        User::definition(),
        RateLimit::definition(),
        RetentionPolicy::definition(),
        WebhookDelivery::definition(),
        PrivacyRequest::definition(),
        KnowledgeEntry::definition(),
        KnowledgeChunk::definition(),
        KnowledgeVector::definition(),
        AgentThread::definition(),
        AgentMessage::definition(),
    ])
}
