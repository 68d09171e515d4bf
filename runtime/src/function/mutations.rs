//! Running mutations: the hot path.
//!
//! Mutations of one client session run one after another in the order they arrived, whichever sockets they came
//! over. A session with waiting mutations has a *turn* on a thread: it runs them back to back, each beginning at
//! the head the one before it left, without waiting for the disk and without a switch of threads between them.
//! Responses are released by the database once what they tell is durable. After a bounded number of mutations the
//! turn goes to the end of the queue, so that no session keeps a thread for itself.

use std::collections::{HashMap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use fusion_schema::Value;
use parking_lot::Mutex;
use serde_json::Value as Json;

use super::call::{FunctionCall, FunctionKind};
use super::commit_gate::{CommitGate, Passage};
use super::execution::{Effect, Execution, Finished, IdentityAccess};
use super::log_line::LogLine;
use super::outcome::{Outcome, RequestId, Returned, UdfError};
use super::pausing;
use super::pool::check_waited;
use super::registry::{Access, FunctionEntry, FunctionRegistry};
use super::runner::FunctionRunner;
use crate::clock::Moment;
use crate::database::{CommitExtras, HeadLease, Timestamp, Transaction, TransactionUse};
use crate::limits::SESSION_MUTATIONS_MAX;
use crate::store::SessionRecord;
use crate::system::file_storage::UncommittedFiles;
use crate::{Error, ErrorKind, Result};

/// Mutations a session runs before others get the thread.
const TURN_LENGTH_MAX: usize = 32;
/// Losses after which a transaction takes a lease of the head.
const LOSSES_BEFORE_LEASE: usize = 2;
/// Sessions a map remembers before it forgets the idle ones.
const SESSIONS_PER_SHARD_MAX: usize = 4_096;
/// Sessions are spread over this many maps, so that threads seldom wait for each other.
const SHARDS: usize = 16;

/// Which request of which client session a mutation is: what makes a replay recognisable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SessionRequest {
    /// The session's UUID.
    pub session_id: u128,
    /// The request's number inside the session.
    pub request_id: u32,
}

/// Receives a mutation's outcome once everything it tells is durable. It runs on the database's publisher
/// thread, so it must not block.
pub type MutationDone = Box<dyn FnOnce(Outcome) + Send>;

/// A mutation that waits to be run.
pub(super) struct MutationRequest {
    pub(super) call: FunctionCall,
    /// Whether it may be an internal function and its absence is worded for tools.
    pub(super) tool: bool,
    pub(super) session: Option<SessionRequest>,
    /// What holds back showing the mutation's effect until it is answered.
    pub(super) gate: Option<Arc<CommitGate>>,
    pub(super) done: MutationDone,
}

/// Counts a mutation from when it was submitted until it is answered.
struct UnderWay(Arc<AtomicUsize>);

impl UnderWay {
    fn new(count: &Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count.clone())
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A client's session as far as its mutations go.
#[derive(Default)]
struct SessionState {
    waiting: VecDeque<MutationRequest>,
    /// Whether it has a turn, or waits for one.
    has_turn: bool,
    /// The highest request that may have been committed; unknown until the store was asked.
    last_request: Option<Option<u32>>,
}

/// The sessions with what waits for their turn. Idle ones are kept for a while: whoever knows the last request of a
/// session need not ask the store whether the next one is a replay.
#[derive(Default)]
pub(super) struct SessionQueues {
    /// Mutations that have no answer yet, those without a session included.
    under_way: Arc<AtomicUsize>,
    shards: [Mutex<HashMap<u128, SessionState>>; SHARDS],
}

impl SessionQueues {
    fn shard(&self, session_id: u128) -> &Mutex<HashMap<u128, SessionState>> {
        &self.shards[(session_id % SHARDS as u128) as usize]
    }

