//! Running actions and HTTP actions: tasks of the async runtime.
//!
//! An action runs to its end even if whoever called it has gone. The number of actions that clients run at once is
//! bounded; actions that an action calls take no place of their own, so that they cannot wait for each other.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use fusion_schema::{DocumentId, Object};
use futures_util::{FutureExt, Stream};
use tokio::sync::OwnedSemaphorePermit;

use super::call::{Caller, FunctionCall, FunctionKind};
use super::context::ActionCore;
use super::execution::{check_args, check_returns};
use super::execution_log::{Completion, LogEvent, Usage};
use super::http::{HttpRequest, HttpResponse, RoutedPath};
use super::mutations::{Attempt, panicked};
use super::origin::Origin;
use super::outcome::{Outcome, RequestId, Returned, UdfError};
use super::path::FunctionPath;
use super::pausing;
use super::registry::{Access, FunctionEntry, FunctionRegistry, Handler};
use super::runner::FunctionRunner;
use crate::auth::Identity;
use crate::clock::Moment;
use crate::database::{ComponentId, TransactionUse};
use crate::limits::FUNCTION_QUEUE_WAIT_MAX;
use crate::system::files::Files;
use crate::system::jobs::{JobRef, Jobs};
use crate::{Error, Result};

/// What came of a request to an HTTP action.
#[derive(Debug)]
pub struct HttpOutcome {
    /// The response, or the error of the handler; `NotFound` errors say that no handler matches.
    pub result: std::result::Result<HttpResponse, UdfError>,
}

impl FunctionRunner {
    /// Runs an action. Its own log lines come with the outcome.
    pub async fn action(self: &Arc<Self>, call: FunctionCall) -> Outcome {
        self.action_with_access(call, false).await
    }

    pub(super) async fn action_with_access(self: &Arc<Self>, call: FunctionCall, tool: bool) -> Outcome {
        let registry = self.registry();
        let request_id = call.request_id;
        let found = pausing::check(&self.deployment().database.published(), &call.path).and_then(|()| {
            registry.find_kind(&call.path, FunctionKind::Action, Self::access(&call, tool)).cloned()
        });
        let entry = match found {
            Ok(entry) => entry,
            Err(error) => return Outcome::failed(&error, request_id),
        };
        let place = match self.action_place().await {
            Ok(place) => place,
            Err(error) => return Outcome::failed(&error, request_id),
        };
        let runner = self.clone();
        let task = tokio::spawn(async move {
            let outcome = runner.run_action(call, &entry, registry).await;
            drop(place);
            outcome
        });
        task.await.unwrap_or_else(|_| {
            Outcome::failed(&Error::internal("the task of an action ended early"), request_id)
        })
    }

    /// Runs an action that is part of what was begun before: a scheduled one, or one on behalf of another.
    pub(crate) async fn nested_action(
        self: &Arc<Self>,
        call: FunctionCall,
        registry: Arc<FunctionRegistry>,
    ) -> Outcome {
        match registry.find_kind(&call.path, FunctionKind::Action, Access::Inside).cloned() {
            Ok(entry) => Box::pin(self.run_action(call, &entry, registry)).await,
            Err(error) => Outcome::failed(&error, call.request_id),
        }
    }

    async fn action_place(&self) -> Result<OwnedSemaphorePermit> {
        let limit = self.deployment().limits().concurrent_actions_max;
        let waiting = self.actions().clone().acquire_owned();
        match tokio::time::timeout(FUNCTION_QUEUE_WAIT_MAX, waiting).await {
            Ok(Ok(place)) => Ok(place),
            _ => Err(Error::overloaded(
                "TooManyConcurrentRequests",
                format!(
                    "Too many concurrent requests. Your backend is limited to {limit} concurrent actions. Try again later."
                ),
            )),
        }
    }

    async fn run_action(
        self: &Arc<Self>,
        call: FunctionCall,
        entry: &FunctionEntry,
        registry: Arc<FunctionRegistry>,
    ) -> Outcome {
        let started = Moment::now();
        let core = ActionCore::new(
            self.clone(),
            registry,
            FunctionKind::Action,
            call.path.component(),
            call.path.as_str().to_owned(),
            call.identity.clone(),
            call.request_id,
            call.caller,
            call.origin.clone(),
        );
        let core = match core {
            Ok(core) => core,
            Err(error) => return Outcome::failed(&error, call.request_id),
        };
        let result = self.run_action_handler(&call, entry, core.clone()).await;
        let result = match result {
            Ok(value) => Ok(Returned::from_value(&value)),
            Err(error) => Err(UdfError::new(&error, call.request_id)),
        };
        let outcome = Outcome { result, log_lines: core.take_logs(), journal: None, ts: 0 };
        self.note_run(
            FunctionKind::Action,
            &call,
            started.elapsed(),
            &outcome,
            &TransactionUse::default(),
            core.execution_id(),
        );
        outcome
    }

