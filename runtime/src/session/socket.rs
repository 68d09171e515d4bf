//! Drives one [`Session`] over one WebSocket: a single task that reads many frames per wake-up, hands the runner
//! what they ask for, and writes many messages per flush.
//!
//! The order within one turn carries the protocol's promise that a mutation's response precedes the Transition
//! with its effect: the live queries are asked first, then it is made sure that no commit of this socket is on its
//! way to its answer ([`CommitGate`]), then the answers are collected and handed to the session, and last the
//! update. A commit releases its answers before the live queries see it, so whatever an update contains has its
//! answer in the mailbox by then.

use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket};
use futures_util::{Sink as _, Stream as _};
use tokio::sync::watch;
use tokio::time::Sleep;

use super::ClientVersion;
use super::mailbox::{Answer, Mailbox};
use super::protocol::{AddQuery, Credentials, Request, Target};
use super::state::{Effect, Event, Now, Options, Session, Verified};
use fusion_schema::Object;

use crate::auth::{self, Authenticator, Identity, UserIdentity};
use crate::clock::{Clock, Moment};
use crate::database::Database;
use crate::error::{Error, Result};
use crate::function::live::{LiveQueries, LiveSession, LiveUpdate, QueryResult};
use crate::function::{
    Caller, CommitGate, FunctionCall, FunctionPath, FunctionRunner, Origin, Outcome, RequestId,
    SessionRequest, UdfError,
};

/// The largest message taken, in bytes: the arguments of one call and some room, or many small queries.
pub const MESSAGE_SIZE_MAX: usize = 17 << 20;
/// Bytes read from the socket at once; every open socket holds a buffer of this size.
pub const READ_BUFFER_SIZE: usize = 4 << 10;
/// Bytes collected before they are written even without a flush.
pub const WRITE_BUFFER_SIZE: usize = 64 << 10;
/// Frames taken in one turn before the rest of the turn has its share.
const FRAMES_PER_TURN: usize = 256;
/// Messages waiting for the socket at which no more frames are read: a client that sends without reading waits.
const OUTGOING_MAX: usize = 4096;
/// Bytes waiting for the socket at which no more frames are read.
const OUTGOING_BYTES_MAX: usize = 16 << 20;
/// How long the client may take to answer a close.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

/// What sockets need of the server.
pub struct SocketContext {
    /// Runs mutations and actions.
    pub runner: Arc<FunctionRunner>,
    /// The results that sockets show.
    pub live: LiveQueries,
    /// Tells the newest published timestamp.
    pub database: Database,
    /// Verifies tokens.
    pub authenticator: Arc<Authenticator>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Whether clients are shown neither log lines nor the details of errors.
    pub redact: bool,
    /// Becomes true when the server shuts down.
    pub shutdown: watch::Receiver<bool>,
    /// The number of open sockets.
    pub open: Arc<AtomicUsize>,
}

impl std::fmt::Debug for SocketContext {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SocketContext").field("open", &self.open).finish_non_exhaustive()
    }
}

/// Serves a socket until it ends.
pub async fn serve(socket: WebSocket, context: Arc<SocketContext>, client: ClientVersion, origin: Origin) {
    let open = context.open.clone();
    open.fetch_add(1, Ordering::Relaxed);
    let mut shutdown = context.shutdown.clone();
    let mut driver = Driver::new(socket, context, &client, origin);
    let closing = async {
        // An error means that the server is gone.
        let _ = shutdown.wait_for(|is_over| *is_over).await;
    };
    let mut closing = Box::pin(closing);
    poll_fn(|cx| {
        if !driver.is_closing && closing.as_mut().poll(cx).is_ready() {
            driver.close(Some(1001), "ServerShutdown".to_owned());
        }
        driver.turn(cx)
    })
    .await;
    drop(driver);
    open.fetch_sub(1, Ordering::Relaxed);
}

