//! `/api/v1/*`: the deployment platform API, as far as it is about the deployment as a whole: pausing it, and what
//! administrators did to it. Environment variables and URLs are in `admin` and `dashboard`, log streams in `log_streams`.
//!
//! Deliberately absent: usage limits (nothing is metered), and data sync (streaming export is what there is). Their calls
//! say so.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use fusion_schema::Value;
use fusion_schema::json::{Format, encode_to};
use serde_json::{Value as Json, json};

use super::errors::{ApiError, ok};
use super::request::{Sender, parameter};
use super::state::ServerState;
use crate::database::{Document, PageRequest};
use crate::error::{Error, Result};
use crate::system::events::Events;

type Shared = State<Arc<ServerState>>;
type Answer = Result<Response, ApiError>;

/// Events of a page unless told otherwise.
const EVENTS_DEFAULT: usize = 15;
/// Most events of a page.
const EVENTS_MAX: usize = 100;

/// `POST /api/v1/pause_deployment`
pub(super) async fn pause(State(state): Shared, request: Request) -> Answer {
    Sender::admin(&state, request.headers(), request.uri()).await?;
    state.runner.pause().await?;
    Ok(StatusCode::OK.into_response())
}

/// `POST /api/v1/unpause_deployment`
pub(super) async fn unpause(State(state): Shared, request: Request) -> Answer {
    Sender::admin(&state, request.headers(), request.uri()).await?;
    state.runner.unpause().await?;
    Ok(StatusCode::OK.into_response())
}

/// A number in the query string.
pub(super) fn number(uri: &Uri, name: &str) -> Result<Option<f64>> {
    let text = parameter(uri, name).filter(|text| !text.is_empty());
    let parsed =
        text.map(|text| text.parse().ok().filter(|number: &f64| number.is_finite() && *number >= 0.0));
    match parsed {
        None => Ok(None),
        Some(Some(number)) => Ok(Some(number)),
        Some(None) => Err(Error::bad_request(
            "InvalidParameter",
            format!("The parameter `{name}` must be a number that is not negative."),
        )),
    }
}

/// The size of a page that a request asks for.
pub(super) fn page_size(uri: &Uri, default: usize, most: usize) -> Result<usize> {
    Ok(number(uri, "limit")?.map_or(default, |limit| (limit as usize).clamp(1, most)))
}

/// `GET /api/v1/list_audit_log_events?from=&limit=&cursor=`: what administrators did, oldest first.
pub(super) async fn list_audit_log_events(State(state): Shared, request: Request) -> Answer {
    Sender::admin(&state, request.headers(), request.uri()).await?;
    let uri = request.uri();
    let from_ms = number(uri, "from")?.ok_or_else(|| {
        Error::bad_request(
            "MissingParameter",
            "The parameter `from` is missing: the time of the first event, in milliseconds since the epoch.",
        )
    })?;
    let page_request = PageRequest {
        page_size: page_size(uri, EVENTS_DEFAULT, EVENTS_MAX)?,
        cursor: parameter(uri, "cursor").filter(|cursor| !cursor.is_empty()),
        ..PageRequest::default()
    };
    let deployment = state.deployment().clone();
    let page = state
        .runner
        .blocking(move || {
            Events::new(&mut deployment.database.begin_query()).page_from(from_ms, &page_request)
        })
        .await?;
    let next = (!page.is_done).then_some(page.continue_cursor);
    Ok(ok(&json!({
        "items": page.page.iter().map(event).collect::<Vec<_>>(),
        "pagination": {"hasMore": next.is_some(), "nextCursor": next},
    })))
}

/// `GET /api/v1/list_usage_limits`: none, for nothing is metered.
pub(super) async fn list_usage_limits(State(state): Shared, request: Request) -> Answer {
    Sender::admin(&state, request.headers(), request.uri()).await?;
    Ok(ok(&json!({"usageLimits": []})))
}

/// `GET /api/v1/get_current_usage`: no figures, for nothing is metered.
pub(super) async fn get_current_usage(State(state): Shared, request: Request) -> Answer {
    Sender::admin(&state, request.headers(), request.uri()).await?;
    Ok(ok(&json!({"metrics": {}, "seedStatus": "complete"})))
}

/// `POST /api/v1/create_usage_limit` and the like, which a deployment without a bill has no use for.
pub(super) async fn no_usage_limits(State(state): Shared, request: Request) -> Answer {
    Sender::admin(&state, request.headers(), request.uri()).await?;
    Err(Error::bad_request(
        "UsageLimitsUnsupported",
        "A self-hosted deployment is not metered, so there is no usage to limit. What it is doing is on the dashboard's health page and at /metrics; /api/v1/pause_deployment stops all functions.",
    )
    .into())
}

/// `POST /api/v1/data/sync`
pub(super) async fn no_data_sync(State(state): Shared, request: Request) -> Answer {
    Sender::admin(&state, request.headers(), request.uri()).await?;
    Err(Error::bad_request(
        "DataSyncUnsupported",
        "This server does not have the data sync API, which is in early access. Use streaming export (/api/list_snapshot, then /api/document_deltas) for copies that follow, or `fusion export` for one.",
    )
    .into())
}

/// `GET /api/v1/data/list_active_syncs`: none.
pub(super) async fn list_active_syncs(State(state): Shared, request: Request) -> Answer {
    Sender::admin(&state, request.headers(), request.uri()).await?;
    Ok(ok(&json!({"syncs": [], "pagination": {"hasMore": false, "nextCursor": null}})))
}

/// An event as the platform API tells it. An admin key has no name, so what it did, the system did.
fn event(row: &Document) -> Json {
    let mut metadata = String::new();
    encode_to(row.fields().get("metadata").unwrap_or(&Value::Null), Format::Clean, &mut metadata);
    json!({
        "action": row.fields().get("action").and_then(Value::as_str),
        "actor": {"kind": "system"},
        "clientIp": null,
        "clientUserAgent": null,
        "createTime": row.creation_time().floor() as u64,
        "metadata": serde_json::from_str::<Json>(&metadata).unwrap_or(Json::Null),
    })
}
