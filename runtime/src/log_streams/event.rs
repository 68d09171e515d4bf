//! Events as log streams carry them: a topic, a time in milliseconds, and what the topic has.

use fusion_schema::Value;
use fusion_schema::json::{Format, encode_to};
use serde_json::{Map, Value as Json, json};

use crate::database::Document;
use crate::function::FunctionKind;
use crate::function::execution_log::{Completion, LogEntry, LogEvent};
use crate::function::log_line::LogLine;

/// What a stream can be told of.
pub const TOPICS: &[&str] = &["verification", "console", "function_execution", "audit_log", "custom_audit"];
/// Topics of the platform API of which this server tells nothing. A stream may ask for them.
pub const SILENT_TOPICS: &[&str] = &[
    "exception",
    "scheduler_stats",
    "scheduled_job_lag",
    "current_storage_usage",
    "concurrency_stats",
    "storage_api_bandwidth",
    "log_stream_egress",
];

/// The first event of a stream, which shows that events arrive.
pub(super) fn verification(now_ms: f64) -> Json {
    json!({"topic": "verification", "timestamp": now_ms as i64, "message": "Fusion connection test"})
}

/// What an entry of the log of functions tells.
pub(super) fn of_entry(entry: &LogEntry) -> Vec<Json> {
    match &entry.event {
        LogEvent::Progress { kind, component, identifier, request_id, line, .. } => {
            let function = function(*kind, component, identifier, request_id.to_string(), None);
            vec![console(function, line)]
        }
        LogEvent::Audit { body, .. } => vec![json!({
            "topic": "custom_audit", "timestamp": entry.timestamp_ms as i64, "body": body,
        })],
        LogEvent::Completion(completion) => {
            let Completion { kind, component, identifier, request_id, cached, .. } = &**completion;
            let is_query = *kind == FunctionKind::Query;
            let function =
                function(*kind, component, identifier, request_id.to_string(), is_query.then_some(*cached));
            let mut events: Vec<Json> =
                completion.log_lines.iter().map(|line| console(function.clone(), line)).collect();
            events.push(execution(function, completion, entry.timestamp_ms));
            events
        }
    }
}

/// What an administrator did.
pub(super) fn of_audit_row(row: &Document) -> Json {
    let mut metadata = String::new();
    encode_to(row.fields().get("metadata").unwrap_or(&Value::Null), Format::Clean, &mut metadata);
    json!({
        "topic": "audit_log",
        "timestamp": row.creation_time() as i64,
        "audit_log_action": row.fields().get("action").and_then(Value::as_str),
        "audit_log_metadata": metadata,
    })
}

fn function(kind: FunctionKind, component: &str, path: &str, request: String, cached: Option<bool>) -> Json {
    let kind = match kind {
        FunctionKind::Query => "query",
        FunctionKind::Mutation => "mutation",
        FunctionKind::Action => "action",
        FunctionKind::HttpAction => "httpAction",
    };
    let mut function = Map::new();
    function.insert("type".to_owned(), kind.into());
    function.insert("path".to_owned(), path.into());
    function.insert("request_id".to_owned(), request.into());
    if !component.is_empty() {
        function.insert("component_path".to_owned(), component.into());
    }
    if let Some(cached) = cached {
        function.insert("cached".to_owned(), cached.into());
    }
    Json::Object(function)
}

fn console(function: Json, line: &LogLine) -> Json {
    json!({
        "topic": "console",
        "timestamp": line.timestamp as i64,
        "function": function,
        "log_level": line.level.name(),
        "message": line.messages.join(" "),
        "is_truncated": line.is_truncated,
    })
}

fn execution(function: Json, completion: &Completion, timestamp_ms: f64) -> Json {
    let milliseconds = completion.duration.as_millis() as u64;
    let usage = &completion.usage;
    let mut event = json!({
        "topic": "function_execution",
        "timestamp": timestamp_ms as i64,
        "function": function,
        "execution_time_ms": milliseconds,
        "user_execution_time_ms": milliseconds,
        "status": if completion.error.is_some() { "failure" } else { "success" },
        "usage": {
            "database_read_bytes": usage.read_bytes,
            "database_write_bytes": usage.write_bytes,
            "database_read_documents": usage.read_documents,
            "database_io_read_bytes": usage.read_bytes,
            "database_io_write_bytes": usage.write_bytes,
            "file_storage_read_bytes": 0,
            "file_storage_write_bytes": 0,
            "vector_storage_read_bytes": 0,
            "vector_storage_write_bytes": 0,
            "vector_search_query_bytes": 0,
            "vector_search_write_query_bytes": 0,
            "text_search_query_bytes": 0,
            "text_search_write_query_bytes": 0,
            "network_egress_bytes": 0,
            "audit_log_egress_bytes": 0,
        },
    });
    if let (Json::Object(fields), Some(error)) = (&mut event, &completion.error) {
        fields.insert("error_message".to_owned(), error.as_str().into());
    }
    event
}
