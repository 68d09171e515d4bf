//! The routes of the development issuer: what an OpenID Connect provider publishes, and a token for the asking.
//! They exist only where the server was told to have such an issuer.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{Method, StatusCode};
use axum::response::Response;

use super::errors::{ApiError, json};
use super::request::read_body;
use super::state::ServerState;
use crate::auth::DevIssuer;
use crate::error::{Error, Result};

type Shared = State<Arc<ServerState>>;
type Answer = Result<Response, ApiError>;

fn issuer(state: &ServerState) -> Result<&DevIssuer> {
    state.config.dev_issuer.as_ref().ok_or_else(|| {
        Error::not_found(
            "NoDevelopmentIssuer",
            "This server has no development issuer. `fusion dev` has one.",
        )
    })
}

/// `GET …/.well-known/openid-configuration`
pub(super) async fn discovery(State(state): Shared) -> Answer {
    Ok(json(StatusCode::OK, issuer(&state)?.discovery().to_string()))
}

/// `GET …/.well-known/jwks.json`
pub(super) async fn jwks(State(state): Shared) -> Answer {
    Ok(json(StatusCode::OK, issuer(&state)?.jwks().to_string()))
}

/// `GET …/token`: one for the demo operator. `POST …/token`: one with the claims of the JSON body.
pub(super) async fn token(State(state): Shared, request: Request) -> Answer {
    let issuer = issuer(&state)?;
    let now_ms = state.clock().unix_ms();
    let (parts, body) = request.into_parts();
    let body = read_body(body, 64 << 10).await?;
    let token = if parts.method == Method::POST && !body.is_empty() {
        let claims = serde_json::from_slice(&body).map_err(|error| {
            Error::bad_request(
                "BadJsonBody",
                format!("The body of the request is no JSON object of claims: {error}."),
            )
        })?;
        issuer.token(&claims, now_ms)?
    } else {
        issuer.demo_token(now_ms)?
    };
    Ok(json(StatusCode::OK, serde_json::json!({"token": token}).to_string()))
}
