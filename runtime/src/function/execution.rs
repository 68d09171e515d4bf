//! [`Execution`]: the run of a query or mutation with everything nested in it: one transaction, one frozen time,
//! one stream of randomness, one identity, one list of log lines.
//!
//! Contexts are views of it, for Rust handlers and JavaScript alike. It also records what a result depends on
//! beside the data (the identity, the clock), so that results are shared exactly as far as they may be.

use std::sync::Arc;

use bytes::Bytes;
use fusion_schema::names::FUNCTION_VALUE_SIZE_MAX;
use fusion_schema::{DocumentId, Object, Typed, Value};
use serde_json::Value as Json;

use super::audit;
use super::call::{Caller, FunctionCall, FunctionKind};
use super::context::{MutationCtx, QueryCtx};
use super::deployment::Deployment;
use super::log_line::{LogLevel, LogLine, LogLines};
use super::origin::Origin;
use super::outcome::{self, RequestId};
use super::path::FunctionPath;
use super::randomness::Randomness;
use super::registry::{Access, FunctionEntry, FunctionRegistry, Handler};
use super::variables;
use crate::auth::{Identity, UserIdentity};
use crate::database::{ComponentId, Resource, Transaction};
use crate::limits::NESTED_CALLS_MAX;
use crate::system::file_storage::UncommittedFiles;
use crate::system::files::{FileMetadata, Files};
use crate::system::jobs::Jobs;
use crate::{Error, Result};

/// Whether a query may learn who asks. A result computed without knowing can be shared by everybody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IdentityAccess {
    /// The function sees the identity; that it looked is recorded.
    Open,
    /// The first look at the identity ends the run, and that is recorded.
    Trap,
}

/// What a result depends on beside the data it read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Observed {
    /// The function asked who calls.
    pub identity: bool,
    /// The function asked for the time.
    pub clock: bool,
}

/// What is to be done outside the database once the transaction is durable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// A file is no longer known: its content can go.
    DeleteBlob(String),
    /// A job was scheduled.
    JobDue,
    /// An entry of the application's audit log was made.
    Audit(Json),
}

/// See the module's documentation.
pub struct Execution {
    tx: Transaction,
    deployment: Arc<Deployment>,
    registry: Arc<FunctionRegistry>,
    identity: Identity,
    identity_access: IdentityAccess,
    caller: Caller,
    observed: Observed,
    now_ms: f64,
    random: Randomness,
    logs: LogLines,
    /// The functions that are running, outermost first.
    stack: Vec<FunctionPath>,
    effects: Vec<Effect>,
    files: UncommittedFiles,
    request_id: RequestId,
    /// The request that caused it.
    origin: Option<Arc<Origin>>,
    /// The path of the component that was called.
    called: String,
}

impl std::fmt::Debug for Execution {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Execution").field("stack", &self.stack).finish_non_exhaustive()
    }
}

/// What an execution leaves behind.
pub struct Finished {
    /// The transaction, to be committed or turned into a token.
    pub tx: Transaction,
    /// What it printed.
    pub log_lines: Vec<LogLine>,
    /// What its result depends on beside data.
    pub observed: Observed,
    /// What to do once it is durable.
    pub effects: Vec<Effect>,
    /// Contents of files that it stored, to be kept if it commits.
    pub files: UncommittedFiles,
}

impl Execution {
    /// An execution that has not run anything yet.
    pub fn new(
        tx: Transaction,
        deployment: Arc<Deployment>,
        registry: Arc<FunctionRegistry>,
        call: &FunctionCall,
        identity_access: IdentityAccess,
    ) -> Self {
        // JavaScript's clock has no fractions of a millisecond.
        let now_ms = deployment.clock().unix_ms().floor();
        Self {
            tx,
            deployment,
            registry,
            identity: call.identity.clone(),
            identity_access,
            caller: call.caller,
            observed: Observed::default(),
            now_ms,
            random: Randomness::default(),
            logs: LogLines::default(),
            stack: Vec::new(),
            effects: Vec::new(),
            files: UncommittedFiles::default(),
            request_id: call.request_id,
            origin: call.origin.clone(),
            called: call.path.component().to_owned(),
        }
    }

    /// Takes it apart after the run.
    pub fn finish(self) -> Finished {
        Finished {
            tx: self.tx,
            log_lines: self.logs.into_lines(),
            observed: self.observed,
            effects: self.effects,
            files: self.files,
        }
    }

    /// Takes the execution away, to be used on another thread, and leaves one in its place that knows nothing of what
    /// this one did. Whoever takes it puts it back, unless it is lost with a thread that hangs: the call has to fail then.
    pub(crate) fn take(&mut self) -> Self {
        let stand_in = self.beside();
        std::mem::replace(self, stand_in)
    }

