//! [`FunctionRunner`]: the one door through which anybody runs a function.
//!
//! Queries and mutations run on threads of their own ([`super::pool`]), mutations as [`super::mutations`] tells;
//! actions are tasks ([`super::actions`]). Whatever a function does, the caller gets an [`Outcome`].

use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::sync::{Semaphore, oneshot};

use super::call::{FunctionCall, FunctionKind};
use super::deployment::Deployment;
use super::execution::{Effect, Execution, Finished, IdentityAccess, Observed};
use super::execution_log::{Completion, ExecutionLog, LogEvent, Usage};
use super::live::{LiveQueries, QueryResult};
use super::metrics::MetricsByFunction;
use super::mutations::{MutationRequest, SessionQueues, run_guarded};
use super::outcome::{ExecutionId, Outcome, RequestId, Returned, UdfError};
use super::pausing;
use super::pool::{Pool, check_waited};
use super::registry::{FunctionEntry, FunctionRegistry};
use crate::clock::Moment;
use crate::database::{Snapshot, Timestamp, Token, Transaction, TransactionUse};
use crate::system::environment::{Environment, EnvironmentChange};
use crate::system::function_handles::FunctionHandles;
use crate::{Error, Result};

/// See the module's documentation.
pub struct FunctionRunner {
    deployment: Arc<Deployment>,
    /// The functions of data that no push is attached to.
    native: Arc<FunctionRegistry>,
    queries: Pool,
    mutations: Pool,
    sessions: SessionQueues,
    actions: Arc<Semaphore>,
    metrics: MetricsByFunction,
    log: ExecutionLog,
    live: LiveQueries,
}

impl std::fmt::Debug for FunctionRunner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FunctionRunner").field("registry", &self.registry()).finish_non_exhaustive()
    }
}

/// A run of a query, with what it depends on.
#[derive(Debug)]
pub struct QueryRun {
    /// What it gave.
    pub outcome: Outcome,
    /// The data it read.
    pub token: Token,
    /// What it read beside data. With [`IdentityAccess::Trap`] and [`Observed::identity`] the outcome is worthless
    /// and has to be computed again with the identity open.
    pub observed: Observed,
}

impl FunctionRunner {
    /// Starts the threads for a deployment with these functions.
    ///
    /// # Errors
    /// If the system refuses threads.
    pub fn new(deployment: Deployment, registry: FunctionRegistry) -> Result<Arc<Self>> {
        let limits = deployment.limits().clone();
        // Functions do not wait for anything, so more threads than processors would only take turns.
        let processors = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
        let threads = |most: usize| processors.min(most).max(1);
        let query_threads = threads(limits.concurrent_queries_max);
        let queries = Pool::new("queries", query_threads, limits.concurrent_queries_max)?;
        let mutation_threads = threads(limits.concurrent_mutations_max);
        let mutations = Pool::new("mutations", mutation_threads, limits.concurrent_mutations_max)?;
        let runner = Arc::new_cyclic(|runner: &Weak<Self>| Self {
            // Enough runs under way to keep all threads busy, few enough not to hold up other queries.
            live: LiveQueries::new(deployment.database.clone(), Box::new(runner.clone()), query_threads * 4),
            metrics: MetricsByFunction::new(deployment.clock().unix_ms()),
            deployment: Arc::new(deployment),
            native: Arc::new(registry),
            queries,
            mutations,
            sessions: SessionQueues::default(),
            actions: Arc::new(Semaphore::new(limits.concurrent_actions_max)),
            log: ExecutionLog::default(),
        });
        runner.live.start()?;
        Ok(runner)
    }

    /// The functions that belong to the newest durable data. Keep the result for one run: the next call may give others.
    pub fn registry(&self) -> Arc<FunctionRegistry> {
        self.registry_of(&self.deployment.database.published())
    }

    /// The functions that belong to a state of the data: a push switches both in one commit, so nobody ever runs old
    /// functions on new tables or the reverse.
    pub fn registry_of(&self, snapshot: &Snapshot) -> Arc<FunctionRegistry> {
        snapshot.attached().unwrap_or_else(|| self.native.clone())
    }