    /// Adds a mutation. `Ok(true)` if the session needs a turn, `Err` gives it back if the queue is full.
    fn push(
        &self,
        session_id: u128,
        request: MutationRequest,
    ) -> std::result::Result<bool, Box<MutationRequest>> {
        let mut shard = self.shard(session_id).lock();
        if shard.len() >= SESSIONS_PER_SHARD_MAX && !shard.contains_key(&session_id) {
            shard.retain(|_, session| session.has_turn);
        }
        let session = shard.entry(session_id).or_default();
        if session.waiting.len() >= SESSION_MUTATIONS_MAX {
            return Err(Box::new(request));
        }
        session.waiting.push_back(request);
        Ok(!std::mem::replace(&mut session.has_turn, true))
    }

    /// The session's next mutation; without one its turn is over and the next push needs a new one.
    fn pop(&self, session_id: u128) -> Option<MutationRequest> {
        let mut shard = self.shard(session_id).lock();
        let session = shard.get_mut(&session_id)?;
        let request = session.waiting.pop_front();
        if request.is_none() {
            session.has_turn = false;
        }
        request
    }

    /// The highest request that may have been committed, if it is known.
    fn last_request(&self, session_id: u128) -> Option<Option<u32>> {
        self.shard(session_id).lock().get(&session_id)?.last_request
    }

    /// Notes the highest request that may have been committed.
    fn set_last_request(&self, session_id: u128, last: Option<u32>) {
        if let Some(session) = self.shard(session_id).lock().get_mut(&session_id) {
            session.last_request = Some(session.last_request.flatten().max(last));
        }
    }
}

/// What a transaction's body wants to happen with it.
pub(crate) struct Attempt<T> {
    /// The transaction.
    pub(crate) tx: Transaction,
    /// Whether its writes are to be kept.
    pub(crate) commit: bool,
    /// The record to write along.
    pub(crate) record: Option<SessionRecord>,
    /// What the body gives.
    pub(crate) value: T,
}

impl FunctionRunner {
    /// Queues a mutation; `done` gets its outcome once that is durable. With a session, mutations of the session
    /// run in the order of these calls, and a request that was committed before is answered with its record.
    pub fn submit_mutation(
        self: &Arc<Self>,
        call: FunctionCall,
        session: Option<SessionRequest>,
        done: impl FnOnce(Outcome) + Send + 'static,
    ) {
        let done = self.counted(done);
        self.submit_mutation_request(MutationRequest { call, tool: false, session, gate: None, done });
    }

    /// As [`FunctionRunner::submit_mutation`], for a socket that must answer before it shows what was written: see
    /// [`CommitGate`].
    pub fn submit_gated_mutation(
        self: &Arc<Self>,
        call: FunctionCall,
        session: Option<SessionRequest>,
        gate: Arc<CommitGate>,
        done: impl FnOnce(Outcome) + Send + 'static,
    ) {
        let (gate, done) = (Some(gate), self.counted(done));
        self.submit_mutation_request(MutationRequest { call, tool: false, session, gate, done });
    }

    /// Counts a mutation as under way until `done` is called or given up.
    pub(super) fn counted(&self, done: impl FnOnce(Outcome) + Send + 'static) -> MutationDone {
        let under_way = UnderWay::new(&self.sessions().under_way);
        Box::new(move |outcome| {
            done(outcome);
            drop(under_way);
        })
    }

    pub(super) fn submit_mutation_request(self: &Arc<Self>, request: MutationRequest) {
        let Some(SessionRequest { session_id, .. }) = request.session else {
            return self.submit_alone(request);
        };
        match self.sessions().push(session_id, request) {
            Ok(true) => self.submit_turn(session_id),
            Ok(false) => {}
            Err(request) => refuse(
                *request,
                &Error::overloaded(
                    "TooManyConcurrentMutations",
                    format!(
                        "Too many concurrent mutations: {SESSION_MUTATIONS_MAX} of this client wait already. Wait for some of them first."
                    ),
                ),
            ),
        }
    }

