//! [`ActionCtx`]: what an action can do.
//!
//! An action is outside of any transaction: each query and mutation it runs is one of its own, and nothing is
//! undone when it fails. The context can be cloned and used from several tasks at once.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use fusion_schema::table::{ScheduledFunction, StoredFile};
use fusion_schema::{DocumentId, Id, Object, Typed, Value};
use parking_lot::Mutex;

use super::scheduler::delay;
use super::{check_table_name, decode_result, encode_args};
use crate::auth::{Identity, UserIdentity};
use crate::clock::random_bytes;
use crate::database::{ComponentId, Transaction, VectorMatch, VectorQuery};
use crate::function::app_counters::AppCounter;
use crate::function::audit;
use crate::function::call::{Caller, FunctionCall, FunctionKind};
use crate::function::deployment::Deployment;
use crate::function::execution::component_not_found;
use crate::function::execution_log::LogEvent;
use crate::function::log_line::{LogLevel, LogLine, LogLines, quote};
use crate::function::origin::Origin;
use crate::function::outcome::{ExecutionId, Outcome, RequestId};
use crate::function::path::FunctionPath;
use crate::function::pausing;
use crate::function::registry::FunctionRegistry;
use crate::function::runner::FunctionRunner;
use crate::function::variables;
use crate::system::files::{FileMetadata, Files};
use crate::system::jobs::JobRef;
use crate::{Error, Result};

/// The run of an action, without what its module brought along. Cheap to clone.
#[derive(Clone)]
pub struct ActionCore {
    inner: Arc<Inner>,
}

struct Inner {
    runner: Arc<FunctionRunner>,
    registry: Arc<FunctionRegistry>,
    /// Whether it is an action or an HTTP action.
    kind: FunctionKind,
    /// The component it runs in.
    component: ComponentId,
    /// The path of the component.
    component_path: String,
    /// The function, or `GET /path` of an HTTP action.
    name: String,
    identity: Identity,
    request_id: RequestId,
    execution: ExecutionId,
    job: Option<JobRef>,
    /// The request that caused it.
    origin: Option<Arc<Origin>>,
    /// Whether an action calls it.
    is_nested: bool,
    logs: Mutex<LogLines>,
}

impl std::fmt::Debug for ActionCore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ActionCore").field("name", &self.inner.name).finish_non_exhaustive()
    }
}

