//! For the visitors' widget: no login, but a contact session that every call names.

pub(crate) mod contact_sessions;
pub(crate) mod conversations;
pub(crate) mod messages;
pub(crate) mod organizations;
pub(crate) mod secrets;
pub(crate) mod sign_in;
pub(crate) mod widget_settings;
