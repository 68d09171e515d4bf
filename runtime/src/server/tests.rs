//! The server end to end, over real sockets.

mod components;
mod dashboard;
mod deploy;
mod http;
mod log_streams;
mod platform;
mod sync;
