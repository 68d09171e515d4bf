//! The one place that turns errors into HTTP answers.

use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use fusion_schema::json::encode_string;

use crate::error::{Error, ErrorKind};
use crate::function::outcome::INTERNAL_ERROR_TEXT;
use crate::function::pausing::PAUSED;

/// An error as a handler's result.
#[derive(Debug)]
pub struct ApiError(pub Error);

impl From<Error> for ApiError {
    fn from(error: Error) -> Self {
        Self(error)
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        response(&self.0)
    }
}

/// The status of an error.
pub fn status(error: &Error) -> StatusCode {
    match error.kind() {
        ErrorKind::BadRequest if error.code() == TOO_LARGE => StatusCode::PAYLOAD_TOO_LARGE,
        ErrorKind::BadRequest if error.code() == PAUSED => StatusCode::SERVICE_UNAVAILABLE,
        ErrorKind::BadRequest | ErrorKind::Function | ErrorKind::Application => StatusCode::BAD_REQUEST,
        ErrorKind::Unauthenticated => StatusCode::UNAUTHORIZED,
        ErrorKind::Forbidden => StatusCode::FORBIDDEN,
        ErrorKind::NotFound => StatusCode::NOT_FOUND,
        ErrorKind::RateLimited => StatusCode::TOO_MANY_REQUESTS,
        ErrorKind::Conflict if error.code() != "OptimisticConcurrencyControlFailure" => StatusCode::CONFLICT,
        ErrorKind::Conflict | ErrorKind::Overloaded => StatusCode::SERVICE_UNAVAILABLE,
        ErrorKind::Internal => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// The code of the error for a body over its limit.
pub const TOO_LARGE: &str = "RequestTooLarge";

/// The answer to a request that failed: `{"code","message"}`. What is internal goes to the log alone.
pub fn response(error: &Error) -> Response {
    let status = status(error);
    let message = if error.kind() == ErrorKind::Internal {
        let source = std::error::Error::source(error);
        tracing::error!(code = error.code(), source = source.map(tracing::field::display), "{error}");
        INTERNAL_ERROR_TEXT
    } else {
        error.message()
    };
    let mut body = String::with_capacity(message.len() + 64);
    body.push_str("{\"code\":");
    encode_string(error.code(), &mut body);
    body.push_str(",\"message\":");
    encode_string(message, &mut body);
    body.push('}');
    let mut response = json(status, body);
    if error.code() == "ClientVersionUnsupported" {
        let headers = response.headers_mut();
        let state = HeaderName::from_static("x-convex-deprecation-state");
        headers.insert(state, HeaderValue::from_static("Unsupported"));
        if let Ok(message) = HeaderValue::from_str(message) {
            headers.insert(HeaderName::from_static("x-convex-deprecation-message"), message);
        }
    }
    response
}

/// An answer of JSON text.
pub fn json(status: StatusCode, body: String) -> Response {
    (status, [(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))], body).into_response()
}

/// A JSON answer to a request that went well.
pub(super) fn ok(body: &serde_json::Value) -> Response {
    json(StatusCode::OK, body.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_have_the_statuses_clients_know() {
        for (kind, expected) in [
            (ErrorKind::BadRequest, 400),
            (ErrorKind::Function, 400),
            (ErrorKind::Application, 400),
            (ErrorKind::Unauthenticated, 401),
            (ErrorKind::Forbidden, 403),
            (ErrorKind::NotFound, 404),
            (ErrorKind::Conflict, 409),
            (ErrorKind::RateLimited, 429),
            (ErrorKind::Internal, 500),
            (ErrorKind::Overloaded, 503),
        ] {
            assert_eq!(status(&Error::new(kind, "Code", "text")).as_u16(), expected, "{kind:?}");
        }
        assert_eq!(status(&Error::conflict("lost")).as_u16(), 503);
    }

    async fn body(error: Error) -> String {
        let bytes = axum::body::to_bytes(response(&error).into_body(), 1 << 20).await.expect("a body");
        String::from_utf8(bytes.to_vec()).expect("text")
    }

    #[tokio::test]
    async fn bodies_are_code_and_message() {
        assert_eq!(
            body(Error::bad_request("BadFormat", "a \"b\"")).await,
            r#"{"code":"BadFormat","message":"a \"b\""}"#
        );
    }

    #[tokio::test]
    async fn internals_stay_in_the_log() {
        assert_eq!(
            body(Error::internal("the disk at /secret")).await,
            r#"{"code":"InternalServerError","message":"Your request couldn't be completed. Try again later."}"#
        );
    }

    #[test]
    fn clients_that_are_too_old_are_told_in_headers() {
        let error = Error::bad_request("ClientVersionUnsupported", "too old");
        let response = response(&error);
        assert_eq!(response.headers()["x-convex-deprecation-state"], "Unsupported");
        assert_eq!(response.headers()["x-convex-deprecation-message"], "too old");
    }
}
