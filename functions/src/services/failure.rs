//! [`ServiceFailure`]: why a call to an outside service did not work.

use std::fmt;

use fusion_runtime::Error;

use super::mask::mask;
use crate::errors::service_failed;

/// The longest part of a service's own words that is kept, in characters.
const DETAIL_LENGTH_MAX: usize = 300;

/// How a call failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureKind {
    /// There was no connection, or it broke.
    Unreachable,
    /// It took too long.
    TimedOut,
    /// It answered with this status.
    Refused(u16),
    /// It answered with something that is not an answer.
    Unusable,
}

/// Why a call to an outside service did not work. Its text names no key and no personal field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceFailure {
    /// The service, as in a sentence: `the language model`.
    pub service: &'static str,
    /// How it failed.
    pub kind: FailureKind,
    /// The service's own words, masked and cut short; may be empty.
    pub detail: String,
}

impl ServiceFailure {
    /// A failure with the words of the service or of the client that called it.
    pub fn new(service: &'static str, kind: FailureKind, detail: &str) -> Self {
        let detail = detail.split_whitespace().collect::<Vec<_>>().join(" ");
        let detail = mask(&detail).chars().take(DETAIL_LENGTH_MAX).collect();
        Self { service, kind, detail }
    }
}

impl fmt::Display for ServiceFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut name = self.service.chars();
        let first = name.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
        write!(f, "{first}{}", name.as_str())?;
        match self.kind {
            FailureKind::Unreachable => f.write_str(" cannot be reached")?,
            FailureKind::TimedOut => f.write_str(" did not answer in time")?,
            FailureKind::Refused(401 | 403) => f.write_str(" refused the key")?,
            FailureKind::Refused(429) => f.write_str(" is asked too often")?,
            FailureKind::Refused(status) => write!(f, " answered with status {status}")?,
            FailureKind::Unusable => f.write_str(" gave an answer that cannot be used")?,
        }
        if self.detail.is_empty() { f.write_str(".") } else { write!(f, ": {}", self.detail) }
    }
}

impl std::error::Error for ServiceFailure {}

impl ServiceFailure {
    /// As the error of a function: `SERVICE_FAILED`, with this text. The log is told, too.
    pub fn into_error(self) -> Error {
        let Self { service, kind, detail } = &self;
        tracing::warn!(service, ?kind, detail, "a call to an outside service failed");
        service_failed(&self.to_string())
    }
}
