//! [`Application`]: how Rust code says which functions, routes, crons and tables it has.
//!
//! One explicit table per module: `module.query("list", list).mutation("send", send)`. Validators come from the
//! handlers' types. Mistakes are collected and reported by [`Application::build`], so that tables stay plain.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;

use fusion_schema::table::Schema;
use fusion_schema::{Object, Typed};

use super::call::Visibility;
use super::context::{ActionCore, ActionCtx, MutationCtx, QueryCtx};
use super::http::{HttpRequest, HttpResponse};
use super::http_router::{HttpRouter, RoutePath};
use super::path::FunctionPath;
use super::registry::{CronDefinition, FunctionEntry, FunctionRegistry, Handler, HttpHandler};
use crate::system::schedule::Schedule;
use crate::{Error, Result};

/// An application under construction.
#[derive(Default)]
pub struct Application {
    name: String,
    schema: Schema,
    functions: BTreeMap<FunctionPath, FunctionEntry>,
    routes: HttpRouter<HttpHandler>,
    crons: BTreeMap<String, CronDefinition>,
    problem: Option<Error>,
}

impl std::fmt::Debug for Application {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Application").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Application {
    /// An application without functions and tables.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), ..Self::default() }
    }

    /// Sets the tables.
    #[must_use]
    pub fn schema(mut self, schema: Schema) -> Self {
        self.schema = schema;
        self
    }

    /// Adds a module: its path without extension, who may call its functions, what its actions need from
    /// outside, and its table of functions.
    pub fn module<S: Clone + Send + Sync + 'static>(
        &mut self,
        path: &str,
        visibility: Visibility,
        services: S,
        register: impl FnOnce(&mut Module<S>),
    ) -> &mut Self {
        let mut module =
            Module { path: path.to_owned(), visibility, services, functions: Vec::new(), problem: None };
        register(&mut module);
        self.report(module.problem.map_or(Ok(()), Err));
        for entry in module.functions {
            let path = entry.path.clone();
            if self.functions.insert(path.clone(), entry).is_some() {
                self.report(Err(Error::bad_request(
                    "DuplicateFunction",
                    format!("The function \"{path}\" is registered twice."),
                )));
            }
        }
        self
    }

    /// Adds HTTP routes, and what their handlers need from outside.
    pub fn http<S: Clone + Send + Sync + 'static>(
        &mut self,
        services: S,
        register: impl FnOnce(&mut Routes<'_, S>),
    ) -> &mut Self {
        let mut routes = Routes { router: &mut self.routes, services, problem: None };
        register(&mut routes);
        let problem = routes.problem;
        self.report(problem.map_or(Ok(()), Err));
        self
    }

    /// Adds a cron that runs a mutation or an action.
    pub fn cron(&mut self, name: &str, schedule: Schedule, path: &str, args: Object) -> &mut Self {
        let checked =
            check_cron_name(name).and_then(|()| schedule.check()).and_then(|()| FunctionPath::parse(path));
        match checked {
            Ok(path) => {
                let cron = CronDefinition { name: name.to_owned(), path, args, schedule };
                if self.crons.insert(name.to_owned(), cron).is_some() {
                    self.report(Err(Error::bad_request(
                        "InvalidCron",
                        format!("Cron identifier registered twice: \"{name}\"."),
                    )));
                }
            }
            Err(error) => self.report(Err(error)),
        }
        self
    }

    /// Keeps the first mistake.
    fn report(&mut self, result: Result<()>) {
        if let Err(error) = result {
            self.problem.get_or_insert(error);
        }
    }

    /// The functions alone, for the server's own, which have no schema. They are known to be sound.
    pub(super) fn into_functions(self) -> impl Iterator<Item = FunctionEntry> {
        self.functions.into_values()
    }

    /// The finished registry.
    ///
    /// # Errors
    /// The first mistake in the tables: an invalid or duplicate name, route or cron; `InvalidSchema`.
    pub fn build(self) -> Result<FunctionRegistry> {
        if let Some(problem) = self.problem {
            return Err(problem);
        }
        self.schema.check().map_err(|error| Error::bad_request("InvalidSchema", error.message))?;
        FunctionRegistry::new(
            self.name,
            self.functions.into_values(),
            self.routes,
            self.crons.into_values(),
            self.schema,
        )
    }
}

/// Fails unless the name may name a cron: printable ASCII.
pub fn check_cron_name(name: &str) -> Result<()> {
    if !name.is_empty() && name.bytes().all(|byte| (0x20..=0x7E).contains(&byte)) {
        return Ok(());
    }
    Err(Error::bad_request("InvalidCron", format!("The cron name {name:?} must be printable ASCII text.")))
}