    fn submit_alone(self: &Arc<Self>, request: MutationRequest) {
        // The closure owns the request even when the queue refuses it, so it is handed over through a cell.
        let cell = Arc::new(Mutex::new(Some(request)));
        let (runner, handed) = (self.clone(), cell.clone());
        let work = move |waited: Duration| {
            let Some(request) = handed.lock().take() else { return };
            match check_waited(waited) {
                Ok(()) => runner.run_mutation(request),
                Err(error) => refuse(request, &error),
            }
        };
        if let Err(error) = self.mutation_pool().submit(work) {
            let request = cell.lock().take();
            if let Some(request) = request {
                refuse(request, &error);
            }
        }
    }

    fn submit_turn(self: &Arc<Self>, session_id: u128) {
        let runner = self.clone();
        // At most one turn per session waits, and sessions are bounded by sockets.
        self.mutation_pool().submit_always(move |_| {
            for _ in 0..TURN_LENGTH_MAX {
                let Some(request) = runner.sessions().pop(session_id) else { return };
                runner.run_mutation(request);
            }
            runner.submit_turn(session_id);
        });
    }

    fn run_mutation(self: &Arc<Self>, request: MutationRequest) {
        let MutationRequest { call, tool, session, gate, done } = request;
        let mut passage = Passage::new(gate);
        let (outcome, durable_at) = match self.replay(session) {
            Ok(Some((outcome, ts))) => (outcome, ts),
            Ok(None) => self.execute_mutation(&call, tool, session, &mut passage),
            Err(error) => (Outcome::failed(&error, call.request_id), 0),
        };
        let request_id = call.request_id;
        let gate = passage.finish(durable_at);
        self.deployment().database.when_durable(
            durable_at,
            Box::new(move |durable| {
                done(match durable {
                    Ok(()) => outcome,
                    Err(error) => Outcome::failed(&error, request_id),
                });
                if let Some(gate) = gate {
                    gate.answered(durable_at);
                }
            }),
        );
    }

    /// The recorded answer to a request that was committed before.
    fn replay(&self, session: Option<SessionRequest>) -> Result<Option<(Outcome, Timestamp)>> {
        let Some(SessionRequest { session_id, request_id }) = session else { return Ok(None) };
        let database = &self.deployment().database;
        let last = match self.sessions().last_request(session_id) {
            Some(last) => last,
            None => {
                let last = database.last_request(session_id)?;
                self.sessions().set_last_request(session_id, last);
                last
            }
        };
        if last.is_none_or(|last| request_id > last) {
            return Ok(None);
        }
        match database.session_record(session_id, request_id)? {
            Some(record) => Ok(Some((read_record(&record)?, record.ts))),
            None => Ok(None),
        }
    }

    /// Runs a mutation until it commits or fails, and gives with its outcome the timestamp that must be durable
    /// before anybody hears of it.
    fn execute_mutation(
        self: &Arc<Self>,
        call: &FunctionCall,
        tool: bool,
        session: Option<SessionRequest>,
        passage: &mut Passage,
    ) -> (Outcome, Timestamp) {
        let started = Moment::now();
        let access = Self::access(call, tool);
        let mut is_known = true;
        let ran = self.transact(|tx| {
            // An attempt that lost committed nothing.
            passage.lose();
            let registry = self.registry_of(tx.snapshot());
            let found = pausing::check(tx.snapshot(), &call.path)
                .and_then(|()| registry.find_kind(&call.path, FunctionKind::Mutation, access));
            let attempt = match found {
                Ok(entry) => {
                    if let Some(session) = session {
                        // Before the commit: a record that nobody looks for would be worse than a lookup in vain.
                        self.sessions().set_last_request(session.session_id, Some(session.request_id));
                    }
                    self.attempt_mutation(tx, &registry, entry, call, session)
                }
                Err(error) => {
                    is_known = false;
                    Attempt { tx, commit: false, record: None, value: Ran::failed(error) }
                }
            };
            passage.begin();
            Ok(attempt)
        });
        let (mutation, ts) = match ran {
            Ok(ran) => ran,
            Err(error) => (Ran::failed(error), 0),
        };
        let Ran { result, log_lines, effects, files, usage } = mutation;
        if result.is_ok() {
            files.keep();
            self.schedule_effects(effects, ts, call.request_id);
        }
        let result = match result {
            Ok(mut value) => {
                if value.contains_commit_ts() {
                    value.resolve_commit_ts(ts as i64);
                }
                Ok(Returned::from_value(&value))
            }
            Err(error) => Err(UdfError::new(&error, call.request_id)),
        };
        let outcome = Outcome { result, log_lines, journal: None, ts };
        if is_known {
            self.note_completion(FunctionKind::Mutation, call, started.elapsed(), &outcome, &usage);
        }
        (outcome, ts)
    }

