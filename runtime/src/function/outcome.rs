//! [`Outcome`]: what running a function gave: a value or an error, and its log lines.
//!
//! An error of a function is a *result*: it travels to the client as text ([`UdfError::message`]) and, for a
//! `ConvexError`, as data. Failures of the system around the function take the same way but are marked
//! ([`UdfError::is_system`]), so that a server can answer with a status instead.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use fusion_schema::{Value, json};

use super::log_line::LogLine;
use super::pausing::PAUSED;
use crate::clock::random_bytes;
use crate::{Error, ErrorKind};

/// What clients are told about failures of the system; details are in the server's log only.
pub const INTERNAL_ERROR_TEXT: &str = "Your request couldn't be completed. Try again later.";

/// What running a function gave.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The returned value or the error.
    pub result: Result<Returned, UdfError>,
    /// What it printed.
    pub log_lines: Vec<LogLine>,
    /// Where a paginated query ended its page, to be handed in when it is re-run.
    pub journal: Option<String>,
    /// The timestamp it read at, or for a mutation that wrote, the commit's timestamp; 0 for actions.
    pub ts: u64,
}

impl Outcome {
    /// The outcome of a call that failed before it printed or read anything.
    pub fn failed(error: &Error, request_id: RequestId) -> Self {
        Self { result: Err(UdfError::new(error, request_id)), log_lines: Vec::new(), journal: None, ts: 0 }
    }
}

/// A returned value in the form it travels in. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Returned {
    json: Arc<str>,
}

impl Returned {
    /// Encodes a value.
    pub fn from_value(value: &Value) -> Self {
        Self { json: json::encode(value).into() }
    }

    /// Takes a value that is already canonical JSON ("convex_encoded_json").
    pub fn from_json(json: impl Into<Arc<str>>) -> Self {
        Self { json: json.into() }
    }

    /// The canonical JSON.
    pub const fn json(&self) -> &Arc<str> {
        &self.json
    }

    /// The value.
    pub fn to_value(&self) -> Value {
        // The text was made by the encoder or checked on the way in; `null` is what is left to say if not.
        json::decode(&self.json).unwrap_or(Value::Null)
    }
}

/// What ties the texts a client sees to the server's log: 16 lower-case hexadecimal characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RequestId(u64);

impl RequestId {
    /// A new, random one.
    pub fn new() -> Self {
        Self(u64::from_le_bytes(random_bytes()))
    }

    /// One with the given number, for callers that have their own.
    pub const fn from_number(number: u64) -> Self {
        Self(number)
    }
}

impl Default for RequestId {
    fn default() -> Self {
        Self::new()
    }
}

impl std::fmt::Display for RequestId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// One run of a function, as the log tells it from the others of its request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExecutionId {
    request: RequestId,
    number: u64,
}

impl ExecutionId {
    /// The next run, for this request.
    pub fn new(request: RequestId) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        Self { request, number: NEXT.fetch_add(1, Ordering::Relaxed) }
    }
}

impl std::fmt::Display for ExecutionId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}-{}", self.request, self.number)
    }
}

/// An error of a function as a client sees it.
#[derive(Clone, Debug)]
pub struct UdfError {
    /// The whole text: a first line with the request id, then what happened.
    pub message: String,
    /// The data of a `ConvexError`, which clients get even where texts are redacted.
    pub data: Option<Value>,
    /// Who must act.
    pub kind: ErrorKind,
    /// The code for machines.
    pub code: String,
}

impl UdfError {
    /// States an error for clients.
    pub fn new(error: &Error, request_id: RequestId) -> Self {
        if error.kind() == ErrorKind::Internal {
            // Clients only learn that something failed; this line is where the reason can be found.
            let source = std::error::Error::source(error).map(ToString::to_string);
            tracing::error!(%request_id, %error, source, "a call failed for reasons of the system");
        }
        Self {
            message: format!("[Request ID: {request_id}] Server Error\n{}", describe(error)),
            data: error.data().cloned(),
            kind: error.kind(),
            code: error.code().to_owned(),
        }
    }

    /// The text without its first line: the same for every run that fails the same way.
    pub fn detail(&self) -> &str {
        self.message.split_once('\n').map_or("", |(_, detail)| detail)
    }

    /// The text for a deployment that shows clients no details: the first line alone.
    pub fn redacted(&self) -> &str {
        if self.code == PAUSED {
            // It tells nothing of a function, and what to do.
            return &self.message;
        }
        self.message.split_once('\n').map_or(&self.message, |(first, _)| first)
    }

    /// The text for clients, redacted or not.
    pub fn text(&self, redact: bool) -> &str {
        if redact { self.redacted() } else { &self.message }
    }

    /// Whether the call was turned away, so that an HTTP answer has a status that says so.
    pub fn is_refusal(&self) -> bool {
        self.is_system() || self.code == PAUSED
    }

