//! Analysis: what the modules of a push export, and what its schema, auth configuration and app definition say.
//!
//! Modules are loaded for real, at the fixed time and with the fixed randomness of imports, in one isolate as far as they
//! leave its built-ins alone.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc;
use std::time::Duration;

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value as Json;

use super::definitions::ImportedDefinition;
use super::errors::{self, Bounds};
use super::isolate::{Frame, Isolate, ScriptError, StopSignal};
use super::node::stand_ins;
use super::op::OpValue;
use super::package::{Environment, ModuleSource, Package, UdfConfig};
use super::runtime::{Beginning, JsRuntime, variables};
use super::syscalls::import::Reads;
use crate::function::registry::CronDefinition;
use crate::function::{FunctionKind, FunctionPath, Schedule, Visibility};
use crate::{Error, Result};

/// How long analysis may go on after it should have been stopped before its thread is given up.
const OVERDUE_MAX: Duration = Duration::from_secs(5);

/// Where something stands in the source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Position {
    /// The module's path.
    pub path: String,
    /// The line in the file that people wrote, from 1.
    pub line: u32,
    /// The column there, from 1.
    pub column: u32,
}

/// What a module exports.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ModuleAnalysis {
    /// Its functions, by name.
    pub functions: Vec<AnalyzedFunction>,
    /// The routes of `http.js`.
    pub http_routes: Option<Vec<AnalyzedRoute>>,
    /// The crons of `crons.js`.
    pub crons: Option<Vec<CronDefinition>>,
}

/// A route of `http.js`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AnalyzedRoute {
    /// The path; a trailing `*` makes it a prefix.
    pub path: String,
    /// The method.
    pub method: String,
    /// Where its handler stands.
    pub position: Option<Position>,
}

/// A function that a module exports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AnalyzedFunction {
    /// The name of the export.
    pub name: String,
    /// Where its handler stands.
    pub position: Option<Position>,
    /// What it is.
    pub kind: FunctionKind,
    /// Who may call it; `None` if the module does not say.
    pub visibility: Option<Visibility>,
    /// The JSON of the validator of its arguments.
    pub args: Option<String>,
    /// The JSON of the validator of what it returns; `null` if it does not say.
    pub returns: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawModule {
    functions: Vec<RawFunction>,
    http_routes: Option<Vec<RawRoute>>,
    crons: Option<BTreeMap<String, RawCron>>,
}

#[derive(Deserialize)]
struct RawFunction {
    name: String,
    kind: String,
    visibility: Option<String>,
    args: Option<String>,
    returns: Option<String>,
    position: Option<RawPosition>,
}

#[derive(Deserialize)]
struct RawRoute {
    path: String,
    method: String,
    position: Option<RawPosition>,
}

#[derive(Deserialize)]
struct RawCron {
    name: String,
    args: Vec<Json>,
    schedule: Json,
}

#[derive(Deserialize)]
struct RawPosition {
    path: String,
    line: u32,
    column: u32,
}

impl JsRuntime {
    /// What every module of a package exports, shared chunks aside. The package keeps `udf_config` for its calls.
    /// Blocks.
    ///
    /// # Errors
    /// `InvalidModules` if a module throws, does not end, or exports what cannot be read; `InvalidCron`.
    pub fn analyze(
        &self,
        package: &Arc<Package>,
        environment: &BTreeMap<String, String>,
        udf_config: UdfConfig,
    ) -> Result<BTreeMap<String, ModuleAnalysis>> {
        package.set_udf_config(udf_config);
        let paths: Vec<String> = package
            .entries()
            .filter(|(_, module)| module.source.environment == Environment::Isolate)
            .map(|(path, _)| path.clone())
            .collect();
        let (analyzed, all) = (package.clone(), paths.clone());
        let ((mut found, failed), _) =
            self.evaluate(package, environment, "InvalidModules", move |isolate, bounds| {
                let mut found = BTreeMap::new();
                for (place, path) in all.into_iter().enumerate() {
                    match analyze_module(isolate, &analyzed, &path, bounds) {
                        Ok(module) => drop(found.insert(path, module)),
                        Err(Failed { error, is_stopped: true }) => return Err(error),
                        Err(_) => return Ok((found, Some(place))),
                    }
                }
                Ok((found, None))
            })?;
        // A module may fail because of what another one did to the built-ins: when they run, they never meet.
        for path in paths.into_iter().skip(failed.unwrap_or(usize::MAX)) {
            found.insert(path.clone(), self.analyze_alone(package, environment, path)?);
        }
        found.extend(self.analyze_node_modules(package, environment)?);
        Ok(found)
    }

