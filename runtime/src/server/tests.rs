//! The server end to end, over real sockets.

mod deploy;
mod http;
mod sync;