    /// The functions that were compiled in.
    pub const fn native_registry(&self) -> &Arc<FunctionRegistry> {
        &self.native
    }

    /// Puts other functions in place, with the tables as they are, and waits until that is durable. Actions that run
    /// go on with those they began with; queries and mutations run again.
    ///
    /// # Errors
    /// If the database takes no writes.
    pub fn set_registry(&self, registry: FunctionRegistry) -> Result<()> {
        let database = &self.deployment.database;
        let (registry, now_ms) = (Arc::new(registry), self.deployment.clock().unix_ms());
        let ((), ts) = database.switch_attachment(registry.clone(), |tx| {
            FunctionHandles::new(tx).sync(registry.handle_targets(), now_ms)
        })?;
        database.wait_durable(ts)
    }

    /// The live queries, and the cache of query results.
    pub const fn live_queries(&self) -> &LiveQueries {
        &self.live
    }

    /// What functions can reach beside their transaction.
    pub const fn deployment(&self) -> &Arc<Deployment> {
        &self.deployment
    }

    /// Counters by function.
    pub const fn metrics(&self) -> &MetricsByFunction {
        &self.metrics
    }

    /// The latest executions.
    pub const fn log(&self) -> &ExecutionLog {
        &self.log
    }

    /// The threads for queries, for those who re-run live ones.
    pub const fn query_pool(&self) -> &Pool {
        &self.queries
    }

    pub(super) const fn mutation_pool(&self) -> &Pool {
        &self.mutations
    }

    pub(super) const fn sessions(&self) -> &SessionQueues {
        &self.sessions
    }

    pub(super) const fn actions(&self) -> &Arc<Semaphore> {
        &self.actions
    }

    pub(super) fn count_rerun(&self) {
        self.metrics.count_rerun();
    }

    /// Runs a query once, on the newest durable data or at a timestamp that is still readable.
    pub async fn query(self: &Arc<Self>, call: FunctionCall, at: Option<Timestamp>) -> Outcome {
        match at {
            None => self.live.query(call).await,
            at => self.query_with_access(call, at, false).await,
        }
    }

    async fn query_with_access(
        self: &Arc<Self>,
        call: FunctionCall,
        at: Option<Timestamp>,
        tool: bool,
    ) -> Outcome {
        let (runner, request_id) = (self.clone(), call.request_id);
        let work = move || {
            let database = &runner.deployment.database;
            // The past knows nothing of a pause.
            pausing::check(&database.published(), &call.path)?;
            let snapshot = match at {
                None => database.published(),
                Some(ts) => database.snapshot_at(ts).ok_or_else(|| {
                    Error::bad_request(
                        "TimestampOutOfRange",
                        format!("There is no readable state at timestamp {ts} any more. Fetch a new timestamp and try again."),
                    )
                })?,
            };
            let run = runner.run_query_with_access(
                &call,
                database.begin(snapshot),
                None,
                IdentityAccess::Open,
                tool,
            );
            Ok(run.outcome)
        };
        on_pool(&self.queries, work).await.unwrap_or_else(|error| Outcome::failed(&error, request_id))
    }

    /// Runs a query that is not among the registered functions, on the newest durable data.
    pub async fn unregistered_query(
        self: &Arc<Self>,
        entry: Arc<FunctionEntry>,
        call: FunctionCall,
    ) -> Outcome {
        let (runner, request_id) = (self.clone(), call.request_id);
        let work = move || {
            let tx = runner.deployment.database.begin(runner.deployment.database.published());
            let found = |_: &FunctionRegistry| Ok(entry);
            Ok(runner.run_found_query(&call, tx, None, IdentityAccess::Open, found).outcome)
        };
        on_pool(&self.queries, work).await.unwrap_or_else(|error| Outcome::failed(&error, request_id))
    }

