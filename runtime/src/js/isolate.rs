//! [`Engine`] and [`Isolate`]: what the rest of the server knows of a JavaScript engine.
//!
//! An isolate is one fresh world of globals with the modules of one package; it lives on the thread that made it.
//! Everything above speaks to it through the functions that the prelude leaves in its `internals` object
//! ([`super::prelude`]), so that what an engine must provide stays small: modules, ops, an event loop, limits.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use parking_lot::{Condvar, Mutex};

use super::op::{OpResult, OpTable, OpValue};
use super::prelude::CompiledPrelude;
use super::state::OpState;
use crate::clock::Moment;

/// A compiled module; cheap to clone.
#[derive(Clone)]
pub struct Bytecode(Arc<[u8]>);

impl Bytecode {
    /// What an engine of this very build wrote.
    pub(super) fn new(bytes: impl Into<Arc<[u8]>>) -> Self {
        Self(bytes.into())
    }

    /// The bytes, which mean something to the engine that wrote them only.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Bytecode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Bytecode").field(&self.0.len()).finish()
    }
}

/// A module that was compiled.
#[derive(Clone, Debug)]
pub struct Compiled {
    /// Its code.
    pub bytecode: Bytecode,
    /// What it imports, in the order of the source; imports by `import(..)` are not among them.
    pub imports: Vec<Import>,
}

/// An import of a module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Import {
    /// As the source spells it.
    pub specifier: String,
    /// The path of the module it means; `None` for packages, which no isolate can import.
    pub path: Option<String>,
}

/// Whether errors tell where in a module they were thrown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Positions {
    /// They do.
    Kept,
    /// They do not, and every isolate has less to read.
    Dropped,
}

/// Where an isolate finds the modules that it imports.
pub trait Modules: Send + Sync {
    /// The module with that path, such as `_deps/ABC.js`.
    fn bytecode(&self, path: &str) -> Option<&Bytecode>;

    /// Those of the prelude's lazy globals that any of them can name, as [`CompiledPrelude::lazy_globals`] lists them: every
    /// isolate pays for each.
    fn lazy_globals(&self, prelude: &CompiledPrelude) -> Arc<[&'static str]>;
}

/// No modules at all.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoModules;

impl Modules for NoModules {
    fn bytecode(&self, _path: &str) -> Option<&Bytecode> {
        None
    }

    fn lazy_globals(&self, prelude: &CompiledPrelude) -> Arc<[&'static str]> {
        // What prelude modules name is not known here.
        prelude.lazy_globals(|_| true)
    }
}

/// A JavaScript engine.
pub trait Engine: Send + Sync {
    /// Names the engine and its build: bytecode is good for the same version only.
    fn version(&self) -> &str;

    /// Checks an ES module's syntax and compiles it.
    ///
    /// # Errors
    /// A syntax error.
    fn compile(&self, path: &str, source: &str, positions: Positions) -> Result<Compiled, ScriptError>;

    /// Makes an isolate for the calling thread.
    ///
    /// # Errors
    /// If there is no memory, or the prelude throws.
    fn isolate(&self, options: IsolateOptions) -> Result<Box<dyn Isolate>, ScriptError>;
}

/// A world of its own in which modules run. Only its thread may use it.
pub trait Isolate {
    /// Calls a function of `internals`, by its name there, and runs the event loop until what it returns is settled.
    ///
    /// # Errors
    /// What the script throws, or why it was stopped. After a stop the isolate is of no use any more.
    fn call(&mut self, function: &str, args: Vec<OpValue>) -> Result<OpValue, ScriptError>;

    /// Lets `change` change what ops see.
    fn with_state(&mut self, change: &mut dyn FnMut(&mut OpState));

    /// Grants that much of its own running time from now on (waiting does not count), to be stopped by this signal.
    fn set_limits(&mut self, time: Duration, stop: Arc<StopSignal>);

    /// Takes what promises were rejected with that nobody has handled so far; nothing after a stop.
    fn take_unhandled(&mut self) -> Vec<ScriptError>;

