//! Scripts for tests of pushes: a module's "source" is a JSON text that says what it exports. Real JavaScript is pushed
//! by the tests of the server process.

use std::collections::BTreeMap;
use std::sync::Arc;

use fusion_schema::{Object, Validator, Value, json as values, object};
use serde_json::{Value as Json, json};

use super::scripts::{
    AnalyzedFunction, AnalyzedRoute, ImportedDefinition, ModuleAnalysis, ModuleSource, PackageFunctions,
    ScriptPackage, Scripts, UdfConfig, Variables,
};
use crate::function::http::{HttpBody, HttpResponse};
use crate::function::http_router::{HttpRouter, RoutePath};
use crate::function::registry::{CronDefinition, FunctionEntry, Handler, HttpHandler};
use crate::function::{FunctionKind, FunctionPath, Schedule, Visibility};
use crate::{Error, Result};

/// See the module's documentation.
#[derive(Debug)]
pub(crate) struct FakeScripts;

struct FakePackage(BTreeMap<String, Json>);

/// A module for the body of a push.
pub(crate) fn module(path: &str, exports: &Json) -> Json {
    json!({"path": path, "source": exports.to_string(), "environment": "isolate"})
}

/// The exports of a module with a query that returns a value.
pub(crate) fn query(name: &str, value: impl Into<Json>) -> Json {
    json!({"functions": [{"name": name, "udfType": "Query", "value": value.into()}]})
}

fn exports(module: &ModuleSource) -> Result<Json> {
    serde_json::from_str(&module.source).map_err(|error| {
        Error::bad_request("InvalidModules", format!("{}: SyntaxError: {error}", module.path))
    })
}

fn evaluate(module: &ModuleSource, name: &str) -> Result<Json> {
    let exports = exports(module)?;
    match exports.get("throws").and_then(Json::as_str) {
        Some(message) => Err(Error::bad_request("InvalidSchema", message)),
        None => Ok(exports.get(name).cloned().unwrap_or_default()),
    }
}

impl Scripts for FakeScripts {
    fn package(&self, modules: Vec<ModuleSource>, _bytecode: &[u8]) -> Result<Arc<dyn ScriptPackage>> {
        // The server's own modules are JavaScript.
        let modules = modules.iter().filter(|module| !module.path.starts_with("_system/"));
        let modules = modules.map(|module| Ok((module.path.clone(), exports(module)?)));
        Ok(Arc::new(FakePackage(modules.collect::<Result<_>>()?)))
    }

    fn activate(&self, _packages: &[Arc<dyn ScriptPackage>]) {}

    fn evaluate_schema(&self, module: &ModuleSource) -> Result<Json> {
        evaluate(module, "schema")
    }

    fn evaluate_auth_config(&self, module: &ModuleSource, variables: &Variables) -> Result<Json> {
        let providers = evaluate(module, "providers")?.to_string();
        Ok(serde_json::from_str(&with_variables(&providers, variables)).unwrap_or_default())
    }

    fn evaluate_definition(
        &self,
        module: &ModuleSource,
        _imported: &[ImportedDefinition],
        _variables: &Variables,
    ) -> Result<Json> {
        evaluate(module, "definition")
    }
}

fn with_variables(text: &str, variables: &Variables) -> String {
    variables.iter().fold(text.to_owned(), |text, (name, value)| text.replace(&format!("${name}"), value))
}

fn text(json: &Json, name: &str) -> String {
    json[name].as_str().unwrap_or_default().to_owned()
}