    fn attempt_mutation(
        &self,
        tx: Transaction,
        registry: &Arc<FunctionRegistry>,
        entry: &FunctionEntry,
        call: &FunctionCall,
        session: Option<SessionRequest>,
    ) -> Attempt<Ran> {
        let mut execution =
            Execution::new(tx, self.deployment().clone(), registry.clone(), call, IdentityAccess::Open);
        let result = run_guarded(&mut execution, entry, call);
        let Finished { mut tx, log_lines, effects, files, .. } = execution.finish();
        let usage = tx.take_usage();
        let record = match (&result, session) {
            // Running a mutation again that wrote nothing does no harm.
            (Ok(value), Some(session)) if !tx.is_read_only() => {
                Some(write_record(session, value, &log_lines))
            }
            _ => None,
        };
        Attempt {
            tx,
            commit: result.is_ok(),
            record,
            value: Ran { result, log_lines, effects, files, usage },
        }
    }

    /// Runs `body` in a transaction until it commits: again on the new head when it lost, and on a lease of the
    /// head after the second loss, so that it cannot lose any more. Gives the body's value and the timestamp that
    /// must be durable before anybody hears of it.
    ///
    /// # Errors
    /// The body's error, or one of the database; never a conflict.
    pub(crate) fn transact<T>(
        &self,
        mut body: impl FnMut(Transaction) -> Result<Attempt<T>>,
    ) -> Result<(T, Timestamp)> {
        let database = &self.deployment().database;
        // Whoever is alone has nobody to share a batch with.
        let is_unhurried = self.sessions().under_way.load(Ordering::Relaxed) <= 1;
        for _ in 0..LOSSES_BEFORE_LEASE {
            let attempt = body(database.begin_mutation())?;
            match settle(attempt, is_unhurried, |tx, extras| database.commit(tx, extras)) {
                Err(error) if error.kind() == ErrorKind::Conflict => self.count_rerun(),
                settled => return settled,
            }
        }
        let lease: HeadLease = database.lease_head()?;
        let attempt = body(lease.begin())?;
        settle(attempt, false, |tx, extras| lease.commit(tx, extras)).map_err(|error| match error.kind() {
            ErrorKind::Conflict => {
                Error::internal("a transaction lost on a lease of the head").with_source(error)
            }
            _ => error,
        })
    }

    /// Does what a transaction wanted done outside the database, once it is durable.
    pub(crate) fn schedule_effects(
        self: &Arc<Self>,
        effects: Vec<Effect>,
        ts: Timestamp,
        request_id: RequestId,
    ) {
        if effects.is_empty() {
            return;
        }
        let runner = self.clone();
        self.deployment().database.when_durable(
            ts,
            Box::new(move |durable| {
                if durable.is_err() {
                    return;
                }
                for effect in effects {
                    match effect {
                        Effect::DeleteBlob(uuid) => runner.deployment().files.delete_later(uuid),
                        Effect::JobDue => runner.deployment().alarm.ring(),
                        Effect::Audit(body) => runner.note_audit(request_id, body),
                    }
                }
            }),
        );
    }

