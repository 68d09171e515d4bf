//! Stored files: uploads with a token, downloads by UUID. Token and UUID are the permission.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use futures_util::TryStreamExt as _;

use super::errors::{self, ApiError, json};
use super::range::{self, Part};
use super::request::{component_of, parameter};
use super::state::ServerState;
use crate::error::{Error, Result};
use crate::system::files::{FileMetadata, Files};

type Shared = State<Arc<ServerState>>;
type Answer = Result<Response, ApiError>;

/// A stored file never changes, so whoever has it may keep it.
const CACHE_CONTROL: &str = "private, max-age=2592000";
const DIGEST: HeaderName = HeaderName::from_static("digest");

/// `POST /api/storage/upload?token=`
pub(super) async fn upload(State(state): Shared, request: Request) -> Answer {
    let files = &state.deployment().files;
    let token = parameter(request.uri(), "token").unwrap_or_default();
    let component = files.check_upload_token(&token, state.clock().unix_ms())?;
    let component = component_of(&state, component.map(|id| id.to_string()).as_deref())?;
    let expected = digest(request.headers())?;
    let content_type = request.headers().get(header::CONTENT_TYPE);
    let content_type = content_type.and_then(|value| value.to_str().ok()).map(str::to_owned);
    let content = request.into_body().into_data_stream().map_err(|error| {
        Error::bad_request("ClientDisconnect", "The body of the upload did not arrive whole.")
            .with_source(error)
    });
    let id = state.runner.store_file(component, content, content_type, expected).await?;
    Ok(json(StatusCode::OK, format!("{{\"storageId\":\"{id}\"}}")))
}

/// The SHA-256 that the `Digest` header announces.
fn digest(headers: &HeaderMap) -> Result<Option<[u8; 32]>> {
    let Some(value) = headers.get(DIGEST) else { return Ok(None) };
    let invalid = || {
        Error::bad_request(
            "InvalidDigest",
            "The Digest header must be `sha-256=` and the base64 of 32 bytes.",
        )
    };
    let text = value.to_str().map_err(|_| invalid())?;
    let (algorithm, digest) = text.trim().split_once('=').ok_or_else(invalid)?;
    if !algorithm.eq_ignore_ascii_case("sha-256") {
        return Err(invalid());
    }
    let bytes = BASE64.decode(digest).map_err(|_| invalid())?;
    bytes.try_into().map(Some).map_err(|_| invalid())
}

/// `GET /api/storage/{uuid}`
pub(super) async fn download(State(state): Shared, Path(uuid): Path<String>, request: Request) -> Answer {
    let uuid = uuid::Uuid::try_parse(&uuid)
        .map_err(|_| {
            Error::bad_request("InvalidStoragePath", format!("'{uuid}' is not the UUID of a stored file."))
        })?
        .to_string();
    let component = component_of(&state, parameter(request.uri(), "component").as_deref())?;
    let deployment = state.deployment().clone();
    let wanted = uuid.clone();
    let found = state
        .runner
        .blocking(move || {
            let mut tx = deployment.database.begin_query();
            tx.enter(component);
            Files::new(&mut tx).by_uuid(&wanted)
        })
        .await?;
    let file = found
        .ok_or_else(|| Error::not_found("FileNotFound", format!("There is no stored file '{uuid}'.")))?;
    let asked = request.headers().get(header::RANGE).and_then(|value| value.to_str().ok());
    let (status, bytes) = match range::parse(asked, file.size) {
        Part::Whole => (StatusCode::OK, 0..file.size),
        Part::Bytes(bytes) => (StatusCode::PARTIAL_CONTENT, bytes),
        Part::Unsatisfiable => return Ok(unsatisfiable(&file)),
    };
    let mut headers = headers_of(&file);
    headers.insert(header::CONTENT_LENGTH, (bytes.end - bytes.start).into());
    if status == StatusCode::PARTIAL_CONTENT {
        let content_range = format!("bytes {}-{}/{}", bytes.start, bytes.end - 1, file.size);
        headers.insert(header::CONTENT_RANGE, text(&content_range));
    }
    let body = if request.method() == Method::HEAD {
        Body::empty()
    } else {
        Body::from_stream(state.deployment().files.read_range(&file.uuid, bytes).await?)
    };
    let mut response = Response::new(body);
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    Ok(response)
}

fn headers_of(file: &FileMetadata) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(CACHE_CONTROL));
    headers.insert(DIGEST, text(&format!("sha-256={}", file.sha256)));
    if let Some(content_type) =
        file.content_type.as_deref().and_then(|value| HeaderValue::from_str(value).ok())
    {
        headers.insert(header::CONTENT_TYPE, content_type);
    }
    headers
}

fn unsatisfiable(file: &FileMetadata) -> Response {
    let error = Error::bad_request(
        "RangeNotSatisfiable",
        format!("The file has {} bytes, and one range of them can be asked for at a time.", file.size),
    );
    let mut response = errors::response(&error);
    *response.status_mut() = StatusCode::RANGE_NOT_SATISFIABLE;
    response.headers_mut().insert(header::CONTENT_RANGE, text(&format!("bytes */{}", file.size)));
    response
}

/// Text of our own making as a header's value.
fn text(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).unwrap_or_else(|_| HeaderValue::from_static(""))
}
