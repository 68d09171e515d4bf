//! [`Process`]: one Node.js process with the modules of one bundle, and the calls that it runs.

use std::collections::HashMap;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream as StdStream;
use std::process::{Child, Stdio};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::io::AsyncWriteExt as _;
use tokio::net::UnixStream;
use tokio::net::unix::OwnedReadHalf;
use tokio::net::unix::pipe::Receiver;
use tokio::sync::{mpsc, oneshot};

use super::bundle::Bundle;
use super::child::{Start, TemporaryFolder, command, death, keep_printed, not_started, resident_bytes};
use super::frame;
use super::message::{Answer, Failure, Report, Request};
use crate::Result;
use crate::clock::Moment;
use crate::js::isolate::{ScriptError, Stopped};

/// How long a process may take to begin; on a busy machine time passes while it does not run.
const BEGIN_MAX: Duration = Duration::from_secs(30);

/// What a call hears of.
pub(super) enum Event {
    /// From now on it may have done something.
    Began,
    Log {
        level: String,
        messages: Vec<String>,
    },
    Syscall {
        number: u32,
        op: String,
        args: String,
    },
    StoreBlob {
        number: u32,
        content: Vec<u8>,
        content_type: String,
        sha256: Option<String>,
    },
    GetBlob {
        number: u32,
        storage_id: String,
    },
    /// A promise of the call was rejected in vain.
    Rejected(ScriptError),
    /// The call is over; with the system calls that it did not wait for.
    Ended {
        result: Result<String, ScriptError>,
        unawaited: Vec<String>,
    },
}

/// See the module's documentation.
pub(super) struct Process {
    /// Tells which calls it can run.
    pub(super) key: String,
    /// Of the operating system.
    pub(super) id: u32,
    outgoing: mpsc::UnboundedSender<Vec<u8>>,
    state: Mutex<State>,
    child: Mutex<Child>,
    _bundle: Arc<Bundle>,
    _folder: TemporaryFolder,
}

#[derive(Default)]
struct State {
    calls: HashMap<u32, mpsc::UnboundedSender<Event>>,
    last_call: u32,
    pongs: Vec<oneshot::Sender<()>>,
    /// Takes no more calls.
    is_spent: bool,
    has_ended: bool,
    /// Was ended because it used more memory than it may.
    is_out_of_memory: bool,
    idle_since: Option<Moment>,
}

/// A call's place in a process; dropping it ends the call.
pub(super) struct CallInside {
    pub(super) process: Arc<Process>,
    pub(super) number: u32,
    events: mpsc::UnboundedReceiver<Event>,
    is_over: bool,
}

