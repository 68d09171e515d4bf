//! [`Session`]: the sync protocol of one connection as a pure step function.
//!
//! ```text
//! text frames ─┐                       ┌─ text frames, pings, close
//! verifications ├─▶ Session::step ──▶ ├─ verify these credentials, use this identity
//! live updates ─┤   (no I/O,          ├─ subscribe, unsubscribe
//! answers, ticks┘    no clock)        └─ run these mutations and actions, in this order
//! ```
//!
//! The rules it keeps, whatever the order of events:
//! - A Transition starts where the last one ended and its timestamp never falls.
//! - Messages after an Authenticate wait for its verification and then run under the new identity.
//! - A mutation's response goes out before any Transition that may contain its effect: the driver hands in
//!   answers before the update that was polled after them.
//! - After every successful mutation's response follows a Transition at its timestamp or later, even an empty
//!   one; one Transition may serve many responses.
//! - A version of the query set is reached when all its queries have results; while a slow one has none, the
//!   others' changes and what mutations are owed go out under the former version.
//! - At most [`TRANSITIONS_UNSENT_MAX`] Transitions wait for the socket; what changes meanwhile is merged.
//!
//! Absent on purpose: the order *between* running mutations (the runner's queue per session id) and the
//! results themselves (the live queries').

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use super::close::{Close, Farewell};
use super::protocol::{
    self, AddQuery, ClientMessage, Connect, Credentials, Ending, QuerySetModification, Request, StateVersion,
    TransitionWriter,
};
use crate::error::{Error, ErrorKind};
use crate::function::live::{LiveUpdate, QueryResult};
use crate::function::{LogLine, Outcome, UdfError};

/// Transitions handed to the socket and not yet written; more are not made until it has caught up.
pub const TRANSITIONS_UNSENT_MAX: u32 = 2;
/// Mutations of a session that wait or run; one more closes the connection.
pub const MUTATIONS_QUEUED_MAX: usize = 1000;
/// Actions of a session that run; one more closes the connection.
pub const ACTIONS_RUNNING_MAX: usize = 1000;
/// Messages that wait for a verification; one more closes the connection. The driver stops reading before.
pub const MESSAGES_HELD_MAX: usize = 1000;
/// The part of a Transition that one TransitionChunk carries, in bytes of its text.
pub const TRANSITION_CHUNK_SIZE: usize = 5_000_000;
/// Silence after which the client is sent a Ping message.
const PING_INTERVAL: Duration = Duration::from_secs(15);
/// Interval of WebSocket pings, which keep proxies from cutting idle connections.
const SOCKET_PING_INTERVAL: Duration = Duration::from_secs(5);
/// Silence of the client after which it is given up.
const CLIENT_TIMEOUT: Duration = Duration::from_secs(120);

/// The time of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Now {
    /// Time since the connection began, monotonic.
    pub elapsed: Duration,
    /// Nanoseconds since the Unix epoch.
    pub unix_ns: u64,
}

/// An identity that passed verification.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verified {
    /// When it ends, in nanoseconds since the Unix epoch.
    pub expires_ns: Option<u64>,
}

/// What happens to a session.
#[derive(Debug)]
pub enum Event<'a> {
    /// A text frame arrived.
    Text(&'a str),
    /// A binary frame arrived.
    Binary,
    /// Some other sign of life arrived: a ping or a pong.
    Heard,
    /// A frame arrived that is larger than the server takes.
    TooLarge,
    /// The verification asked for by [`Effect::Verify`] ended.
    Verified(Result<Verified, Error>),
    /// A query could not be called at all; the result says why.
    QueryRejected(u32, Arc<QueryResult>),
    /// The live queries moved on.
    Live(LiveUpdate),
    /// A mutation ended; if it succeeded, a later Transition must reach the outcome's timestamp.
    MutationDone(u32, Outcome),
    /// An action ended.
    ActionDone(u32, Outcome),
    /// The system, not a function, failed to serve the connection.
    Failed(Error),
    /// Everything sent so far is with the operating system.
    Flushed,
    /// The time of [`Session::deadline`] came.
    Tick,
}

