//! The routes of the development issuer: what an OpenID Connect provider publishes, and a token for the asking.
//! They exist only where the server was told to have such an issuer.
//!
//! Whoever asks gets a token, so who asks matters: pages of other sites that a developer's browser has open must not
//! get one. Their requests have a foreign `Origin`, or, if they made their own name point here, a foreign `Host`.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header::{HOST, ORIGIN};
use axum::http::{HeaderMap, Method, StatusCode, Uri};
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
    check_caller(&parts.headers, issuer)?;
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

/// Fails if the request comes from a page that is neither on this machine nor on the issuer's own host.
fn check_caller(headers: &HeaderMap, issuer: &DevIssuer) -> Result<()> {
    let own = issuer.issuer().parse::<Uri>().ok();
    let own = own.as_ref().and_then(Uri::host);
    for name in [ORIGIN, HOST] {
        let Some(value) = headers.get(&name) else { continue };
        let uri = value.to_str().ok().and_then(|text| text.parse::<Uri>().ok());
        let host = uri.as_ref().and_then(Uri::host);
        let is_local = matches!(host, Some("localhost" | "127.0.0.1" | "[::1]"));
        if !is_local && (host.is_none() || host != own) {
            return Err(Error::forbidden(
                "ForeignOrigin",
                format!(
                    "The development issuer gives tokens to pages on this machine only, not to {name} {value:?}."
                ),
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;
    use crate::auth::{InstanceSecret, Secrets};

    #[test]
    fn pages_of_other_sites_get_no_token() -> Result<()> {
        let secrets = Secrets::new(InstanceSecret::generate());
        let issuer = DevIssuer::new("http://10.0.0.7:3210/_dev/issuer", &secrets)?;
        let check = |origin: Option<&'static str>, host: &'static str| {
            let mut headers = HeaderMap::from_iter([(HOST, HeaderValue::from_static(host))]);
            headers.extend(origin.map(|origin| (ORIGIN, HeaderValue::from_static(origin))));
            check_caller(&headers, &issuer).is_ok()
        };
        assert!(check(None, "127.0.0.1:3210"));
        assert!(check(None, "[::1]:3210"));
        assert!(check(Some("http://localhost:5173"), "localhost:3210"));
        assert!(check(Some("http://10.0.0.7:3210"), "10.0.0.7:3210"));
        assert!(!check(Some("https://evil.example"), "127.0.0.1:3210"));
        assert!(!check(Some("https://127.0.0.1.evil.example"), "127.0.0.1:3210"));
        assert!(!check(Some("null"), "127.0.0.1:3210"));
        assert!(!check(None, "evil.example:3210"));
        Ok(())
    }
}
