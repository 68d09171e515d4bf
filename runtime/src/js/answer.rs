//! Answers to system calls, on their way to the promises of a script.

use super::isolate::Completer;
use super::op::{OpError, OpResult, OpValue};
use crate::{Error, Result};

/// Settles the promise of a system call.
#[derive(Debug)]
pub struct SyscallAnswer(Completer);

impl SyscallAnswer {
    pub(super) const fn new(completer: Completer) -> Self {
        Self(completer)
    }

    /// Settles it with JSON or an error.
    pub fn give(self, result: Result<String>) {
        self.0.complete(match result {
            Ok(json) => Ok(OpValue::String(json)),
            Err(error) => failure(&error),
        });
    }
}

/// Settles the promise of a call for a file's content.
#[derive(Debug)]
pub struct BlobAnswer(Completer);

impl BlobAnswer {
    pub(super) const fn new(completer: Completer) -> Self {
        Self(completer)
    }

    /// Settles it with the content and its type; `None` if there is no such file.
    pub fn give(self, result: Result<Option<(Vec<u8>, String)>>) {
        self.0.complete(match result {
            Ok(Some((content, content_type))) => {
                Ok(OpValue::List(vec![OpValue::Bytes(content), OpValue::String(content_type)]))
            }
            Ok(None) => Ok(OpValue::Null),
            Err(error) => failure(&error),
        });
    }
}

/// An error as `host.js` takes it: errors of nested calls bring data, which no plain op error could.
fn failure(error: &Error) -> OpResult {
    let mut fields = vec![("message".to_owned(), OpValue::String(error.message().to_owned()))];
    if let Some(data) = error.data() {
        fields.push(("data".to_owned(), OpValue::String(fusion_schema::json::encode(data))));
    }
    Ok(OpValue::Record(fields))
}

/// An error as a sync op throws it.
pub(super) fn op_error(error: &Error) -> OpError {
    OpError::new("Error", error.message())
}
