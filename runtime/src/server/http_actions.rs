//! HTTP actions: `/http/*` on the main listener and everything on the site listener.
//!
//! No CORS headers are added here and no path is special: what is answered is the user's code to decide.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use fusion_schema::json::{Format, encode_string, encode_to};
use http_body_util::Limited;

use super::errors::{self, TOO_LARGE, json};
use super::origin::RequestOrigin;
use super::request::credentials;
use super::state::ServerState;
use crate::auth::Identity;
use crate::error::{Error, ErrorKind};
use crate::function::UdfError;
use crate::function::pausing::PAUSED;

/// The largest body of a request to an HTTP action, in bytes.
pub(super) const BODY_SIZE_MAX: usize = 20 << 20;

/// Where the main listener serves HTTP actions.
const PREFIX: &str = "/http";

/// `/http` and `/http/*` on the main listener.
pub(super) async fn on_main(state: State<Arc<ServerState>>, request: Request) -> Response {
    let path = request.uri().path();
    let path = path.strip_prefix(PREFIX).unwrap_or(path);
    let path = if path.is_empty() { "/" } else { path }.to_owned();
    run(state, path, request).await
}

/// Every path on the site listener.
pub(super) async fn on_site(state: State<Arc<ServerState>>, request: Request) -> Response {
    let path = request.uri().path().to_owned();
    run(state, path, request).await
}

async fn run(State(state): State<Arc<ServerState>>, path: String, request: Request) -> Response {
    let (mut parts, body) = request.into_parts();
    let has_body = match parts.method {
        Method::GET | Method::HEAD | Method::OPTIONS => false,
        Method::POST | Method::PUT | Method::PATCH | Method::DELETE => true,
        _ => return StatusCode::METHOD_NOT_ALLOWED.into_response(),
    };
    let length =
        parts.headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    if has_body && length.is_some_and(|length: usize| length > BODY_SIZE_MAX) {
        return errors::response(&Error::bad_request(
            TOO_LARGE,
            format!("The body of a request to an HTTP action may have at most {BODY_SIZE_MAX} bytes."),
        ));
    }
    parts.uri = match url(&parts.headers, &parts.uri) {
        Ok(url) => url,
        Err(error) => return errors::response(&error),
    };
    let is_head = parts.method == Method::HEAD;
    let identity = identity(&state, &parts.headers).await;
    let origin = RequestOrigin::identified(&state, &parts, &identity);
    let body = if has_body { Body::new(Limited::new(body, BODY_SIZE_MAX)) } else { Body::empty() };
    let request = Request::from_parts(parts, body);
    let outcome = state.runner.http_action(&path, identity, origin, request).await;
    match outcome.result {
        Ok(response) if is_head => response.map(|_| Body::empty()),
        Ok(response) => response,
        Err(error) => failure(&error, state.config.redact_logs),
    }
}

/// The URL that the handler sees: scheme, host and path as the caller used them.
fn url(headers: &HeaderMap, uri: &Uri) -> Result<Uri, Error> {
    let text = |name: header::HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    let host = uri.authority().map(|authority| authority.as_str()).or_else(|| text(header::HOST));
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    Uri::builder()
        .scheme(scheme(headers))
        .authority(host.unwrap_or("localhost"))
        .path_and_query(path)
        .build()
        .map_err(|_| Error::bad_request("BadHost", "The Host header of the request is not a host's name."))
}

/// What a proxy in front says about the caller's scheme.
fn scheme(headers: &HeaderMap) -> &'static str {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let forwarded = || {
        let pairs = text("forwarded")?.split(',').next()?.split(';');
        let pairs = pairs.filter_map(|pair| pair.trim().split_once('='));
        let (_, scheme) = pairs.into_iter().find(|(name, _)| name.eq_ignore_ascii_case("proto"))?;
        Some(scheme.trim_matches('"'))
    };
    let scheme = text("x-forwarded-proto").and_then(|list| list.split(',').next()).or_else(forwarded);
    match scheme.map(str::trim) {
        Some(scheme) if scheme.eq_ignore_ascii_case("https") => "https",
        _ => "http",
    }
}

