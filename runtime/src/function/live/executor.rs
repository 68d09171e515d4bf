//! [`QueryExecutor`]: what live queries need of whoever runs functions.

use crate::database::{Snapshot, Timestamp, Token};
use crate::function::{FunctionCall, Outcome};

/// One run of a query.
#[derive(Debug)]
pub struct QueryRun<S = Snapshot> {
    /// Function, arguments, and the identity to run with.
    pub call: FunctionCall,
    /// Whether the first read of the identity ends the run with [`RunEnd::Trapped`].
    pub traps_identity: bool,
    /// The journal of the run before.
    pub journal: Option<String>,
    /// The data.
    pub snapshot: S,
}

/// How a run ended.
#[derive(Debug)]
pub enum RunEnd {
    /// With a value or an error.
    Finished(Finished),
    /// It asked for the identity and was told not to.
    Trapped,
}

/// A value or an error, and what they depend on.
#[derive(Debug)]
pub struct Finished {
    /// The outcome.
    pub outcome: Outcome,
    /// What was read of the data.
    pub token: Token,
    /// Whether the identity was read.
    pub read_identity: bool,
    /// Whether the time was read.
    pub read_clock: bool,
}

/// Runs queries. The runner implements it; tests bring a small one of their own.
pub trait QueryExecutor<S = Snapshot>: Send + Sync + 'static {
    /// Starts a run and returns at once; `done` is called exactly once, on any thread, however the run ends.
    fn start(&self, run: QueryRun<S>, done: Box<dyn FnOnce(RunEnd) + Send>);
}

/// The timestamp of a snapshot.
pub trait At {
    /// The last commit in it.
    fn ts(&self) -> Timestamp;
}

impl At for Snapshot {
    fn ts(&self) -> Timestamp {
        Self::ts(self)
    }
}