    /// Runs a query on the calling thread, in a transaction begun on the snapshot of the caller's choice.
    /// `journal` is that of the last run of the same live query.
    pub fn run_query(
        self: &Arc<Self>,
        call: &FunctionCall,
        tx: Transaction,
        journal: Option<&str>,
        identity_access: IdentityAccess,
    ) -> QueryRun {
        self.run_query_with_access(call, tx, journal, identity_access, false)
    }

    fn run_query_with_access(
        self: &Arc<Self>,
        call: &FunctionCall,
        tx: Transaction,
        journal: Option<&str>,
        identity_access: IdentityAccess,
        tool: bool,
    ) -> QueryRun {
        let allowed = pausing::check(tx.snapshot(), &call.path);
        self.run_found_query(call, tx, journal, identity_access, |registry| {
            allowed?;
            registry.find_kind(&call.path, FunctionKind::Query, Self::access(call, tool)).cloned()
        })
    }

    fn run_found_query(
        self: &Arc<Self>,
        call: &FunctionCall,
        mut tx: Transaction,
        journal: Option<&str>,
        identity_access: IdentityAccess,
        find: impl FnOnce(&FunctionRegistry) -> Result<Arc<FunctionEntry>>,
    ) -> QueryRun {
        let started = Moment::now();
        let registry = self.registry_of(tx.snapshot());
        let ts = tx.begin_ts();
        tx.set_journal(journal);
        let mut execution =
            Execution::new(tx, self.deployment.clone(), registry.clone(), call, identity_access);
        let found = find(&registry);
        let result = match &found {
            Ok(entry) => run_guarded(&mut execution, entry, call),
            Err(error) => Err(error.clone()),
        };
        let Finished { mut tx, log_lines, mut observed, effects, .. } = execution.finish();
        let is_refused = found.as_ref().is_err_and(|error| error.code() != pausing::PAUSED);
        if is_refused && registry.get(&call.path).is_some() {
            // Who asked decided whether the function could be found.
            observed.identity = true;
        }
        let result = match result {
            Ok(value) => Ok(Returned::from_value(&value)),
            Err(error) => Err(UdfError::new(&error, call.request_id)),
        };
        let outcome = Outcome { result, log_lines, journal: tx.take_journal(), ts };
        let trapped = identity_access == IdentityAccess::Trap && observed.identity;
        if found.is_ok() && !trapped {
            for effect in effects {
                if let Effect::Audit(body) = effect {
                    self.note_audit(call.request_id, body);
                }
            }
            self.note_completion(FunctionKind::Query, call, started.elapsed(), &outcome, &tx.take_usage());
        }
        QueryRun { outcome, token: tx.into_token(), observed }
    }

    /// Changes environment variables in one transaction and waits until that is durable.
    ///
    /// # Errors
    /// A name or value that breaks a rule or a limit; nothing has changed then.
    pub async fn update_environment(self: &Arc<Self>, changes: Vec<EnvironmentChange>) -> Result<()> {
        let secrets = self.deployment.secrets().clone();
        self.write(move |tx, _| Environment::new(tx, &secrets).apply(&changes)).await
    }

    /// Runs a mutation that belongs to no session.
    pub async fn mutation(self: &Arc<Self>, call: FunctionCall) -> Outcome {
        self.mutation_with_access(call, false).await
    }

    async fn mutation_with_access(self: &Arc<Self>, call: FunctionCall, tool: bool) -> Outcome {
        let (sender, receiver) = oneshot::channel();
        let request_id = call.request_id;
        self.submit_mutation_request(MutationRequest {
            call,
            tool,
            session: None,
            gate: None,
            done: self.counted(move |outcome| {
                // The waiting side may be gone.
                let _ = sender.send(outcome);
            }),
        });
        receiver.await.unwrap_or_else(|_| Outcome::failed(&gone(), request_id))
    }

