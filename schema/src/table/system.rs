//! The system tables whose documents user code may read: `ctx.db.system` in TypeScript.

use crate::value::Value;
use crate::{Table, Typed};

/// A row of `_scheduled_functions`.
#[derive(Clone, Debug, PartialEq, Table)]
#[table(name = "_scheduled_functions")]
pub struct ScheduledFunction {
    /// The function's path, e.g. `messages.js:send`.
    pub name: String,
    /// The path of the component the function is in, if that is not the one whose row this is.
    pub component: Option<String>,
    /// Its arguments: one object.
    pub args: Vec<Value>,
    /// When it is due, in milliseconds since the epoch.
    pub scheduled_time: f64,
    /// When it ended, in milliseconds since the epoch.
    pub completed_time: Option<f64>,
    /// How far it has come.
    pub state: ScheduledState,
}

/// How far a scheduled function has come.
#[derive(Clone, Debug, PartialEq, Eq, Typed)]
#[typed(tag = "kind")]
pub enum ScheduledState {
    /// It waits for its time.
    Pending,
    /// It runs.
    InProgress,
    /// It has ended well.
    Success,
    /// It has failed.
    Failed {
        /// The text of the error.
        error: String,
    },
    /// It was canceled.
    Canceled,
}

/// A row of `_storage`.
#[derive(Clone, Debug, PartialEq, Table)]
#[table(name = "_storage")]
pub struct StoredFile {
    /// The SHA-256 of the content, in base64.
    pub sha256: String,
    /// The length in bytes.
    pub size: f64,
    /// The type given when it was stored.
    pub content_type: Option<String>,
}
