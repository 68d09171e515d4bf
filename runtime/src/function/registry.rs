//! [`FunctionRegistry`]: every function of a deployment by its path, its HTTP routes, its crons and its schema.
//!
//! A registry never changes; a push makes a new one and the runner swaps them. Whoever runs a function keeps the
//! registry it began with.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use fusion_schema::table::Schema;
use fusion_schema::{Object, Validator, Value};

use super::call::{FunctionKind, Visibility};
use super::context::{ActionCore, MutationCtx, QueryCtx};
use super::http::{HttpRequest, HttpResponse};
use super::http_router::HttpRouter;
use super::path::FunctionPath;
use crate::auth::Identity;
use crate::system::crons::CronSpec;
use crate::system::function_handles::HandleTarget;
use crate::system::schedule::Schedule;
use crate::{Error, Result};

/// A future that a handler gives.
pub type HandlerFuture<T> = Pin<Box<dyn Future<Output = Result<T>> + Send>>;
/// What runs a query.
pub type QueryHandler = Arc<dyn Fn(&mut QueryCtx<'_>, Object) -> Result<Value> + Send + Sync>;
/// What runs a mutation.
pub type MutationHandler = Arc<dyn Fn(&mut MutationCtx<'_>, Object) -> Result<Value> + Send + Sync>;
/// What runs an action.
pub type ActionHandler = Arc<dyn Fn(ActionCore, Object) -> HandlerFuture<Value> + Send + Sync>;
/// What answers an HTTP request.
pub type HttpHandler = Arc<dyn Fn(ActionCore, HttpRequest) -> HandlerFuture<HttpResponse> + Send + Sync>;

/// The code behind a function.
#[derive(Clone)]
pub enum Handler {
    /// A query's.
    Query(QueryHandler),
    /// A mutation's.
    Mutation(MutationHandler),
    /// An action's.
    Action(ActionHandler),
}

impl fmt::Debug for Handler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Query(_) => "Query",
            Self::Mutation(_) => "Mutation",
            Self::Action(_) => "Action",
        })
    }
}

/// A registered function.
#[derive(Clone, Debug)]
pub struct FunctionEntry {
    /// Its path.
    pub path: FunctionPath,
    /// Who may call it.
    pub visibility: Visibility,
    /// What arguments it takes: an object or anything.
    pub args: Validator,
    /// What it returns; `None` if it does not say.
    pub returns: Option<Validator>,
    /// Whether the handler itself guarantees `returns`, so that nobody needs to check.
    pub returns_by_type: bool,
    /// Whether its arguments hold secrets or personal fields, which errors must not repeat.
    pub confidential: bool,
    /// The code.
    pub handler: Handler,
}

impl FunctionEntry {
    /// Whether it is a query, a mutation or an action.
    pub const fn kind(&self) -> FunctionKind {
        match self.handler {
            Handler::Query(_) => FunctionKind::Query,
            Handler::Mutation(_) => FunctionKind::Mutation,
            Handler::Action(_) => FunctionKind::Action,
        }
    }
}

/// A function that runs again and again.
#[derive(Clone, Debug, PartialEq)]
pub struct CronDefinition {
    /// The cron's name, unique in the component of its function.
    pub name: String,
    /// The mutation or action to run.
    pub path: FunctionPath,
    /// Its arguments.
    pub args: Object,
    /// When.
    pub schedule: Schedule,
}

/// Where the HTTP routes of a component are found in those of its parent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpMount {
    /// What their paths begin with; starts and ends with a slash.
    pub prefix: String,
    /// The path of the component.
    pub component: String,
}

/// What an instance of a component brings to a deployment.
#[derive(Default)]
pub struct ComponentFunctions {
    /// Its path; that of the app is empty.
    pub path: String,
    /// Its functions, whose paths are in the component.
    pub functions: Vec<FunctionEntry>,
    /// Its HTTP actions.
    pub routes: HttpRouter<HttpHandler>,
    /// Its crons, whose functions are in the component.
    pub crons: Vec<CronDefinition>,
    /// Where the routes of its children are found.
    pub mounts: Vec<HttpMount>,
}

