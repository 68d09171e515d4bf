//! The request and the response of an HTTP action. Bodies stream both ways.

use axum::body::{Body, Bytes};

use crate::{Error, Result};

pub use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header};

/// A body that streams.
pub type HttpBody = Body;
/// A request; its URI is the whole URL the caller used.
pub type HttpRequest = axum::http::Request<Body>;
/// The path by which the request was routed, an extension of the request. It is the URL's own path, but for where the
/// main listener serves HTTP actions under a prefix, and where routes lie under one themselves.
#[derive(Clone, Debug)]
pub struct RoutedPath(pub String);
/// A response.
pub type HttpResponse = axum::http::Response<Body>;

/// Reads a body of at most `limit` bytes.
///
/// # Errors
/// `RequestTooLarge`, or `ClientDisconnect` if it does not arrive whole.
pub async fn read_body(body: HttpBody, limit: usize) -> Result<Bytes> {
    axum::body::to_bytes(body, limit).await.map_err(|error| {
        let is_too_large = std::error::Error::source(&error)
            .is_some_and(|source| source.to_string().contains("length limit exceeded"));
        if is_too_large {
            Error::bad_request(
                "RequestTooLarge",
                format!("The body of the request has more than {limit} bytes."),
            )
        } else {
            Error::bad_request("ClientDisconnect", "The body of the request did not arrive whole.")
        }
    })
}
