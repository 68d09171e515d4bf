//! Starting, running and stopping a server: the composition root.

pub(crate) mod credentials;
mod listeners;
mod logging;
mod options;
mod ready;
mod shutdown;

pub use options::{Durability, LogFormat, ServerOptions};