impl fmt::Debug for ComponentFunctions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ComponentFunctions").field("path", &self.path).finish_non_exhaustive()
    }
}

/// The routes of the app or of a component that is mounted.
#[derive(Default)]
struct ComponentRoutes {
    routes: HttpRouter<HttpHandler>,
    mounts: Vec<HttpMount>,
}

/// What answers a request.
pub struct FoundRoute<'a> {
    /// The path of the component whose route it is.
    pub component: &'a str,
    /// The request's path as the component sees it.
    pub path: &'a str,
    /// How much of the path the route names, if it is a prefix.
    prefix: Option<usize>,
    /// The HTTP action.
    pub handler: &'a HttpHandler,
}

impl FoundRoute<'_> {
    /// The path of the route as listings show it.
    pub fn pattern(&self) -> String {
        let prefix = self.prefix.and_then(|length| self.path.get(..length));
        prefix.map_or_else(|| self.path.to_owned(), |prefix| format!("{prefix}*"))
    }
}

impl fmt::Debug for FoundRoute<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FoundRoute").field("component", &self.component).finish_non_exhaustive()
    }
}

/// From where a function is looked up, which decides what is found and how a miss is worded.
#[derive(Clone, Copy, Debug)]
pub enum Access<'a> {
    /// A client on behalf of this identity.
    Client(&'a Identity),
    /// A tool that may call everything (`/api/function`, `/api/run`), on behalf of this identity.
    Tool(&'a Identity),
    /// Another function, the scheduler or a cron.
    Inside,
}

/// See the module's documentation.
#[derive(Default)]
pub struct FunctionRegistry {
    application: String,
    functions: HashMap<FunctionPath, Arc<FunctionEntry>>,
    app: ComponentRoutes,
    crons: BTreeMap<String, CronDefinition>,
    schema: Schema,
    /// The components that are mounted, by path.
    components: BTreeMap<String, ComponentRoutes>,
    component_crons: Vec<CronDefinition>,
}

impl fmt::Debug for FunctionRegistry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FunctionRegistry")
            .field("application", &self.application)
            .field("functions", &self.functions.len())
            .field("crons", &self.crons.len())
            .finish_non_exhaustive()
    }
}

impl FunctionRegistry {
    /// Puts a registry together out of these functions and the server's own; functions given later replace earlier
    /// ones of the same path.
    ///
    /// # Errors
    /// `InvalidCron` if a cron names no mutation or action.
    pub fn new(
        application: impl Into<String>,
        functions: impl IntoIterator<Item = FunctionEntry>,
        routes: HttpRouter<HttpHandler>,
        crons: impl IntoIterator<Item = CronDefinition>,
        schema: Schema,
    ) -> Result<Self> {
        let functions: HashMap<_, _> = super::system_functions::functions()
            .chain(super::dashboard::functions())
            .chain(functions)
            .map(|entry| (entry.path.clone(), Arc::new(entry)))
            .collect();
        let mut by_name = BTreeMap::new();
        for cron in crons {
            check_cron(&functions, &cron)?;
            by_name.insert(cron.name.clone(), cron);
        }
        Ok(Self {
            application: application.into(),
            functions,
            app: ComponentRoutes { routes, mounts: Vec::new() },
            crons: by_name,
            schema,
            components: BTreeMap::new(),
            component_crons: Vec::new(),
        })
    }

    /// Adds the components that are mounted, with `mounts`, where the routes of the app's children are found.
    ///
    /// # Errors
    /// `InvalidCron` if a cron names no mutation or action.
    pub fn with_components(
        mut self,
        mounts: Vec<HttpMount>,
        components: impl IntoIterator<Item = ComponentFunctions>,
    ) -> Result<Self> {
        self.app.mounts = mounts;
        for ComponentFunctions { path, functions, routes, crons, mounts } in components {
            for entry in functions {
                self.functions.insert(entry.path.clone(), Arc::new(entry));
            }
            for cron in crons {
                check_cron(&self.functions, &cron)?;
                self.component_crons.push(cron);
            }
            self.components.insert(path, ComponentRoutes { routes, mounts });
        }
        Ok(self)
    }