    /// The async ops whose results the script has not seen yet: their names, with the first argument of those that
    /// name what they do.
    fn pending_ops(&self) -> Vec<String>;

    /// Its memory in use, in bytes.
    fn memory_used(&self) -> usize;

    /// Remembers everything as it is now, between two calls, for [`Isolate::rewind`] to come back to, if that is
    /// possible.
    fn mark(&mut self);

    /// Makes everything as it was when it was marked, as if nothing had been called since; what ops see
    /// ([`Isolate::with_state`]) and the limits are to be set anew. Gives whether that succeeded: an isolate that was
    /// stopped or not marked is of no use any more.
    fn rewind(&mut self) -> bool;

    /// Gives back memory that the next call can do without until it begins: nothing will be called for a while.
    fn rest(&mut self);
}

/// What an isolate is made of.
pub struct IsolateOptions {
    /// What ops see.
    pub state: OpState,
    /// The modules that can be imported.
    pub modules: Arc<dyn Modules>,
    /// The prelude, compiled by the same engine.
    pub prelude: Arc<CompiledPrelude>,
    /// The host functions that the prelude finds.
    pub ops: &'static [OpTable],
    /// Memory it may use, in bytes.
    pub memory_max: usize,
    /// Its own running time before it is stopped: waiting does not count.
    pub time: Duration,
    /// Stops it from outside.
    pub stop: Arc<StopSignal>,
    /// Runs the futures of async ops.
    pub tasks: tokio::runtime::Handle,
    /// Whether it is to be marked and used again and again.
    pub is_rewound: bool,
}

impl fmt::Debug for IsolateOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IsolateOptions").field("state", &self.state).finish_non_exhaustive()
    }
}

/// Why an isolate was stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stopped {
    /// It used up its own running time.
    OutOfTime,
    /// It used more memory than it may.
    OutOfMemory,
    /// Somebody asked for it: nobody waits for the result any more.
    Asked,
    /// What it waits for can never come.
    NeverSettles,
}

/// Stops isolates from any thread, and tells whether one of them goes on when it should have stopped by itself.
#[derive(Debug, Default)]
pub struct StopSignal {
    asked: AtomicBool,
    due: Mutex<Option<Moment>>,
    inboxes: Mutex<Vec<Weak<Inbox>>>,
}

impl StopSignal {
    /// Asks the isolates to stop, soon.
    pub fn stop(&self) {
        self.asked.store(true, Ordering::Relaxed);
        for inbox in self.inboxes.lock().iter().filter_map(Weak::upgrade) {
            inbox.wake();
        }
    }

    /// Whether they were asked.
    pub fn is_asked(&self) -> bool {
        self.asked.load(Ordering::Relaxed)
    }

    /// For how long a script has been running that should have been stopped: only code of the engine that does not
    /// look at the clock goes on for long.
    pub fn overdue(&self) -> Duration {
        self.due.lock().map_or(Duration::ZERO, Moment::elapsed)
    }

    /// Notes that a script runs from now on and when it will have used up its time; `None` if it waits.
    pub(super) fn set_due(&self, due: Option<Moment>) {
        *self.due.lock() = due;
    }

    /// An isolate's inbox, which is woken when it is to stop.
    pub(super) fn attach(&self, inbox: &Arc<Inbox>) {
        let mut inboxes = self.inboxes.lock();
        inboxes.retain(|inbox| inbox.strong_count() > 0);
        inboxes.push(Arc::downgrade(inbox));
    }
}

/// One line of a stack trace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// The function's name; `None` for code outside of functions and functions without a name.
    pub function: Option<String>,
    /// The module's path.
    pub module: String,
    /// The line, from 1.
    pub line: u32,
    /// The column, from 1.
    pub column: u32,
}

/// Why a script did not give a result.
#[derive(Clone, Debug)]
pub enum ScriptError {
    /// It threw.
    Thrown(Box<Thrown>),
    /// It was stopped.
    Stopped(Stopped),
}

