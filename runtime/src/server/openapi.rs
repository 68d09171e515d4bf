//! `/api/v1/openapi.json`: the deployment platform API as this server has it.

use axum::response::Response;
use serde_json::{Map, Value as Json, json};

use super::errors::ok;

/// A call of the API.
struct Call {
    method: &'static str,
    /// The path below `/api/v1`.
    path: &'static str,
    summary: &'static str,
    /// The names of its parameters in the query string, and whether they must be there.
    query: &'static [(&'static str, bool)],
    /// The schema of its body.
    body: Option<&'static str>,
    /// The schema of its answer; an empty body without one.
    answer: Option<&'static str>,
}

const fn get(path: &'static str, summary: &'static str, answer: &'static str) -> Call {
    Call { method: "get", path, summary, query: &[], body: None, answer: Some(answer) }
}

const fn post(
    path: &'static str,
    summary: &'static str,
    body: Option<&'static str>,
    answer: Option<&'static str>,
) -> Call {
    Call { method: "post", path, summary, query: &[], body, answer }
}

/// Every call that does something here. Those of the API that do not are answered with the reason.
const CALLS: &[Call] = &[
    get("/deployment_info", "What kind of deployment this is", "DeploymentInfo"),
    get("/get_canonical_urls", "Where the deployment is reached", "CanonicalUrls"),
    post("/update_canonical_url", "Confirms a URL that was given at the start", Some("CanonicalUrl"), None),
    get("/list_environment_variables", "All environment variables", "EnvironmentVariables"),
    post(
        "/update_environment_variables",
        "Sets and removes environment variables",
        Some("EnvironmentChanges"),
        None,
    ),
    post("/pause_deployment", "Refuses every call of a function until the deployment is resumed", None, None),
    post("/unpause_deployment", "Resumes a paused deployment", None, None),
    Call {
        query: &[("from", true), ("limit", false), ("cursor", false)],
        ..get("/list_audit_log_events", "What administrators did, oldest first", "AuditLogEvents")
    },
    get("/list_log_streams", "All log streams", "LogStreams"),
    get("/get_log_stream/{id}", "A log stream", "LogStream"),
    post(
        "/create_log_stream",
        "Sends events to a webhook from now on",
        Some("CreateLogStream"),
        Some("CreatedLogStream"),
    ),
    post(
        "/update_log_stream/{id}",
        "Changes a log stream; what is left out stays",
        Some("UpdateLogStream"),
        None,
    ),
    post("/rotate_webhook_secret/{id}", "Gives a log stream a new key", None, Some("RotatedSecret")),
    post("/delete_log_stream/{id}", "Ends a log stream", None, None),
    get("/list_usage_limits", "No limits: the deployment is not metered", "UsageLimits"),
    get("/get_current_usage", "No figures: the deployment is not metered", "Usage"),
];

fn object(fields: &[(&str, Json)], optional: &[&str]) -> Json {
    let properties: Map<String, Json> =
        fields.iter().map(|(name, schema)| ((*name).to_owned(), schema.clone())).collect();
    let required: Vec<&str> =
        fields.iter().map(|(name, _)| *name).filter(|name| !optional.contains(name)).collect();
    json!({"type": "object", "properties": properties, "required": required})
}

fn list(items: Json) -> Json {
    json!({"type": "array", "items": items})
}

fn reference(name: &str) -> Json {
    json!({"$ref": format!("#/components/schemas/{name}")})
}

