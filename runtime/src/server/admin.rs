//! Endpoints for administrators: the key's check, environment variables, URLs; and the public keys of the deployment.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value as Json, json};

use super::errors::{ApiError, ok};
use super::request::{BODY_SIZE_MAX, Sender, read_body};
use super::state::ServerState;
use crate::error::{Error, Result};
use crate::system::environment::{Environment, EnvironmentChange};

type Shared = State<Arc<ServerState>>;
type Answer = Result<Response, ApiError>;

/// `GET /api/check_admin_key`
pub(super) async fn check_admin_key(State(state): Shared, request: Request) -> Answer {
    Sender::admin(&state, request.headers(), request.uri()).await?;
    Ok(ok(&json!({"success": true, "allowedOps": [], "isReadOnly": false})))
}

/// `GET /api/v1/get_canonical_urls`
pub(super) async fn get_canonical_urls(State(state): Shared, request: Request) -> Answer {
    Sender::admin(&state, request.headers(), request.uri()).await?;
    let deployment = state.deployment();
    Ok(ok(&json!({"convexCloudUrl": deployment.cloud_origin, "convexSiteUrl": deployment.site_origin})))
}

/// `GET /api/v1/deployment_info`
pub(super) async fn deployment_info(State(state): Shared, request: Request) -> Answer {
    Sender::admin(&state, request.headers(), request.uri()).await?;
    Ok(ok(&json!({"kind": "selfHosted"})))
}

/// `GET /.well-known/jwks.json`: the public keys of tokens that functions sign, for everybody.
pub(super) async fn signing_keys(State(state): Shared) -> Answer {
    Ok(ok(&state.deployment().signing_key()?.jwks()))
}

#[derive(Deserialize)]
struct EnvironmentBody {
    changes: Vec<ChangeBody>,
}

#[derive(Deserialize)]
struct ChangeBody {
    name: String,
    value: Option<String>,
}

/// `POST /api/update_environment_variables` and `/api/v1/update_environment_variables`
pub(super) async fn update_environment_variables(State(state): Shared, request: Request) -> Answer {
    let (parts, body) = request.into_parts();
    Sender::admin(&state, &parts.headers, &parts.uri).await?;
    let body = read_body(body, BODY_SIZE_MAX).await?;
    let body: EnvironmentBody = serde_json::from_slice(&body).map_err(|error| {
        Error::bad_request(
            "BadJsonBody",
            format!("The body of the request is not a list of changes: {error}."),
        )
    })?;
    let changes: Vec<EnvironmentChange> = body
        .changes
        .into_iter()
        .map(|ChangeBody { name, value }| EnvironmentChange { name, value })
        .collect();
    state.runner.update_environment(changes).await?;
    Ok(StatusCode::OK.into_response())
}

/// `GET /api/v1/list_environment_variables`
pub(super) async fn list_environment_variables(State(state): Shared, request: Request) -> Answer {
    Sender::admin(&state, request.headers(), request.uri()).await?;
    let deployment = state.deployment().clone();
    let variables = state
        .runner
        .blocking(move || {
            Environment::new(&mut deployment.database.begin_query(), deployment.secrets()).list()
        })
        .await?;
    let variables: serde_json::Map<String, Json> =
        variables.into_iter().map(|variable| (variable.name, variable.value.into())).collect();
    Ok(ok(&json!({"environmentVariables": variables})))
}