    /// Whether a component is mounted; the app always is.
    pub fn has_component(&self, path: &str) -> bool {
        path.is_empty() || self.components.contains_key(path)
    }

    /// The paths of the components that are mounted, without the app.
    pub fn components(&self) -> impl Iterator<Item = &str> {
        self.components.keys().map(String::as_str)
    }

    /// The functions that handles can be made for: all but the server's own.
    pub fn handle_targets(&self) -> impl Iterator<Item = HandleTarget> {
        let paths = self.functions.keys().filter(|path| !path.is_system());
        paths.map(|path| HandleTarget { component: path.component().to_owned(), path: path.with_extension() })
    }

    /// The application's name.
    pub fn application(&self) -> &str {
        &self.application
    }

    /// The function at a path, whoever asks. The server's own functions are those of every component.
    pub fn get(&self, path: &FunctionPath) -> Option<&Arc<FunctionEntry>> {
        if path.is_system() && !path.component().is_empty() {
            return self.functions.get(&path.in_component(""));
        }
        self.functions.get(path)
    }

    /// Every function, in no order.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<FunctionEntry>> {
        self.functions.values()
    }

    /// Whether there is a module of that name in the component at a path.
    fn has_module(&self, component: &str, module: &str) -> bool {
        self.functions.keys().any(|path| path.module() == module && path.component() == component)
    }

    /// The function at a path that the caller may call.
    ///
    /// # Errors
    /// `FunctionNotFound`, with the same text for a function that is not there and one the caller may not see.
    pub fn find(&self, path: &FunctionPath, access: Access<'_>) -> Result<&Arc<FunctionEntry>> {
        let (identity, what) = match access {
            Access::Client(identity) => (Some(identity), "public function"),
            Access::Tool(identity) => (Some(identity), "function"),
            Access::Inside => (None, "function"),
        };
        let found = self.get(path).filter(|entry| match identity {
            // The server's own functions are for administrators; functions of the application do not call them.
            _ if path.is_system() => identity.is_some_and(Identity::is_admin),
            Some(identity) if identity.is_admin() => true,
            // Clients know the app's functions only.
            Some(_) => entry.visibility == Visibility::Public && path.component().is_empty(),
            None => true,
        });
        found.ok_or_else(|| {
            let place = match path.component() {
                "" => String::new(),
                component => format!(" in the component '{component}'"),
            };
            Error::not_found(
                "FunctionNotFound",
                format!(
                    "Could not find {what} for '{}'{place}. Did you forget to run `npx convex dev`?",
                    path.as_str()
                ),
            )
        })
    }

    /// The function at a path that the caller may call, which must be of the given kind.
    ///
    /// # Errors
    /// `FunctionNotFound` as [`FunctionRegistry::find`]; `WrongFunctionKind`.
    pub fn find_kind(
        &self,
        path: &FunctionPath,
        kind: FunctionKind,
        access: Access<'_>,
    ) -> Result<&Arc<FunctionEntry>> {
        let entry = self.find(path, access)?;
        if entry.kind() == kind {
            return Ok(entry);
        }
        Err(Error::bad_request(
            "WrongFunctionKind",
            format!(
                "Trying to execute {} as {kind}, but it is defined as {}.",
                path.with_extension(),
                entry.kind()
            ),
        ))
    }

    /// The mutation or action at a path that somebody wants to schedule.
    ///
    /// # Errors
    /// `InvalidScheduledFunction` with a text that says what is missing.
    pub fn find_schedulable(&self, path: &FunctionPath) -> Result<&Arc<FunctionEntry>> {
        let invalid = |message: String| Err(Error::bad_request("InvalidScheduledFunction", message));
        let Some(entry) = self.get(path).filter(|_| !path.is_system()) else {
            let (module, function) = (path.module(), path.function());
            return invalid(if self.has_module(path.component(), module) {
                format!(
                    "Attempted to schedule function, but no exported function {function} found in the file: {module}.js. Did you forget to export it?"
                )
            } else {
                format!("Attempted to schedule function at nonexistent path: {module}.js")
            });
        };
        match entry.kind() {
            FunctionKind::Mutation | FunctionKind::Action => Ok(entry),
            kind => invalid(format!(
                "Attempted to schedule {}, which is a {kind}: only mutations and actions can be scheduled.",
                path.with_extension()
            )),
        }
    }

    /// The HTTP action that answers a request, of the app or a component that is mounted.
    pub fn route<'a>(&'a self, method: &str, path: &'a str) -> Option<FoundRoute<'a>> {
        self.route_in("", &self.app, method, path)
    }

    fn route_in<'a>(
        &'a self,
        component: &'a str,
        own: &'a ComponentRoutes,
        method: &str,
        path: &'a str,
    ) -> Option<FoundRoute<'a>> {
        let found = |handler, prefix| FoundRoute { component, path, prefix, handler };
        let mount = own
            .mounts
            .iter()
            .filter(|mount| path.starts_with(&mount.prefix))
            .max_by_key(|mount| mount.prefix.len());
        match (own.routes.find(method, path), mount) {
            (Some((handler, None)), _) => Some(found(handler, None)),
            (Some((handler, Some(prefix))), mount) => match mount {
                Some(mount) if mount.prefix.len() > prefix => self.route_of_mount(mount, method, path),
                _ => Some(found(handler, Some(prefix))),
            },
            (None, Some(mount)) => self.route_of_mount(mount, method, path),
            (None, None) => None,
        }
    }

    fn route_of_mount<'a>(
        &'a self,
        mount: &'a HttpMount,
        method: &str,
        path: &'a str,
    ) -> Option<FoundRoute<'a>> {
        let (component, own) = self.components.get_key_value(&mount.component)?;
        // The slash that ends the prefix begins the rest.
        let rest = path.get(mount.prefix.len() - 1..)?;
        self.route_in(component, own, method, rest)
    }

    /// Whether no component answers HTTP requests.
    pub fn has_no_routes(&self) -> bool {
        self.app.routes.is_empty() && self.app.mounts.is_empty()
    }

    /// The app's HTTP routes.
    pub const fn routes(&self) -> &HttpRouter<HttpHandler> {
        &self.app.routes
    }

    /// The HTTP routes of the component at a path, without those it mounts.
    pub fn routes_of(&self, component: &str) -> Option<&HttpRouter<HttpHandler>> {
        let own = if component.is_empty() { Some(&self.app) } else { self.components.get(component) };
        own.map(|own| &own.routes)
    }

    /// The functions of the component at a path by their paths, without the server's own.
    pub fn functions_of(&self, component: &str) -> Vec<&FunctionEntry> {
        let functions = self.functions.values().map(AsRef::as_ref);
        let own = |entry: &&FunctionEntry| !entry.path.is_system() && entry.path.component() == component;
        let mut functions: Vec<&FunctionEntry> = functions.filter(own).collect();
        functions.sort_by(|a, b| a.path.cmp(&b.path));
        functions
    }

    /// The app's crons by name.
    pub const fn crons(&self) -> &BTreeMap<String, CronDefinition> {
        &self.crons
    }

    /// The crons of all components as they are stored.
    pub fn cron_specs(&self) -> Vec<CronSpec> {
        let spec = |cron: &CronDefinition| CronSpec {
            component: cron.path.component().to_owned(),
            name: cron.name.clone(),
            path: cron.path.with_extension(),
            args: cron.args.clone(),
            schedule: cron.schedule.clone(),
        };
        self.crons.values().chain(&self.component_crons).map(spec).collect()
    }

    /// The tables the application declares.
    pub const fn schema(&self) -> &Schema {
        &self.schema
    }
}

