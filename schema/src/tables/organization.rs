//! What an organisation sets up.

use crate::table::StoredFile;
use crate::{Id, Table, Typed};

/// What an organisation pays for.
#[derive(Clone, Debug, PartialEq, Table)]
#[table(name = "subscriptions", index(name = "by_organization_id", fields("organizationId")))]
pub struct Subscription {
    /// The organisation.
    pub organization_id: String,
    /// Whether it pays.
    pub status: SubscriptionStatus,
    /// When the identity provider reported it, in milliseconds since the epoch; older reports do not count.
    pub reported_at: Option<f64>,
}

/// Whether an organisation pays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Typed)]
pub enum SubscriptionStatus {
    /// It does.
    Active,
    /// It does not.
    Inactive,
    /// It no longer does.
    Canceled,
}

/// How the widget of an organisation greets and what it offers.
#[derive(Clone, Debug, PartialEq, Table)]
#[table(name = "widgetSettings", index(name = "by_organization_id", fields("organizationId")))]
pub struct WidgetSettings {
    /// The organisation.
    pub organization_id: String,
    /// The first message of every conversation.
    pub greet_message: String,
    /// Questions to start with.
    pub default_suggestions: DefaultSuggestions,
    /// Voice calls.
    pub vapi_settings: VapiSettings,
}

/// Questions a visitor can start with.
#[derive(Clone, Debug, Default, PartialEq, Eq, Typed)]
pub struct DefaultSuggestions {
    /// The first one.
    pub suggestion1: Option<String>,
    /// The second one.
    pub suggestion2: Option<String>,
    /// The third one.
    pub suggestion3: Option<String>,
}

/// Who answers voice calls.
#[derive(Clone, Debug, Default, PartialEq, Eq, Typed)]
pub struct VapiSettings {
    /// The assistant for calls from the widget.
    pub assistant_id: Option<String>,
    /// The number visitors can call.
    pub phone_number: Option<String>,
}

/// A connected outside service.
#[derive(Clone, Debug, PartialEq, Table)]
#[table(
    name = "plugins",
    index(name = "by_organization_id", fields("organizationId")),
    index(name = "by_organization_id_and_service", fields("organizationId", "service"))
)]
pub struct Plugin {
    /// The organisation.
    pub organization_id: String,
    /// The service.
    pub service: PluginService,
    /// The name under which the vault keeps its keys.
    pub secret_name: String,
}

/// The services that can be connected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Typed)]
pub enum PluginService {
    /// Voice calls by Vapi.
    Vapi,
}

/// How long an organisation keeps what visitors said.
#[derive(Clone, Debug, PartialEq, Table)]
#[table(name = "retentionPolicies", index(name = "by_organization_id", fields("organizationId")))]
pub struct RetentionPolicy {
    /// The organisation.
    pub organization_id: String,
    /// Conversations are removed this many days after their last message.
    pub conversation_days: f64,
}

/// A message of an outside service that was taken in, so that it is not taken in twice.
#[derive(Clone, Debug, PartialEq, Table)]
#[table(name = "webhookDeliveries", index(name = "by_message_id", fields("messageId")))]
pub struct WebhookDelivery {
    /// The sender's id of the message.
    pub message_id: String,
}

/// What was asked for under a privacy law, and how far it has come.
#[derive(Clone, Debug, PartialEq, Table)]
#[table(
    name = "privacyRequests",
    index(name = "by_organization_id", fields("organizationId")),
    index(name = "by_status_and_updated_at", fields("status", "updatedAt"))
)]
pub struct PrivacyRequest {
    /// The organisation.
    pub organization_id: String,
    /// What was asked for.
    pub kind: PrivacyRequestKind,
    /// Whose data, by e-mail address in small letters; gone once the data is.
    pub email: Option<String>,
    /// How far it has come.
    pub status: PrivacyRequestStatus,
    /// Which of its stages it is in, from 0.
    pub stage: f64,
    /// Where in the stage it is; missing at its beginning.
    pub cursor: Option<String>,
    /// How many documents it has exported or erased.
    pub documents: f64,
    /// The files an export consists of.
    pub parts: Vec<ExportPart>,
    /// When it last went on, in milliseconds since the epoch.
    pub updated_at: f64,
}

/// What can be asked for under a privacy law.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Typed)]
pub enum PrivacyRequestKind {
    /// Everything an organisation has here.
    ExportOrganization,
    /// To forget a person.
    EraseContact,
    /// To forget an organisation.
    EraseOrganization,
}

/// How far a request has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Typed)]
pub enum PrivacyRequestStatus {
    /// Somebody works on it, or will go on.
    Running,
    /// It is done.
    Done,
}

/// A file of an export.
#[derive(Clone, Debug, PartialEq, Typed)]
pub struct ExportPart {
    /// The file.
    pub storage_id: Id<StoredFile>,
    /// Its length in bytes.
    pub size: f64,
}