/// An identity, and the token that shows it.
type Identified = (Identity, Option<String>);

struct Driver {
    socket: WebSocket,
    context: Arc<SocketContext>,
    session: Session,
    mailbox: Arc<Mailbox>,
    live: LiveSession,
    began: Moment,
    session_id: Option<u128>,
    identity: Identity,
    /// Where the socket came from, with the token of the identity.
    origin: Arc<Origin>,
    /// The verification under way, and then its identity until the session takes it.
    verifying: Option<Pin<Box<dyn Future<Output = Result<Identified>> + Send>>>,
    verified: Option<Identified>,
    /// An update that waits for the gate.
    held_update: Option<LiveUpdate>,
    /// Holds updates back that show a commit of this socket that has no answer yet.
    gate: Arc<CommitGate>,
    /// The timestamp the live queries were last asked to wake it for.
    wanted_ts: Option<u64>,
    /// Whether the session may have become due for a Transition since the live queries were asked.
    is_stirred: bool,
    outgoing: VecDeque<Message>,
    outgoing_bytes: usize,
    is_unflushed: bool,
    /// Whether nothing more is said or heard, except what is on its way.
    is_closing: bool,
    /// Whether the socket gives no more frames.
    is_deaf: bool,
    is_over: bool,
    timer: Pin<Box<Sleep>>,
    armed: Duration,
    // Kept for their memory.
    effects: Vec<Effect>,
    answers: Vec<Answer>,
}

impl Driver {
    fn new(socket: WebSocket, context: Arc<SocketContext>, client: &ClientVersion, origin: Origin) -> Self {
        let mailbox = Arc::new(Mailbox::default());
        let waker = mailbox.clone();
        let live = context.live.session(Arc::new(move || waker.live_news()));
        let waker = mailbox.clone();
        let gate = Arc::new(CommitGate::new(move || waker.wake()));
        let session = Session::new(Options { takes_chunks: client.takes_chunks(), redact: context.redact });
        let began = Moment::now();
        let armed = session.deadline();
        Self {
            socket,
            session,
            mailbox,
            live,
            began,
            session_id: None,
            identity: Identity::Anonymous,
            origin: Arc::new(origin),
            verifying: None,
            verified: None,
            held_update: None,
            gate,
            wanted_ts: None,
            is_stirred: false,
            outgoing: VecDeque::new(),
            outgoing_bytes: 0,
            is_unflushed: false,
            is_closing: false,
            is_deaf: false,
            is_over: false,
            timer: Box::pin(tokio::time::sleep_until(began.after(armed).instant().into())),
            armed,
            context,
            effects: Vec::new(),
            answers: Vec::new(),
        }
    }

    /// One wake-up: everything that can be done now. Ready when the connection is over.
    fn turn(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.mailbox.register(cx.waker());
        loop {
            let mut has_more = self.read(cx);
            self.verify(cx);
            self.update();
            self.tick(cx);
            has_more |= self.write(cx);
            if self.is_over {
                return Poll::Ready(());
            }
            if !has_more {
                return Poll::Pending;
            }
        }
    }

    fn step(&mut self, event: Event<'_>) {
        let now = Now { elapsed: self.began.elapsed(), unix_ns: self.context.clock.unix_ns() };
        let mut effects = std::mem::take(&mut self.effects);
        self.session.step(now, event, &mut effects);
        for effect in effects.drain(..) {
            self.apply(effect);
        }
        self.effects = effects;
    }

