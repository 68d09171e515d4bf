//! [`QueryExecutor`]: what live queries need of whoever runs functions.

use std::sync::Weak;

use super::result::QueryResult;
use crate::Error;
use crate::database::{ReadSet, Snapshot, Token};
use crate::function::pool::check_waited;
use crate::function::{
    FunctionCall, FunctionPath, FunctionRunner, IdentityAccess, Observed, Outcome, QueryRun,
};
use crate::limits::FUNCTION_QUEUE_LENGTH_MAX;

/// A run to start.
#[derive(Debug)]
pub struct LiveRun {
    /// Function, arguments, and the identity to run with.
    pub call: FunctionCall,
    /// Whether the run may read the identity.
    pub identity_access: IdentityAccess,
    /// The journal of the run before.
    pub journal: Option<String>,
    /// The data.
    pub snapshot: Snapshot,
    /// Whether somebody waits who would rather be refused than wait for long.
    pub may_be_refused: bool,
}

/// Called with what the run gave.
pub type RunDone = Box<dyn FnOnce(QueryRun) + Send>;

/// Runs queries. The runner implements it; tests may bring one of their own.
pub trait QueryExecutor: Send + Sync + 'static {
    /// Starts a run and returns without waiting for it. `done` is called once, on another thread; it is dropped
    /// instead if the executor is shutting down.
    fn start(&self, run: LiveRun, done: RunDone);

    /// A call was answered with the result of another run. What is in `call` beside its arguments counts.
    fn note_cached(&self, _call: &FunctionCall, _result: &QueryResult) {}

    /// A query runs again because a commit touched what it shows.
    fn note_invalidated(&self, _path: &FunctionPath) {}
}

impl QueryExecutor for Weak<FunctionRunner> {
    fn start(&self, run: LiveRun, done: RunDone) {
        let Some(runner) = self.upgrade() else { return };
        if run.may_be_refused && runner.query_pool().waiting() >= FUNCTION_QUEUE_LENGTH_MAX {
            let error = runner.query_pool().overloaded();
            runner.query_pool().submit_always(move |_| done(refused(&run, &error)));
            return;
        }
        let weak = self.clone();
        runner.query_pool().submit_always(move |waited| {
            let Some(runner) = weak.upgrade() else { return };
            if run.may_be_refused
                && let Err(error) = check_waited(waited)
            {
                return done(refused(&run, &error));
            }
            let LiveRun { call, identity_access, journal, snapshot, .. } = run;
            let tx = runner.deployment().database.begin(snapshot);
            done(runner.run_query(&call, tx, journal.as_deref(), identity_access));
        });
    }

    fn note_cached(&self, call: &FunctionCall, result: &QueryResult) {
        if let Some(runner) = self.upgrade() {
            runner.note_cached(call, result);
        }
    }

    fn note_invalidated(&self, path: &FunctionPath) {
        if let Some(runner) = self.upgrade() {
            runner.note_invalidated(path);
        }
    }
}

fn refused(run: &LiveRun, error: &Error) -> QueryRun {
    let (ts, push_version) = (run.snapshot.ts(), run.snapshot.push_version());
    QueryRun {
        outcome: Outcome { ts, ..Outcome::failed(error, run.call.request_id) },
        token: Token { reads: ReadSet::default(), ts, push_version },
        observed: Observed::default(),
    }
}
