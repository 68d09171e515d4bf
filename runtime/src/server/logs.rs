//! The log of functions: long polls over the latest executions.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::{StatusCode, Uri};
use axum::response::Response;
use serde_json::{Value as Json, json};

use super::errors::{self, ApiError};
use super::request::{Sender, parameter};
use super::state::ServerState;
use crate::clock::Moment;
use crate::error::{Error, Result};
use crate::function::execution_log::{LogEntry, LogEvent};
use crate::function::mutations::SessionRequest;

type Shared = State<Arc<ServerState>>;
type Answer = Result<Response, ApiError>;

/// How long a request for log entries waits for the first one.
const PATIENCE: Duration = Duration::from_secs(60);

/// The cursor of a request: milliseconds since the epoch, 0 for the beginning.
fn cursor(uri: &Uri) -> Result<f64> {
    match parameter(uri, "cursor").as_deref() {
        None | Some("") => Ok(0.0),
        Some(text) => text.parse().ok().filter(|cursor: &f64| cursor.is_finite()).ok_or_else(|| {
            Error::bad_request(
                "InvalidCursor",
                "The cursor of the log stream must be a number. Begin with 0.",
            )
        }),
    }
}

/// The request of a client's session that alone is asked for.
fn wanted(uri: &Uri) -> Result<Option<SessionRequest>> {
    let (session, counter) = (parameter(uri, "sessionId"), parameter(uri, "clientRequestCounter"));
    let (Some(session), Some(counter)) = (session, counter) else { return Ok(None) };
    let session = uuid::Uuid::parse_str(&session).ok().map(|session| session.as_u128());
    match (session, counter.parse().ok()) {
        (Some(session_id), Some(request_id)) => Ok(Some(SessionRequest { session_id, request_id })),
        _ => Err(Error::bad_request(
            "InvalidSession",
            "sessionId must be a UUID and clientRequestCounter a whole number.",
        )),
    }
}

/// `GET /api/stream_function_logs?cursor=`
pub(super) async fn stream_function_logs(State(state): Shared, request: Request) -> Answer {
    let sender = Sender::admin(&state, request.headers(), request.uri()).await?;
    let client = sender.client.as_ref().map_or("", |client| client.name.as_str());
    // Those know how to show structured lines.
    let is_structured = matches!(client, "npm-cli" | "dashboard" | "fusion-cli");
    let wanted = wanted(request.uri())?;
    let log = state.runner.log();
    let keep = |entry: &LogEntry| {
        !matches!(entry.event, LogEvent::Audit { .. })
            && wanted.is_none_or(|wanted| log.is_of_client_request(wanted, entry.event.request_id()))
    };
    poll(&state, cursor(request.uri())?, keep, |entry| entry.to_json(is_structured)).await
}

/// `GET /api/stream_udf_execution?cursor=`: the older form, of completions alone and with texts as lines.
pub(super) async fn stream_udf_execution(State(state): Shared, request: Request) -> Answer {
    Sender::admin(&state, request.headers(), request.uri()).await?;
    let keep = |entry: &LogEntry| matches!(entry.event, LogEvent::Completion(_));
    poll(&state, cursor(request.uri())?, keep, |entry| entry.to_json(false)).await
}

/// Answers with the entries after the cursor that are to be kept, or waits for the first one.
async fn poll(
    state: &ServerState,
    mut cursor: f64,
    keep: impl Fn(&LogEntry) -> bool,
    show: impl Fn(&LogEntry) -> Json,
) -> Answer {
    let log = state.runner.log();
    let answer = |entries: Vec<Json>, cursor: f64| {
        Ok(errors::json(StatusCode::OK, json!({"entries": entries, "newCursor": cursor}).to_string()))
    };
    if cursor == 0.0 {
        // The first call learns what is kept, or where to continue if nothing is.
        let (entries, cursor) = log.since(0.0);
        let cursor = if cursor == 0.0 { state.clock().unix_ms() } else { cursor };
        return answer(entries.iter().filter(|entry| keep(entry)).map(|entry| show(entry)).collect(), cursor);
    }
    let began = Moment::now();
    let mut shutdown = state.sockets.shutdown.clone();
    loop {
        let patience = PATIENCE.saturating_sub(began.elapsed());
        let (entries, next) = tokio::select! {
            found = log.wait_since(cursor, patience) => found,
            // An error means that the server is gone.
            _ = shutdown.wait_for(|is_over| *is_over) => return answer(Vec::new(), cursor),
        };
        cursor = next;
        let kept: Vec<Json> = entries.iter().filter(|entry| keep(entry)).map(|entry| show(entry)).collect();
        if !kept.is_empty() || began.elapsed() >= PATIENCE {
            return answer(kept, cursor);
        }
    }
}