/// What a script threw.
#[derive(Clone, Debug, Default)]
pub struct Thrown {
    /// The name of the error, such as `TypeError`; empty if something else than an error was thrown.
    pub name: String,
    /// Its message, or the text of what was thrown.
    pub message: String,
    /// Where.
    pub frames: Vec<Frame>,
    /// The JSON text of a `ConvexError`'s data.
    pub data: Option<String>,
}

impl Thrown {
    /// Name and message as `Error.prototype.toString` joins them.
    pub fn text(&self) -> String {
        match (self.name.as_str(), self.message.as_str()) {
            ("", message) => message.to_owned(),
            (name, "") => name.to_owned(),
            (name, message) => format!("{name}: {message}"),
        }
    }
}

impl ScriptError {
    /// A thrown `Error`, made here.
    pub fn error(message: impl Into<String>) -> Self {
        Self::Thrown(Box::new(Thrown {
            name: "Error".to_owned(),
            message: message.into(),
            ..Thrown::default()
        }))
    }
}

impl fmt::Display for ScriptError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Thrown(thrown) => {
                f.write_str(&thrown.text())?;
                for Frame { function, module, line, column } in &thrown.frames {
                    let function = function.as_deref().unwrap_or("<anonymous>");
                    write!(f, "\n    at {function} ({module}:{line}:{column})")?;
                }
                Ok(())
            }
            Self::Stopped(Stopped::OutOfTime) => f.write_str("The script used up its time."),
            Self::Stopped(Stopped::OutOfMemory) => f.write_str("The script used up its memory."),
            Self::Stopped(Stopped::Asked) => f.write_str("The script was stopped."),
            Self::Stopped(Stopped::NeverSettles) => {
                f.write_str("The script waits for a promise that can never settle.")
            }
        }
    }
}

impl std::error::Error for ScriptError {}

/// Where results of ops arrive for an isolate that waits.
#[derive(Debug, Default)]
pub struct Inbox {
    arrived: Mutex<Arrived>,
    available: Condvar,
}

#[derive(Debug, Default)]
struct Arrived {
    results: Vec<(usize, OpResult)>,
    /// Whether the isolate is to look whether it should stop: also if it is only about to wait.
    is_woken: bool,
}

impl Inbox {
    /// Waits until something has arrived or it is woken, and moves what has arrived to `into`.
    pub(super) fn wait(&self, into: &mut Vec<(usize, OpResult)>) {
        let mut arrived = self.arrived.lock();
        if arrived.results.is_empty() && !arrived.is_woken {
            self.available.wait(&mut arrived);
        }
        arrived.is_woken = false;
        into.append(&mut arrived.results);
    }

    /// Moves what has arrived to `into`, without waiting.
    pub(super) fn take(&self, into: &mut Vec<(usize, OpResult)>) {
        into.append(&mut self.arrived.lock().results);
    }

    fn put(&self, number: usize, result: OpResult) {
        self.arrived.lock().results.push((number, result));
        self.available.notify_one();
    }

    fn wake(&self) {
        self.arrived.lock().is_woken = true;
        self.available.notify_one();
    }
}

/// Settles the promise of one async op, from any thread; dropping it without a result rejects the promise.
#[derive(Debug)]
pub struct Completer {
    inbox: Arc<Inbox>,
    number: usize,
    done: bool,
}

impl Completer {
    pub(super) const fn new(inbox: Arc<Inbox>, number: usize) -> Self {
        Self { inbox, number, done: false }
    }

    /// Settles the promise.
    pub fn complete(mut self, result: OpResult) {
        self.done = true;
        self.inbox.put(self.number, result);
    }
}

impl Drop for Completer {
    fn drop(&mut self) {
        if !self.done {
            let error = super::op::OpError::new("Error", "The server dropped this operation.");
            self.inbox.put(self.number, Err(error));
        }
    }
}
