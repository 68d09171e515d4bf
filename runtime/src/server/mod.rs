//! HTTP: every route in one table, and what clients are answered.
//!
//! [`router`] lists the routes, one file per group answers them, and [`errors`] alone turns errors into statuses.
//! Nothing here runs functions or knows the protocol of sockets: that is the runner's and the session's.

mod admin;
mod api;
mod app_metrics;
mod dashboard;
mod deploy;
mod dev_issuer;
mod encoding;
pub mod errors;
mod export;
mod health;
mod http_actions;
mod import;
mod inline_query;
mod log_streams;
mod logs;
mod openapi;
mod origin;
mod platform;
pub mod range;
mod request;
pub mod router;
pub mod serve;
pub mod state;
mod storage;
mod streaming_export;
mod sync;
mod test_clock;
pub mod udf_response;
mod unread;

pub use origin::TrustedProxies;
pub use router::{router, site_router};
pub use serve::serve;
pub use state::{ServerConfig, ServerState};

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