    /// An execution on the same snapshot that knows nothing of what this one did.
    fn beside(&self) -> Self {
        Self {
            tx: self.unseen(),
            deployment: self.deployment.clone(),
            registry: self.registry.clone(),
            identity: self.identity.clone(),
            identity_access: self.identity_access,
            caller: self.caller,
            // Its result is not to be shared for long.
            observed: Observed { identity: true, clock: true },
            now_ms: self.now_ms,
            random: Randomness::default(),
            logs: LogLines::default(),
            stack: self.stack.clone(),
            effects: Vec::new(),
            files: UncommittedFiles::default(),
            request_id: self.request_id,
            origin: self.origin.clone(),
            called: self.called.clone(),
        }
    }

    /// Runs a query on the state this transaction began with, without its writes, and without depending on what the
    /// query read.
    ///
    /// # Errors
    /// As [`Execution::run_nested_within`].
    pub(crate) fn run_on_snapshot(
        &mut self,
        path: &FunctionPath,
        args: Object,
        limits: &[(Resource, usize)],
    ) -> Result<Value> {
        let mut beside = self.beside();
        beside.tx.count_for(&self.tx);
        let result = beside.run_nested_within(path, FunctionKind::Query, args, limits);
        self.tx.count_from(&beside.tx);
        self.logs.extend(beside.logs.into_lines());
        result
    }

    /// What ties its errors to the log.
    pub(crate) const fn request_id(&self) -> RequestId {
        self.request_id
    }

    /// The request that caused it; none if it was scheduled.
    pub(crate) fn origin(&self) -> Option<&Origin> {
        self.origin.as_deref()
    }

    /// Runs a function that was looked up, with checks of arguments and result.
    ///
    /// # Errors
    /// Whatever the function fails with; `ArgumentValidationError`, `ReturnsValidationError` and too large values.
    pub fn run(&mut self, entry: &FunctionEntry, args: Object) -> Result<Value> {
        let component = self.component_of(entry, &args)?;
        let caller = self.tx.enter(component);
        let result = self.run_inside(entry, args);
        self.tx.enter(caller);
        result
    }

    /// The component in which a function runs: its own; the server's own functions run in the one that the caller means.
    fn component_of(&self, entry: &FunctionEntry, args: &Object) -> Result<ComponentId> {
        let path = entry.path.component();
        let catalog = self.tx.snapshot().catalog();
        if !entry.path.is_system() {
            if path.is_empty() {
                return Ok(ComponentId::ROOT);
            }
            return catalog.component_at(path).ok_or_else(|| component_not_found(path));
        }
        match args.get("componentId").and_then(Value::as_str).filter(|id| !id.is_empty()) {
            Some(id) => {
                catalog.component_with_id(id).map(|meta| meta.id).ok_or_else(|| component_not_found(id))
            }
            None if self.stack.is_empty() => {
                catalog.component_at(&self.called).ok_or_else(|| component_not_found(&self.called))
            }
            None => Ok(self.tx.component()),
        }
    }

    fn run_inside(&mut self, entry: &FunctionEntry, args: Object) -> Result<Value> {
        let args = check_args(entry, args, &self.tx)?;
        self.stack.push(entry.path.clone());
        let result = match &entry.handler {
            Handler::Query(handler) => handler(&mut QueryCtx::new(self), args),
            Handler::Mutation(handler) => handler(&mut MutationCtx::new(self), args),
            Handler::Action(_) => Err(Error::internal("an action was run as part of a transaction")),
        };
        self.stack.pop();
        let value = result?;
        check_returns(entry, &value, &self.tx)?;
        Ok(value)
    }

    /// Runs another function inside the same transaction: what it wrote is rolled back if it fails, what it read
    /// stays read.
    ///
    /// # Errors
    /// The function's error as its caller sees it (`Uncaught …` becomes part of the message); an error if calls
    /// are nested too deeply.
    pub fn run_nested(&mut self, path: &FunctionPath, kind: FunctionKind, args: Object) -> Result<Value> {
        self.run_nested_within(path, kind, args, &[])
    }

    /// As [`Execution::run_nested`], with limits for what the function uses beside those of the transaction.
    ///
    /// # Errors
    /// As [`Execution::run_nested`].
    pub(crate) fn run_nested_within(
        &mut self,
        path: &FunctionPath,
        kind: FunctionKind,
        args: Object,
        limits: &[(Resource, usize)],
    ) -> Result<Value> {
        if self.stack.len() > NESTED_CALLS_MAX {
            return Err(Error::bad_request(
                "NestedCallsTooDeep",
                format!(
                    "Functions may call each other at most {NESTED_CALLS_MAX} levels deep inside one transaction. Share code between them with plain functions instead."
                ),
            ));
        }
        let registry = self.registry.clone();
        let entry = registry.find_kind(path, kind, Access::Inside)?;
        if limits.is_empty() {
            return self.run_or_undo(entry, args).map_err(outcome::nested);
        }
        let former = self.tx.tighten(limits);
        let result = self.run_or_undo(entry, args);
        self.tx.loosen(former);
        result.map_err(outcome::nested)
    }