/// A module's table of functions; `S` is what its actions need from outside.
#[derive(Debug)]
pub struct Module<S = ()> {
    path: String,
    visibility: Visibility,
    services: S,
    functions: Vec<FunctionEntry>,
    problem: Option<Error>,
}

impl<S: Clone + Send + Sync + 'static> Module<S> {
    /// Adds a query.
    pub fn query<A: Typed, R: Typed>(
        &mut self,
        name: &str,
        handler: impl Fn(&mut QueryCtx<'_>, A) -> Result<R> + Send + Sync + 'static,
    ) -> &mut Self {
        self.add::<A, R>(
            name,
            Handler::Query(Arc::new(move |ctx, args| handler(ctx, decode_args(args)?).map(R::encode))),
        )
    }

    /// Adds a mutation.
    pub fn mutation<A: Typed, R: Typed>(
        &mut self,
        name: &str,
        handler: impl Fn(&mut MutationCtx<'_>, A) -> Result<R> + Send + Sync + 'static,
    ) -> &mut Self {
        self.add::<A, R>(
            name,
            Handler::Mutation(Arc::new(move |ctx, args| handler(ctx, decode_args(args)?).map(R::encode))),
        )
    }

    /// Adds an action.
    pub fn action<A, R, F, Fut>(&mut self, name: &str, handler: F) -> &mut Self
    where
        A: Typed,
        R: Typed,
        F: Fn(ActionCtx<S>, A) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<R>> + Send + 'static,
    {
        let services = self.services.clone();
        let handler = move |core: ActionCore, args: Object| -> super::registry::HandlerFuture<_> {
            match decode_args(args) {
                Ok(args) => {
                    let future = handler(ActionCtx::new(core, services.clone()), args);
                    Box::pin(async move { future.await.map(R::encode) })
                }
                Err(error) => Box::pin(async move { Err(error) }),
            }
        };
        self.add::<A, R>(name, Handler::Action(Arc::new(handler)))
    }

    /// Says of the function that was added last that its arguments hold secrets or personal fields: the errors of
    /// wrong arguments, which also stand in the function log, do not repeat them.
    pub fn confidential(&mut self) -> &mut Self {
        if let Some(entry) = self.functions.last_mut() {
            entry.confidential = true;
        }
        self
    }

    fn add<A: Typed, R: Typed>(&mut self, name: &str, handler: Handler) -> &mut Self {
        match FunctionPath::from_parts(&self.path, name) {
            Ok(path) => self.functions.push(FunctionEntry {
                path,
                visibility: self.visibility,
                args: A::args_validator(),
                returns: Some(R::validator()),
                returns_by_type: true,
                confidential: false,
                handler,
            }),
            Err(error) => {
                self.problem.get_or_insert(error);
            }
        }
        self
    }
}

/// Arguments have matched the validator before, so a failure means that a type and its validator disagree.
fn decode_args<A: Typed>(args: Object) -> Result<A> {
    A::decode_args(args).map_err(|error| {
        Error::bad_request("ArgumentValidationError", format!("ArgumentValidationError: {error}"))
    })
}

/// The table of HTTP routes; `S` is what the handlers need from outside.
pub struct Routes<'a, S> {
    router: &'a mut HttpRouter<HttpHandler>,
    services: S,
    problem: Option<Error>,
}

impl<S> std::fmt::Debug for Routes<'_, S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Routes").finish_non_exhaustive()
    }
}

impl<S: Clone + Send + Sync + 'static> Routes<'_, S> {
    /// Answers one path.
    pub fn route<F, Fut>(&mut self, path: &str, method: &str, handler: F) -> &mut Self
    where
        F: Fn(ActionCtx<S>, HttpRequest) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<HttpResponse>> + Send + 'static,
    {
        self.add(RoutePath::Exact(path.to_owned()), method, handler)
    }

    /// Answers every path that begins with `prefix`, which starts and ends with a slash.
    pub fn prefix<F, Fut>(&mut self, prefix: &str, method: &str, handler: F) -> &mut Self
    where
        F: Fn(ActionCtx<S>, HttpRequest) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<HttpResponse>> + Send + 'static,
    {
        self.add(RoutePath::Prefix(prefix.to_owned()), method, handler)
    }

    fn add<F, Fut>(&mut self, path: RoutePath, method: &str, handler: F) -> &mut Self
    where
        F: Fn(ActionCtx<S>, HttpRequest) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<HttpResponse>> + Send + 'static,
    {
        let services = self.services.clone();
        let handler: HttpHandler =
            Arc::new(move |core, request| Box::pin(handler(ActionCtx::new(core, services.clone()), request)));
        if let Err(error) = self.router.add(path, method, handler) {
            self.problem.get_or_insert(error);
        }
        self
    }
}