    /// Whether the system around the function failed, not the function: an overload or a defect.
    pub const fn is_system(&self) -> bool {
        matches!(
            self.kind,
            ErrorKind::Conflict | ErrorKind::RateLimited | ErrorKind::Overloaded | ErrorKind::Internal
        )
    }

    /// The error again, for callers that map errors to a status.
    pub fn to_error(&self) -> Error {
        Error::new(self.kind, self.code.clone(), self.detail().to_owned())
    }

    /// The error a calling function sees when it does not catch this one of a nested call: a `ConvexError`
    /// keeps its data, everything else becomes a plain error.
    pub fn into_nested(self) -> Error {
        if self.is_system() {
            return self.to_error();
        }
        let detail = self.detail().to_owned();
        match self.data {
            Some(data) => Error::application_with_text(data, detail),
            None => Error::function(detail),
        }
    }
}

/// The error a calling function sees when it does not catch `error` of a nested call.
pub fn nested(error: Error) -> Error {
    if !error.is_deterministic() {
        return error;
    }
    let detail = describe(&error);
    match error.data() {
        Some(data) => Error::application_with_text(data.clone(), detail),
        None => Error::function(detail),
    }
}

/// What happened, as the text of an error states it below the request id.
pub(crate) fn describe(error: &Error) -> String {
    match error.kind() {
        ErrorKind::Internal => format!("{}: {INTERNAL_ERROR_TEXT}", error.code()),
        ErrorKind::Conflict | ErrorKind::RateLimited | ErrorKind::Overloaded => {
            format!("{}: {}", error.code(), error.message())
        }
        ErrorKind::Application => format!("Uncaught {}: {}", error.code(), error.message()),
        ErrorKind::Function => format!("Uncaught {}: {}", error.code(), error.message()),
        // Raised before the function ran (its path, its arguments): nobody threw it.
        _ if RAISED_OUTSIDE.contains(&error.code()) => error.message().to_owned(),
        // Raised by a call the function made and did not catch.
        _ => format!("Uncaught Error: {}", error.message()),
    }
}

/// Codes of errors about the call itself.
const RAISED_OUTSIDE: &[&str] = &[
    PAUSED,
    "FunctionNotFound",
    "WrongFunctionKind",
    "ArgumentValidationError",
    "ReturnsValidationError",
    "FunctionArgumentsTooLarge",
    "FunctionReturnValueTooLarge",
    "BadConvexFunctionIdentifier",
];

#[cfg(test)]
mod tests {
    use fusion_schema::object;

    use super::*;

    fn text(error: &Error) -> String {
        UdfError::new(error, RequestId::from_number(0x9a)).message
    }

    #[test]
    fn errors_begin_with_the_request_id() {
        assert_eq!(
            text(&Error::function("no")),
            "[Request ID: 000000000000009a] Server Error\nUncaught Error: no"
        );
        let error = UdfError::new(&Error::function("no"), RequestId::from_number(0x9a));
        assert_eq!(error.redacted(), "[Request ID: 000000000000009a] Server Error");
        assert_eq!(error.detail(), "Uncaught Error: no");
    }

    #[test]
    fn data_of_a_convex_error_is_shown() {
        let error = UdfError::new(&Error::application("gone"), RequestId::new());
        assert_eq!(error.detail(), "Uncaught ConvexError: gone");
        let error = UdfError::new(&Error::application(object! { "n" => 123, "a" => 1.5 }), RequestId::new());
        assert_eq!(error.detail(), r#"Uncaught ConvexError: {"a":1.5,"n":"123n"}"#);
        assert!(error.data.is_some());
    }

    #[test]
    fn a_nested_error_becomes_the_message_of_the_outer_one() {
        let inner = Error::application("msg");
        let outer = nested(inner);
        assert_eq!(describe(&outer), "Uncaught ConvexError: Uncaught ConvexError: msg");
        assert_eq!(outer.data(), Some(&Value::from("msg")));
        assert_eq!(describe(&nested(Error::function("x"))), "Uncaught Error: Uncaught Error: x");
        let twice = UdfError::new(&Error::application("msg"), RequestId::new()).into_nested();
        assert_eq!(describe(&twice), "Uncaught ConvexError: Uncaught ConvexError: msg");
    }

    #[test]
    fn errors_about_the_call_are_not_thrown_by_anybody() {
        let error = Error::bad_request("ArgumentValidationError", "ArgumentValidationError: bad");
        assert_eq!(describe(&error), "ArgumentValidationError: bad");
        let error = Error::bad_request("IndexNotFoundError", "Index a.b not found.");
        assert_eq!(describe(&error), "Uncaught Error: Index a.b not found.");
    }

    #[test]
    fn internals_stay_inside() {
        let error = Error::internal("the password is hunter2");
        assert!(!text(&error).contains("hunter2"));
        assert!(UdfError::new(&error, RequestId::new()).is_system());
    }
}
