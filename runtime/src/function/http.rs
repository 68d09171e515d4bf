//! The request and the response of an HTTP action. Bodies stream both ways.

use axum::body::Body;

pub use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header};

/// A body that streams.
pub type HttpBody = Body;
/// A request; its URI is the whole URL the caller used.
pub type HttpRequest = axum::http::Request<Body>;
/// The path by which the request was routed, an extension of the request. It is the URL's own path, but for where the
/// main listener serves HTTP actions under a prefix.
#[derive(Clone, Debug)]
pub struct RoutedPath(pub String);
/// A response.
pub type HttpResponse = axum::http::Response<Body>;
