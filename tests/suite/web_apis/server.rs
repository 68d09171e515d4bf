//! A server that the checks of `fetch` talk to.

use std::convert::Infallible;
use std::io;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Path, Query, Request};
use axum::http::{HeaderMap, HeaderName, Response, StatusCode};
use axum::routing::{any, get};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

/// `hello gzip` and `hello brotli`, compressed.
const GZIP: &str = "H4sIAAAAAAAAA8tIzcnJV0ivyiwAABlq0t8KAAAA";
const BROTLI: &str = "iwWAaGVsbG8gYnJvdGxpAw==";

/// Starts one on a free port, for as long as the process lives, and gives its address.
pub(super) fn start() -> io::Result<String> {
    let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    listener.set_nonblocking(true)?;
    let address = format!("http://{}", listener.local_addr()?);
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async { axum::serve(tokio::net::TcpListener::from_std(listener)?, routes()).await })
    });
    Ok(address)
}

fn routes() -> Router {
    Router::new()
        .route("/echo", any(echo))
        .route("/status/{status}", any(status))
        .route("/redirect/{status}", any(redirect))
        .route("/loop", get(|| async { moved(302, "/loop") }))
        .route("/gzip", get(|| async { encoded("gzip", GZIP) }))
        .route("/brotli", get(|| async { encoded("br", BROTLI) }))
        .route("/bad-gzip", get(|| async { encoded("gzip", "AAAA") }))
        .route("/cookies", get(cookies))
        .route("/latin1", get(|| async { with([("x-word", "caf\u{e9}".to_owned())], "ok") }))
        .route(
            "/json",
            get(|| async { with([("content-type", "application/json".to_owned())], "{\"a\":[1,2]}") }),
        )
        .route("/form", get(form))
        .route("/drip", get(drip))
        .route("/never", get(never))
        .route("/cut", get(cut))
        .route("/large/{size}", get(|Path(size): Path<usize>| async move { vec![b'x'; size] }))
}

/// What arrived: method, path, headers that matter, and the body as text.
async fn echo(request: Request) -> Response<Body> {
    let method = request.method().to_string();
    let uri = request.uri().to_string();
    let headers = request.headers().clone();
    let (body, problem) = match axum::body::to_bytes(request.into_body(), 1 << 24).await {
        Ok(body) => (body, None),
        Err(error) => (Bytes::new(), Some(error.to_string())),
    };
    let shown: serde_json::Map<_, _> = headers
        .keys()
        .filter(|name| {
            name.as_str().starts_with("x-")
                || matches!(name.as_str(), "content-type" | "authorization" | "accept")
        })
        .map(|name| (name.to_string(), json!(latin1(&headers, name))))
        .collect();
    let body = json!({
        "method": method,
        "uri": uri,
        "headers": shown,
        "length": headers.get("content-length").and_then(|length| length.to_str().ok()),
        "body": String::from_utf8_lossy(&body),
        "problem": problem,
    });
    with([("content-type", "application/json".to_owned())], &body.to_string())
}

fn latin1(headers: &HeaderMap, name: &HeaderName) -> String {
    let values = headers.get_all(name).iter();
    let text = |bytes: &[u8]| bytes.iter().map(|byte| char::from(*byte)).collect::<String>();
    values.map(|value| text(value.as_bytes())).collect::<Vec<_>>().join(", ")
}

async fn status(Path(status): Path<u16>) -> Response<Body> {
    let mut response = Response::new(Body::from(format!("status {status}")));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or_default();
    if matches!(status, 204 | 205 | 304) {
        *response.body_mut() = Body::empty();
    }
    response
}

#[derive(serde::Deserialize)]
struct To {
    to: String,
}

async fn redirect(Path(status): Path<u16>, Query(To { to }): Query<To>) -> Response<Body> {
    moved(status, &to)
}

fn moved(status: u16, to: &str) -> Response<Body> {
    let mut response = with([("location", to.to_owned())], "moved");
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or_default();
    response
}

fn encoded(encoding: &str, body: &str) -> Response<Body> {
    let mut response = with([("content-encoding", encoding.to_owned())], "");
    *response.body_mut() = Body::from(STANDARD.decode(body).unwrap_or_default());
    response
}

async fn cookies() -> Response<Body> {
    with([("set-cookie", "a=1; Path=/".to_owned()), ("set-cookie", "b=2".to_owned())], "ok")
}

async fn form() -> Response<Body> {
    let body = "--XX\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\none\r\n--XX\r\nContent-Disposition: form-data; name=\"f\"; filename=\"f.txt\"\r\nContent-Type: text/plain\r\n\r\ntwo\r\n--XX--\r\n";
    with([("content-type", "multipart/form-data; boundary=XX".to_owned())], body)
}

fn with<const N: usize>(headers: [(&'static str, String); N], body: &str) -> Response<Body> {
    let mut response = Response::new(Body::from(body.to_owned()));
    for (name, value) in headers {
        let bytes: Vec<u8> = value.chars().map(|char| char as u32 as u8).collect();
        if let Ok(value) = axum::http::HeaderValue::from_bytes(&bytes) {
            response.headers_mut().append(name, value);
        }
    }
    response
}

/// Three pieces with pauses between them.
async fn drip() -> Response<Body> {
    let pieces = futures_util::stream::unfold(0, |piece| async move {
        if piece == 3 {
            return None;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
        Some((Ok::<_, Infallible>(Bytes::from(format!("piece {piece};"))), piece + 1))
    });
    Response::new(Body::from_stream(pieces))
}

/// A first piece, and then nothing more.
async fn never() -> Response<Body> {
    let pieces = futures_util::stream::unfold(false, |begun| async move {
        if begun {
            std::future::pending::<()>().await;
        }
        Some((Ok::<_, Infallible>(Bytes::from("first")), true))
    });
    Response::new(Body::from_stream(pieces))
}

/// A body that ends in the middle.
async fn cut() -> Response<Body> {
    let pieces = futures_util::stream::iter([Ok(Bytes::from("some")), Err(io::Error::other("cut"))]);
    Response::new(Body::from_stream(pieces))
}