/// What a session wants done, in order.
#[derive(Debug, PartialEq)]
pub enum Effect {
    /// Send a text frame.
    Send(String),
    /// Send a WebSocket ping.
    SocketPing,
    /// The client told its session id.
    Connected(u128),
    /// Verify credentials and report [`Event::Verified`].
    Verify(Credentials),
    /// From here on, use the identity that was verified last.
    UseVerified,
    /// From here on, use no identity.
    UseAnonymous,
    /// Subscribe a query.
    Add(AddQuery),
    /// End a subscription.
    Remove(u32),
    /// Queue a mutation behind the earlier ones of this session.
    Mutation(Request),
    /// Run an action.
    Action(Request),
    /// Close the connection with this code and reason, after what was sent.
    Close(Option<u16>, String),
    /// Drop the connection: nobody is there.
    Drop,
}

/// How a session speaks.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// Whether the client can put TransitionChunks together.
    pub takes_chunks: bool,
    /// Whether clients are shown neither log lines nor the details of errors.
    pub redact: bool,
}

fn ending(outcome: &Outcome, redact: bool) -> Ending<'_> {
    match &outcome.result {
        Ok(returned) => Ending::Success(returned.json()),
        Err(error) => failed(error, redact),
    }
}

fn failed(error: &UdfError, redact: bool) -> Ending<'_> {
    Ending::Failure { message: error.text(redact), data: error.data.as_ref() }
}

fn log_lines(lines: &[LogLine], redact: bool) -> Vec<String> {
    if redact { Vec::new() } else { lines.iter().map(ToString::to_string).collect() }
}

/// Whether the same call may succeed after a pause.
const fn is_passing(error: &UdfError) -> bool {
    matches!(error.kind, ErrorKind::Overloaded | ErrorKind::RateLimited | ErrorKind::Conflict)
}

/// One connection's side of the protocol: see the module's documentation.
#[derive(Debug)]
pub struct Session {
    options: Options,
    published_ts: u64,
    is_closed: bool,
    is_connected: bool,
    clock_skew: Option<f64>,

    /// The versions of the last Transition sent.
    sent: StateVersion,
    /// The newest versions of what was processed; the next Transition leads there.
    query_set: u32,
    identity: u32,
    queries: HashSet<u32>,
    /// What the next Transition says.
    removed: Vec<u32>,
    changed: BTreeMap<u32, Arc<QueryResult>>,
    /// The timestamp the next Transition must reach for a mutation whose response went out.
    owed_ts: Option<u64>,
    transitions_sent: u64,
    transitions_unsent: u32,

    is_verifying: bool,
    held: VecDeque<ClientMessage>,
    expires: Option<Duration>,

    mutations: usize,
    actions: usize,

    heard: Duration,
    spoke: Duration,
    pinged: Duration,
}

impl Session {
    /// A fresh connection.
    pub fn new(options: Options) -> Self {
        Self {
            options,
            published_ts: 0,
            is_closed: false,
            is_connected: false,
            clock_skew: None,
            sent: StateVersion::default(),
            query_set: 0,
            identity: 0,
            queries: HashSet::new(),
            removed: Vec::new(),
            changed: BTreeMap::new(),
            owed_ts: None,
            transitions_sent: 0,
            transitions_unsent: 0,
            is_verifying: false,
            held: VecDeque::new(),
            expires: None,
            mutations: 0,
            actions: 0,
            heard: Duration::ZERO,
            spoke: Duration::ZERO,
            pinged: Duration::ZERO,
        }
    }

    /// Tells the newest published timestamp; needed before a Connect message is stepped.
    pub const fn set_published_ts(&mut self, ts: u64) {
        self.published_ts = ts;
    }

    /// Whether frames should be read: not while a verification holds them up.
    pub const fn wants_input(&self) -> bool {
        !self.is_verifying && !self.is_closed
    }

    /// Whether an update of the live queries can be taken: not while Transitions pile up.
    pub const fn can_update(&self) -> bool {
        self.transitions_unsent < TRANSITIONS_UNSENT_MAX && !self.is_closed
    }

    /// Whether a Transition is due even if no result changes.
    pub const fn wants_update(&self) -> bool {
        self.query_set != self.sent.query_set
            || self.identity != self.sent.identity
            || self.owed_ts.is_some()
            || !self.removed.is_empty()
    }

    /// The timestamp that the next Transition must reach, if it must reach one.
    pub const fn owed_ts(&self) -> Option<u64> {
        self.owed_ts
    }

    /// Whether the connection is over.
    pub const fn is_closed(&self) -> bool {
        self.is_closed
    }

