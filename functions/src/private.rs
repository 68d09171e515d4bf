//! For operators: every function begins with the check of the caller's organisation, which comes from the token.

pub(crate) mod contact_sessions;
pub(crate) mod conversations;
pub(crate) mod files;
pub(crate) mod messages;
pub(crate) mod plugins;
pub(crate) mod retention;
pub(crate) mod secrets;
pub(crate) mod vapi;
pub(crate) mod widget_settings;
