//! A package's functions, routes and crons in the form in which Rust handlers are registered.

use std::collections::BTreeMap;
use std::sync::Arc;

use fusion_schema::Validator;

use super::analysis::{AnalyzedFunction, AnalyzedRoute, ModuleAnalysis};
use super::call::JsFunction;
use super::package::{Environment, Package};
use super::runtime::JsRuntime;
use crate::function::http_router::{HttpRouter, RoutePath};
use crate::function::registry::{CronDefinition, FunctionEntry, Handler, HttpHandler};
use crate::function::{FunctionKind, FunctionPath, Visibility};
use crate::{Error, Result};

/// What a package brings to a deployment.
#[derive(Default)]
pub struct PackageFunctions {
    /// Its functions.
    pub functions: Vec<FunctionEntry>,
    /// Its HTTP actions.
    pub routes: HttpRouter<HttpHandler>,
    /// Its crons.
    pub crons: Vec<CronDefinition>,
}

impl std::fmt::Debug for PackageFunctions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PackageFunctions")
            .field("functions", &self.functions)
            .field("crons", &self.crons)
            .finish_non_exhaustive()
    }
}

impl JsRuntime {
    /// The functions of a package as analysis found them, ready to be called in the component at a path. Isolates are made ready for the package
    /// once it is the current one ([`JsRuntime::set_current`]); the first one is so at once.
    ///
    /// # Errors
    /// `InvalidModules` if a validator cannot be read or a route is not allowed.
    pub fn functions(
        self: &Arc<Self>,
        package: &Arc<Package>,
        analysis: &BTreeMap<String, ModuleAnalysis>,
        component: &str,
    ) -> Result<PackageFunctions> {
        let mut found = PackageFunctions::default();
        for (path, module) in analysis {
            let is_node =
                package.module(path).is_some_and(|module| module.source.environment == Environment::Node);
            for function in &module.functions {
                let code = JsFunction {
                    runtime: self.clone(),
                    package: package.clone(),
                    module: path.clone(),
                    export: function.name.clone(),
                };
                let entry = entry(code, function, is_node)?;
                found.functions.push(FunctionEntry { path: entry.path.in_component(component), ..entry });
            }
            for AnalyzedRoute { path: route, method, .. } in module.http_routes.iter().flatten() {
                let code = JsFunction {
                    runtime: self.clone(),
                    package: package.clone(),
                    module: path.clone(),
                    export: "default".to_owned(),
                };
                let route = match route.strip_suffix('*') {
                    Some(prefix) => RoutePath::Prefix(prefix.to_owned()),
                    None => RoutePath::Exact(route.clone()),
                };
                let handler = code.http_handler(route.display(), method.clone());
                found.routes.add(route, method, handler)?;
            }
            let crons = module.crons.iter().flatten().cloned();
            found
                .crons
                .extend(crons.map(|cron| CronDefinition { path: cron.path.in_component(component), ..cron }));
        }
        self.set_first(package);
        Ok(found)
    }
}

fn entry(code: JsFunction, function: &AnalyzedFunction, is_node: bool) -> Result<FunctionEntry> {
    let path = FunctionPath::from_parts(&code.module, &function.name)?;
    let validator = |text: &str| -> Result<Validator> {
        let invalid = |what: String| {
            Error::bad_request(
                "InvalidModules",
                format!("The validator of {} cannot be read: {what}", path.with_extension()),
            )
        };
        let json = serde_json::from_str(text).map_err(|error| invalid(error.to_string()))?;
        Validator::from_json(&json).map_err(|error| invalid(error.to_string()))
    };
    let args = function.args.as_deref().map_or(Ok(Validator::Any), validator)?;
    let returns = match function.returns.as_deref() {
        None | Some("null") => None,
        Some(text) => Some(validator(text)?),
    };
    let handler = match function.visibility {
        None => refusal(
            function.kind,
            "InvalidVisibility",
            format!(
                "{} is neither public nor internal. Define it with a function builder of `_generated/server`.",
                path.with_extension()
            ),
        ),
        Some(_) if is_node && function.kind == FunctionKind::Action => {
            Handler::Action(Arc::new(move |core, args| Box::pin(code.clone().run_in_node(core, args))))
        }
        Some(_) if is_node => {
            return Err(Error::bad_request(
                "InvalidModules",
                format!(
                    "{} is a {}, and its module begins with \"use node\": only actions run in Node.js. Move it to a module of its own.",
                    path.with_extension(),
                    function.kind
                ),
            ));
        }
        Some(_) => handler(code, function.kind),
    };
    Ok(FunctionEntry {
        path,
        // Whoever calls it is told what is wrong with it.
        visibility: function.visibility.unwrap_or(Visibility::Public),
        args,
        returns,
        returns_by_type: false,
        confidential: false,
        handler,
    })
}

fn handler(code: JsFunction, kind: FunctionKind) -> Handler {
    match kind {
        FunctionKind::Query => {
            Handler::Query(Arc::new(move |ctx, args| code.run(ctx.execution(), FunctionKind::Query, args)))
        }
        FunctionKind::Mutation => Handler::Mutation(Arc::new(move |ctx, args| {
            code.run(ctx.execution(), FunctionKind::Mutation, args)
        })),
        FunctionKind::Action | FunctionKind::HttpAction => {
            Handler::Action(Arc::new(move |core, args| Box::pin(code.clone().run_action(core, args))))
        }
    }
}

/// A handler of the kind that only says why it cannot run.
fn refusal(kind: FunctionKind, code: &'static str, message: String) -> Handler {
    match kind {
        FunctionKind::Query => {
            Handler::Query(Arc::new(move |_, _| Err(Error::bad_request(code, message.clone()))))
        }
        FunctionKind::Mutation => {
            Handler::Mutation(Arc::new(move |_, _| Err(Error::bad_request(code, message.clone()))))
        }
        FunctionKind::Action | FunctionKind::HttpAction => Handler::Action(Arc::new(move |_, _| {
            let error = Error::bad_request(code, message.clone());
            Box::pin(async move { Err(error) })
        })),
    }
}