    /// How a call's function is looked up.
    pub(super) const fn access(call: &FunctionCall, tool: bool) -> Access<'_> {
        if call.caller.is_inside() {
            Access::Inside
        } else if tool {
            Access::Tool(&call.identity)
        } else {
            Access::Client(&call.identity)
        }
    }
}

/// What one run of a mutation gave.
struct Ran {
    result: Result<Value>,
    log_lines: Vec<LogLine>,
    effects: Vec<Effect>,
    files: UncommittedFiles,
    usage: TransactionUse,
}

impl Ran {
    /// A run that never came to its function.
    fn failed(error: Error) -> Self {
        Self {
            result: Err(error),
            log_lines: Vec::new(),
            effects: Vec::new(),
            files: UncommittedFiles::default(),
            usage: TransactionUse::default(),
        }
    }
}

fn settle<T>(
    attempt: Attempt<T>,
    is_unhurried: bool,
    commit: impl FnOnce(Transaction, CommitExtras) -> Result<crate::database::Committed>,
) -> Result<(T, Timestamp)> {
    let Attempt { tx, commit: keep, record, value } = attempt;
    let ts = if keep { commit(tx, CommitExtras { record, is_unhurried })?.ts } else { tx.begin_ts() };
    Ok((value, ts))
}

/// Runs a function and turns a panic into an error of this call.
pub(super) fn run_guarded(
    execution: &mut Execution,
    entry: &FunctionEntry,
    call: &FunctionCall,
) -> Result<Value> {
    guard(call, || execution.run(entry, call.args.clone()))
}

/// Calls `run` and turns a panic into an error of this call. What a panic leaves half done is the transaction,
/// which must be thrown away with the error.
pub(crate) fn guard<T>(call: &FunctionCall, run: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|panic| Err(panicked(&*panic, call)))
}

/// The code of the error of a call whose function panicked.
pub(crate) const PANICKED: &str = "FunctionPanicked";

/// The error of a call whose function panicked; what it said goes to the log.
pub(super) fn panicked(panic: &(dyn std::any::Any + Send), call: &FunctionCall) -> Error {
    let text = panic
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_default();
    tracing::error!(function = %call.path, request_id = %call.request_id, panic = text, "a function panicked");
    Error::new(ErrorKind::Internal, PANICKED, format!("the function {} panicked: {text}", call.path))
}

fn refuse(request: MutationRequest, error: &Error) {
    let outcome = Outcome::failed(error, request.call.request_id);
    (request.done)(outcome);
}

/// The record of a committed request; its timestamp is filled in at the commit.
fn write_record(session: SessionRequest, value: &Value, log_lines: &[LogLine]) -> SessionRecord {
    let lines = if log_lines.is_empty() {
        String::new()
    } else {
        Json::Array(log_lines.iter().map(LogLine::to_json).collect()).to_string()
    };
    // JSON escapes line breaks, so the first one separates the two parts.
    let payload = format!("{lines}\n{}", fusion_schema::json::encode(value));
    SessionRecord { session: session.session_id, request: session.request_id, ts: 0, payload: payload.into() }
}

/// The outcome a record stands for.
fn read_record(record: &SessionRecord) -> Result<Outcome> {
    let damaged = || Error::internal("the record of an earlier request is damaged");
    let (lines, result) = record.payload.split_once('\n').ok_or_else(damaged)?;
    let log_lines = if lines.is_empty() {
        Vec::new()
    } else {
        let lines: Vec<Json> = serde_json::from_str(lines).map_err(|_| damaged())?;
        lines.iter().filter_map(LogLine::from_json).collect()
    };
    let mut result: Arc<str> = result.into();
    if result.contains("$commitTs") {
        let mut value = fusion_schema::json::decode(&result).map_err(|_| damaged())?;
        value.resolve_commit_ts(record.ts as i64);
        result = fusion_schema::json::encode(&value).into();
    }
    Ok(Outcome { result: Ok(Returned::from_json(result)), log_lines, journal: None, ts: record.ts })
}
