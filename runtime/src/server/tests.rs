//! The server end to end, over real sockets.

mod http;
mod sync;