    /// What the modules for Node.js export: as Node.js finds it, or where there is none as far as it can be learned.
    fn analyze_node_modules(
        &self,
        package: &Arc<Package>,
        environment: &BTreeMap<String, String>,
    ) -> Result<BTreeMap<String, ModuleAnalysis>> {
        let modules: Vec<&ModuleSource> = package
            .entries()
            .map(|(_, module)| &module.source)
            .filter(|module| module.environment == Environment::Node)
            .collect();
        if modules.is_empty() {
            return Ok(BTreeMap::new());
        }
        match self.analyze_in_node(package, environment) {
            Ok(found) => found
                .into_iter()
                .map(|(path, text)| Ok((path.clone(), read_module(package, &path, &text)?)))
                .collect(),
            Err(error) if error.code() == "NodeActionsNotAvailable" => {
                tracing::warn!(%error, "the functions for Node.js were pushed but cannot be called");
                let analyze = |module: &&ModuleSource| {
                    (module.path.clone(), self.analyze_node(package, module, environment))
                };
                Ok(modules.iter().map(analyze).collect())
            }
            Err(error) => Err(error),
        }
    }

    /// What a module exports that is loaded by itself.
    fn analyze_alone(
        &self,
        package: &Arc<Package>,
        environment: &BTreeMap<String, String>,
        path: String,
    ) -> Result<ModuleAnalysis> {
        let analyzed = package.clone();
        let (found, _) = self.evaluate(package, environment, "InvalidModules", move |isolate, bounds| {
            analyze_module(isolate, &analyzed, &path, bounds).map_err(|failed| failed.error)
        })?;
        Ok(found)
    }

    /// What a module for Node.js exports: it is loaded with stand-ins for all that only Node.js has. What cannot be
    /// learned that way is read off the text.
    fn analyze_node(
        &self,
        package: &Arc<Package>,
        module: &ModuleSource,
        environment: &BTreeMap<String, String>,
    ) -> ModuleAnalysis {
        let loaded = || {
            let stand_in = stand_ins::package_with_stand_ins(self.engine(), package)?;
            stand_in.set_udf_config(UdfConfig::clone(&package.udf_config()));
            self.analyze_alone(&stand_in, environment, module.path.clone())
        };
        match loaded() {
            Ok(analysis) => analysis,
            Err(error) => {
                tracing::debug!(module = module.path, %error, "a Node.js module is analyzed by its text");
                ModuleAnalysis {
                    functions: stand_ins::read_exports(&module.source),
                    ..ModuleAnalysis::default()
                }
            }
        }
    }

    /// The JSON that the schema of `schema.js` exports. Blocks.
    ///
    /// # Errors
    /// `InvalidSchema` if the module throws or exports something else.
    pub fn evaluate_schema(&self, module: &ModuleSource) -> Result<Json> {
        self.evaluate_export(module, &BTreeMap::new(), "exportDefault", "InvalidSchema").map(|(json, _)| json)
    }

    /// The list of providers in `auth.config.js`. Blocks.
    ///
    /// # Errors
    /// `AuthConfigMissingEnvironmentVariable` if it reads a variable that is not set; `InvalidAuthConfig`.
    pub fn evaluate_auth_config(
        &self,
        module: &ModuleSource,
        environment: &BTreeMap<String, String>,
    ) -> Result<Json> {
        let missing = |reads: &Reads| {
            let (name, _) = reads.variables.iter().find(|(_, value)| value.is_none())?;
            Some(Error::bad_request(
                "AuthConfigMissingEnvironmentVariable",
                format!(
                    "Environment variable {name} is used in auth config file but its value was not set. Set it with `npx convex env set {name} <value>`."
                ),
            ))
        };
        let (providers, reads) =
            self.evaluate_export(module, environment, "authProviders", "InvalidAuthConfig")?;
        if let Some(error) = missing(&reads) {
            return Err(error);
        }
        if !providers.is_array() {
            return Err(Error::bad_request(
                "InvalidAuthConfig",
                "The default export of auth.config.js must be an object with an array `providers`.",
            ));
        }
        Ok(providers)
    }

