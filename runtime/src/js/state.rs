//! [`OpState`]: what ops know of the isolate that calls them.

use std::any::Any;

use slab::Slab;

use super::answer::{BlobAnswer, SyscallAnswer};
use crate::function::LogLevel;
use crate::{Error, Result};

/// What kind of code runs, which decides what it may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// A module is being loaded: no database, no network, a fixed time and fixed randomness.
    Import,
    /// A query.
    Query,
    /// A mutation.
    Mutation,
    /// An action.
    Action,
    /// An HTTP action.
    HttpAction,
}

impl Phase {
    /// Whether time passes, timers run and the network can be reached.
    pub const fn is_action(self) -> bool {
        matches!(self, Self::Action | Self::HttpAction)
    }
}

/// What an isolate's surroundings provide.
pub trait Host: Send {
    /// The time in milliseconds since the epoch: standing still except in actions.
    fn now_ms(&mut self) -> f64;
    /// Random bytes: of the execution's seeded stream, except in actions.
    fn fill_random(&mut self, bytes: &mut [u8]);
    /// An environment variable.
    ///
    /// # Errors
    /// If it cannot be read.
    fn env(&mut self, name: &str) -> Result<Option<String>>;
    /// The names of all environment variables.
    ///
    /// # Errors
    /// If they cannot be read.
    fn env_names(&mut self) -> Result<Vec<String>>;
    /// Prints a line of formatted arguments.
    fn log(&mut self, level: LogLevel, messages: Vec<String>);

    /// Does what `Convex.syscall` asks for and gives JSON.
    ///
    /// # Errors
    /// What the script is to see, unless the call as a whole has to end ([`crate::Error::is_deterministic`]).
    fn syscall(&mut self, name: &str, _args: &str) -> Result<String> {
        Err(not_while_importing(name))
    }

    /// Does what `Convex.asyncSyscall` asks for and settles its promise with JSON.
    fn async_syscall(&mut self, name: &str, _args: &str, answer: SyscallAnswer) {
        answer.give(Err(not_while_importing(name)));
    }

    /// Stores a file and settles the promise with its id as JSON. `sha256` is in Base64.
    fn store_blob(&mut self, blob: Blob, answer: SyscallAnswer) {
        drop(blob);
        answer.give(Err(not_while_importing("storage.store")));
    }

    /// Reads a file and settles the promise with its bytes and type, or null.
    fn get_blob(&mut self, _storage_id: String, answer: BlobAnswer) {
        answer.give(Err(not_while_importing("storage.get")));
    }
}

/// A file on its way to the store.
#[derive(Debug)]
pub struct Blob {
    /// The content.
    pub content: Vec<u8>,
    /// The MIME type, empty if unknown.
    pub content_type: String,
    /// The SHA-256 it must have, in Base64.
    pub sha256: Option<String>,
}

fn not_while_importing(what: &str) -> Error {
    Error::function(format!(
        "Can't use the database or other functions of the server at import time (`{what}`). Call it inside of a query, mutation or action."
    ))
}

/// Things that scripts hold by number: bodies that are being read, hashes that are being computed.
#[derive(Default)]
pub struct Resources {
    slots: Slab<Box<dyn Any + Send>>,
}

impl std::fmt::Debug for Resources {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Resources").field("len", &self.slots.len()).finish()
    }
}

impl Resources {
    /// Keeps a thing and gives its number.
    pub fn add(&mut self, resource: impl Any + Send) -> u32 {
        self.slots.insert(Box::new(resource)) as u32
    }

    /// How many things there are.
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    /// Whether there is nothing.
    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// The thing of that number, if it is of that type.
    pub fn get_mut<T: Any>(&mut self, number: u32) -> Option<&mut T> {
        self.slots.get_mut(number as usize)?.downcast_mut()
    }

    /// Lets go of a thing and gives it, if it is of that type.
    pub fn take<T: Any>(&mut self, number: u32) -> Option<T> {
        if !self.slots.get(number as usize)?.is::<T>() {
            return None;
        }
        self.slots.remove(number as usize).downcast().ok().map(|resource| *resource)
    }
}

/// See the module's documentation.
pub struct OpState {
    /// What kind of code runs.
    pub phase: Phase,
    /// What surrounds the isolate.
    pub host: Box<dyn Host>,
    /// What the script holds by number.
    pub resources: Resources,
    /// Fetches for actions.
    pub http: reqwest::Client,
}

impl std::fmt::Debug for OpState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OpState").field("phase", &self.phase).finish_non_exhaustive()
    }
}
