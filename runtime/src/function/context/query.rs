//! [`QueryCtx`]: what a query can do.

use std::sync::Arc;

use fusion_schema::Typed;

use super::{FileReader, Reader, decode_result, encode_args};
use crate::Result;
use crate::auth::UserIdentity;
use crate::database::Transaction;
use crate::function::call::FunctionKind;
use crate::function::execution::Execution;
use crate::function::log_line::{LogLevel, quote};
use crate::function::path::FunctionPath;

/// What a query can do: read, at one moment in time.
#[derive(Debug)]
pub struct QueryCtx<'a> {
    execution: &'a mut Execution,
}

impl<'a> QueryCtx<'a> {
    /// A view of an execution.
    pub const fn new(execution: &'a mut Execution) -> Self {
        Self { execution }
    }

    /// What is behind it, for engines that run other languages.
    pub const fn execution(&mut self) -> &mut Execution {
        self.execution
    }

    /// The database, to read.
    pub const fn db(&mut self) -> Reader<'_> {
        Reader::new(self.execution)
    }

    /// The transaction itself, for what the typed reader does not offer.
    pub const fn tx(&mut self) -> &mut Transaction {
        self.execution.tx()
    }

    /// The time, in milliseconds since the epoch. It stands still while the function runs; a live result is not
    /// run again just because time passes.
    pub const fn now(&mut self) -> f64 {
        self.execution.now_ms()
    }

    /// A random number in [0, 1).
    pub fn random(&mut self) -> f64 {
        self.execution.random().next_f64()
    }

    /// Random bytes that nobody can guess.
    pub fn random_bytes<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        self.execution.random().fill(&mut bytes);
        bytes
    }

    /// The user on whose behalf the function runs; `None` for nobody. Results that never ask are shared by all
    /// users.
    ///
    /// # Errors
    /// If the caller's credentials could not be used (HTTP actions only).
    pub fn identity(&mut self) -> Result<Option<Arc<UserIdentity>>> {
        self.execution.user()
    }

    /// An environment variable of the deployment.
    ///
    /// # Errors
    /// If its stored value cannot be decrypted.
    pub fn env(&mut self, name: &str) -> Result<Option<String>> {
        self.execution.env(name)
    }

    /// Prints a line for the client's console and the function log.
    pub fn log(&mut self, level: LogLevel, message: impl AsRef<str>) {
        self.execution.log(level, vec![quote(message.as_ref())]);
    }

    /// Runs a query inside this one.
    ///
    /// # Errors
    /// The query's error; the caller may go on after it.
    pub fn run_query<R: Typed>(&mut self, path: &str, args: impl Typed) -> Result<R> {
        self.run(FunctionKind::Query, path, args)
    }

    pub(super) fn run<R: Typed>(&mut self, kind: FunctionKind, path: &str, args: impl Typed) -> Result<R> {
        let path = FunctionPath::parse(path)?;
        decode_result(self.execution.run_nested(&path, kind, encode_args(args)?)?)
    }

    /// Stored files, to read about.
    pub const fn storage(&mut self) -> FileReader<'_> {
        FileReader::new(self.execution)
    }
}