impl Process {
    /// Starts one and waits until it takes calls.
    ///
    /// # Errors
    /// If it cannot be started or ends at once.
    pub(super) async fn start(start: Start<'_>, key: String) -> Result<Arc<Self>> {
        let (own, theirs) = StdStream::pair().map_err(|error| not_started(&error.to_string()))?;
        own.set_nonblocking(true).map_err(|error| not_started(&error.to_string()))?;
        let folder = TemporaryFolder::new(&start.work).map_err(|error| not_started(&error.to_string()))?;
        let mut child = command(&start, folder.path())
            .stdin(Stdio::from(OwnedFd::from(theirs)))
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| not_started(&error.to_string()))?;
        let printed = Arc::new(Mutex::new(Vec::new()));
        let errors = child.stderr.take().map(OwnedFd::from);
        let (sender, mut receiver) = mpsc::unbounded_channel::<Vec<u8>>();
        let process = Arc::new(Self {
            key,
            id: child.id(),
            outgoing: sender,
            state: Mutex::default(),
            child: Mutex::new(child),
            _bundle: start.bundle.clone(),
            _folder: folder,
        });
        let channel = UnixStream::from_std(own).map_err(|error| not_started(&error.to_string()))?;
        let (incoming, mut outgoing) = channel.into_split();
        tokio::spawn(async move {
            while let Some(frame) = receiver.recv().await {
                if outgoing.write_all(&frame).await.is_err() {
                    return;
                }
            }
        });
        if let Some(errors) = errors.and_then(|errors| Receiver::from_owned_fd(errors).ok()) {
            tokio::spawn(keep_printed(errors, printed.clone()));
        }
        let (ready, is_ready) = oneshot::channel();
        tokio::spawn(process.clone().listen(incoming, ready, printed.clone()));
        let root = url::Url::from_directory_path(&start.bundle.folder)
            .map_err(|()| not_started("the data folder has no absolute path"))?;
        process.send(&Request::Begin { folder: root.as_str(), variables: &start.variables }, b"")?;
        if let Ok(Ok(())) = tokio::time::timeout(BEGIN_MAX, is_ready).await {
            return Ok(process);
        }
        process.kill();
        let said = String::from_utf8_lossy(&printed.lock()).trim().to_owned();
        Err(not_started(if said.is_empty() { "it did not answer" } else { &said }))
    }

    fn send(&self, request: &Request<'_>, body: &[u8]) -> Result<()> {
        // A process that is gone has told its calls so.
        let _ = self.outgoing.send(frame::encode(request, body)?);
        Ok(())
    }

    /// Whether it can take another call.
    pub(super) fn takes_calls(&self) -> bool {
        let state = self.state.lock();
        !state.is_spent && !state.has_ended
    }

    pub(super) fn has_ended(&self) -> bool {
        self.state.lock().has_ended
    }

    /// How many calls it runs.
    pub(super) fn load(&self) -> usize {
        self.state.lock().calls.len()
    }

    /// For how long it has had nothing to do.
    pub(super) fn idle(&self) -> Option<Duration> {
        let state = self.state.lock();
        state.idle_since.filter(|_| state.calls.is_empty()).map(Moment::elapsed)
    }

    /// Whether it answers within a time: one that computes does not.
    pub(super) async fn answers(&self, within: Duration) -> bool {
        let (sender, receiver) = oneshot::channel();
        self.state.lock().pongs.push(sender);
        self.send(&Request::Ping, b"").is_ok()
            && matches!(tokio::time::timeout(within, receiver).await, Ok(Ok(())))
    }

    /// A place for a call, if it takes any.
    pub(super) fn enter(self: &Arc<Self>) -> Option<CallInside> {
        let mut state = self.state.lock();
        if state.is_spent || state.has_ended {
            return None;
        }
        state.last_call = state.last_call.wrapping_add(1);
        let number = state.last_call;
        let (sender, events) = mpsc::unbounded_channel();
        state.calls.insert(number, sender);
        Some(CallInside { process: self.clone(), number, events, is_over: false })
    }

    /// Lets it take no more calls and end with the last one.
    pub(super) fn retire(&self) {
        let is_idle = {
            let mut state = self.state.lock();
            state.is_spent = true;
            state.calls.is_empty()
        };
        if is_idle {
            self.kill();
        }
    }

    /// Ends it at once, whatever it does.
    pub(super) fn kill(&self) {
        self.state.lock().is_spent = true;
        // One that has ended already is what is wanted.
        let _ = self.child.lock().kill();
    }

    /// Ends it if it holds more memory than it may, buffers outside of the heap included.
    pub(super) fn check_memory(&self, most: usize) {
        if resident_bytes(self.id).is_some_and(|bytes| bytes > most) {
            self.state.lock().is_out_of_memory = true;
            self.kill();
        }
    }

    /// Tells a call what it asked for.
    pub(super) fn answer(&self, call: u32, number: u32, result: Result<(Option<String>, Vec<u8>)>) {
        let (content_type, error, body) = match result {
            Ok((content_type, body)) => (content_type, None, body),
            Err(error) => {
                let data = error.data().map(fusion_schema::json::encode);
                (None, Some(Failure { message: error.message().to_owned(), data }), Vec::new())
            }
        };
        let answer = |content_type, error| Request::Answer(Answer { call, number, content_type, error });
        if let Err(error) = self.send(&answer(content_type, error), &body) {
            let failure = Failure { message: error.message().to_owned(), data: None };
            let _ = self.send(&answer(None, Some(failure)), b"");
        }
    }

    fn tell(&self, call: u32, event: Event) {
        let sender = self.state.lock().calls.get(&call).cloned();
        if let Some(sender) = sender {
            // A call that nobody waits for any more.
            let _ = sender.send(event);
        }
    }

    /// Hears what the process says until it is gone.
    async fn listen(
        self: Arc<Self>,
        mut incoming: OwnedReadHalf,
        ready: oneshot::Sender<()>,
        printed: Arc<Mutex<Vec<u8>>>,
    ) {
        let mut ready = Some(ready);
        while let Some((report, body)) = frame::read::<Report>(&mut incoming).await {
            match report {
                Report::Ready => drop(ready.take().map(|ready| ready.send(()))),
                other => self.hear(other, body),
            }
        }
        // Whatever closed the channel: nobody can speak to it any more.
        self.kill();
        let dying = self.clone();
        let status = tokio::task::spawn_blocking(move || dying.child.lock().wait()).await;
        let said = String::from_utf8_lossy(&printed.lock()).into_owned();
        let (calls, is_out_of_memory) = {
            let mut state = self.state.lock();
            state.has_ended = true;
            (std::mem::take(&mut state.calls), state.is_out_of_memory)
        };
        let status = status.ok().and_then(std::io::Result::ok);
        if !calls.is_empty() {
            tracing::warn!(
                process = self.id,
                ?status,
                said = said.trim(),
                "a Node.js process ended while it ran actions"
            );
        }
        for call in calls.into_values() {
            let error = if is_out_of_memory {
                ScriptError::Stopped(Stopped::OutOfMemory)
            } else {
                death(status, &said)
            };
            let _ = call.send(Event::Ended { result: Err(error), unawaited: Vec::new() });
        }
    }

    fn hear(&self, report: Report, body: Vec<u8>) {
        match report {
            Report::Ready => {}
            Report::Pong => {
                for pong in std::mem::take(&mut self.state.lock().pongs) {
                    let _ = pong.send(());
                }
            }
            Report::Began { call } => self.tell(call, Event::Began),
            Report::Log { call, level } => {
                let messages: Vec<String> = serde_json::from_slice(&body).unwrap_or_default();
                match call {
                    Some(call) => self.tell(call, Event::Log { level, messages }),
                    None => tracing::debug!(
                        process = self.id,
                        messages = messages.join(" "),
                        "printed by no action"
                    ),
                }
            }
            Report::Syscall { call, number, op } => {
                self.tell(call, Event::Syscall { number, op, args: text(body) });
            }
            Report::StoreBlob { call, number, content_type, sha256 } => {
                self.tell(call, Event::StoreBlob { number, content: body, content_type, sha256 });
            }
            Report::GetBlob { call, number, storage_id } => {
                self.tell(call, Event::GetBlob { number, storage_id });
            }
            Report::Rejected { call: Some(call), error } => self.tell(call, Event::Rejected(error.into())),
            Report::Rejected { call: None, error } => {
                tracing::warn!(process = self.id, error = %ScriptError::from(error), "a promise of no action was rejected");
            }
            Report::Thrown { call, error } => {
                if call.is_none() {
                    tracing::warn!(process = self.id, error = %ScriptError::from(error), "thrown by no action");
                }
                self.retire();
            }
            Report::Done { call, unawaited } => {
                self.tell(call, Event::Ended { result: Ok(text(body)), unawaited });
            }
            Report::Failed { call, unawaited, error, spent } => {
                if spent {
                    self.state.lock().is_spent = true;
                }
                self.tell(call, Event::Ended { result: Err(error.into()), unawaited });
            }
        }
    }

    /// A call is over.
    fn leave(&self, number: u32) {
        let is_done = {
            let mut state = self.state.lock();
            state.calls.remove(&number);
            state.idle_since = Some(Moment::now());
            state.is_spent && state.calls.is_empty()
        };
        if is_done {
            self.kill();
        }
    }
}

impl CallInside {
    /// Has an action run.
    pub(super) fn invoke(&self, path: &str, name: &str, args: &str) -> Result<()> {
        self.process.send(&Request::Invoke { call: self.number, path, name }, args.as_bytes())
    }

    /// Has a module looked at.
    pub(super) fn analyze(&self, path: &str, shared: &[String]) -> Result<()> {
        self.process.send(&Request::Analyze { call: self.number, path, shared }, b"")
    }

    /// What happens next.
    pub(super) async fn next(&mut self) -> Event {
        let event = self.events.recv().await.unwrap_or_else(|| Event::Ended {
            result: Err(ScriptError::Stopped(Stopped::Asked)),
            unawaited: Vec::new(),
        });
        self.is_over = matches!(event, Event::Ended { .. });
        event
    }
}

impl Drop for CallInside {
    fn drop(&mut self) {
        if !self.is_over {
            // It goes on, but nobody listens: the process is of no use to others when it is done.
            let _ = self.process.send(&Request::Cancel { call: self.number }, b"");
            self.process.state.lock().is_spent = true;
        }
        self.process.leave(self.number);
    }
}

fn text(body: Vec<u8>) -> String {
    String::from_utf8(body).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}