impl ActionCore {
    /// The run of an action or HTTP action of the component at a path, that keeps the functions it began with.
    ///
    /// # Errors
    /// `ComponentNotFound`.
    #[expect(clippy::too_many_arguments, reason = "what a run is, each told by its caller")]
    pub(crate) fn new(
        runner: Arc<FunctionRunner>,
        registry: Arc<FunctionRegistry>,
        kind: FunctionKind,
        component_path: &str,
        name: String,
        identity: Identity,
        request_id: RequestId,
        caller: Caller,
        origin: Option<Arc<Origin>>,
    ) -> Result<Self> {
        let logs = Mutex::new(LogLines::default());
        let execution = ExecutionId::new(request_id);
        let (job, is_nested) = (caller.job(), matches!(caller, Caller::Action(_)));
        let component = match component_path {
            "" => ComponentId::ROOT,
            path => {
                let now = runner.deployment().database.published();
                now.catalog().component_at(path).ok_or_else(|| component_not_found(path))?
            }
        };
        let component_path = component_path.to_owned();
        let inner = Inner {
            runner,
            registry,
            kind,
            component,
            component_path,
            name,
            identity,
            request_id,
            execution,
            job,
            origin,
            is_nested,
            logs,
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// The component it runs in.
    pub fn component(&self) -> ComponentId {
        self.inner.component
    }

    /// The path of the component it runs in; empty for the app.
    pub fn component_path(&self) -> &str {
        &self.inner.component_path
    }

    /// A transaction that reads what is published, in the component of the action.
    pub(crate) fn begin_query(&self) -> Transaction {
        let mut tx = self.deployment().database.begin_query();
        tx.enter(self.inner.component);
        tx
    }

    /// Where a file of its component can be downloaded.
    pub(crate) fn file_url(&self, uuid: &str) -> String {
        self.deployment().files.url(uuid, variables::component_document(&self.begin_query()))
    }

    /// A URL that takes uploads to its component for an hour.
    ///
    /// # Errors
    /// Only if the token cannot be sealed, which is internal.
    pub(crate) fn generate_upload_url(&self) -> Result<String> {
        let deployment = self.deployment();
        let component = variables::component_document(&self.begin_query());
        deployment.files.generate_upload_url(deployment.clock().unix_ms(), component)
    }

    /// Whether another action calls it.
    pub(crate) fn is_nested(&self) -> bool {
        self.inner.is_nested
    }

    /// The deployment.
    pub fn deployment(&self) -> &Arc<Deployment> {
        self.inner.runner.deployment()
    }

    /// What ties its errors to the log.
    pub fn request_id(&self) -> RequestId {
        self.inner.request_id
    }

    /// What tells it from other runs.
    pub(crate) fn execution_id(&self) -> ExecutionId {
        self.inner.execution
    }

    /// The scheduled job it runs for, itself or through a calling action.
    pub fn job(&self) -> Option<JobRef> {
        self.inner.job
    }

    /// The request that caused it; none if it was scheduled.
    pub fn origin(&self) -> Option<&Origin> {
        self.inner.origin.as_deref()
    }

    /// The functions it can call.
    pub fn registry(&self) -> &Arc<FunctionRegistry> {
        &self.inner.registry
    }

    /// The user on whose behalf it runs.
    ///
    /// # Errors
    /// The stored error of an identity that could not be used.
    pub fn user(&self) -> Result<Option<Arc<UserIdentity>>> {
        Ok(self.inner.identity.user()?.cloned())
    }

    /// An environment variable as it now is.
    ///
    /// # Errors
    /// See [`Environment::get`].
    pub fn env(&self, name: &str) -> Result<Option<String>> {
        variables::get(&mut self.begin_query(), self.deployment(), name)
    }

    /// All environment variables as they now are, the server's own included.
    ///
    /// # Errors
    /// See [`Environment::list`].
    pub(crate) fn variables(&self) -> Result<BTreeMap<String, String>> {
        let (mut tx, deployment) = (self.begin_query(), self.deployment());
        let mut variables = BTreeMap::new();
        for name in variables::names(&mut tx, deployment)? {
            if let Some(value) = variables::get(&mut tx, deployment, &name)? {
                variables.insert(name, value);
            }
        }
        Ok(variables)
    }

    /// The names of all environment variables, the server's own included, in order.
    ///
    /// # Errors
    /// See [`Environment::list`].
    pub fn env_names(&self) -> Result<Vec<String>> {
        variables::names(&mut self.begin_query(), self.deployment())
    }

    /// Prints a line of already formatted arguments; it appears in the function log at once.
    pub fn log(&self, level: LogLevel, messages: Vec<String>) {
        let now = self.deployment().clock().unix_ms();
        let line = self.inner.logs.lock().push(level, messages, now).cloned();
        if let Some(line) = line {
            let Inner { kind, component_path, name, request_id, execution, .. } = &*self.inner;
            let event = LogEvent::Progress {
                kind: *kind,
                component: component_path.clone(),
                identifier: name.clone(),
                request_id: *request_id,
                execution: *execution,
                line,
            };
            self.inner.runner.log().push(now, event);
        }
    }

    /// Makes an entry of the application's audit log, for log streams.
    pub(crate) fn audit(&self, mut body: serde_json::Value) {
        audit::resolve(&mut body, self.inner.request_id, self.origin(), self.deployment().clock().unix_ms());
        self.inner.runner.note_audit(self.inner.request_id, body);
    }

    /// Counts `amount` more of the part of an application's counter whose label has this value.
    pub fn count(&self, counter: &'static AppCounter, value: &str, amount: u64) {
        self.inner.runner.metrics().app().count(counter, value, amount);
    }

    /// Takes what was printed so far.
    pub(crate) fn take_logs(&self) -> Vec<LogLine> {
        std::mem::take(&mut *self.inner.logs.lock()).into_lines()
    }

    /// On whose behalf a function is called: who the user is stays inside the app, for a component could pretend.
    fn identity_for(&self, path: &FunctionPath) -> Identity {
        let stays = self.inner.component.is_root() && path.component().is_empty();
        match &self.inner.identity {
            identity if stays || identity.is_admin() => identity.clone(),
            Identity::System => Identity::System,
            _ => Identity::Anonymous,
        }
    }

    /// The request that caused a call, with the token only where the user goes along.
    fn origin_for(&self, identity: &Identity) -> Option<Arc<Origin>> {
        let origin = self.inner.origin.as_ref()?;
        if origin.token.is_some() && !matches!(identity, Identity::User(_)) {
            return Some(Arc::new(origin.with_token(None)));
        }
        Some(origin.clone())
    }

    /// Runs another function on behalf of the same user.
    ///
    /// # Errors
    /// The function's error as its caller sees it.
    pub async fn run(&self, kind: FunctionKind, path: &FunctionPath, args: Object) -> Result<Value> {
        let inner = &self.inner;
        let identity = self.identity_for(path);
        let call = FunctionCall {
            path: path.clone(),
            args,
            origin: self.origin_for(&identity),
            identity,
            caller: Caller::Action(inner.job),
            request_id: inner.request_id,
            parent: Some(inner.execution),
        };
        let outcome: Outcome = match kind {
            FunctionKind::Query => inner.runner.query(call, None).await,
            FunctionKind::Mutation => inner.runner.mutation(call).await,
            FunctionKind::Action => {
                pausing::check(&self.deployment().database.published(), path)?;
                inner.runner.nested_action(call, inner.registry.clone()).await
            }
            FunctionKind::HttpAction => {
                return Err(Error::bad_request(
                    "WrongFunctionKind",
                    "HTTP actions cannot be called by path.",
                ));
            }
        };
        match outcome.result {
            Ok(returned) => Ok(returned.to_value()),
            Err(error) => Err(error.into_nested()),
        }
    }

    /// Schedules a function at once.
    ///
    /// # Errors
    /// If there is no such function or the time is out of range.
    pub async fn schedule(&self, due_ms: f64, path: &FunctionPath, args: Object) -> Result<DocumentId> {
        self.inner.registry.find_schedulable(path)?;
        let inner = &self.inner;
        inner.runner.schedule(inner.component, path.clone(), args, due_ms, inner.job).await
    }

    /// Searches a vector index; see [`Database::vector_search`](crate::database::Database::vector_search).
    ///
    /// # Errors
    /// If there is no such index, or the query does not suit it.
    pub async fn vector_search(
        &self,
        table: &str,
        index: &str,
        query: VectorQuery,
    ) -> Result<Vec<VectorMatch>> {
        check_table_name(table, false)?;
        let database = self.deployment().database.clone();
        let (table, index) = (table.to_owned(), index.to_owned());
        let component = self.inner.component;
        let search =
            tokio::task::spawn_blocking(move || database.vector_search(component, &table, &index, &query));
        search
            .await
            .unwrap_or_else(|error| Err(Error::internal("A vector search failed.").with_source(error)))
    }

    /// Cancels a scheduled function at once.
    ///
    /// # Errors
    /// `ScheduledFunctionNotFound`.
    pub async fn cancel_job(&self, id: DocumentId) -> Result<()> {
        self.inner.runner.cancel_job(self.inner.component, id).await
    }
}

/// What an action can do: talk to the outside through `S`, and run queries and mutations.
#[derive(Clone, Debug)]
pub struct ActionCtx<S = ()> {
    core: ActionCore,
    services: S,
}

impl<S> ActionCtx<S> {
    /// A view of an action's run.
    pub const fn new(core: ActionCore, services: S) -> Self {
        Self { core, services }
    }

    /// What the module was given from outside.
    pub const fn services(&self) -> &S {
        &self.services
    }

    /// The run itself, for engines that run other languages.
    pub const fn core(&self) -> &ActionCore {
        &self.core
    }

    /// The time, in milliseconds since the epoch.
    pub fn now(&self) -> f64 {
        self.core.deployment().clock().unix_ms().floor()
    }

    /// Random bytes that nobody can guess.
    pub fn random_bytes<const N: usize>(&self) -> [u8; N] {
        random_bytes()
    }

    /// The user on whose behalf the action runs; `None` for nobody.
    ///
    /// # Errors
    /// If the caller's credentials could not be used (HTTP actions only).
    pub fn identity(&self) -> Result<Option<Arc<UserIdentity>>> {
        self.core.user()
    }

    /// An environment variable of the deployment.
    ///
    /// # Errors
    /// If its stored value cannot be decrypted.
    pub fn env(&self, name: &str) -> Result<Option<String>> {
        self.core.env(name)
    }

    /// Prints a line for the client's console and the function log.
    pub fn log(&self, level: LogLevel, message: impl AsRef<str>) {
        self.core.log(level, vec![quote(message.as_ref())]);
    }

    /// Counts `amount` more of the part of an application's counter whose label has this value; `/metrics` shows it.
    pub fn count(&self, counter: &'static AppCounter, value: &str, amount: u64) {
        self.core.count(counter, value, amount);
    }

    /// Runs a query on the latest data.
    ///
    /// # Errors
    /// The query's error.
    pub async fn run_query<R: Typed>(&self, path: &str, args: impl Typed) -> Result<R> {
        decode_result(self.run(FunctionKind::Query, prepare(path, args)).await?)
    }

    /// Runs a mutation; what it did stays done whatever the action does afterwards.
    ///
    /// # Errors
    /// The mutation's error.
    pub async fn run_mutation<R: Typed>(&self, path: &str, args: impl Typed) -> Result<R> {
        decode_result(self.run(FunctionKind::Mutation, prepare(path, args)).await?)
    }

    /// Runs another action.
    ///
    /// # Errors
    /// The action's error.
    pub async fn run_action<R: Typed>(&self, path: &str, args: impl Typed) -> Result<R> {
        decode_result(self.run(FunctionKind::Action, prepare(path, args)).await?)
    }

    async fn run(&self, kind: FunctionKind, call: Result<(FunctionPath, Object)>) -> Result<Value> {
        let (path, args) = call?;
        self.core.run(kind, &path, args).await
    }

    /// Finds the documents of a table whose vectors are most similar to a given one, best first. They are those of one
    /// state of the data, in which everything is done that this action waited for.
    ///
    /// # Errors
    /// If there is no such index, or the query does not suit it.
    pub async fn vector_search(
        &self,
        table: &str,
        index: &str,
        query: VectorQuery,
    ) -> Result<Vec<VectorMatch>> {
        self.core.vector_search(table, index, query).await
    }

    /// Functions to run later; they are scheduled at once.
    pub const fn scheduler(&self) -> ActionScheduler<'_> {
        ActionScheduler { core: &self.core }
    }

    /// Stored files.
    pub const fn storage(&self) -> ActionStorage<'_> {
        ActionStorage { core: &self.core }
    }
}