impl ScriptPackage for FakePackage {
    fn analyze(
        &self,
        _variables: &Variables,
        _config: &UdfConfig,
    ) -> Result<BTreeMap<String, ModuleAnalysis>> {
        let mut analyzed = BTreeMap::new();
        for (path, exports) in &self.0 {
            if let Some(message) = exports.get("throws").and_then(Json::as_str) {
                return Err(Error::bad_request(
                    "InvalidModules",
                    format!("{path}: Uncaught Error: {message}"),
                ));
            }
            let functions = exports["functions"].as_array().into_iter().flatten().map(|function| {
                let kind = match function["udfType"].as_str() {
                    Some("Mutation") => FunctionKind::Mutation,
                    Some("Action") => FunctionKind::Action,
                    _ => FunctionKind::Query,
                };
                AnalyzedFunction {
                    name: text(function, "name"),
                    position: None,
                    kind,
                    visibility: Some(Visibility::Public),
                    args: Some(r#"{"type":"any"}"#.to_owned()),
                    returns: None,
                }
            });
            let routes = exports["routes"].as_array();
            let crons = exports["crons"].as_object();
            analyzed.insert(
                path.clone(),
                ModuleAnalysis {
                    functions: functions.collect(),
                    http_routes: routes.map(|routes| {
                        routes
                            .iter()
                            .map(|path| AnalyzedRoute {
                                path: path.as_str().unwrap_or("/").to_owned(),
                                method: "GET".to_owned(),
                                position: None,
                            })
                            .collect()
                    }),
                    crons: crons
                        .map(|crons| {
                            let cron = |(name, cron): (&String, &Json)| {
                                Ok(CronDefinition {
                                    name: name.clone(),
                                    path: FunctionPath::parse(&text(cron, "path"))?,
                                    args: object! {},
                                    schedule: Schedule::Interval {
                                        seconds: cron["seconds"].as_u64().unwrap_or(60),
                                    },
                                })
                            };
                            crons.iter().map(cron).collect::<Result<Vec<_>>>()
                        })
                        .transpose()?,
                },
            );
        }
        Ok(analyzed)
    }

    fn bytecode(&self) -> Vec<u8> {
        b"code of a fake package".to_vec()
    }

    fn as_any(&self) -> &dyn std::any::Any {
        self
    }

    fn functions(
        &self,
        analysis: &BTreeMap<String, ModuleAnalysis>,
        _config: &UdfConfig,
        component: &str,
    ) -> Result<PackageFunctions> {
        let mut pushed = PackageFunctions::default();
        for (path, module) in analysis {
            for function in &module.functions {
                let declared = self.0[path]["functions"].as_array().into_iter().flatten();
                let value = declared
                    .clone()
                    .find(|declared| declared["name"] == function.name.as_str())
                    .map(|declared| values::from_serde(&declared["value"]).unwrap_or(Value::Null))
                    .unwrap_or(Value::Null);
                let mutated = value.clone();
                pushed.functions.push(FunctionEntry {
                    path: FunctionPath::from_parts(path, &function.name)?.in_component(component),
                    visibility: Visibility::Public,
                    args: Validator::Any,
                    returns: None,
                    returns_by_type: false,
                    confidential: false,
                    handler: match function.kind {
                        FunctionKind::Query => Handler::Query(Arc::new(move |_, _| Ok(value.clone()))),
                        _ => Handler::Mutation(Arc::new(move |ctx, args: Object| {
                            // The value names the table that the arguments go to.
                            ctx.tx().insert(mutated.as_str().unwrap_or("t"), args).map(Value::from)
                        })),
                    },
                });
            }
            let mut routes: HttpRouter<HttpHandler> = HttpRouter::default();
            for AnalyzedRoute { path, method, .. } in module.http_routes.iter().flatten() {
                let answer = path.clone();
                let handler: HttpHandler = Arc::new(move |_, _| {
                    let answer = answer.clone();
                    Box::pin(async move { Ok(HttpResponse::new(HttpBody::from(answer))) })
                });
                routes.add(RoutePath::Exact(path.clone()), method, handler)?;
            }
            if module.http_routes.is_some() {
                pushed.routes = routes;
            }
            let crons = module.crons.iter().flatten().cloned();
            pushed
                .crons
                .extend(crons.map(|cron| CronDefinition { path: cron.path.in_component(component), ..cron }));
        }
        Ok(pushed)
    }
}
