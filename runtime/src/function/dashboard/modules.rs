//! Which functions there are, module by module.

use std::collections::{BTreeMap, HashMap};

use fusion_schema::{Object, Typed, Value, object};
use serde_json::Value as Json;

use super::{AddModule, Component, Root};
use crate::Result;
use crate::database::ComponentId;
use crate::function::context::QueryCtx;
use crate::function::http_router::HttpRouter;
use crate::function::path::FunctionPath;
use crate::function::registry::FunctionEntry;
use crate::system::crons::cron_spec_value;
use crate::system::modules::Modules;

pub(super) fn register(module: &mut AddModule<'_>) {
    module("modules", &|module| {
        module
            .query("list", |ctx: &mut QueryCtx<'_>, _: Root| list(ctx))
            .query("listForAllComponents", |ctx: &mut QueryCtx<'_>, (): ()| list_of_all(ctx))
            .query("argsValidator", args_validator);
    });
}

/// What a module shows of itself.
#[derive(Default)]
struct Shown {
    functions: Vec<Object>,
    crons: Option<Vec<Value>>,
}

/// The modules of the app and of each component that is mounted: `[id or null, modules]`.
fn list_of_all(ctx: &mut QueryCtx<'_>) -> Result<Vec<Value>> {
    let catalog = ctx.tx().snapshot().catalog().clone();
    let mut components: Vec<_> = catalog.components().filter(|component| component.is_active).collect();
    components.sort_by(|a, b| a.path.cmp(&b.path));
    let app = (ComponentId::ROOT, Value::Null);
    let mounted = components.into_iter().map(|component| (component.id, Value::from(component.document)));
    let mut all = Vec::new();
    for (component, id) in std::iter::once(app).chain(mounted) {
        let former = ctx.tx().enter(component);
        let modules = list(ctx);
        ctx.tx().enter(former);
        all.push(Value::Array(vec![id, Value::Array(modules?)]));
    }
    Ok(all)
}

/// Every module of a component with its path, pushed and compiled in alike: `[path, module]`.
fn list(ctx: &mut QueryCtx<'_>) -> Result<Vec<Value>> {
    let execution = ctx.execution();
    let registry = execution.registry().clone();
    let tx = execution.tx();
    let version = tx.snapshot().push_version();
    let component = tx.component_path();
    let mut modules: BTreeMap<String, Shown> = BTreeMap::new();
    let mut lines: HashMap<(String, String), f64> = HashMap::new();
    let definition = tx.snapshot().catalog().component(tx.component()).map(|meta| meta.definition.clone());
    for stored in Modules::of(tx, definition.as_deref().unwrap_or_default()).list()? {
        let Some(analysis) =
            stored.analysis.as_deref().and_then(|text| serde_json::from_str::<Json>(text).ok())
        else {
            continue;
        };
        lines.extend(lines_of(&stored.path, &analysis));
        modules.entry(stored.path).or_default();
    }
    for entry in registry.functions_of(&component) {
        let path = format!("{}.js", entry.path.module());
        let line = lines.get(&(path.clone(), entry.path.function().to_owned()));
        modules.entry(path).or_default().functions.push(function(entry, line.copied()));
    }
    for (path, method, _) in registry.routes_of(&component).into_iter().flat_map(HttpRouter::routes) {
        let name = format!("{method} {path}");
        let line = lines.get(&("http.js".to_owned(), name.clone()));
        let mut route = object! {
            "name" => name, "udfType" => "HttpAction", "visibility" => object! { "kind" => "public" },
        };
        if let Some(line) = line {
            route.insert("lineno", *line);
        }
        modules.entry("http.js".to_owned()).or_default().functions.push(route);
    }
    let mut crons = registry.cron_specs();
    crons.retain(|cron| cron.component == component);
    if !crons.is_empty() {
        let crons = crons.iter().map(|spec| {
            Value::Array(vec![Value::from(spec.name.as_str()), Value::Object(cron_spec_value(spec))])
        });
        modules.entry("crons.js".to_owned()).or_default().crons = Some(crons.collect());
    }
    Ok(modules.into_iter().map(|(path, shown)| module_value(&path, shown, version)).collect())
}

fn module_value(path: &str, shown: Shown, version: u64) -> Value {
    let functions: Vec<Value> = shown.functions.into_iter().map(Value::Object).collect();
    let mut module = object! {
        "functions" => functions,
        // Another one after every push.
        "sourcePackageId" => version.to_string(),
    };
    if let Some(crons) = shown.crons {
        module.insert("cronSpecs", crons);
    }
    Value::Array(vec![Value::from(path), Value::Object(module)])
}

fn function(entry: &FunctionEntry, line: Option<f64>) -> Object {
    let mut function = object! {
        "argsValidator" => entry.args.to_json().to_string(),
        "name" => entry.path.function(),
        "udfType" => entry.kind().name(),
        "visibility" => object! { "kind" => entry.visibility.name() },
    };
    if let Some(returns) = &entry.returns {
        function.insert("returnsValidator", returns.to_json().to_string());
    }
    if let Some(line) = line {
        function.insert("lineno", line);
    }
    function
}

/// Where the functions and routes of a pushed module begin.
fn lines_of(path: &str, analysis: &Json) -> Vec<((String, String), f64)> {
    let list = |name: &str| analysis.get(name).and_then(Json::as_array).cloned().unwrap_or_default();
    let line = |json: &Json| json.get("pos")?.get("startLineno")?.as_f64();
    let functions = list("functions").into_iter().filter_map(|function| {
        Some(((path.to_owned(), function.get("name")?.as_str()?.to_owned()), line(&function)?))
    });
    let routes = list("httpRoutes").into_iter().filter_map(|route| {
        let text = |name: &str| route.get("route")?.get(name)?.as_str().map(str::to_owned);
        Some(((path.to_owned(), format!("{} {}", text("method")?, text("path")?)), line(&route)?))
    });
    functions.chain(routes).collect()
}

#[derive(Typed)]
struct OfFunction {
    function: String,
    component_id: Option<Component>,
}

/// The validator of a function's arguments as JSON text; null if there is no such function.
fn args_validator(ctx: &mut QueryCtx<'_>, args: OfFunction) -> Result<Value> {
    let Ok(path) = FunctionPath::parse(&args.function) else { return Ok(Value::Null) };
    let path = path.in_component(&ctx.tx().component_path());
    let entry = ctx.execution().registry().get(&path).filter(|_| !path.is_system());
    Ok(entry.map_or(Value::Null, |entry| Value::String(entry.args.to_json().to_string())))
}