    /// Runs a function of any kind by its path, for tools: internal ones too if the identity may.
    pub async fn any(self: &Arc<Self>, call: FunctionCall) -> Outcome {
        let kind = {
            let registry = self.registry();
            match registry.find(&call.path, Self::access(&call, true)) {
                Ok(entry) => entry.kind(),
                Err(error) => return Outcome::failed(&error, call.request_id),
            }
        };
        match kind {
            FunctionKind::Query => self.query_with_access(call, None, true).await,
            FunctionKind::Mutation => self.mutation_with_access(call, true).await,
            FunctionKind::Action | FunctionKind::HttpAction => self.action_with_access(call, true).await,
        }
    }

    /// Notes the end of a run of an existing function. The server's own functions are not what anybody wants to read
    /// or count: every open dashboard calls them.
    pub(crate) fn note_completion(
        &self,
        kind: FunctionKind,
        call: &FunctionCall,
        duration: Duration,
        outcome: &Outcome,
        usage: &TransactionUse,
    ) {
        self.note_run(kind, call, duration, outcome, usage, ExecutionId::new(call.request_id));
    }

    /// As [`Self::note_completion`], of a run that has been known by a name.
    pub(super) fn note_run(
        &self,
        kind: FunctionKind,
        call: &FunctionCall,
        duration: Duration,
        outcome: &Outcome,
        usage: &TransactionUse,
        execution: ExecutionId,
    ) {
        if call.path.is_system() {
            return;
        }
        let error = outcome.result.as_ref().err();
        let now = self.deployment.clock().unix_ms();
        self.metrics.of(&call.path).record(now, kind, duration, error.is_some());
        self.metrics.record_time(now, kind, duration);
        self.metrics.record_rows(now, usage);
        let usage = &usage.metrics;
        self.log.push(
            now,
            LogEvent::Completion(Box::new(Completion {
                duration,
                error: error.map(|error| error.detail().to_owned()),
                return_bytes: outcome.result.as_ref().map_or(0, |returned| returned.json().len()),
                usage: Usage {
                    read_bytes: usage.bytes_read,
                    write_bytes: usage.bytes_written,
                    read_documents: usage.documents_read,
                },
                log_lines: if kind == FunctionKind::Action { Vec::new() } else { outcome.log_lines.clone() },
                ..Completion::of(kind, call, execution)
            })),
        );
    }

    /// Notes an entry of the application's audit log.
    pub(crate) fn note_audit(&self, request_id: RequestId, body: serde_json::Value) {
        self.log.push(self.deployment.clock().unix_ms(), LogEvent::Audit { request_id, body });
    }

    /// Notes that a query was answered without running: what it printed is in the entry of the run.
    pub(super) fn note_cached(&self, call: &FunctionCall, result: &QueryResult) {
        if call.path.is_system() {
            return;
        }
        let now = self.deployment.clock().unix_ms();
        self.metrics.of(&call.path).record_cache_hit(now);
        self.log.push(
            now,
            LogEvent::Completion(Box::new(Completion {
                cached: true,
                error: result.json.as_ref().err().map(|error| error.detail().to_owned()),
                return_bytes: result.json.as_ref().map_or(0, |json| json.len()),
                ..Completion::of(FunctionKind::Query, call, ExecutionId::new(call.request_id))
            })),
        );
    }

    /// Notes that a query will run again because a commit touched what it shows.
    pub(super) fn note_invalidated(&self, path: &super::path::FunctionPath) {
        if !path.is_system() {
            self.metrics.of(path).record_invalidation(self.deployment.clock().unix_ms());
        }
    }

    /// Does blocking work on a query thread and waits for it.
    ///
    /// # Errors
    /// The work's own error, or that there is no room.
    pub(crate) async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T> + Send + 'static,
    ) -> Result<T> {
        on_pool(&self.mutations, work).await
    }
}

async fn on_pool<T: Send + 'static>(
    pool: &Pool,
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    let (sender, receiver) = oneshot::channel();
    pool.submit(move |waited| {
        // The waiting side may be gone.
        let _ = sender.send(check_waited(waited).and_then(|()| work()));
    })?;
    receiver.await.unwrap_or_else(|_| Err(gone()))
}

fn gone() -> Error {
    Error::internal("a function thread dropped a call without an answer")
}
