//! Live queries: results that sessions show and that are run again when a commit changes what they read.
//!
//! A live query is a function with arguments, the journal as it now stands, and, only if the function asks who
//! calls, the identity. All sessions that show it share its one result, encoded once. Whether a function asks
//! can depend on data: a shared query is run again with a trap, and when it asks for the first time it splits
//! into one query for each identity among its sessions.
//!
//! - [`LiveQueries`] (here): the lock around the state, the thread that follows the commits, and the runs;
//! - `state`: sessions, subscriptions, and at which timestamp a session can be told what;
//! - `wave`: commits make queries dirty, dirty ones are run again together, at one timestamp;
//! - `cache`: results that nobody shows, also those of single calls ([`LiveQueries::query`]).
//!
//! **Threads.** The state is plain data behind one mutex, held for as long as it takes to change some maps: no
//! function is run, nothing is encoded or hashed, and nobody is woken under it. So sessions ask on their own
//! threads without a detour through a queue, and one thread of our own is enough to follow the commits: it takes
//! all that were published since it looked last, and a commit that touches nothing costs a few look-ups.
//! Runs happen on the runner's threads; whoever ends one takes the next.
//!
//! Deliberately absent: the sync protocol (`session`), and running functions ([`QueryExecutor`]).

mod cache;
#[cfg(test)]
mod end_to_end;
mod executor;
mod query;
mod result;
mod state;
#[cfg(test)]
mod tests;
mod wave;

use std::hash::RandomState;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use fusion_schema::{Object, Value, json};
use parking_lot::{Condvar, Mutex};

use crate::auth::Identity;
use crate::clock::Moment;
use crate::database::{Database, LogEntry, Snapshot, Timestamp};
use crate::function::{Caller, FunctionCall, FunctionPath, IdentityAccess, Outcome, QueryRun, RequestId};
use crate::{Error, Result};
use cache::Offer;
pub use executor::{LiveRun, QueryExecutor, RunDone};
use query::QueryKey;
pub use result::{LiveUpdate, QueryResult};
use state::{Config, State};
use wave::{End, Run};

/// How often unused results are looked through for old ones.
const EXPIRY_INTERVAL: Duration = Duration::from_secs(5);

/// See the module's documentation. Clones are the same.
#[derive(Clone)]
pub struct LiveQueries {
    shared: Arc<Shared>,
    /// Ends the thread when the last clone is dropped.
    stop: Arc<StopOnDrop>,
}

struct Shared {
    state: Mutex<State<Snapshot>>,
    database: Database,
    /// The newest snapshot all of whose mutations have been answered: what sessions are told never overtakes the
    /// answer of a mutation.
    answered: ArcSwap<Snapshot>,
    executor: Box<dyn QueryExecutor>,
    /// Both clocks at the start: results that read the time age by the one that functions see, too, which may jump.
    started: (Moment, u64),
    /// Keys of the results' hashes, so that nobody outside can make two that are equal.
    hash_keys: RandomState,
}

/// What the thread waits for.
#[derive(Default)]
struct Signal {
    flags: Mutex<Flags>,
    changed: Condvar,
}

#[derive(Default)]
struct Flags {
    has_commits: bool,
    is_stopping: bool,
}

struct StopOnDrop(Arc<Signal>);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.flags.lock().is_stopping = true;
        self.0.changed.notify_all();
    }
}

impl std::fmt::Debug for LiveQueries {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LiveQueries").field("counts", &self.counts()).finish()
    }
}

/// How much there is, for metrics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LiveCounts {
    /// Live queries, unused ones included.
    pub queries: usize,
    /// What sessions show: each query of each session.
    pub subscriptions: usize,
    /// Sessions.
    pub sessions: usize,
    /// Bytes of unused results.
    pub cached_bytes: usize,
    /// Runs of live queries so far.
    pub runs: u64,
}