    /// The JSON that the definition in `convex.config.js` exports. Blocks.
    ///
    /// # Errors
    /// `InvalidDefinition` if the module throws or exports something else.
    pub fn evaluate_definition(
        &self,
        module: &ModuleSource,
        imported: &[ImportedDefinition],
        environment: &BTreeMap<String, String>,
    ) -> Result<Json> {
        let others = imported.iter().map(ImportedDefinition::module).collect();
        self.evaluate_among(module, others, environment, "exportDefinition", "InvalidDefinition")
            .map(|(json, _)| json)
    }

    fn evaluate_export(
        &self,
        module: &ModuleSource,
        environment: &BTreeMap<String, String>,
        driver: &'static str,
        code: &'static str,
    ) -> Result<(Json, Reads)> {
        self.evaluate_among(module, Vec::new(), environment, driver, code)
    }

    /// What a module exports that may import `others`.
    fn evaluate_among(
        &self,
        module: &ModuleSource,
        others: Vec<ModuleSource>,
        environment: &BTreeMap<String, String>,
        driver: &'static str,
        code: &'static str,
    ) -> Result<(Json, Reads)> {
        let path = module.path.clone();
        let mut modules = others;
        modules.push(ModuleSource { environment: Environment::Isolate, ..module.clone() });
        let package = Package::new(self.engine(), modules).map_err(|error| error.with_code(code))?;
        let evaluated = package.clone();
        self.evaluate(&package, environment, code, move |isolate, bounds| {
            let failed = |error| {
                let error = errors::function_error(&evaluated, error, bounds);
                Error::bad_request(
                    code,
                    format!("Failed to evaluate {path}: {}", crate::function::outcome::describe(&error)),
                )
            };
            let result = isolate.call(driver, vec![OpValue::String(path.clone())]).map_err(failed)?;
            let OpValue::String(text) = result else {
                return Err(Error::bad_request(code, format!("{path} does not export JSON text.")));
            };
            serde_json::from_str(&text)
                .map_err(|error| Error::bad_request(code, format!("{path} does not export JSON: {error}")))
        })
    }

    /// Does something with an isolate on a thread for JavaScript, and gives what was read of the environment.
    fn evaluate<T: Send + 'static>(
        &self,
        package: &Arc<Package>,
        environment: &BTreeMap<String, String>,
        code: &'static str,
        body: impl FnOnce(&mut dyn Isolate, Bounds) -> Result<T> + Send + 'static,
    ) -> Result<(T, Reads)> {
        let limits = self.limits();
        let bounds = Bounds { time: limits.analysis_timeout, memory: limits.isolate_memory_max };
        let stop = Arc::new(StopSignal::default());
        let config = package.udf_config();
        let isolates = self.isolates();
        let (variables, package, signal) = (variables(environment), package.clone(), stop.clone());
        let (sender, receiver) = mpsc::channel();
        let run = self.hangs().run("the loading of modules")?;
        let begun = run.clone();
        self.threads().run(None, move |worker| {
            let running = begun.begin();
            let beginning = Beginning { variables, time: bounds.time, stop: signal };
            let result = match isolates.importing(&package, &config, beginning, false) {
                Ok((mut isolate, reads)) => {
                    body(isolate.as_mut(), bounds).map(|value| (value, std::mem::take(&mut *reads.lock())))
                }
                Err(error) => Err(errors::function_error(&package, error, bounds)),
            };
            // The waiting side may have given up.
            let _ = sender.send(result);
            worker.is_over = running.end();
        })?;
        // On a busy machine time passes while the script does not run.
        let overdue_max = bounds.time * 2 + OVERDUE_MAX;
        loop {
            match receiver.recv_timeout(Duration::from_millis(250)) {
                Ok(result) => return result,
                Err(mpsc::RecvTimeoutError::Timeout) if stop.overdue() < overdue_max => {}
                Err(_) => {
                    stop.stop();
                    run.give_up();
                    return Err(Error::bad_request(
                        code,
                        format!("Failed to load the modules: {}", errors::timed_out(bounds.time)),
                    ));
                }
            }
        }
    }
}

