//! How an error ends a WebSocket connection.

use crate::error::{Error, ErrorKind};

/// The longest close reason, in bytes: a control frame has room for 125, two of them for the code.
const REASON_LENGTH_MAX: usize = 123;

/// The end of a connection: what to say first, and the close frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Close {
    /// A message that tells the client what to do before the socket closes.
    pub farewell: Option<Farewell>,
    /// The close code; without one the frame is empty.
    pub code: Option<u16>,
    /// The reason, at most 123 bytes. Clients choose their back-off by its beginning.
    pub reason: String,
}

/// The message sent before a close.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Farewell {
    /// FatalError: the client stops for good.
    Fatal(String),
    /// AuthError: the client fetches another token and comes back.
    Auth(String),
}

impl Close {
    /// The end that `error` means for a connection.
    pub fn of(error: &Error) -> Self {
        let text = || error.message().to_owned();
        let (farewell, code) = match error.kind() {
            ErrorKind::BadRequest | ErrorKind::Function | ErrorKind::Application => {
                (Some(Farewell::Fatal(format!("{}: {}", error.code(), error.message()))), None)
            }
            ErrorKind::Unauthenticated => (Some(Farewell::Auth(text())), None),
            ErrorKind::NotFound | ErrorKind::Forbidden => (None, Some(1000)),
            ErrorKind::Conflict | ErrorKind::RateLimited | ErrorKind::Overloaded => (None, Some(1013)),
            ErrorKind::Internal => (None, Some(1011)),
        };
        let mut reason = if code.is_some() { error.code().to_owned() } else { String::new() };
        let mut end = reason.len().min(REASON_LENGTH_MAX);
        while !reason.is_char_boundary(end) {
            end -= 1;
        }
        reason.truncate(end);
        Self { farewell, code, reason }
    }
}