impl LiveQueries {
    /// Live queries of a database, of which `runs_max` are run at once. They are alive from [`Self::start`] on.
    pub fn new(database: Database, executor: Box<dyn QueryExecutor>, runs_max: usize) -> Self {
        let limits = database.limits();
        let config = Config {
            runs_max: runs_max.max(1),
            cache_ttl: limits.cache_ttl,
            cache_bytes_max: limits.cache_bytes_max,
            clock_age_max: limits.function_timeout + limits.function_system_timeout + Duration::from_secs(1),
        };
        let snapshot = database.published();
        let started = (Moment::now(), database.clock().unix_ns());
        let state = State::new(config, snapshot.ts(), snapshot.push_version(), snapshot.clone());
        let shared = Shared {
            state: Mutex::new(state),
            database,
            answered: ArcSwap::from_pointee(snapshot),
            executor,
            started,
            hash_keys: RandomState::new(),
        };
        Self { shared: Arc::new(shared), stop: Arc::new(StopOnDrop(Arc::default())) }
    }

    /// Starts to follow the commits.
    ///
    /// # Errors
    /// If the system refuses a thread.
    pub fn start(&self) -> Result<()> {
        let (shared, signal) = (Arc::downgrade(&self.shared), self.stop.0.clone());
        self.shared.database.on_publish(Arc::new(move || {
            // Listeners are called one after the other with publications, so none comes between.
            let Some(shared) = shared.upgrade() else { return };
            shared.answered.store(Arc::new(shared.database.published()));
            signal.flags.lock().has_commits = true;
            signal.changed.notify_one();
        }));
        let (shared, signal) = (self.shared.clone(), self.stop.0.clone());
        std::thread::Builder::new()
            .name("live queries".to_owned())
            .spawn(move || shared.follow(&signal))
            .map_err(|error| {
                Error::internal("The live query thread could not be started.").with_source(error)
            })?;
        Ok(())
    }

    /// A session that shows nothing yet, to anybody. `waker` is called when [`LiveSession::poll`] may have
    /// something new, from any thread; it must not block.
    pub fn session(&self, waker: Arc<dyn Fn() + Send + Sync>) -> LiveSession {
        let slot = self.shared.state.lock().open_session(waker);
        LiveSession { shared: self.shared.clone(), slot }
    }

    /// Runs a query for one caller, on everything published by now, or gives the result somebody else's run
    /// left if it still holds.
    pub async fn query(&self, call: FunctionCall) -> Outcome {
        let (sender, receiver) = tokio::sync::oneshot::channel();
        let request_id = call.request_id;
        self.submit_query(
            call,
            Box::new(move |outcome| {
                // The waiting side may be gone.
                let _ = sender.send(outcome);
            }),
        );
        receiver.await.unwrap_or_else(|_| {
            Outcome::failed(&Error::overloaded("ShuttingDown", "The server is shutting down."), request_id)
        })
    }

    /// [`Self::query`] for callers that do not wait; `done` may be called before this returns.
    pub fn submit_query(&self, call: FunctionCall, done: Box<dyn FnOnce(Outcome) + Send>) {
        let shared = &self.shared;
        let mut key = key(&call.path, call.args.clone(), None, &call.identity);
        // What the deployment itself may call is not for clients with the same identity.
        key.is_privileged |= call.caller.is_inside();
        let snapshot = shared.database.published();
        let (found, started) = shared.update(|state| {
            let found = match shared.commits(state.published, snapshot.ts()) {
                Some(entries) => state.look_up(&key, &call.identity, &entries),
                None => None,
            };
            if found.is_none() {
                state.begin_reading(snapshot.ts());
            }
            (found, state.started())
        });
        if let Some(result) = found {
            shared.executor.note_cached(&call, &result);
            return done(result.to_outcome(snapshot.ts()));
        }
        let identity = call.identity.clone();
        let (back, ts) = (Returning { shared: shared.clone(), ts: snapshot.ts() }, snapshot.ts());
        let identity_access = IdentityAccess::Open;
        let run = LiveRun { call, identity_access, journal: None, snapshot, may_be_refused: true };
        let finish = move |run: QueryRun| {
            let QueryRun { outcome, token, observed } = run;
            let result = Arc::new(QueryResult::new(outcome, &back.shared.hash_keys));
            let (read_identity, read_clock) = (observed.identity, observed.clock);
            let offered = result.clone();
            let offer = Offer { key, identity, read_identity, result: offered, token, started, read_clock };
            back.shared.update(|state| {
                back.shared.catch_up(state);
                state.offer(offer);
            });
            drop(back);
            done(result.to_outcome(ts));
        };
        shared.executor.start(run, Box::new(finish));
    }