    /// Takes frames; whether there may be more right away.
    fn read(&mut self, cx: &mut Context<'_>) -> bool {
        for _ in 0..FRAMES_PER_TURN {
            let is_held_up = !self.session.wants_input()
                || self.outgoing.len() >= OUTGOING_MAX
                || self.outgoing_bytes >= OUTGOING_BYTES_MAX;
            if self.is_deaf || (is_held_up && !self.is_closing) {
                return false;
            }
            match Pin::new(&mut self.socket).poll_next(cx) {
                Poll::Pending => return false,
                Poll::Ready(Some(Ok(_))) if self.is_closing => {}
                Poll::Ready(Some(Ok(message))) => self.take(&message),
                Poll::Ready(Some(Err(error))) if is_too_large(&error) && !self.is_closing => {
                    self.is_deaf = true;
                    self.step(Event::TooLarge);
                }
                Poll::Ready(None | Some(Err(_))) => {
                    self.is_deaf = true;
                    self.is_over = true;
                }
            }
        }
        true
    }

    fn take(&mut self, message: &Message) {
        match message {
            Message::Text(text) => {
                if self.session_id.is_none() {
                    self.session.set_published_ts(self.context.database.published().ts());
                }
                self.is_stirred = true;
                self.step(Event::Text(text));
            }
            Message::Binary(_) => self.step(Event::Binary),
            Message::Ping(_) | Message::Pong(_) => self.step(Event::Heard),
            // The library answers, then the stream ends.
            Message::Close(_) => self.begin_closing(),
        }
    }

    fn verify(&mut self, cx: &mut Context<'_>) {
        // A verification that ends may start the next held one.
        while let Some(verifying) = &mut self.verifying {
            let Poll::Ready(result) = verifying.as_mut().poll(cx) else { return };
            self.verifying = None;
            let verified = result.map(|identified| {
                let expires_at = match &identified.0 {
                    Identity::User(user) => user.expires_at(),
                    _ => None,
                };
                self.verified = Some(identified);
                Verified { expires_ns: expires_at.map(|seconds| seconds.saturating_mul(1_000_000_000)) }
            });
            self.is_stirred = true;
            self.step(Event::Verified(verified));
        }
    }

    /// Asks the live queries, collects answers, and tells the session in the order that the module promises.
    fn update(&mut self) {
        loop {
            self.exchange();
            let owed = self.session.owed_ts();
            let is_new = owed != std::mem::replace(&mut self.wanted_ts, owed);
            let is_reached = owed.is_some_and(|ts| is_new && self.live.want_ts(ts));
            if !is_reached || self.is_closing || !self.session.can_update() {
                // What is due and cannot be told yet is told once there is room.
                self.is_stirred |= is_reached;
                return;
            }
            // The effect of a mutation goes out together with its response.
            self.is_stirred = true;
        }
    }

    fn exchange(&mut self) {
        while !self.is_closing {
            if self.held_update.is_none() && self.session.can_update() {
                let has_news = self.mailbox.take_live_news();
                if has_news || (std::mem::take(&mut self.is_stirred) && self.session.wants_update()) {
                    self.held_update = Some(self.live.poll());
                }
            }
            let is_open = self.held_update.as_ref().is_none_or(|update| self.gate.allows(update.ts));
            self.take_answers();
            match self.held_update.take_if(|_| is_open) {
                Some(update) => self.step(Event::Live(update)),
                None => break,
            }
        }
    }

    fn take_answers(&mut self) {
        let mut answers = std::mem::take(&mut self.answers);
        self.mailbox.take_answers(&mut answers);
        for answer in answers.drain(..) {
            match answer {
                Answer::Mutation(request_id, outcome) => self.step(Event::MutationDone(request_id, outcome)),
                Answer::Action(request_id, outcome) => self.step(Event::ActionDone(request_id, outcome)),
            }
        }
        self.answers = answers;
    }

    fn tick(&mut self, cx: &mut Context<'_>) {
        // Most events move the deadline away; the timer is left alone until it rings.
        if !self.is_closing && self.session.deadline() < self.armed {
            self.arm(self.session.deadline());
        }
        // Asked until it is pending, for only then will it wake the task.
        while !self.is_over && self.timer.as_mut().poll(cx).is_ready() {
            if self.is_closing {
                self.is_over = true;
                return;
            }
            if self.session.deadline() <= self.began.elapsed() {
                self.step(Event::Tick);
            }
            if !self.is_closing {
                self.arm(self.session.deadline());
            }
        }
    }