    async fn run_action_handler(
        &self,
        call: &FunctionCall,
        entry: &FunctionEntry,
        core: ActionCore,
    ) -> Result<fusion_schema::Value> {
        let Handler::Action(handler) = &entry.handler else {
            return Err(Error::internal("a function that is no action was run as one"));
        };
        let component = core.component();
        let tables = self.deployment().database.published();
        let args = check_args(entry, call.args.clone(), &tables.catalog().names_in(component))?;
        let run = AssertUnwindSafe(async { handler(core, args).await }).catch_unwind();
        let value = match tokio::time::timeout(self.deployment().limits().action_timeout, run).await {
            Ok(Ok(result)) => result?,
            Ok(Err(panic)) => return Err(panicked(&*panic, call)),
            Err(_) => return Err(timed_out(self.deployment().limits().action_timeout)),
        };
        let tables = self.deployment().database.published();
        check_returns(entry, &value, &tables.catalog().names_in(component))?;
        Ok(value)
    }

    /// Answers an HTTP request with the matching HTTP action. `path` is what is matched: the request's path without
    /// the prefix it was mounted under.
    pub async fn http_action(
        self: &Arc<Self>,
        path: &str,
        identity: Identity,
        origin: Arc<Origin>,
        mut request: HttpRequest,
    ) -> HttpOutcome {
        let started = Moment::now();
        let registry = self.registry();
        let request_id = RequestId::new();
        let failed = |error: &Error| HttpOutcome { result: Err(UdfError::new(error, request_id)) };
        if let Err(error) = pausing::check_running(&self.deployment().database.published()) {
            return failed(&error);
        }
        if registry.has_no_routes() {
            return failed(&Error::not_found(
                "HttpActionsNotEnabled",
                "This Convex deployment does not have HTTP actions enabled.",
            ));
        }
        let method = request.method().as_str().to_owned();
        let Some(route) = registry.route(&method, path) else {
            return failed(&Error::not_found("NoMatchingRoute", "No matching routes found"));
        };
        let (component, handler) = (route.component.to_owned(), route.handler.clone());
        let counted = if method == "HEAD" { "GET" } else { &method };
        let metrics = self.metrics().of(&FunctionPath::of_route(&component, counted, &route.pattern()));
        request.extensions_mut().insert(RoutedPath(route.path.to_owned()));
        // Who the user is stays inside the app.
        let identity = match identity {
            identity if component.is_empty() || identity.is_admin() => identity,
            _ => Identity::Anonymous,
        };
        let origin = match identity {
            Identity::User(_) => origin,
            _ => Arc::new(origin.with_token(None)),
        };
        let place = match self.action_place().await {
            Ok(place) => place,
            Err(error) => return failed(&error),
        };
        let identifier = format!("{method} {path}");
        let identity_kind = identity.kind();
        let core = ActionCore::new(
            self.clone(),
            registry.clone(),
            FunctionKind::HttpAction,
            &component,
            identifier.clone(),
            identity,
            request_id,
            Caller::HttpEndpoint,
            Some(origin),
        );
        let core = match core {
            Ok(core) => core,
            Err(error) => return failed(&error),
        };
        let timeout = self.deployment().limits().action_timeout;
        let execution = core.execution_id();
        let task = tokio::spawn(async move {
            let run = AssertUnwindSafe(async { handler(core, request).await }).catch_unwind();
            let result = tokio::time::timeout(timeout, run).await;
            drop(place);
            match result {
                Ok(Ok(result)) => result,
                Ok(Err(_)) => Err(Error::internal("an HTTP action panicked")),
                Err(_) => Err(timed_out(timeout)),
            }
        });
        let result =
            task.await.unwrap_or_else(|_| Err(Error::internal("the task of an HTTP action ended early")));
        let result = result.map_err(|error| UdfError::new(&error, request_id));
        let now = self.deployment().clock().unix_ms();
        metrics.record(now, FunctionKind::HttpAction, started.elapsed(), result.is_err());
        self.metrics().record_time(now, FunctionKind::HttpAction, started.elapsed());
        self.log().push(
            now,
            LogEvent::Completion(Box::new(Completion {
                kind: FunctionKind::HttpAction,
                component,
                identifier,
                request_id,
                execution,
                parent: None,
                caller: Caller::HttpEndpoint.name(),
                identity: identity_kind,
                duration: started.elapsed(),
                cached: false,
                error: result.as_ref().err().map(|error| error.detail().to_owned()),
                status: result.as_ref().ok().map(|response| response.status().as_u16()),
                will_retry: false,
                return_bytes: 0,
                usage: Usage::default(),
                log_lines: Vec::new(),
            })),
        );
        HttpOutcome { result }
    }