fn prepare(path: &str, args: impl Typed) -> Result<(FunctionPath, Object)> {
    Ok((FunctionPath::parse(path)?, encode_args(args)?))
}

/// `ctx.scheduler()` of an action.
#[derive(Debug)]
pub struct ActionScheduler<'a> {
    core: &'a ActionCore,
}

impl ActionScheduler<'_> {
    /// Runs a mutation or action `delay_ms` milliseconds from now.
    ///
    /// # Errors
    /// If there is no such function or the delay is out of range.
    pub async fn run_after(
        &self,
        delay_ms: f64,
        path: &str,
        args: impl Typed,
    ) -> Result<Id<ScheduledFunction>> {
        let now = self.core.deployment().clock().unix_ms().floor();
        self.schedule(now + delay(delay_ms), prepare(path, args)).await
    }

    /// Runs a mutation or action at a time in milliseconds since the epoch.
    ///
    /// # Errors
    /// If there is no such function or the time is out of range.
    pub async fn run_at(&self, time_ms: f64, path: &str, args: impl Typed) -> Result<Id<ScheduledFunction>> {
        self.schedule(time_ms, prepare(path, args)).await
    }

    async fn schedule(
        &self,
        due_ms: f64,
        call: Result<(FunctionPath, Object)>,
    ) -> Result<Id<ScheduledFunction>> {
        let (path, args) = call?;
        Ok(self.core.schedule(due_ms, &path, args).await?.into())
    }

    /// Cancels a scheduled function. One that has ended is left alone.
    ///
    /// # Errors
    /// If there is no such job.
    pub async fn cancel(&self, id: Id<ScheduledFunction>) -> Result<()> {
        self.core.cancel_job(id.document_id()).await
    }
}