/// Credentials that cannot be used do not keep the action from running: it may have its own scheme.
async fn identity(state: &ServerState, headers: &HeaderMap) -> Identity {
    let credentials = match credentials(headers, &Uri::from_static("/")) {
        Ok(credentials) => credentials,
        Err(error) => return Identity::Invalid(error),
    };
    state.authenticator.identify(&credentials).await.unwrap_or_else(Identity::Invalid)
}

/// The answer when there is no response of the user's code.
fn failure(error: &UdfError, redact: bool) -> Response {
    let is_unmatched = matches!(error.code.as_str(), "HttpActionsNotEnabled" | "NoMatchingRoute");
    if error.kind == ErrorKind::NotFound && is_unmatched {
        let text = error.detail();
        let text = text.strip_prefix("Uncaught Error: ").unwrap_or(text);
        return (StatusCode::NOT_FOUND, text.to_owned()).into_response();
    }
    if matches!(error.kind, ErrorKind::Overloaded | ErrorKind::RateLimited) || error.code == PAUSED {
        return errors::response(&error.to_error());
    }
    let mut body = String::from("{\"code\":");
    let detail = error.detail();
    if redact {
        encode_string(error.redacted(), &mut body);
    } else {
        let summary = detail.lines().next().unwrap_or_default();
        encode_string(&format!("{}: {summary}", error.redacted()), &mut body);
        body.push_str(",\"trace\":");
        encode_string(detail, &mut body);
    }
    if let Some(data) = &error.data {
        body.push_str(",\"data\":");
        encode_to(data, Format::Encoded, &mut body);
    }
    body.push('}');
    json(StatusCode::INTERNAL_SERVER_ERROR, body)
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;
    use fusion_schema::object;

    use super::*;
    use crate::function::RequestId;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| ((*name).parse().expect("a name"), HeaderValue::from_static(value)))
            .collect()
    }

    #[test]
    fn the_url_is_what_the_caller_used() {
        let uri = Uri::from_static("/a/b?c=%20d");
        for (pairs, expected) in [
            (&[("host", "example.com:3211")][..], "http://example.com:3211/a/b?c=%20d"),
            (&[("host", "h"), ("x-forwarded-proto", "https,http")], "https://h/a/b?c=%20d"),
            (&[("host", "h"), ("forwarded", "for=1.2.3.4; Proto=\"https\"")], "https://h/a/b?c=%20d"),
            (&[("host", "h"), ("x-forwarded-proto", "gopher")], "http://h/a/b?c=%20d"),
            (&[], "http://localhost/a/b?c=%20d"),
        ] {
            assert_eq!(url(&headers(pairs), &uri).expect("a URL").to_string(), expected);
        }
        assert_eq!(url(&headers(&[("host", "a b")]), &uri).expect_err("no host").code(), "BadHost");
    }

    async fn answer(error: Error, redact: bool) -> (u16, String) {
        let response = failure(&UdfError::new(&error, RequestId::from_number(1)), redact);
        let status = response.status().as_u16();
        let body = axum::body::to_bytes(response.into_body(), 1 << 20).await.expect("a body");
        (status, String::from_utf8(body.to_vec()).expect("text"))
    }

    #[tokio::test]
    async fn failures_as_clients_know_them() {
        assert_eq!(
            answer(Error::not_found("NoMatchingRoute", "No matching routes found"), false).await,
            (404, "No matching routes found".to_owned())
        );
        assert_eq!(
            answer(Error::function("no"), false).await,
            (
                500,
                concat!(
                    r#"{"code":"[Request ID: 0000000000000001] Server Error: Uncaught Error: no","#,
                    r#""trace":"Uncaught Error: no"}"#
                )
                .to_owned()
            )
        );
        assert_eq!(
            answer(Error::application(object! { "a" => 1.0 }), true).await,
            (500, r#"{"code":"[Request ID: 0000000000000001] Server Error","data":{"a":1}}"#.to_owned())
        );
        assert_eq!(answer(Error::overloaded("Busy", "later"), false).await.0, 503);
    }
}
