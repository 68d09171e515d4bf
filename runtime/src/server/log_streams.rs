//! `/api/v1/*_log_stream*`: where events of the deployment are sent to. Webhooks alone; the platform API's other services
//! are refused.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use fusion_schema::DocumentId;
use serde::{Deserialize, Deserializer};
use serde_json::{Value as Json, json};

use super::errors::{ApiError, ok};
use super::request::{Sender, json_body};
use super::state::ServerState;
use crate::clock::random_bytes;
use crate::error::{Error, Result};
use crate::log_streams::event::{SILENT_TOPICS, TOPICS};
use crate::system::log_streams::{
    LogStream, LogStreamChange, LogStreams, StreamStatus, WebhookFormat, not_found,
};

type Shared = State<Arc<ServerState>>;
type Answer = Result<Response, ApiError>;

/// Longest URL of a webhook.
const URL_LENGTH_MAX: usize = 2_048;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct StreamBody {
    log_stream_type: String,
    url: Option<String>,
    format: Option<String>,
    /// Absent, null, or a list.
    #[serde(default, deserialize_with = "present")]
    topics: Option<Option<Vec<String>>>,
}

/// A field that is there, null or not.
fn present<'de, D: Deserializer<'de>, T: Deserialize<'de>>(from: D) -> Result<Option<T>, D::Error> {
    T::deserialize(from).map(Some)
}

impl StreamBody {
    fn into_change(self) -> Result<LogStreamChange> {
        if self.log_stream_type != "webhook" {
            return Err(Error::bad_request(
                "LogStreamTypeUnsupported",
                format!(
                    "This server sends events to webhooks only, not to \"{}\". Create a log stream of the type \"webhook\" whose receiver passes them on.",
                    self.log_stream_type
                ),
            ));
        }
        if let Some(url) = &self.url {
            check_url(url)?;
        }
        let format = self.format.map(|name| {
            WebhookFormat::parse(&name).ok_or_else(|| {
                Error::bad_request(
                    "InvalidLogStream",
                    format!("format must be \"json\" or \"jsonl\", not \"{name}\"."),
                )
            })
        });
        for topic in self.topics.iter().flatten().flatten() {
            if !TOPICS.contains(&topic.as_str()) && !SILENT_TOPICS.contains(&topic.as_str()) {
                let known = TOPICS.join(", ");
                return Err(Error::bad_request(
                    "InvalidLogStream",
                    format!("topics has \"{topic}\", which is no topic. This server tells of {known}."),
                ));
            }
        }
        Ok(LogStreamChange { url: self.url, format: format.transpose()?, topics: self.topics, secret: None })
    }
}

fn check_url(url: &str) -> Result<()> {
    let parsed = reqwest::Url::parse(url).ok();
    let is_web = parsed.is_some_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    if is_web && url.len() <= URL_LENGTH_MAX {
        return Ok(());
    }
    Err(Error::bad_request(
        "InvalidLogStream",
        format!("url must be an http or https URL of at most {URL_LENGTH_MAX} characters."),
    ))
}

fn id_of(id: &str) -> Result<DocumentId> {
    DocumentId::decode(id).map_err(|_| not_found(id))
}

fn new_secret() -> String {
    URL_SAFE_NO_PAD.encode(random_bytes::<32>())
}

async fn body_of(state: &ServerState, request: Request<Body>) -> Result<LogStreamChange> {
    let (parts, body) = request.into_parts();
    Sender::admin(state, &parts.headers, &parts.uri).await?;
    json_body::<StreamBody>(body).await?.into_change()
}

/// Changes rows and has the streams follow.
async fn write<T: Send + 'static>(
    state: &ServerState,
    mut body: impl FnMut(&mut LogStreams<'_>) -> Result<T> + Send + 'static,
) -> Result<T> {
    let secrets = state.deployment().secrets().clone();
    let value = state.runner.write(move |tx, _| body(&mut LogStreams::new(tx, &secrets))).await?;
    state.log_streams.look();
    Ok(value)
}

async fn read<T: Send + 'static>(
    state: &ServerState,
    body: impl FnOnce(&mut LogStreams<'_>) -> Result<T> + Send + 'static,
) -> Result<T> {
    let deployment = state.deployment().clone();
    let read = move || {
        let mut tx = deployment.database.begin_query();
        body(&mut LogStreams::new(&mut tx, deployment.secrets()))
    };
    state.runner.blocking(read).await
}

fn shown(stream: &LogStream) -> Json {
    let status = match &stream.status {
        StreamStatus::Pending => json!({"type": "pending"}),
        StreamStatus::Active => json!({"type": "active"}),
        StreamStatus::Failed(reason) => json!({"type": "failed", "reason": reason}),
    };
    json!({
        "logStreamType": "webhook",
        "id": stream.id.to_string(),
        "url": stream.url,
        "format": stream.format.name(),
        "topics": stream.topics,
        "hmacSecret": stream.secret,
        "status": status,
    })
}

/// `GET /api/v1/list_log_streams`
pub(super) async fn list(State(state): Shared, request: Request) -> Answer {
    Sender::admin(&state, request.headers(), request.uri()).await?;
    let streams = read(&state, |streams| streams.list()).await?;
    Ok(ok(&streams.iter().map(shown).collect()))
}

/// `GET /api/v1/get_log_stream/{id}`
pub(super) async fn get(State(state): Shared, Path(id): Path<String>, request: Request) -> Answer {
    Sender::admin(&state, request.headers(), request.uri()).await?;
    let id = id_of(&id)?;
    let stream = read(&state, move |streams| streams.get(id)).await?;
    Ok(ok(&shown(&stream)))
}

/// `POST /api/v1/create_log_stream`
pub(super) async fn create(State(state): Shared, request: Request) -> Answer {
    let mut stream = body_of(&state, request).await?;
    for (name, is_missing) in [("url", stream.url.is_none()), ("format", stream.format.is_none())] {
        if is_missing {
            return Err(Error::bad_request("InvalidLogStream", format!("{name} is missing.")).into());
        }
    }
    let secret = new_secret();
    stream.secret = Some(secret.clone());
    let id = write(&state, move |streams| streams.create(&stream)).await?;
    Ok(ok(&json!({"logStreamType": "webhook", "id": id.to_string(), "hmacSecret": secret})))
}

/// `POST /api/v1/update_log_stream/{id}`: what is left out stays.
pub(super) async fn update(State(state): Shared, Path(id): Path<String>, request: Request) -> Answer {
    let change = body_of(&state, request).await?;
    let id = id_of(&id)?;
    write(&state, move |streams| streams.update(id, change.clone())).await?;
    Ok(StatusCode::OK.into_response())
}

/// `POST /api/v1/rotate_webhook_secret/{id}`
pub(super) async fn rotate_secret(State(state): Shared, Path(id): Path<String>, request: Request) -> Answer {
    Sender::admin(&state, request.headers(), request.uri()).await?;
    let (id, secret) = (id_of(&id)?, new_secret());
    let change = LogStreamChange { secret: Some(secret.clone()), ..LogStreamChange::default() };
    write(&state, move |streams| streams.update(id, change.clone())).await?;
    Ok(ok(&json!({"logStreamType": "webhook", "hmacSecret": secret})))
}

/// `POST /api/v1/delete_log_stream/{id}`
pub(super) async fn delete(State(state): Shared, Path(id): Path<String>, request: Request) -> Answer {
    Sender::admin(&state, request.headers(), request.uri()).await?;
    let id = id_of(&id)?;
    write(&state, move |streams| streams.delete(id)).await?;
    Ok(StatusCode::OK.into_response())
}