    /// Runs a function whose writes are undone if it fails, so that the transaction can be used further.
    ///
    /// # Errors
    /// As [`Execution::run`].
    pub(crate) fn run_or_undo(&mut self, entry: &FunctionEntry, args: Object) -> Result<Value> {
        let sub = self.tx.begin_sub();
        let (effects, files) = (self.effects.len(), self.files.len());
        let result = self.run(entry, args);
        if result.is_ok() {
            self.tx.commit_sub(sub);
        } else {
            self.tx.rollback_sub(sub);
            self.effects.truncate(effects);
            self.files.truncate(files);
        }
        result
    }

    /// Fails where pages cannot be read: in components other than the app, but for the server's own functions.
    ///
    /// # Errors
    /// `PaginationUnsupportedInComponents`.
    pub fn check_paginate(&self) -> Result<()> {
        let is_system = self.current().is_some_and(FunctionPath::is_system);
        if self.tx.component().is_root() || is_system {
            return Ok(());
        }
        Err(Error::bad_request(
            "PaginationUnsupportedInComponents",
            "paginate() is only supported in the app. Inside a component read an index range with .take(), or use `paginator` of convex-helpers.",
        ))
    }

    /// Where a file of the component in which it runs can be downloaded.
    pub fn file_url(&self, uuid: &str) -> String {
        self.deployment.files.url(uuid, variables::component_document(&self.tx))
    }

    /// A URL that takes uploads to the component in which it runs for an hour.
    ///
    /// # Errors
    /// Only if the token cannot be sealed, which is internal.
    pub fn generate_upload_url(&self) -> Result<String> {
        let now_ms = self.deployment.clock().unix_ms();
        self.deployment.files.generate_upload_url(now_ms, variables::component_document(&self.tx))
    }

    /// The path of the component in which it runs; empty for the app.
    pub(crate) fn component_path(&self) -> String {
        self.tx.component_path()
    }

    /// A transaction on the same state and in the same component, whose reads are not those of the function.
    pub(crate) fn unseen(&self) -> Transaction {
        let mut tx = self.deployment.database.begin(self.tx.snapshot().clone());
        tx.enter(self.tx.component());
        tx
    }

    /// The transaction.
    pub const fn tx(&mut self) -> &mut Transaction {
        &mut self.tx
    }

    /// What it can reach beside the transaction.
    pub const fn deployment(&self) -> &Arc<Deployment> {
        &self.deployment
    }

    /// The functions it can call.
    pub const fn registry(&self) -> &Arc<FunctionRegistry> {
        &self.registry
    }

    /// The function that is running.
    pub fn current(&self) -> Option<&FunctionPath> {
        self.stack.last()
    }

    /// What caused it.
    pub const fn caller(&self) -> Caller {
        self.caller
    }

    /// The time it began, in milliseconds since the epoch; stands still.
    pub const fn now_ms(&mut self) -> f64 {
        self.observed.clock = true;
        self.now_ms
    }

    /// The time without the result depending on it, for what the function does not see.
    pub(crate) const fn hidden_now_ms(&self) -> f64 {
        self.now_ms
    }

    /// Its randomness.
    pub const fn random(&mut self) -> &mut Randomness {
        &mut self.random
    }

    /// The user on whose behalf it runs.
    ///
    /// # Errors
    /// The stored error of an identity that could not be used.
    pub fn user(&mut self) -> Result<Option<Arc<UserIdentity>>> {
        self.observed.identity = true;
        if self.identity_access == IdentityAccess::Trap {
            return Err(Error::internal("the identity was read in a shared run, which is discarded"));
        }
        Ok(self.identity.user()?.cloned())
    }

    /// An environment variable.
    ///
    /// # Errors
    /// See [`Environment::get`].
    pub fn env(&mut self, name: &str) -> Result<Option<String>> {
        variables::get(&mut self.tx, &self.deployment, name)
    }

    /// The names of all environment variables, the server's own included, in order.
    ///
    /// # Errors
    /// See [`Environment::list`].
    pub fn env_names(&mut self) -> Result<Vec<String>> {
        variables::names(&mut self.tx, &self.deployment)
    }

    /// Prints a line of already formatted arguments.
    pub fn log(&mut self, level: LogLevel, messages: Vec<String>) {
        self.logs.push(level, messages, self.deployment.clock().unix_ms());
    }