    /// When [`Event::Tick`] is due next, as time since the connection began.
    pub fn deadline(&self) -> Duration {
        let next = (self.spoke + PING_INTERVAL)
            .min(self.pinged + SOCKET_PING_INTERVAL)
            .min(self.heard + CLIENT_TIMEOUT);
        self.expires.map_or(next, |expires| next.min(expires))
    }

    /// Takes one event and appends what it wants done.
    pub fn step(&mut self, now: Now, event: Event<'_>, effects: &mut Vec<Effect>) {
        if self.is_closed {
            return;
        }
        let mut step = Step { session: self, now, effects };
        if let Err(error) = step.take(event) {
            step.fail(&error);
        }
    }
}

/// One step: the session, the time and where effects go.
struct Step<'a> {
    session: &'a mut Session,
    now: Now,
    effects: &'a mut Vec<Effect>,
}

impl Step<'_> {
    fn take(&mut self, event: Event<'_>) -> Result<(), Error> {
        match event {
            Event::Text(text) => {
                self.session.heard = self.now.elapsed;
                let message = ClientMessage::parse(text)
                    .map_err(|error| Error::bad_request("InvalidMessage", error.to_string()))?;
                return self.receive(message);
            }
            Event::Binary => {
                return Err(Error::bad_request(
                    "BinaryMessage",
                    "The sync protocol consists of text frames, but a binary frame arrived.",
                ));
            }
            Event::TooLarge => {
                return Err(Error::bad_request(
                    "MessageTooLarge",
                    "The message is larger than the server takes. Send less in one message.",
                ));
            }
            Event::Heard => self.session.heard = self.now.elapsed,
            Event::Verified(verified) => return self.verified(verified),
            Event::QueryRejected(query_id, result) => {
                if self.session.queries.contains(&query_id) {
                    self.session.changed.insert(query_id, result);
                }
            }
            Event::Live(update) => self.live(update),
            Event::MutationDone(request_id, outcome) => return self.mutation_done(request_id, &outcome),
            Event::ActionDone(request_id, outcome) => {
                self.session.actions = self.session.actions.saturating_sub(1);
                let redact = self.session.options.redact;
                let lines = log_lines(&outcome.log_lines, redact);
                self.send(protocol::action_response(request_id, ending(&outcome, redact), &lines));
            }
            Event::Failed(error) => return Err(error),
            Event::Flushed => self.session.transitions_unsent = 0,
            Event::Tick => self.tick(),
        }
        Ok(())
    }

    /// Processes a message, or holds it while a verification runs.
    fn receive(&mut self, message: ClientMessage) -> Result<(), Error> {
        if !self.session.is_verifying {
            return self.process(message);
        }
        if self.session.held.len() >= MESSAGES_HELD_MAX {
            return Err(Error::overloaded(
                "TooManyConcurrentRequests",
                "Too many messages wait for the verification of a token.",
            ));
        }
        self.session.held.push_back(message);
        Ok(())
    }

    fn process(&mut self, message: ClientMessage) -> Result<(), Error> {
        match message {
            ClientMessage::Connect(connect) => self.connect(&connect),
            ClientMessage::ModifyQuerySet { base_version, new_version, modifications } => {
                self.modify(base_version, new_version, modifications)
            }
            ClientMessage::Mutation(request) => {
                if self.session.mutations >= MUTATIONS_QUEUED_MAX {
                    return Err(Error::overloaded(
                        "TooManyConcurrentMutations",
                        format!("More than {MUTATIONS_QUEUED_MAX} mutations of one client wait."),
                    ));
                }
                self.session.mutations += 1;
                self.effects.push(Effect::Mutation(request));
                Ok(())
            }
            ClientMessage::Action(request) => {
                if self.session.actions >= ACTIONS_RUNNING_MAX {
                    return Err(Error::overloaded(
                        "TooManyConcurrentActions",
                        format!("More than {ACTIONS_RUNNING_MAX} actions of one client run."),
                    ));
                }
                self.session.actions += 1;
                self.effects.push(Effect::Action(request));
                Ok(())
            }
            ClientMessage::Authenticate { base_version, credentials } => {
                self.authenticate(base_version, credentials)
            }
            ClientMessage::Event => Ok(()),
        }
    }

    fn connect(&mut self, connect: &Connect) -> Result<(), Error> {
        if std::mem::replace(&mut self.session.is_connected, true) {
            return Err(Error::bad_request(
                "AlreadyConnected",
                "A connection takes one Connect message, but a second one arrived.",
            ));
        }
        if connect.max_observed_ts.is_some_and(|observed| observed > self.session.published_ts) {
            // Older data than the client has seen would make its own writes vanish.
            return Err(Error::internal(
                "The client has seen a later state of the database than this server has.",
            ));
        }
        let server_ms = (self.now.unix_ns / 1_000_000) as f64;
        self.session.clock_skew = connect.client_ts.map(|client_ms| client_ms - server_ms);
        self.effects.push(Effect::Connected(connect.session_id));
        Ok(())
    }

    fn modify(
        &mut self,
        base_version: u32,
        new_version: u32,
        modifications: Vec<QuerySetModification>,
    ) -> Result<(), Error> {
        let version = self.session.query_set;
        if base_version != version {
            return Err(Error::bad_request(
                "BaseVersionMismatch",
                format!(
                    "The query set is at version {version}, but the message changes version {base_version}."
                ),
            ));
        }
        if new_version <= base_version {
            return Err(Error::bad_request(
                "BaseVersionMismatch",
                format!("The query set cannot go from version {base_version} to version {new_version}."),
            ));
        }
        self.session.query_set = new_version;
        for modification in modifications {
            match modification {
                QuerySetModification::Add(add) => {
                    let query_id = add.query_id;
                    if !self.session.queries.insert(query_id) {
                        return Err(Error::bad_request(
                            "DuplicateQueryId",
                            format!("The query {query_id} is already in the query set."),
                        ));
                    }
                    self.effects.push(Effect::Add(add));
                }
                QuerySetModification::Remove { query_id } => {
                    if !self.session.queries.remove(&query_id) {
                        return Err(Error::bad_request(
                            "UnknownQueryId",
                            format!("The query {query_id} is not in the query set."),
                        ));
                    }
                    self.session.changed.remove(&query_id);
                    self.session.removed.push(query_id);
                    self.effects.push(Effect::Remove(query_id));
                }
            }
        }
        Ok(())
    }

    fn authenticate(&mut self, base_version: u32, credentials: Credentials) -> Result<(), Error> {
        let version = self.session.identity;
        if base_version != version {
            return Err(Error::internal(format!(
                "The identity is at version {version}, but the message changes version {base_version}."
            )));
        }
        if credentials == Credentials::None {
            self.session.identity += 1;
            self.session.expires = None;
            self.effects.push(Effect::UseAnonymous);
        } else {
            self.session.is_verifying = true;
            self.effects.push(Effect::Verify(credentials));
        }
        Ok(())
    }

    fn verified(&mut self, verified: Result<Verified, Error>) -> Result<(), Error> {
        if !std::mem::replace(&mut self.session.is_verifying, false) {
            return Err(Error::internal("A verification ended that was not asked for."));
        }
        let verified = match verified {
            Ok(verified) => verified,
            Err(error) if error.is_deterministic() => {
                self.refuse(error.message(), true);
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        self.session.identity += 1;
        self.session.expires = verified
            .expires_ns
            .map(|ns| self.now.elapsed + Duration::from_nanos(ns.saturating_sub(self.now.unix_ns)));
        self.effects.push(Effect::UseVerified);
        while !self.session.is_verifying {
            let Some(message) = self.session.held.pop_front() else { break };
            self.process(message)?;
        }
        Ok(())
    }

    fn mutation_done(&mut self, request_id: u32, outcome: &Outcome) -> Result<(), Error> {
        self.session.mutations = self.session.mutations.saturating_sub(1);
        match &outcome.result {
            // The client brings its mutations again after a pause; an answer would make it give up.
            Err(error) if is_passing(error) => return Err(error.to_error()),
            // A failed one too: the Rust client hands out a ConvexError with the next Transition only.
            Ok(_) | Err(_) => self.session.owed_ts = self.session.owed_ts.max(Some(outcome.ts)),
        }
        let redact = self.session.options.redact;
        let lines = log_lines(&outcome.log_lines, redact);
        self.send(protocol::mutation_response(request_id, ending(outcome, redact), outcome.ts, &lines));
        Ok(())
    }

    fn live(&mut self, update: LiveUpdate) {
        let session = &mut *self.session;
        for (query_id, result) in update.changes {
            // A query that was removed after the update was computed is gone for the client.
            if session.queries.contains(&query_id) {
                session.changed.insert(query_id, result);
            }
        }
        let is_behind = update.ts < session.sent.ts;
        // Results of two identities must not meet in one Transition.
        let is_switching = session.identity != session.sent.identity;
        // A client that reconnected shows its old results until the first Transition: that one has them all.
        let is_first = session.sent.query_set == 0;
        let must_wait = !update.is_settled && (is_switching || is_first);
        if must_wait || is_behind || session.transitions_unsent >= TRANSITIONS_UNSENT_MAX {
            return;
        }
        // While added queries have no result yet, the rest goes on under the former versions.
        let (query_set, identity) = if update.is_settled {
            (session.query_set, session.identity)
        } else {
            (session.sent.query_set, session.sent.identity)
        };
        let end = StateVersion { query_set, identity, ts: update.ts };
        let is_owed = session.owed_ts.is_some_and(|owed| owed <= update.ts);
        let is_advanced = query_set != session.sent.query_set || identity != session.sent.identity;
        // Before it has named its queries, a client cares for nothing but its mutations.
        let is_early = session.query_set == 0;
        let has_news = is_advanced || !session.changed.is_empty() || !session.removed.is_empty();
        if !is_owed && (is_early || !has_news) {
            return;
        }
        if is_owed {
            session.owed_ts = None;
        }
        let text = self.transition(end);
        self.session.sent = end;
        self.session.transitions_sent += 1;
        self.session.transitions_unsent += 1;
        if self.session.options.takes_chunks && text.len() > TRANSITION_CHUNK_SIZE {
            let id = self.session.transitions_sent.to_string();
            for chunk in protocol::transition_chunks(&text, TRANSITION_CHUNK_SIZE, &id) {
                self.send(chunk);
            }
        } else {
            self.send(text);
        }
    }

    fn transition(&mut self, end: StateVersion) -> String {
        let session = &mut *self.session;
        let redact = session.options.redact;
        let size = |result: &Arc<QueryResult>| {
            128 + match &result.json {
                Ok(json) => json.len(),
                Err(error) => error.message.len(),
            }
        };
        let size = session.changed.values().map(size).sum::<usize>() + session.removed.len() * 48;
        let mut writer = TransitionWriter::new(session.sent, end, size);
        for query_id in session.removed.drain(..) {
            writer.removed(query_id);
        }
        for (query_id, result) in std::mem::take(&mut session.changed) {
            let lines = log_lines(&result.log_lines, redact);
            let ending =
                result.json.as_ref().map_or_else(|error| failed(error, redact), |json| Ending::Success(json));
            writer.result(query_id, ending, &lines, result.journal.as_deref());
        }
        writer.finish(session.clock_skew, self.now.unix_ns)
    }

    fn tick(&mut self) {
        let now = self.now.elapsed;
        if now >= self.session.heard + CLIENT_TIMEOUT {
            self.session.is_closed = true;
            self.effects.push(Effect::Drop);
            return;
        }
        if let Some(expires) = self.session.expires
            && now >= expires
        {
            let seconds = (now - expires).as_secs();
            self.refuse(&format!("Token expired {seconds} seconds ago"), false);
            return;
        }
        if now >= self.session.pinged + SOCKET_PING_INTERVAL {
            self.session.pinged = now;
            self.effects.push(Effect::SocketPing);
        }
        if now >= self.session.spoke + PING_INTERVAL {
            self.send(protocol::PING.to_owned());
        }
    }

    fn send(&mut self, text: String) {
        self.session.spoke = self.now.elapsed;
        self.effects.push(Effect::Send(text));
    }

    /// Ends the connection with an AuthError.
    fn refuse(&mut self, error: &str, update_attempted: bool) {
        self.send(protocol::auth_error(error, self.session.identity, update_attempted));
        self.close(None, String::new());
    }

    /// Ends the connection because of an error.
    fn fail(&mut self, error: &Error) {
        if error.kind() == ErrorKind::Internal {
            let source = std::error::Error::source(error).map(tracing::field::display);
            tracing::error!(source, "a connection is closed because of an internal error: {error}");
        }
        let Close { farewell, code, reason } = Close::of(error);
        match farewell {
            Some(Farewell::Fatal(text)) => self.send(protocol::fatal_error(&text)),
            Some(Farewell::Auth(text)) => {
                self.send(protocol::auth_error(&text, self.session.identity, false))
            }
            None => {}
        }
        self.close(code, reason);
    }

    fn close(&mut self, code: Option<u16>, reason: String) {
        self.session.is_closed = true;
        self.session.held.clear();
        self.effects.push(Effect::Close(code, reason));
    }
}
