//! Answers to system calls, on their way to the promises of a script, in an isolate or in another process.

use std::fmt;

use super::isolate::Completer;
use super::op::{OpError, OpResult, OpValue};
use crate::{Error, Result};

/// Who waits for an answer.
enum Waiting<T> {
    /// An isolate.
    Script(Completer),
    /// Whoever speaks for a script elsewhere.
    Speaker(Box<dyn FnOnce(Result<T>) + Send>),
}

impl<T> fmt::Debug for Waiting<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Script(completer) => f.debug_tuple("Script").field(completer).finish(),
            Self::Speaker(_) => f.write_str("Speaker"),
        }
    }
}

impl<T> Waiting<T> {
    fn give(self, result: Result<T>, to_script: impl FnOnce(T) -> OpValue) {
        match self {
            Self::Script(completer) => completer.complete(match result {
                Ok(value) => Ok(to_script(value)),
                Err(error) => failure(&error),
            }),
            Self::Speaker(speaker) => speaker(result),
        }
    }
}

/// Settles the promise of a system call.
#[derive(Debug)]
pub struct SyscallAnswer(Waiting<String>);

impl SyscallAnswer {
    pub(super) const fn new(completer: Completer) -> Self {
        Self(Waiting::Script(completer))
    }

    /// An answer that goes elsewhere.
    pub(super) fn to(speaker: impl FnOnce(Result<String>) + Send + 'static) -> Self {
        Self(Waiting::Speaker(Box::new(speaker)))
    }

    /// Settles it with JSON or an error.
    pub fn give(self, result: Result<String>) {
        self.0.give(result, OpValue::String);
    }
}

/// Settles the promise of a call for a file's content.
#[derive(Debug)]
pub struct BlobAnswer(Waiting<Option<(Vec<u8>, String)>>);

impl BlobAnswer {
    pub(super) const fn new(completer: Completer) -> Self {
        Self(Waiting::Script(completer))
    }

    /// An answer that goes elsewhere.
    pub(super) fn to(speaker: impl FnOnce(Result<Option<(Vec<u8>, String)>>) + Send + 'static) -> Self {
        Self(Waiting::Speaker(Box::new(speaker)))
    }

    /// Settles it with the content and its type; `None` if there is no such file.
    pub fn give(self, result: Result<Option<(Vec<u8>, String)>>) {
        self.0.give(result, |found| match found {
            Some((content, content_type)) => {
                OpValue::List(vec![OpValue::Bytes(content), OpValue::String(content_type)])
            }
            None => OpValue::Null,
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
