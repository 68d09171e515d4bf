//! What a push needs of the JavaScript runtime, and what it learns about modules.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value as Json;

use crate::function::http_router::HttpRouter;
use crate::function::registry::{CronDefinition, FunctionEntry, HttpHandler};
use crate::function::{FunctionKind, Visibility};
use crate::system::modules::ModuleEnvironment as Environment;
use crate::{Error, Result};

/// A module as it was pushed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModuleSource {
    /// Its path, e.g. `messages.js`.
    pub path: String,
    /// The JavaScript.
    pub source: String,
    /// Its source map, as JSON text.
    pub source_map: Option<String>,
    /// Where its functions run.
    pub environment: Environment,
}

/// What stands still while modules are loaded.
#[derive(Clone, Debug, PartialEq)]
pub struct UdfConfig {
    /// The version of the `convex` package that pushed.
    pub server_version: String,
    /// The seed of random numbers.
    pub import_phase_rng_seed: [u8; 32],
    /// The time, in milliseconds since the epoch.
    pub import_phase_unix_ms: f64,
}

/// What a module exports.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ModuleAnalysis {
    /// Its functions.
    pub functions: Vec<AnalyzedFunction>,
    /// Its HTTP routes as path (prefixes end in `*`) and method, if it is `http.js`.
    pub http_routes: Option<Vec<(String, String)>>,
    /// Its crons, if it is `crons.js`.
    pub crons: Option<Vec<CronDefinition>>,
}

/// An exported function.
#[derive(Clone, Debug, PartialEq)]
pub struct AnalyzedFunction {
    /// Its name.
    pub name: String,
    /// Where its handler stands.
    pub position: Option<Position>,
    /// Whether it is a query, a mutation or an action.
    pub kind: FunctionKind,
    /// Who may call it.
    pub visibility: Option<Visibility>,
    /// The validator of its arguments, as JSON text.
    pub args: Option<String>,
    /// The validator of what it returns, as JSON text.
    pub returns: Option<String>,
}

/// A place in a source file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Position {
    /// The file.
    pub path: String,
    /// The line, from 1.
    pub line: u32,
    /// The column, from 1.
    pub column: u32,
}

/// Environment variables by name.
pub type Variables = BTreeMap<String, String>;

/// The functions, routes and crons of a package.
#[derive(Default)]
pub struct PushedFunctions {
    /// The functions.
    pub functions: Vec<FunctionEntry>,
    /// The HTTP routes.
    pub routes: HttpRouter<HttpHandler>,
    /// The crons.
    pub crons: Vec<CronDefinition>,
}

impl std::fmt::Debug for PushedFunctions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PushedFunctions").field("functions", &self.functions.len()).finish_non_exhaustive()
    }
}

/// Evaluates modules. All calls block.
pub trait Scripts: Send + Sync {
    /// Compiles the modules of a deployment that run in the server.
    ///
    /// # Errors
    /// `InvalidModules` with file and line: syntax errors, imports that do not resolve.
    fn package(&self, modules: Vec<ModuleSource>) -> Result<Arc<dyn ScriptPackage>>;

    /// The schema that a `schema.js` exports.
    ///
    /// # Errors
    /// What the module throws.
    fn evaluate_schema(&self, module: &ModuleSource) -> Result<Json>;

    /// The providers that an `auth.config.js` exports.
    ///
    /// # Errors
    /// What the module throws; `AuthConfigMissingEnvironmentVariable`.
    fn evaluate_auth_config(&self, module: &ModuleSource, variables: &Variables) -> Result<Json>;

    /// The definition that a `convex.config.js` exports.
    ///
    /// # Errors
    /// What the module throws.
    fn evaluate_app_definition(&self, module: &ModuleSource, variables: &Variables) -> Result<Json>;
}

/// A deployment that runs no JavaScript: whatever is pushed is refused.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoScripts;

impl NoScripts {
    fn refuse<T>() -> Result<T> {
        Err(Error::bad_request(
            "ScriptsNotSupported",
            "This server runs no JavaScript, so nothing can be pushed to it. Start it with `fusion serve`.",
        ))
    }
}

impl Scripts for NoScripts {
    fn package(&self, _modules: Vec<ModuleSource>) -> Result<Arc<dyn ScriptPackage>> {
        Self::refuse()
    }

    fn evaluate_schema(&self, _module: &ModuleSource) -> Result<Json> {
        Self::refuse()
    }

    fn evaluate_auth_config(&self, _module: &ModuleSource, _variables: &Variables) -> Result<Json> {
        Self::refuse()
    }

    fn evaluate_app_definition(&self, _module: &ModuleSource, _variables: &Variables) -> Result<Json> {
        Self::refuse()
    }
}

/// The compiled modules of a deployment.
pub trait ScriptPackage: Send + Sync {
    /// Loads every module and finds out what it exports.
    ///
    /// # Errors
    /// `InvalidModules` and others, with what a module throws.
    fn analyze(&self, variables: &Variables, config: &UdfConfig) -> Result<BTreeMap<String, ModuleAnalysis>>;

    /// What the modules export as functions that can be registered.
    ///
    /// # Errors
    /// Exports that cannot be registered: invalid names, validators, routes, crons.
    fn functions(&self, analysis: &BTreeMap<String, ModuleAnalysis>) -> Result<PushedFunctions>;
}
