//! The list of functions as `function-spec`, code generation and dashboards read it.

use fusion_schema::{Validator, Value};
use serde_json::{Value as Json, json};

use super::http_router::HttpRouter;
use super::registry::{FunctionEntry, FunctionRegistry};

/// One entry for each function of the app or a component, sorted by identifier, then one for each HTTP route.
pub fn api_spec(registry: &FunctionRegistry, component: &str) -> Vec<Json> {
    let routes = registry
        .routes_of(component)
        .into_iter()
        .flat_map(HttpRouter::routes)
        .map(|(path, method, _)| json!({ "functionType": "HttpAction", "method": method, "path": path }));
    registry.functions_of(component).into_iter().map(function_spec).chain(routes).collect()
}

fn function_spec(entry: &FunctionEntry) -> Json {
    json!({
        "identifier": entry.path.with_extension(),
        "functionType": entry.kind().name(),
        "visibility": { "kind": entry.visibility.name() },
        "args": entry.args.to_json(),
        "returns": entry.returns.as_ref().unwrap_or(&Validator::Any).to_json(),
    })
}

/// [`api_spec`] as the value a query returns.
pub fn api_spec_value(registry: &FunctionRegistry, component: &str) -> Value {
    Value::Array(api_spec(registry, component).into_iter().map(plain).collect())
}

/// JSON of validators as a value: every number is a double. Field names that values cannot have (the `$` of
/// an encoded literal) are left as the text of their JSON.
pub(super) fn plain(json: Json) -> Value {
    match json {
        Json::Null => Value::Null,
        Json::Bool(value) => Value::Boolean(value),
        Json::Number(number) => Value::Float64(number.as_f64().unwrap_or(f64::NAN)),
        Json::String(text) => Value::String(text),
        Json::Array(values) => Value::Array(values.into_iter().map(plain).collect()),
        Json::Object(fields) if fields.keys().any(|name| name.starts_with('$')) => {
            fusion_schema::json::from_serde(&Json::Object(fields.clone()))
                .unwrap_or_else(|_| Value::String(Json::Object(fields).to_string()))
        }
        Json::Object(fields) => {
            Value::Object(fields.into_iter().map(|(name, value)| (name, plain(value))).collect())
        }
    }
}