/// Why a module could not be analyzed.
struct Failed {
    error: Error,
    /// Whether it was stopped: the isolate is of no use any more.
    is_stopped: bool,
}

fn analyze_module(
    isolate: &mut dyn Isolate,
    package: &Package,
    path: &str,
    bounds: Bounds,
) -> Result<ModuleAnalysis, Failed> {
    let invalid =
        |what: &str| Error::bad_request("InvalidModules", format!("Failed to analyze {path}: {what}"));
    let result = isolate.call("analyze", vec![OpValue::String(path.to_owned())]);
    let is_stopped = matches!(result, Err(ScriptError::Stopped(_)));
    let analysis = match result {
        Ok(OpValue::String(text)) => read_module(package, path, &text),
        Ok(other) => Err(invalid(&format!("analysis gave {other:?}"))),
        Err(error) => {
            let error = errors::function_error(package, error, bounds);
            Err(invalid(&crate::function::outcome::describe(&error)))
        }
    };
    analysis.map_err(|error| Failed { error, is_stopped })
}

/// Reads what the prelude found in a module.
fn read_module(package: &Package, path: &str, text: &str) -> Result<ModuleAnalysis> {
    let invalid =
        |what: &str| Error::bad_request("InvalidModules", format!("Failed to analyze {path}: {what}"));
    let raw: RawModule = serde_json::from_str(text).map_err(|error| invalid(&error.to_string()))?;
    let functions = raw
        .functions
        .into_iter()
        .map(|function| {
            // Checked here so that the push fails and not the first call.
            FunctionPath::from_parts(path, &function.name)?;
            for validator in [&function.args, &function.returns].into_iter().flatten() {
                serde_json::from_str::<IgnoredAny>(validator)
                    .map_err(|_| invalid(&format!("the validators of {} are not JSON", function.name)))?;
            }
            Ok(AnalyzedFunction {
                kind: match function.kind.as_str() {
                    "query" => FunctionKind::Query,
                    "mutation" => FunctionKind::Mutation,
                    _ => FunctionKind::Action,
                },
                visibility: match function.visibility.as_deref() {
                    Some("public") => Some(Visibility::Public),
                    Some("internal") => Some(Visibility::Internal),
                    _ => None,
                },
                position: function.position.map(|position| original(package, position)),
                name: function.name,
                args: function.args,
                returns: function.returns,
            })
        })
        .collect::<Result<_>>()?;
    let http_routes = raw.http_routes.map(|routes| {
        let route = |RawRoute { path, method, position }| {
            let position = position.map(|position| original(package, position));
            AnalyzedRoute { path, method, position }
        };
        routes.into_iter().map(route).collect()
    });
    let crons = raw.crons.map(|crons| crons.into_iter().map(cron).collect::<Result<_>>()).transpose()?;
    Ok(ModuleAnalysis { functions, http_routes, crons })
}

fn original(package: &Package, position: RawPosition) -> Position {
    let RawPosition { path, line, column } = position;
    let frame = errors::original(package, Frame { function: None, module: path.clone(), line, column });
    Position { path, line: frame.line, column: frame.column }
}

fn cron((name, raw): (String, RawCron)) -> Result<CronDefinition> {
    let invalid =
        |what: String| Error::bad_request("InvalidCron", format!("The cron \"{name}\" is not valid: {what}"));
    let RawCron { name: function, args, schedule } = raw;
    let args = match args.as_slice() {
        [] => fusion_schema::Object::new(),
        [args] => match fusion_schema::json::from_serde(args).map_err(|error| invalid(error.to_string()))? {
            fusion_schema::Value::Object(args) => args,
            other => return Err(invalid(format!("its arguments are of type {}", other.type_name()))),
        },
        _ => return Err(invalid("it has more than one argument".to_owned())),
    };
    let path = FunctionPath::parse(&function).map_err(|error| invalid(error.to_string()))?;
    let schedule = Schedule::from_json(&schedule)?;
    schedule.check()?;
    Ok(CronDefinition { path, args, schedule, name })
}