    /// How much there is.
    pub fn counts(&self) -> LiveCounts {
        self.shared.state.lock().counts()
    }
}

/// Says, when dropped, that a snapshot is not read any more.
struct Returning {
    shared: Arc<Shared>,
    ts: Timestamp,
}

impl Drop for Returning {
    fn drop(&mut self) {
        self.shared.state.lock().end_reading(self.ts);
    }
}

fn key(path: &FunctionPath, args: Object, journal: Option<String>, identity: &Identity) -> QueryKey {
    QueryKey {
        path: path.clone(),
        args: json::encode(&Value::Object(args)).into(),
        journal: journal.map(Into::into),
        is_privileged: identity.is_admin(),
    }
}

impl Shared {
    /// The time since the start by the clock that says more.
    fn elapsed(&self) -> Duration {
        let (moment, unix_ns) = self.started;
        let by_clock = self.database.clock().unix_ns().saturating_sub(unix_ns);
        moment.elapsed().max(Duration::from_nanos(by_clock))
    }

    /// Changes the state; then wakes whom that concerns and starts what became due.
    fn update<R>(self: &Arc<Self>, change: impl FnOnce(&mut State<Snapshot>) -> R) -> R {
        let mut runs = Vec::new();
        let (result, wakes) = {
            let mut state = self.state.lock();
            state.now = state.now.max(self.elapsed());
            let result = change(&mut state);
            while let Some(run) = state.next_run() {
                runs.push(run);
            }
            (result, state.take_wakes())
        };
        wakes.iter().for_each(|wake| wake());
        runs.into_iter().for_each(|run| self.start(run));
        result
    }

    /// Takes note of everything published and answered.
    fn catch_up(&self, state: &mut State<Snapshot>) {
        let snapshot = Snapshot::clone(&self.answered.load());
        let (ts, push_version) = (snapshot.ts(), snapshot.push_version());
        if ts <= state.published {
            if ts == state.published {
                // The same in another form: nothing is to keep the old one in memory.
                state.latest = snapshot;
            }
            return;
        }
        match self.commits(state.published, ts) {
            Some(entries) => state.advance(&entries, ts, push_version, snapshot),
            None => state.advance_blindly(ts, push_version, snapshot),
        }
    }

    /// The commits after `after` up to `ts`; `None` if they are forgotten.
    fn commits(&self, after: Timestamp, ts: Timestamp) -> Option<Vec<Arc<LogEntry>>> {
        if ts <= after {
            return Some(Vec::new());
        }
        let mut entries = self.database.commits_since(after)?;
        entries.truncate(entries.partition_point(|entry| entry.ts <= ts));
        Some(entries)
    }

    /// Follows the commits until the last [`LiveQueries`] is gone.
    fn follow(self: &Arc<Self>, signal: &Signal) {
        loop {
            {
                let mut flags = signal.flags.lock();
                if !flags.has_commits && !flags.is_stopping {
                    signal.changed.wait_for(&mut flags, EXPIRY_INTERVAL);
                }
                if flags.is_stopping {
                    return;
                }
                flags.has_commits = false;
            }
            self.update(|state| {
                state.expire();
                self.catch_up(state);
            });
        }
    }