    fn arm(&mut self, deadline: Duration) {
        self.armed = deadline;
        self.timer.as_mut().reset(self.began.after(deadline).instant().into());
    }

    /// Writes what waits; whether there is more to do because of it.
    fn write(&mut self, cx: &mut Context<'_>) -> bool {
        while !self.outgoing.is_empty() {
            match Pin::new(&mut self.socket).poll_ready(cx) {
                Poll::Pending => return false,
                Poll::Ready(Err(_)) => {
                    self.is_over = true;
                    return false;
                }
                Poll::Ready(Ok(())) => {}
            }
            let Some(message) = self.outgoing.pop_front() else { break };
            if let Message::Text(text) = &message {
                self.outgoing_bytes -= text.len();
            }
            self.is_unflushed = true;
            if Pin::new(&mut self.socket).start_send(message).is_err() {
                self.is_over = true;
                return false;
            }
        }
        if !self.is_unflushed {
            return false;
        }
        match Pin::new(&mut self.socket).poll_flush(cx) {
            Poll::Pending => false,
            Poll::Ready(Err(_)) => {
                self.is_over = true;
                false
            }
            Poll::Ready(Ok(())) => {
                self.is_unflushed = false;
                let could_update = self.session.can_update();
                self.step(Event::Flushed);
                // Updates that were held back by unsent Transitions can be taken now.
                self.is_stirred |= !could_update;
                !could_update && self.session.can_update()
            }
        }
    }

    fn apply(&mut self, effect: Effect) {
        match effect {
            Effect::Send(text) => {
                self.outgoing_bytes += text.len();
                self.outgoing.push_back(Message::Text(text.into()));
            }
            Effect::SocketPing => self.outgoing.push_back(Message::Ping(Default::default())),
            Effect::Connected(session_id) => self.session_id = Some(session_id),
            Effect::Verify(credentials) => {
                let authenticator = self.context.authenticator.clone();
                self.verifying = Some(Box::pin(async move {
                    let credentials = to_auth(credentials)?;
                    let identity = authenticator.identify(&credentials).await?;
                    Ok(match credentials {
                        auth::Credentials::Bearer(token) => (identity, Some(token)),
                        _ => (identity, None),
                    })
                }));
            }
            Effect::UseVerified => {
                if let Some((identity, token)) = self.verified.take() {
                    self.use_identity(identity, token);
                }
            }
            Effect::UseAnonymous => self.use_identity(Identity::Anonymous, None),
            Effect::Add(add) => self.add(add),
            Effect::Remove(query_id) => {
                self.unsettle();
                self.live.remove(query_id);
            }
            Effect::Mutation(request) => self.start_mutation(request),
            Effect::Action(request) => self.start_action(request),
            Effect::Close(code, reason) => self.close(code, reason),
            Effect::Drop => self.is_over = true,
        }
    }

    fn use_identity(&mut self, identity: Identity, token: Option<String>) {
        // Mutations that arrived before run under the identity they arrived with.
        self.identity = identity.clone();
        self.origin = Arc::new(self.origin.with_token(token));
        self.unsettle();
        self.live.set_identity(identity);
    }

    /// An update that is held back knows nothing of what the client has asked for since.
    const fn unsettle(&mut self) {
        if let Some(update) = &mut self.held_update {
            update.is_settled = false;
        }
    }

    fn close(&mut self, code: Option<u16>, reason: String) {
        let frame = code.map(|code| CloseFrame { code, reason: Utf8Bytes::from(reason) });
        self.outgoing.push_back(Message::Close(frame));
        self.begin_closing();
    }

    fn begin_closing(&mut self) {
        self.is_closing = true;
        self.arm(self.began.elapsed() + CLOSE_TIMEOUT);
    }