fn check_cron(functions: &HashMap<FunctionPath, Arc<FunctionEntry>>, cron: &CronDefinition) -> Result<()> {
    let target = functions.get(&cron.path).map(|entry| entry.kind());
    if matches!(target, Some(FunctionKind::Mutation | FunctionKind::Action)) {
        return Ok(());
    }
    Err(Error::bad_request(
        "InvalidCron",
        format!("The cron \"{}\" names \"{}\", which is no mutation or action.", cron.name, cron.path),
    ))
}

#[cfg(test)]
mod tests {
    use fusion_schema::object;

    use super::*;
    use crate::function::Application;

    fn registry() -> FunctionRegistry {
        let mut app = Application::new("test");
        app.module("messages", Visibility::Public, (), |module| {
            module.query("list", |_: &mut QueryCtx<'_>, _: Object| Ok(()));
            module.mutation("send", |_: &mut MutationCtx<'_>, _: Object| Ok(()));
        });
        app.module("inner", Visibility::Internal, (), |module| {
            module.query("list", |_: &mut QueryCtx<'_>, _: Object| Ok(()));
        });
        app.module("_system/cli/tables", Visibility::Internal, (), |module| {
            module.query("default", |_: &mut QueryCtx<'_>, _: Object| Ok(()));
        });
        app.build().unwrap()
    }

    fn path(text: &str) -> FunctionPath {
        FunctionPath::parse(text).unwrap()
    }

    const ADMIN: Identity = Identity::Admin { acting_as: None };

    #[test]
    fn clients_do_not_learn_about_internal_functions() {
        let registry = registry();
        let miss = |text: &str, identity: &Identity| {
            registry.find(&path(text), Access::Client(identity)).expect_err(text).message().to_owned()
        };
        let text = "Could not find public function for 'inner:list'. Did you forget to run `npx convex dev`?";
        assert_eq!(miss("inner.js:list", &Identity::Anonymous), text);
        assert_eq!(miss("nowhere:list", &ADMIN), text.replace("inner", "nowhere"));
        assert!(registry.find(&path("inner:list"), Access::Client(&ADMIN)).is_ok());
        assert!(registry.find(&path("inner:list"), Access::Inside).is_ok());
        assert!(registry.find(&path("messages:list"), Access::Client(&Identity::Anonymous)).is_ok());
    }

    #[test]
    fn system_functions_are_for_administrators() {
        let registry = registry();
        let tables = path("_system/cli/tables");
        assert!(registry.find(&tables, Access::Client(&Identity::Anonymous)).is_err());
        assert!(registry.find(&tables, Access::Inside).is_err());
        assert!(registry.find(&tables, Access::Client(&ADMIN)).is_ok());
    }

    #[test]
    fn tools_and_functions_read_another_text() {
        let error = registry().find(&path("a/b:c"), Access::Tool(&ADMIN)).unwrap_err();
        assert_eq!(
            error.message(),
            "Could not find function for 'a/b:c'. Did you forget to run `npx convex dev`?"
        );
    }

    #[test]
    fn the_wrong_kind_is_named() {
        let registry = registry();
        let error =
            registry.find_kind(&path("messages:send"), FunctionKind::Query, Access::Inside).unwrap_err();
        assert_eq!(
            error.message(),
            "Trying to execute messages.js:send as Query, but it is defined as Mutation."
        );
    }

    #[test]
    fn only_mutations_and_actions_that_exist_can_be_scheduled() {
        let registry = registry();
        let text = |name: &str| registry.find_schedulable(&path(name)).unwrap_err().message().to_owned();
        assert_eq!(text("no:f"), "Attempted to schedule function at nonexistent path: no.js");
        assert!(text("messages:f").contains("no exported function f found in the file: messages.js"));
        assert!(text("messages:list").contains("is a Query"));
        assert!(registry.find_schedulable(&path("messages:send")).is_ok());
    }

    #[test]
    fn a_cron_needs_a_target() {
        let mut app = Application::new("test");
        app.cron("clean", Schedule::hourly(0), "messages:clean", object! {});
        assert_eq!(app.build().unwrap_err().code(), "InvalidCron");
    }
}