    /// Makes an entry of the application's audit log: for log streams, once a mutation has committed. What stands for the
    /// circumstances of the call is put in place.
    pub(crate) fn audit(&mut self, mut body: Json) {
        audit::resolve(&mut body, self.request_id, self.origin.as_deref(), self.now_ms);
        self.effects.push(Effect::Audit(body));
    }

    /// Schedules a function, which begins only if this transaction commits.
    ///
    /// # Errors
    /// If the target does not exist or is of the wrong kind, the time is out of range, or a limit is reached.
    pub fn schedule(&mut self, due_ms: f64, path: &FunctionPath, args: Object) -> Result<DocumentId> {
        self.registry.find_schedulable(path)?;
        self.tx.count_scheduled(args.size())?;
        // What a canceled job schedules from then on is canceled too.
        let canceled = match self.caller.job() {
            Some(job) => job.is_canceled(&mut self.tx)?,
            None => false,
        };
        let now = self.now_ms;
        let (name, component) = (path.with_extension(), path.component());
        let id = Jobs::new(&mut self.tx).schedule(name, component, args, due_ms, now, canceled)?;
        self.effects.push(Effect::JobDue);
        Ok(id)
    }

    /// Cancels a scheduled function.
    ///
    /// # Errors
    /// `ScheduledFunctionNotFound`.
    pub fn cancel_job(&mut self, id: DocumentId) -> Result<()> {
        let now = self.now_ms;
        Jobs::new(&mut self.tx).cancel(id, now).map(drop)
    }

    /// Stores a file, which is there for others if this transaction commits. `expected` is the SHA-256 it must have.
    /// Blocks.
    ///
    /// # Errors
    /// `Sha256Mismatch`; if the content cannot be written; when a limit of the transaction is reached.
    pub fn store_file(
        &mut self,
        content: Bytes,
        content_type: Option<&str>,
        expected: Option<[u8; 32]>,
    ) -> Result<DocumentId> {
        self.tx.count_file_written(content.len())?;
        let storage = &self.deployment.files;
        let file = storage.write_blocking(content, expected)?;
        self.files.add(storage, file.uuid.clone());
        Files::new(&mut self.tx).insert(&file.uuid, &file.sha256(), file.written.size, content_type)
    }

    /// The content of a stored file. Blocks.
    ///
    /// # Errors
    /// If the content cannot be read; when a limit of the transaction is reached.
    pub fn read_file(&mut self, file: &FileMetadata) -> Result<Bytes> {
        self.tx.count_file_read(file.size as usize)?;
        self.deployment.files.read_blocking(&file.uuid)
    }

    /// Forgets a stored file; its content goes once this is durable.
    ///
    /// # Errors
    /// `StorageIdNotFound`.
    pub fn delete_file(&mut self, id: DocumentId) -> Result<()> {
        let uuid = Files::new(&mut self.tx).delete(id)?;
        self.effects.push(Effect::DeleteBlob(uuid));
        Ok(())
    }
}

/// The error of a call into a component that is not there.
pub(crate) fn component_not_found(component: &str) -> Error {
    Error::not_found("ComponentNotFound", format!("There is no component \"{component}\" here."))
}

/// Fails unless the arguments are what the function takes; gives them back.
pub(crate) fn check_args(
    entry: &FunctionEntry,
    args: Object,
    tables: &dyn fusion_schema::TableLookup,
) -> Result<Object> {
    let size = args.size();
    if size > FUNCTION_VALUE_SIZE_MAX {
        return Err(too_large("FunctionArgumentsTooLarge", "Arguments", &entry.path, size));
    }
    if entry.args.is_any() {
        return Ok(args);
    }
    let args = Value::Object(args);
    if let Err(error) = entry.args.check(&args, tables) {
        let text =
            if entry.confidential { error.for_confidential_arguments() } else { error.for_arguments() };
        return Err(Error::bad_request("ArgumentValidationError", text));
    }
    Object::decode(args).map_err(|error| Error::internal(error.to_string()))
}

/// Fails unless the value is what the function returns.
pub(crate) fn check_returns(
    entry: &FunctionEntry,
    value: &Value,
    tables: &dyn fusion_schema::TableLookup,
) -> Result<()> {
    let size = value.size();
    if size > FUNCTION_VALUE_SIZE_MAX {
        return Err(too_large("FunctionReturnValueTooLarge", "Return value", &entry.path, size));
    }
    match &entry.returns {
        Some(returns) if !entry.returns_by_type => returns
            .check(value, tables)
            .map_err(|error| Error::bad_request("ReturnsValidationError", error.for_returns())),
        _ => Ok(()),
    }
}

fn too_large(code: &'static str, what: &str, path: &FunctionPath, size: usize) -> Error {
    Error::bad_request(
        code,
        format!(
            "{what} of {} too large: {size} bytes, at most {FUNCTION_VALUE_SIZE_MAX} are allowed.",
            path.with_extension()
        ),
    )
}
