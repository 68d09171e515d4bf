//! [`Error`]: the one error type of the engine.
//!
//! A kind says who must act, a code is for machines (CapitalCamel, as clients know them), a message is for
//! people. What must not leave the process goes to the log as the error's source. Mapping to HTTP statuses and
//! WebSocket closes happens in `server::errors` alone.

use std::borrow::Cow;
use std::fmt;

use fusion_schema::{Object, Value, json};

/// The engine's result.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Who must act on an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// The caller sent something wrong and must change it.
    BadRequest,
    /// The caller must present (other) credentials.
    Unauthenticated,
    /// The caller may not do this.
    Forbidden,
    /// What was asked for does not exist.
    NotFound,
    /// Somebody else changed what this depends on; inside the engine the transaction is re-run.
    Conflict,
    /// The caller must slow down.
    RateLimited,
    /// The server cannot take this now; the caller may try again later.
    Overloaded,
    /// User code failed with an error of its own (`throw new Error(..)`).
    Function,
    /// User code failed with a `ConvexError`; [`Error::data`] travels to the client.
    Application,
    /// A defect or a failure of the machine; details are in the log only.
    Internal,
}

/// An error: see the module's documentation.
#[derive(Debug)]
pub struct Error {
    inner: Box<Inner>,
}

#[derive(Debug)]
struct Inner {
    kind: ErrorKind,
    code: Cow<'static, str>,
    message: String,
    data: Option<Value>,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Error {
    /// An error of any kind.
    pub fn new(kind: ErrorKind, code: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        Self {
            inner: Box::new(Inner {
                kind,
                code: code.into(),
                message: message.into(),
                data: None,
                source: None,
            }),
        }
    }

    /// The caller sent something wrong.
    pub fn bad_request(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(ErrorKind::BadRequest, code, message)
    }

    /// The caller must present (other) credentials.
    pub fn unauthenticated(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Unauthenticated, code, message)
    }

    /// The caller may not do this.
    pub fn forbidden(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Forbidden, code, message)
    }

    /// What was asked for does not exist.
    pub fn not_found(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(ErrorKind::NotFound, code, message)
    }

    /// The server cannot take this now.
    pub fn overloaded(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Overloaded, code, message)
    }

    /// A function failed with a plain error; clients see `Uncaught Error: <message>`.
    pub fn function(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Function, "Error", message)
    }

    /// A function failed with a `ConvexError` carrying `data`.
    pub fn application(data: impl Into<Value>) -> Self {
        let data = data.into();
        let text = show_data(&data);
        Self::application_with_text(data, text)
    }

    /// A function failed with a `ConvexError` carrying `data`, with a text of its own for people.
    pub fn application_with_text(data: impl Into<Value>, text: impl Into<String>) -> Self {
        let mut error = Self::new(ErrorKind::Application, "ConvexError", text);
        error.inner.data = Some(data.into());
        error
    }

    /// A defect or a failure of the machine.
    pub fn internal(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Internal, "InternalServerError", message)
    }

    /// The transaction lost against a concurrent one and must be re-run.
    pub fn conflict(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Conflict, "OptimisticConcurrencyControlFailure", message)
    }

    /// The same error under another code: for a function's own error, the name of its class.
    #[must_use]
    pub fn with_code(mut self, code: impl Into<Cow<'static, str>>) -> Self {
        self.inner.code = code.into();
        self
    }

    /// Adds the cause, for the log.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.inner.source = Some(source.into());
        self
    }

    /// Who must act.
    pub const fn kind(&self) -> ErrorKind {
        self.inner.kind
    }

    /// The code for machines.
    pub fn code(&self) -> &str {
        &self.inner.code
    }

    /// The text for people.
    pub fn message(&self) -> &str {
        &self.inner.message
    }

    /// The data of a `ConvexError`.
    pub const fn data(&self) -> Option<&Value> {
        self.inner.data.as_ref()
    }

    /// Whether running the same function on the same data would fail the same way. Such errors are results
    /// of the function; all others are failures of the system around it.
    pub const fn is_deterministic(&self) -> bool {
        !matches!(
            self.inner.kind,
            ErrorKind::Conflict | ErrorKind::RateLimited | ErrorKind::Overloaded | ErrorKind::Internal
        )
    }
}

/// A value as the text of a `ConvexError` shows it: JSON, with integers as `"123n"`.
fn show_data(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        value => json::encode(&readable(value)),
    }
}

fn readable(value: &Value) -> Value {
    match value {
        Value::Int64(number) => Value::String(format!("{number}n")),
        Value::Array(values) => Value::Array(values.iter().map(readable).collect()),
        Value::Object(object) => {
            Value::Object(object.iter().map(|(name, value)| (name, readable(value))).collect::<Object>())
        }
        value => value.clone(),
    }
}

impl Clone for Error {
    fn clone(&self) -> Self {
        let Inner { kind, code, message, data, source } = &*self.inner;
        let source = source.as_ref().map(|source| source.to_string().into());
        Self {
            inner: Box::new(Inner {
                kind: *kind,
                code: code.clone(),
                message: message.clone(),
                data: data.clone(),
                source,
            }),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.inner.message)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.inner.source.as_deref().map(|source| source as _)
    }
}
