//! Endpoints of exports: the request, the download, the end.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

use super::errors::ApiError;
use super::request::{BODY_SIZE_MAX, Sender, parameter, read_body};
use super::state::ServerState;
use crate::error::{Error, Result};

type Shared = State<Arc<ServerState>>;
type Answer = Result<Response, ApiError>;

/// An export never changes.
const CACHE_CONTROL: &str = "private, max-age=2592000";

/// `POST /api/export/request/zip?includeStorage=`
pub(super) async fn request(State(state): Shared, request: Request) -> Answer {
    Sender::admin(&state, request.headers(), request.uri()).await?;
    let includes_files = parameter(request.uri(), "includeStorage").as_deref() == Some("true");
    state.snapshots.request_export(includes_files).await?;
    Ok(StatusCode::OK.into_response())
}

/// `GET /api/export/zip/{timestamp or id}`
pub(super) async fn download(State(state): Shared, Path(id): Path<String>, request: Request) -> Answer {
    Sender::admin(&state, request.headers(), request.uri()).await?;
    let (export, size, content) = state.snapshots.download(&id).await?;
    let instance = state.authenticator.admin_keys().instance_name();
    let instance: String =
        instance.chars().map(|c| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' }).collect();
    let name = format!("snapshot_{instance}_{}.zip", export.start_ts.unwrap_or_default());
    let body = if request.method() == Method::HEAD { Body::empty() } else { Body::from_stream(content) };
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/zip"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(CACHE_CONTROL));
    headers.insert(header::CONTENT_LENGTH, size.into());
    let disposition = HeaderValue::from_str(&format!("attachment; filename={name}"));
    headers
        .insert(header::CONTENT_DISPOSITION, disposition.unwrap_or(HeaderValue::from_static("attachment")));
    Ok(response)
}

/// `GET /api/export/table/{name}`: the documents of a table as JSONL, as a snapshot's ZIP has them.
pub(super) async fn table(State(state): Shared, Path(name): Path<String>, request: Request) -> Answer {
    Sender::admin(&state, request.headers(), request.uri()).await?;
    let content = Body::from_stream(state.snapshots.export_table(&name)?);
    Ok(([(header::CONTENT_TYPE, "application/jsonl")], content).into_response())
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ExpirationBody {
    expiration_ts_ns: serde_json::Value,
}

/// `POST /api/export/set_expiration/{id}`
pub(super) async fn set_expiration(State(state): Shared, Path(id): Path<String>, request: Request) -> Answer {
    let (parts, body) = request.into_parts();
    Sender::admin(&state, &parts.headers, &parts.uri).await?;
    let body = read_body(body, BODY_SIZE_MAX).await?;
    let body: Option<ExpirationBody> = serde_json::from_slice(&body).ok();
    // Nanoseconds do not fit a double, so some clients send text.
    let expiration = body.and_then(|body| match body.expiration_ts_ns {
        serde_json::Value::String(text) => text.parse().ok(),
        number => number.as_u64().or_else(|| number.as_f64().map(|number| number as u64)),
    });
    let expiration = expiration.ok_or_else(|| {
        Error::bad_request(
            "BadJsonBody",
            "The body must have expirationTsNs: a time in nanoseconds since the epoch.",
        )
    })?;
    state.snapshots.set_export_expiration(id, expiration).await?;
    Ok(StatusCode::OK.into_response())
}

/// `POST /api/export/cancel/{id}`
pub(super) async fn cancel(State(state): Shared, Path(id): Path<String>, request: Request) -> Answer {
    Sender::admin(&state, request.headers(), request.uri()).await?;
    state.snapshots.cancel_export(id).await?;
    Ok(StatusCode::OK.into_response())
}
