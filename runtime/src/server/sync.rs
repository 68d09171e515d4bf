//! The WebSocket routes: `/api/{version}/sync` of the npm client and `/api/sync` of all others.

use std::sync::Arc;

use axum::extract::ws::WebSocketUpgrade;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::Response;

use super::errors::ApiError;
use super::origin::RequestOrigin;
use super::request::client_version;
use super::state::ServerState;
use crate::error::{Error, Result};
use crate::function::Origin;
use crate::session::ClientVersion;
use crate::session::socket;

type Shared = State<Arc<ServerState>>;

/// `GET /api/{version}/sync`
pub(super) async fn with_version(
    state: Shared,
    Path(version): Path<String>,
    RequestOrigin(origin): RequestOrigin,
    upgrade: Result<WebSocketUpgrade, axum::extract::ws::rejection::WebSocketUpgradeRejection>,
) -> Result<Response, ApiError> {
    let client = ClientVersion::npm(&version)?;
    open(state, client, origin, upgrade)
}

/// `GET /api/sync`
pub(super) async fn without_version(
    state: Shared,
    headers: HeaderMap,
    RequestOrigin(origin): RequestOrigin,
    upgrade: Result<WebSocketUpgrade, axum::extract::ws::rejection::WebSocketUpgradeRejection>,
) -> Result<Response, ApiError> {
    let client = client_version(&headers)?.unwrap_or_else(ClientVersion::unknown);
    open(state, client, origin, upgrade)
}

fn open(
    State(state): Shared,
    client: ClientVersion,
    origin: Origin,
    upgrade: Result<WebSocketUpgrade, axum::extract::ws::rejection::WebSocketUpgradeRejection>,
) -> Result<Response, ApiError> {
    client.check()?;
    let upgrade = upgrade.map_err(|rejection| {
        Error::bad_request(
            "WebSocketUpgradeRequired",
            format!("This URL is for WebSockets: {}.", rejection.body_text()),
        )
    })?;
    let context = state.sockets.clone();
    Ok(upgrade
        .read_buffer_size(socket::READ_BUFFER_SIZE)
        .write_buffer_size(socket::WRITE_BUFFER_SIZE)
        .max_message_size(socket::MESSAGE_SIZE_MAX)
        .max_frame_size(socket::MESSAGE_SIZE_MAX)
        .on_upgrade(move |socket| socket::serve(socket, context, client, origin)))
}
