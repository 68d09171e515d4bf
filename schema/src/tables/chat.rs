//! Visitors, their conversations, and who else takes part.

use crate::{Id, Table, Typed};

/// A visitor of an organisation's site, for a day.
#[derive(Clone, Debug, PartialEq, Table)]
#[table(
    name = "contactSessions",
    index(name = "by_organization_id", fields("organizationId")),
    index(name = "by_expires_at", fields("expiresAt"))
)]
pub struct ContactSession {
    /// The visitor's name as they typed it.
    pub name: String,
    /// Their e-mail address as they typed it.
    pub email: String,
    /// The organisation whose site they visit.
    pub organization_id: String,
    /// When the session ends, in milliseconds since the epoch.
    pub expires_at: f64,
    /// What their browser tells.
    pub metadata: Option<ContactMetadata>,
}

/// What a visitor's browser tells about itself.
#[derive(Clone, Debug, Default, PartialEq, Typed)]
pub struct ContactMetadata {
    /// `navigator.userAgent`.
    pub user_agent: Option<String>,
    /// `navigator.language`.
    pub language: Option<String>,
    /// `navigator.languages`, joined by commas.
    pub languages: Option<String>,
    /// `navigator.platform`.
    pub platform: Option<String>,
    /// `navigator.vendor`.
    pub vendor: Option<String>,
    /// `<width>x<height>` of the screen.
    pub screen_resolution: Option<String>,
    /// `<width>x<height>` of the window.
    pub viewport_size: Option<String>,
    /// The name of the time zone.
    pub timezone: Option<String>,
    /// Minutes from local time to UTC.
    pub timezone_offset: Option<f64>,
    /// Whether cookies are on.
    pub cookie_enabled: Option<bool>,
    /// Where the visitor came from.
    pub referrer: Option<String>,
    /// The page they are on.
    pub current_url: Option<String>,
}

/// A conversation between a visitor and an organisation.
#[derive(Clone, Debug, PartialEq, Table)]
#[table(
    name = "conversations",
    index(name = "by_organization_id", fields("organizationId")),
    index(name = "by_contact_session_id", fields("contactSessionId")),
    index(name = "by_thread_id", fields("threadId")),
    index(name = "by_status_and_organization_id", fields("status", "organizationId"))
)]
pub struct Conversation {
    /// The thread that holds its messages: the text of an id of `agentThreads`.
    pub thread_id: String,
    /// The organisation.
    pub organization_id: String,
    /// The visitor.
    pub contact_session_id: Id<ContactSession>,
    /// Who has to act.
    pub status: ConversationStatus,
}

/// Who has to act in a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Typed)]
pub enum ConversationStatus {
    /// The assistant answers.
    Unresolved,
    /// An operator answers.
    Escalated,
    /// Nobody; it is over.
    Resolved,
}

/// An operator.
#[derive(Clone, Debug, PartialEq, Table)]
#[table(name = "users")]
pub struct User {
    /// Their name.
    pub name: String,
}

/// How often something was done in one window of time.
#[derive(Clone, Debug, PartialEq, Table)]
#[table(name = "rateLimits", index(name = "by_key_and_window", fields("key", "windowStart")))]
pub struct RateLimit {
    /// What is counted for whom.
    pub key: String,
    /// When the window begins, in milliseconds since the epoch.
    pub window_start: f64,
    /// How often it was done.
    pub count: f64,
}
