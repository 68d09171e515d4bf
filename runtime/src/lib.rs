//! The engine of Fusion: a document store with live queries, and the functions and server on top of it.

pub mod auth;
pub mod clock;
pub mod database;
pub mod error;
pub mod function;
pub mod http_client;
#[cfg_attr(not(feature = "quickjs"), expect(dead_code, reason = "only an engine makes isolates"))]
pub mod js;
pub mod limits;
pub mod log_streams;
pub mod memory;
pub mod push;
pub mod scheduler;
pub mod server;
pub mod session;
pub mod snapshot;
pub mod store;
pub mod streaming_export;
pub mod system;

pub use error::{Error, ErrorKind, Result};
