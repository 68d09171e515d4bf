//! What modules export, as JSON: the form in which it goes to clients and is stored, so that a start of the server
//! need not load every module again.

use fusion_schema::{Object, Value, json as values};
use serde_json::{Map, Value as Json, json};

use super::scripts::{AnalyzedFunction, AnalyzedRoute, ModuleAnalysis, Position};
use crate::function::registry::CronDefinition;
use crate::function::{FunctionKind, FunctionPath, Schedule, Visibility};
use crate::{Error, Result};

/// The analysis of a module as JSON.
pub fn to_json(analysis: &ModuleAnalysis) -> Json {
    let routes = analysis.http_routes.as_ref().map(|routes| {
        let route = |AnalyzedRoute { path, method, position }: &AnalyzedRoute| json!({"route": {"path": path, "method": method}, "pos": position_to_json(position.as_ref())});
        routes.iter().map(route).collect::<Vec<_>>()
    });
    let crons = analysis.crons.as_ref().map(|crons| {
        crons.iter().map(|cron| (cron.name.clone(), cron_to_json(cron))).collect::<Map<String, Json>>()
    });
    json!({
        "functions": analysis.functions.iter().map(function_to_json).collect::<Vec<_>>(),
        "httpRoutes": routes,
        "cronSpecs": crons,
        "sourceMapped": null,
    })
}

fn position_to_json(position: Option<&Position>) -> Option<Json> {
    position
        .map(|Position { path, line, column }| json!({"path": path, "startLineno": line, "startCol": column}))
}

/// The position in the description of a function or route.
fn position_of(json: &Json) -> Option<Position> {
    let position = json.get("pos").filter(|position| position.is_object())?;
    let number = |name: &str| position.get(name)?.as_u64().and_then(|number| number.try_into().ok());
    Some(Position {
        path: position.get("path")?.as_str()?.to_owned(),
        line: number("startLineno")?,
        column: number("startCol")?,
    })
}

fn function_to_json(function: &AnalyzedFunction) -> Json {
    json!({
        "name": function.name,
        "pos": position_to_json(function.position.as_ref()),
        "udfType": function.kind.name(),
        "visibility": function.visibility.map(|visibility| json!({"kind": visibility.name()})),
        "args": function.args,
        "returns": function.returns,
    })
}

fn cron_to_json(cron: &CronDefinition) -> Json {
    let mut args = String::new();
    values::encode_object_to(&cron.args, values::Format::Encoded, &mut args);
    json!({
        "udfPath": cron.path.with_extension(),
        // Written by ourselves a line ago.
        "udfArgs": [serde_json::from_str::<Json>(&args).unwrap_or_default()],
        "cronSchedule": cron.schedule.to_json(),
    })
}

/// Reads what [`to_json`] wrote.
///
/// # Errors
/// If it is damaged.
pub fn from_json(text: &str) -> Result<ModuleAnalysis> {
    let damaged = || Error::internal("The stored description of a module is damaged. Push the code again.");
    let json: Json = serde_json::from_str(text).map_err(|error| damaged().with_source(error))?;
    let functions = json.get("functions").and_then(Json::as_array).ok_or_else(damaged)?;
    let functions: Option<Vec<_>> = functions.iter().map(function_from_json).collect();
    let http_routes = match json.get("httpRoutes") {
        None | Some(Json::Null) => None,
        Some(routes) => {
            let route = |route: &Json| {
                let text = |name: &str| route.get("route")?.get(name)?.as_str().map(str::to_owned);
                // Those that were stored before positions were have none.
                Some(AnalyzedRoute {
                    path: text("path")?,
                    method: text("method")?,
                    position: position_of(route),
                })
            };
            let routes: Option<Vec<_>> = routes.as_array().ok_or_else(damaged)?.iter().map(route).collect();
            Some(routes.ok_or_else(damaged)?)
        }
    };
    let crons = match json.get("cronSpecs") {
        None | Some(Json::Null) => None,
        Some(crons) => {
            let crons = crons.as_object().ok_or_else(damaged)?.iter();
            let crons: Option<Vec<_>> = crons.map(|(name, cron)| cron_from_json(name, cron)).collect();
            Some(crons.ok_or_else(damaged)?)
        }
    };
    Ok(ModuleAnalysis { functions: functions.ok_or_else(damaged)?, http_routes, crons })
}

fn function_from_json(json: &Json) -> Option<AnalyzedFunction> {
    let text = |name: &str| json.get(name).and_then(Json::as_str).map(str::to_owned);
    let visibility = match json.get("visibility")?.get("kind").and_then(Json::as_str) {
        Some("public") => Some(Visibility::Public),
        Some("internal") => Some(Visibility::Internal),
        _ => None,
    };
    let kind = match json.get("udfType").and_then(Json::as_str)? {
        "Query" => FunctionKind::Query,
        "Mutation" => FunctionKind::Mutation,
        "Action" => FunctionKind::Action,
        _ => return None,
    };
    let (args, returns) = (text("args"), text("returns"));
    Some(AnalyzedFunction {
        name: text("name")?,
        position: position_of(json),
        kind,
        visibility,
        args,
        returns,
    })
}

fn cron_from_json(name: &str, json: &Json) -> Option<CronDefinition> {
    let args: Object = match values::from_serde(json.get("udfArgs")?.get(0)?).ok()? {
        Value::Object(args) => args,
        _ => return None,
    };
    Some(CronDefinition {
        name: name.to_owned(),
        path: FunctionPath::parse(json.get("udfPath")?.as_str()?).ok()?,
        args,
        schedule: Schedule::from_json(json.get("cronSchedule")?).ok()?,
    })
}

#[cfg(test)]
mod tests {
    use fusion_schema::object;

    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let function = AnalyzedFunction {
            name: "list".to_owned(),
            position: Some(Position { path: "messages.ts".to_owned(), line: 4, column: 13 }),
            kind: FunctionKind::Query,
            visibility: Some(Visibility::Public),
            args: Some(r#"{"type":"any"}"#.to_owned()),
            returns: None,
        };
        let nameless = AnalyzedFunction { position: None, visibility: None, ..function.clone() };
        let cron = CronDefinition {
            name: "clean up".to_owned(),
            path: FunctionPath::parse("jobs:clean").unwrap(),
            args: object! { "n" => 7_i64 },
            schedule: Schedule::Daily { hour: 9, minute: 0 },
        };
        let full = ModuleAnalysis {
            functions: vec![function, nameless],
            http_routes: Some(vec![
                AnalyzedRoute {
                    path: "/api/*".to_owned(),
                    method: "GET".to_owned(),
                    position: Some(Position { path: "http.ts".to_owned(), line: 7, column: 2 }),
                },
                AnalyzedRoute { path: "/".to_owned(), method: "POST".to_owned(), position: None },
            ]),
            crons: Some(vec![cron]),
        };
        for analysis in [ModuleAnalysis::default(), full] {
            assert_eq!(from_json(&to_json(&analysis).to_string()).unwrap(), analysis);
        }
        for text in ["", "{}", r#"{"functions":[{}]}"#, r#"{"functions":[],"cronSpecs":{"a":{}}}"#] {
            assert!(from_json(text).is_err(), "{text}");
        }
    }
}