/// `ctx.storage()` of an action. Storing and deleting happen at once and stay done.
#[derive(Debug)]
pub struct ActionStorage<'a> {
    core: &'a ActionCore,
}

impl ActionStorage<'_> {
    /// Stores a file.
    ///
    /// # Errors
    /// If the content cannot be written.
    pub async fn store(&self, content: Bytes, content_type: Option<String>) -> Result<Id<StoredFile>> {
        self.store_expected(content, content_type, None).await
    }

    /// Stores a file that must have the given SHA-256.
    ///
    /// # Errors
    /// `Sha256Mismatch`; if the content cannot be written.
    pub async fn store_expected(
        &self,
        content: Bytes,
        content_type: Option<String>,
        expected: Option<[u8; 32]>,
    ) -> Result<Id<StoredFile>> {
        let runner = &self.core.inner.runner;
        let upload = futures_util::stream::once(async move { Ok::<_, Error>(content) });
        let component = self.core.inner.component;
        Ok(runner.store_file(component, upload, content_type, expected).await?.into())
    }

    /// The content of a file; `None` if there is no such file.
    ///
    /// # Errors
    /// If the content cannot be read.
    pub async fn get(&self, id: Id<StoredFile>) -> Result<Option<(FileMetadata, Bytes)>> {
        let Some(metadata) = self.get_metadata(id)? else { return Ok(None) };
        let content = self.core.deployment().files.read(&metadata.uuid).await?;
        Ok(Some((metadata, content)))
    }

    /// What is known about a file; `None` if there is no such file.
    ///
    /// # Errors
    /// If the row is damaged.
    pub fn get_metadata(&self, id: Id<StoredFile>) -> Result<Option<FileMetadata>> {
        Files::new(&mut self.core.begin_query()).get(id.document_id())
    }

    /// Where the file can be downloaded; `None` if there is no such file.
    ///
    /// # Errors
    /// If the row is damaged.
    pub fn get_url(&self, id: Id<StoredFile>) -> Result<Option<String>> {
        Ok(self.get_metadata(id)?.map(|file| self.core.file_url(&file.uuid)))
    }

    /// A URL that takes uploads for an hour.
    ///
    /// # Errors
    /// Only if the token cannot be sealed, which is internal.
    pub fn generate_upload_url(&self) -> Result<String> {
        self.core.generate_upload_url()
    }

    /// Deletes a file.
    ///
    /// # Errors
    /// `StorageIdNotFound` if there is no such file.
    pub async fn delete(&self, id: Id<StoredFile>) -> Result<()> {
        self.core.inner.runner.delete_file(self.core.inner.component, id.document_id()).await
    }
}