    fn add(&mut self, add: AddQuery) {
        self.unsettle();
        let AddQuery { query_id, target, args, journal } = add;
        match self.call(&target, args) {
            Ok(call) => self.live.add(query_id, call, journal),
            Err(error) => {
                let error = UdfError::new(&error, RequestId::new());
                let result = QueryResult { json: Err(error), log_lines: Vec::new(), journal: None, hash: 0 };
                self.step(Event::QueryRejected(query_id, Arc::new(result)));
            }
        }
    }

    fn start_mutation(&mut self, request: Request) {
        let Request { request_id, target, args } = request;
        let mailbox = self.mailbox.clone();
        let done = move |outcome| mailbox.answer(Answer::Mutation(request_id, outcome));
        match self.call(&target, args) {
            Ok(call) => {
                let session = self.session_id.map(|session_id| SessionRequest { session_id, request_id });
                if let Some(session) = session {
                    self.context.runner.log().note_client_request(session, call.request_id);
                }
                self.context.runner.submit_gated_mutation(call, session, self.gate.clone(), done);
            }
            Err(error) => done(Outcome::failed(&error, RequestId::new())),
        }
    }

    fn start_action(&mut self, request: Request) {
        let Request { request_id, target, args } = request;
        let mailbox = self.mailbox.clone();
        match self.call(&target, args) {
            Ok(call) => {
                let runner = self.context.runner.clone();
                if let Some(session_id) = self.session_id {
                    let session = SessionRequest { session_id, request_id };
                    runner.log().note_client_request(session, call.request_id);
                }
                tokio::spawn(async move {
                    let outcome = runner.action(call).await;
                    mailbox.answer(Answer::Action(request_id, outcome));
                });
            }
            Err(error) => {
                let outcome = Outcome::failed(&error, RequestId::new());
                mailbox.answer(Answer::Action(request_id, outcome));
            }
        }
    }

    fn call(&self, target: &Target, args: Result<Object, String>) -> Result<FunctionCall> {
        let path = FunctionPath::parse(&target.path)?;
        let path = in_component(path, target.component.as_deref(), &self.identity)?;
        let args = args.map_err(|text| Error::bad_request("ArgumentValidationError", text))?;
        let call = FunctionCall::new(path, args, self.identity.clone(), Caller::SyncWorker);
        Ok(call.caused_by(self.origin.clone()))
    }
}

/// The function in the component that a caller names.
///
/// # Errors
/// `FunctionNotFound`; what components there are is for administrators to know.
pub fn in_component(
    path: FunctionPath,
    component: Option<&str>,
    identity: &Identity,
) -> Result<FunctionPath> {
    match component {
        None | Some("") => Ok(path),
        Some(component) if identity.is_admin() => Ok(path.in_component(component)),
        Some(_) => Err(Error::forbidden(
            "FunctionNotFound",
            "Functions of a component can only be called with an admin key.",
        )),
    }
}

fn to_auth(credentials: Credentials) -> Result<auth::Credentials> {
    Ok(match credentials {
        Credentials::None => auth::Credentials::None,
        Credentials::User { token } => auth::Credentials::Bearer(token),
        Credentials::Admin { key, acting_as } => {
            let acting_as = acting_as.map(|json| -> Result<Arc<UserIdentity>> {
                let json = serde_json::from_str(&json).map_err(|error| {
                    Error::bad_request(
                        "InvalidIdentity",
                        format!("The identity to act as is no JSON: {error}."),
                    )
                })?;
                UserIdentity::from_impersonation_json(&json).map(Arc::new)
            });
            auth::Credentials::Admin { key, acting_as: acting_as.transpose()? }
        }
    })
}

/// Whether a message was larger than [`MESSAGE_SIZE_MAX`]. The library that knows is not named by axum.
fn is_too_large(error: &axum::Error) -> bool {
    error.to_string().contains("too long")
}