fn schemas() -> Json {
    let text = || json!({"type": "string"});
    let text_or_null = || json!({"type": ["string", "null"]});
    let kind = |name: &str| json!({"const": name});
    let format = || json!({"enum": ["json", "jsonl"]});
    let topics = || json!({"type": ["array", "null"], "items": {"type": "string"}});
    let page = || object(&[("hasMore", json!({"type": "boolean"})), ("nextCursor", text_or_null())], &[]);
    let event = object(
        &[
            ("action", text()),
            ("actor", json!({"type": "object"})),
            ("clientIp", text_or_null()),
            ("clientUserAgent", text_or_null()),
            ("createTime", json!({"type": "integer", "description": "milliseconds since the epoch"})),
            ("metadata", json!({})),
        ],
        &[],
    );
    let stream = object(
        &[
            ("logStreamType", kind("webhook")),
            ("id", text()),
            ("url", text()),
            ("format", format()),
            ("topics", topics()),
            ("hmacSecret", text()),
            (
                "status",
                object(
                    &[("type", json!({"enum": ["pending", "active", "failed"]})), ("reason", text())],
                    &["reason"],
                ),
            ),
        ],
        &[],
    );
    let to_stream = |optional: &[&str]| {
        let fields =
            [("logStreamType", kind("webhook")), ("url", text()), ("format", format()), ("topics", topics())];
        object(&fields, optional)
    };
    let variables = json!({"type": "object", "additionalProperties": {"type": "string"}});
    json!({
        "DeploymentInfo": object(&[("kind", kind("selfHosted"))], &[]),
        "CanonicalUrls": object(&[("convexCloudUrl", text()), ("convexSiteUrl", text())], &[]),
        "CanonicalUrl": object(
            &[("requestDestination", json!({"enum": ["convexCloud", "convexSite"]})), ("url", text_or_null())],
            &["url"],
        ),
        "EnvironmentVariables": object(&[("environmentVariables", variables)], &[]),
        "EnvironmentChanges": object(
            &[("changes", list(object(&[("name", text()), ("value", text_or_null())], &["value"])))],
            &[],
        ),
        "AuditLogEvents": object(&[("items", list(event)), ("pagination", page())], &[]),
        "LogStream": stream,
        "LogStreams": list(reference("LogStream")),
        "CreateLogStream": to_stream(&["topics"]),
        "UpdateLogStream": to_stream(&["url", "format", "topics"]),
        "CreatedLogStream": object(&[("logStreamType", kind("webhook")), ("id", text()), ("hmacSecret", text())], &[]),
        "RotatedSecret": object(&[("logStreamType", kind("webhook")), ("hmacSecret", text())], &[]),
        "UsageLimits": object(&[("usageLimits", list(json!({"type": "object"})))], &[]),
        "Usage": object(&[("metrics", json!({"type": "object"})), ("seedStatus", text())], &[]),
        "Error": object(&[("code", text()), ("message", text())], &[]),
    })
}

fn operation(call: &Call) -> Json {
    let content = |schema: &str| json!({"application/json": {"schema": reference(schema)}});
    let in_query = call.query.iter().map(|(name, is_required)| {
        json!({"name": name, "in": "query", "required": is_required, "schema": {"type": "string"}})
    });
    let in_path = call
        .path
        .contains("{id}")
        .then(|| json!({"name": "id", "in": "path", "required": true, "schema": {"type": "string"}}));
    let name = call.path.trim_start_matches('/').split('/').next().unwrap_or_default();
    let mut done = json!({"description": "Done"});
    if let Some(answer) = call.answer {
        done["content"] = content(answer);
    }
    let mut operation = json!({
        "operationId": name,
        "summary": call.summary,
        "parameters": in_query.chain(in_path).collect::<Vec<_>>(),
        "responses": {"200": done, "default": {"description": "Refused", "content": content("Error")}},
    });
    if let Some(body) = call.body {
        operation["requestBody"] = json!({"required": true, "content": content(body)});
    }
    operation
}

fn document() -> Json {
    let mut paths: Map<String, Json> = Map::new();
    for call in CALLS {
        let path = paths.entry(call.path).or_insert_with(|| json!({}));
        path[call.method] = operation(call);
    }
    json!({
        "openapi": "3.1.0",
        "info": {"title": "Deployment platform API", "version": "1"},
        "servers": [{"url": "/api/v1"}],
        "security": [{"adminKey": []}],
        "paths": paths,
        "components": {
            "schemas": schemas(),
            "securitySchemes": {"adminKey": {
                "type": "apiKey", "in": "header", "name": "Authorization",
                "description": "`Convex <admin key>`",
            }},
        },
    })
}

/// `GET /api/v1/openapi.json`, for everybody.
pub(super) async fn v1() -> Response {
    ok(&document())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_schema_that_is_named_is_there() {
        let document = document();
        let schemas = document["components"]["schemas"].as_object().unwrap();
        let text = document.to_string();
        for (at, prefix) in text.match_indices("#/components/schemas/") {
            let name: String = text[at + prefix.len()..].chars().take_while(|c| *c != '"').collect();
            assert!(schemas.contains_key(&name), "{name}");
        }
        assert_eq!(document["paths"].as_object().unwrap().len(), CALLS.len());
    }
}
