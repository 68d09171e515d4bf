//! Endpoints for pushing code: `deploy2/*` and what the command line asks before.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::Response;
use serde::de::DeserializeOwned;
use serde_json::Value as Json;

use super::encoding;
use super::errors::{ApiError, ok};
use super::request::{Sender, read_body};
use super::state::ServerState;
use crate::error::{Error, Result};
use crate::push::request::{self, FinishPushRequest, StartPushRequest, WaitForSchemaRequest};

type Shared = State<Arc<ServerState>>;
type Answer = Result<Response, ApiError>;

/// The largest body of a push, in bytes, as it is sent.
const PUSH_SIZE_MAX: usize = 200 << 20;
/// The largest body of a push, in bytes, once it is unpacked.
const UNPACKED_SIZE_MAX: usize = 512 << 20;

/// Who is not an administrator is refused before the body is read; the body is unpacked beside other requests.
async fn read<T: DeserializeOwned + Send + 'static>(state: &ServerState, request: Request) -> Result<T> {
    let (parts, body) = request.into_parts();
    Sender::admin(state, &parts.headers, &parts.uri).await?;
    let body = read_body(body, PUSH_SIZE_MAX).await?;
    let parsed = tokio::task::spawn_blocking(move || {
        let body = encoding::decode(&parts.headers, body, UNPACKED_SIZE_MAX)?;
        request::parse(&body)
    });
    parsed.await.map_err(|error| Error::internal("reading a request ended early").with_source(error))?
}

/// `POST /api/get_config_hashes`
pub(super) async fn get_config_hashes(State(state): Shared, request: Request) -> Answer {
    Sender::admin(&state, request.headers(), request.uri()).await?;
    Ok(ok(&state.pushes.config_hashes().await?))
}

/// `POST /api/deploy2/start_push`
pub(super) async fn start_push(State(state): Shared, request: Request) -> Answer {
    let request: StartPushRequest = read(&state, request).await?;
    Ok(ok(&state.pushes.start(request).await?))
}

/// `POST /api/deploy2/evaluate_push`
pub(super) async fn evaluate_push(State(state): Shared, request: Request) -> Answer {
    let request: StartPushRequest = read(&state, request).await?;
    Ok(ok(&state.pushes.evaluate(request).await?))
}

/// `POST /api/deploy2/evaluate_schema`
pub(super) async fn evaluate_schema(State(state): Shared, request: Request) -> Answer {
    let request: StartPushRequest = read(&state, request).await?;
    Ok(ok(&state.pushes.evaluate_schema(request).await?))
}

/// `POST /api/deploy2/wait_for_schema`: a long poll.
pub(super) async fn wait_for_schema(State(state): Shared, request: Request) -> Answer {
    let request: WaitForSchemaRequest = read(&state, request).await?;
    let mut shutdown = state.sockets.shutdown.clone();
    tokio::select! {
        status = state.pushes.wait_for_schema(request) => Ok(ok(&status)),
        // An error means that the server is gone.
        _ = shutdown.wait_for(|is_over| *is_over) => {
            Err(Error::overloaded("ShuttingDown", "The server is shutting down.").into())
        }
    }
}

/// `POST /api/deploy2/finish_push`
pub(super) async fn finish_push(State(state): Shared, request: Request) -> Answer {
    let request: FinishPushRequest = read(&state, request).await?;
    Ok(ok(&state.pushes.finish(request).await?))
}

/// `POST /api/deploy2/report_push_completed`: how long the client's part took, of which nothing is kept.
pub(super) async fn report_push_completed(State(state): Shared, request: Request) -> Answer {
    let _: Json = read(&state, request).await?;
    Ok(ok(&Json::Null))
}
