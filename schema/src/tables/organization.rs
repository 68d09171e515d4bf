//! What an organisation sets up.

use crate::{Table, Typed};

/// What an organisation pays for.
#[derive(Clone, Debug, PartialEq, Table)]
#[table(name = "subscriptions", index(name = "by_organization_id", fields("organizationId")))]
pub struct Subscription {
    /// The organisation.
    pub organization_id: String,
    /// Whether it pays.
    pub status: SubscriptionStatus,
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