    fn start(self: &Arc<Self>, run: Run<Snapshot>) {
        let Run { ticket, key, identity, traps_identity, journal, snapshot, is_invalidated } = run;
        if is_invalidated {
            self.executor.note_invalidated(&key.path);
        }
        let args = match json::decode(&key.args) {
            Ok(Value::Object(args)) => args,
            // It was encoded from an object.
            _ => Object::new(),
        };
        let call = FunctionCall {
            path: key.path.clone(),
            args,
            identity,
            caller: Caller::SyncWorker,
            request_id: RequestId::new(),
            parent: None,
            // The result is everybody's who asks.
            origin: None,
        };
        let identity_access = if traps_identity { IdentityAccess::Trap } else { IdentityAccess::Open };
        let journal = journal.as_deref().map(str::to_owned);
        let run = LiveRun { call, identity_access, journal, snapshot, may_be_refused: false };
        let shared = self.clone();
        let done = move |run: QueryRun| {
            let QueryRun { outcome, token, observed } = run;
            let end = if traps_identity && observed.identity {
                End::Trapped
            } else {
                let result = Arc::new(QueryResult::new(outcome, &shared.hash_keys));
                let (read_identity, read_clock) = (observed.identity, observed.clock);
                End::Finished { result, token, read_identity, read_clock }
            };
            shared.update(|state| state.finish(ticket, end));
        };
        self.executor.start(run, Box::new(done));
    }
}

/// What one session shows; dropping it ends all its subscriptions.
pub struct LiveSession {
    shared: Arc<Shared>,
    slot: usize,
}

impl std::fmt::Debug for LiveSession {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LiveSession").field("slot", &self.slot).finish_non_exhaustive()
    }
}

impl LiveSession {
    /// Shows a query, in place of what had this id before. It runs with the session's identity, whatever the
    /// call's. `journal` is what the client has kept of the query's last result.
    pub fn add(&self, query_id: u32, call: FunctionCall, journal: Option<String>) {
        let FunctionCall { path, args, caller, request_id, parent, origin, .. } = call;
        // The identity's part of the key is the session's business.
        let key = key(&path, args, journal, &Identity::Anonymous);
        let found = self.shared.update(|state| {
            self.shared.catch_up(state);
            let found = state.add(self.slot, query_id, key);
            state.refresh_since(self.slot, self.shared.database.published().ts());
            found
        });
        if let Some((result, identity)) = found {
            let call =
                FunctionCall { path, args: Object::new(), identity, caller, request_id, parent, origin };
            self.shared.executor.note_cached(&call, &result);
        }
    }

    /// Ends a subscription; nothing happens if there is none with this id.
    pub fn remove(&self, query_id: u32) {
        self.shared.update(|state| state.remove(self.slot, query_id));
    }

    /// From here on, all queries show what this identity sees. Until all that depends on it is there,
    /// [`Self::poll`] tells nothing.
    pub fn set_identity(&self, identity: Identity) {
        self.shared.update(|state| {
            self.shared.catch_up(state);
            state.set_identity(self.slot, identity);
            state.refresh_since(self.slot, self.shared.database.published().ts());
        });
    }

    /// Has the waker called once the session can be told about `ts`, whether or not anything changed; `true` instead if
    /// that is so already.
    pub fn want_ts(&self, ts: Timestamp) -> bool {
        self.shared.update(|state| {
            let is_reached = state.can_tell(self.slot, ts);
            if !is_reached {
                state.want_ts(self.slot, ts);
            }
            is_reached
        })
    }

    /// What changed since the last call.
    pub fn poll(&self) -> LiveUpdate {
        self.shared.state.lock().poll(self.slot)
    }
}

impl Drop for LiveSession {
    fn drop(&mut self) {
        self.shared.update(|state| state.close_session(self.slot));
    }
}
