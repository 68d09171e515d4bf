//! The sync protocol over WebSockets: what a connected client is told, and when.
//!
//! [`Session`] is the protocol as a pure step function: events in, effects out, no I/O and no clock, so that
//! every ordering rule can be tested as a script. [`protocol`] is the text of the messages, [`close`] says how
//! errors end a connection. The socket driver only carries bytes and calls between a session, the function
//! runner and the live queries. Nothing here knows HTTP routes.

pub mod client_version;
pub mod close;
mod mailbox;
#[cfg(test)]
mod properties;
pub mod protocol;
#[cfg(test)]
mod scripts;
pub mod socket;
pub mod state;

pub use client_version::ClientVersion;
pub use state::{Effect, Event, Now, Session};
