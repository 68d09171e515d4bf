//! Ops: the host functions that the prelude's JavaScript calls, over values that no engine owns.
//!
//! An engine turns its own values into [`OpValue`]s and back and knows nothing else about an op; an op knows no
//! engine. Sync ops run on the isolate's thread and must be quick or bounded; async ops give a future that runs
//! elsewhere, and the script a promise.

use std::future::Future;
use std::pin::Pin;

use super::isolate::Completer;
use super::state::OpState;

/// A value on its way between a script and the host.
#[derive(Clone, Debug, PartialEq)]
pub enum OpValue {
    /// `undefined`.
    Undefined,
    /// `null`.
    Null,
    /// A boolean.
    Bool(bool),
    /// A number.
    Number(f64),
    /// Text. Lone surrogates do not arrive: the prelude makes strings well-formed first.
    String(String),
    /// The content of an `ArrayBuffer` or a view; goes to scripts as a `Uint8Array`.
    Bytes(Vec<u8>),
    /// An array.
    List(Vec<Self>),
    /// A plain object, in the order of its own enumerable properties.
    Record(Vec<(String, Self)>),
}

/// An error that a script sees.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpError {
    /// What the script gets: `Error`, `TypeError`, `RangeError`, `SyntaxError`, or the name of a `DOMException`
    /// such as `DataError`.
    pub class: &'static str,
    /// What went wrong.
    pub message: String,
}

impl OpError {
    /// An error of a class.
    pub fn new(class: &'static str, message: impl Into<String>) -> Self {
        Self { class, message: message.into() }
    }

    /// A `TypeError`.
    pub fn type_error(message: impl Into<String>) -> Self {
        Self::new("TypeError", message)
    }
}

/// What an op gives.
pub type OpResult = Result<OpValue, OpError>;
/// What an async op gives, some time.
pub type OpFuture = Pin<Box<dyn Future<Output = OpResult> + Send>>;

/// A host function.
#[derive(Clone, Copy)]
pub enum Op {
    /// Gives its result at once.
    Sync(fn(&mut OpState, Vec<OpValue>) -> OpResult),
    /// Gives its result at once; the time it takes is the server's, not the script's.
    System(fn(&mut OpState, Vec<OpValue>) -> OpResult),
    /// Gives a promise.
    Async(fn(&mut OpState, Vec<OpValue>) -> OpFuture),
    /// Gives a promise that whoever has the completer settles, from any thread; the time it takes is the server's.
    Deferred(fn(&mut OpState, Vec<OpValue>, Completer)),
}

impl std::fmt::Debug for Op {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Sync(_) => "Sync",
            Self::System(_) => "System",
            Self::Async(_) => "Async",
            Self::Deferred(_) => "Deferred",
        })
    }
}

/// Ops by the names under which the prelude finds them.
pub type OpTable = &'static [(&'static str, Op)];