    /// Schedules a function at once, outside of any mutation, as a job of a component. `job` is the one that asks for it,
    /// if one does.
    ///
    /// # Errors
    /// If the time is out of range.
    pub(crate) async fn schedule(
        self: &Arc<Self>,
        component: ComponentId,
        path: FunctionPath,
        args: Object,
        due_ms: f64,
        job: Option<JobRef>,
    ) -> Result<DocumentId> {
        let id = self
            .write(move |tx, now| {
                let canceled = match job {
                    Some(job) => job.is_canceled(tx)?,
                    None => false,
                };
                let (name, of) = (path.with_extension(), path.component());
                tx.inside(component, |tx| {
                    Jobs::new(tx).schedule(name, of, args.clone(), due_ms, now, canceled)
                })
            })
            .await?;
        self.deployment().alarm.ring();
        Ok(id)
    }

    /// Cancels a scheduled function of a component.
    ///
    /// # Errors
    /// `ScheduledFunctionNotFound`.
    pub async fn cancel_job(self: &Arc<Self>, component: ComponentId, id: DocumentId) -> Result<()> {
        self.write(move |tx, now| tx.inside(component, |tx| Jobs::new(tx).cancel(id, now).map(drop))).await
    }

    /// Stores a file of a component: first its content, then its rows. `expected` is the SHA-256 it must have.
    ///
    /// # Errors
    /// `Sha256Mismatch`; if the content cannot be read or written.
    pub async fn store_file<E: Into<Error>>(
        self: &Arc<Self>,
        component: ComponentId,
        content: impl Stream<Item = std::result::Result<Bytes, E>> + Send,
        content_type: Option<String>,
        expected: Option<[u8; 32]>,
    ) -> Result<DocumentId> {
        let file = self.deployment().files.write(content, expected).await?;
        let uuid = file.uuid.clone();
        let stored = self
            .write(move |tx, _| {
                tx.inside(component, |tx| {
                    let (sha256, size) = (file.sha256(), file.written.size);
                    Files::new(tx).insert(&file.uuid, &sha256, size, content_type.as_deref())
                })
            })
            .await;
        if stored.is_err() {
            self.deployment().files.delete_later(uuid);
        }
        stored
    }

    /// Deletes a stored file of a component.
    ///
    /// # Errors
    /// `StorageIdNotFound`.
    pub async fn delete_file(self: &Arc<Self>, component: ComponentId, id: DocumentId) -> Result<()> {
        let uuid = self.write(move |tx, _| tx.inside(component, |tx| Files::new(tx).delete(id))).await?;
        self.deployment().files.delete_later(uuid);
        Ok(())
    }

    /// Writes system tables in a transaction of their own and waits until that is durable. `body` gets the time in
    /// milliseconds; it may run more than once.
    ///
    /// # Errors
    /// The body's error, or one of the database.
    pub async fn write<T: Send + 'static>(
        self: &Arc<Self>,
        mut body: impl FnMut(&mut crate::database::Transaction, f64) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let runner = self.clone();
        let (value, ts) = self
            .blocking(move || {
                runner.transact(|mut tx| {
                    let now = runner.deployment().clock().unix_ms().floor();
                    let value = body(&mut tx, now)?;
                    Ok(Attempt { tx, commit: true, record: None, value })
                })
            })
            .await?;
        self.deployment().database.durable(ts).await?;
        Ok(value)
    }
}

fn timed_out(limit: Duration) -> Error {
    Error::new(
        crate::ErrorKind::Function,
        "Error",
        format!("Function execution timed out (maximum duration: {}s)", limit.as_secs()),
    )
}
