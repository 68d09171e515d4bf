//! For other functions only.

pub(crate) mod ai;
pub(crate) mod contact_sessions;
pub(crate) mod conversations;
pub(crate) mod demo;
pub(crate) mod organizations;
pub(crate) mod plugins;
pub(crate) mod privacy;
pub(crate) mod rate_limit_cleanup;
pub(crate) mod rate_limits;
pub(crate) mod retention;
pub(crate) mod secrets;
pub(crate) mod services;
pub(crate) mod subscriptions;
