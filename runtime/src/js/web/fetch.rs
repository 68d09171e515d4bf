//! `fetch`: requests of actions to other servers.
//!
//! Redirects are followed here and not by the client, because each request says for itself what it wants of them.
//! Deliberately absent: time limits (the action has one), cookies, caches, and a ban on addresses (an operator who
//! wants one puts a proxy or a firewall before the server).

use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt};
use reqwest::header::{
    AUTHORIZATION, CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_LENGTH, CONTENT_LOCATION, CONTENT_TYPE,
    COOKIE, HOST, LOCATION, PROXY_AUTHORIZATION,
};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::redirect::Policy;
use reqwest::{Client, Method, StatusCode};
use tokio_util::sync::CancellationToken;
use url::Url;

use super::arguments::{Arguments, object, pairs};
use super::body::{self, BodyReader};
use super::refused;
use crate::Result as RuntimeResult;
use crate::js::op::{Op, OpError, OpFuture, OpResult, OpTable, OpValue};
use crate::js::state::OpState;

pub(super) const OPS: OpTable = &[
    ("fetch_check", Op::Sync(check)),
    ("fetch_open", Op::Sync(open)),
    ("fetch_send", Op::Async(send)),
    ("fetch_abort", Op::Sync(abort)),
];

/// Redirects that are followed for one request.
const REDIRECTS_MAX: usize = 20;
/// Headers that are the connection's and not a script's to set.
const CONNECTION_HEADERS: [&str; 6] =
    ["connection", "content-length", "keep-alive", "te", "transfer-encoding", "upgrade"];

/// The client that [`OpState::http`] needs: it follows no redirects itself, and decodes bodies.
///
/// # Errors
/// If it cannot be set up.
pub fn client() -> RuntimeResult<Client> {
    crate::http_client::build(|builder| {
        builder.redirect(Policy::none()).gzip(true).brotli(true).deflate(true)
    })
}

#[derive(Clone, Copy, PartialEq)]
enum Redirect {
    Follow,
    Manual,
    Error,
}

enum RequestBody {
    None,
    Bytes(Bytes),
    Stream(BodyReader),
}

struct Request {
    method: Method,
    url: Url,
    headers: HeaderMap,
    body: RequestBody,
    redirect: Redirect,
}

/// A request on its way; the reader beside it, under the number that scripts know, gets the response's body.
struct Sending {
    request: Option<Request>,
    number: u32,
}

/// Fails where nothing can be fetched.
fn check(state: &mut OpState, _: Vec<OpValue>) -> OpResult {
    if state.phase.is_action() { Ok(OpValue::Undefined) } else { Err(refused(state.phase, "fetch()")) }
}

/// `({ method, url, headers, body?, streams, redirect })` → `{ number, sending, writer? }`: the numbers of the
/// response's body, of the request to send, and of the writer of a streamed request.
fn open(state: &mut OpState, args: Vec<OpValue>) -> OpResult {
    check(state, Vec::new())?;
    let mut given = Arguments::new(args).record()?;
    let method = given.text("method")?.unwrap_or_default();
    let method = Method::from_bytes(method.as_bytes())
        .map_err(|_| OpError::type_error(format!("'{method}' is not a valid HTTP method.")))?;
    let url = given.text("url")?.unwrap_or_default();
    let url = Url::parse(&url).map_err(|error| failed(format!("{url:?} is no address: {error}")))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(failed(format!(
            "the scheme {:?} is not supported, only http, https and data are",
            url.scheme()
        )));
    }
    let headers = headers(pairs(given.take("headers"))?)?;
    let redirect = match given.text("redirect")?.unwrap_or_default().as_str() {
        "manual" => Redirect::Manual,
        "error" => Redirect::Error,
        _ => Redirect::Follow,
    };
    let mut writer_number = OpValue::Undefined;
    let body = match given.take("body") {
        OpValue::Bytes(bytes) => RequestBody::Bytes(bytes.into()),
        _ if given.take("streams") == OpValue::Bool(true) => {
            let (writer, reader) = body::pipe();
            writer_number = OpValue::Number(f64::from(state.resources.add(writer)));
            RequestBody::Stream(reader)
        }
        _ => RequestBody::None,
    };
    let number = state.resources.add(BodyReader::unfilled());
    let request = Request { method, url, headers, body, redirect };
    let sending = state.resources.add(Sending { request: Some(request), number });
    Ok(object([
        ("number", OpValue::Number(f64::from(number))),
        ("sending", OpValue::Number(f64::from(sending))),
        ("writer", writer_number),
    ]))
}

fn headers(pairs: Vec<(String, String)>) -> Result<HeaderMap, OpError> {
    let mut headers = HeaderMap::new();
    for (name, value) in pairs {
        if CONNECTION_HEADERS.contains(&name.as_str()) {
            continue;
        }
        // Each character of a header is one byte.
        let bytes: Vec<u8> =
            value.chars().map(|char| u8::try_from(u32::from(char)).unwrap_or(b'?')).collect();
        let wrong = || OpError::type_error(format!("The header {name:?} cannot be sent."));
        let header = HeaderName::from_bytes(name.as_bytes()).map_err(|_| wrong())?;
        headers.append(header, HeaderValue::from_bytes(&bytes).map_err(|_| wrong())?);
    }
    headers.entry("accept").or_insert(HeaderValue::from_static("*/*"));
    headers.entry("accept-language").or_insert(HeaderValue::from_static("*"));
    Ok(headers)
}

/// `(sending)` → `{ status, statusText, url, redirected, headers, hasBody }`.
fn send(state: &mut OpState, args: Vec<OpValue>) -> OpFuture {
    let sending =
        Arguments::new(args).whole().ok().and_then(|number| state.resources.take::<Sending>(number));
    let Some(Sending { request: Some(request), number }) = sending else {
        return Box::pin(async { Err(OpError::type_error("There is no such request.")) });
    };
    let reader = state.resources.get_mut::<BodyReader>(number).cloned();
    let client = state.http.clone();
    Box::pin(async move {
        let reader = reader.unwrap_or_else(BodyReader::unfilled);
        let cancelled: CancellationToken = reader.cancelled().clone();
        let sent = cancelled.run_until_cancelled(follow(client, request, &reader)).await;
        sent.unwrap_or_else(|| Err(OpError::new("AbortError", "This operation was aborted")))
    })
}

/// `(number)`: gives up the request and its response.
fn abort(state: &mut OpState, args: Vec<OpValue>) -> OpResult {
    if let Some(reader) = state.resources.take::<BodyReader>(Arguments::new(args).whole()?) {
        reader.cancel();
    }
    Ok(OpValue::Undefined)
}

async fn follow(client: Client, request: Request, reader: &BodyReader) -> OpResult {
    let Request { mut method, mut url, mut headers, mut body, redirect } = request;
    let mut redirects = 0;
    loop {
        let builder = client.request(method.clone(), url.clone()).headers(headers.clone());
        let (builder, is_gone) = match &body {
            RequestBody::None if matches!(method, Method::POST | Method::PUT | Method::PATCH) => {
                (builder.header(CONTENT_LENGTH, 0), false)
            }
            RequestBody::None => (builder, false),
            RequestBody::Bytes(bytes) => (builder.body(bytes.clone()), false),
            RequestBody::Stream(reader) => {
                let stream = reader.clone().into_stream().map_err(std::io::Error::other);
                (builder.body(reqwest::Body::wrap_stream(stream)), true)
            }
        };
        let response = builder.send().await.map_err(|error| network(&error))?;
        let status = response.status();
        let is_redirect = matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308);
        let location = response.headers().get(LOCATION).filter(|_| is_redirect);
        let Some(location) = location.filter(|_| redirect != Redirect::Manual) else {
            return Ok(head(response, &method, &url, redirects > 0, reader).await);
        };
        if redirect == Redirect::Error {
            return Err(failed("unexpected redirect"));
        }
        redirects += 1;
        if redirects > REDIRECTS_MAX {
            return Err(failed("redirect count exceeded"));
        }
        let location = String::from_utf8_lossy(location.as_bytes()).into_owned();
        let mut target =
            url.join(&location).map_err(|_| failed(format!("the redirect to {location:?} is not valid")))?;
        if !matches!(target.scheme(), "http" | "https") {
            return Err(failed("URL scheme must be a HTTP(S) scheme"));
        }
        if target.fragment().is_none() {
            target.set_fragment(url.fragment());
        }
        let becomes_get = (matches!(status, StatusCode::MOVED_PERMANENTLY | StatusCode::FOUND)
            && method == Method::POST)
            || (status == StatusCode::SEE_OTHER && !matches!(method, Method::GET | Method::HEAD));
        if becomes_get {
            method = Method::GET;
            body = RequestBody::None;
            for name in [CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_LOCATION, CONTENT_TYPE, CONTENT_LENGTH] {
                headers.remove(name);
            }
        } else if is_gone {
            return Err(failed("a redirect asks for the body again, which was a stream"));
        }
        if target.origin() != url.origin() {
            for name in [AUTHORIZATION, PROXY_AUTHORIZATION, COOKIE, HOST] {
                headers.remove(name);
            }
        }
        url = target;
    }
}

async fn head(
    response: reqwest::Response,
    method: &Method,
    url: &Url,
    redirected: bool,
    reader: &BodyReader,
) -> OpValue {
    let status = response.status();
    let text = |bytes: &[u8]| OpValue::String(bytes.iter().map(|byte| char::from(*byte)).collect());
    let headers = response.headers().iter().map(|(name, value)| {
        OpValue::List(vec![OpValue::String(name.as_str().to_owned()), text(value.as_bytes())])
    });
    let headers = OpValue::List(headers.collect());
    let has_body = *method != Method::HEAD && !matches!(status.as_u16(), 101 | 204 | 205 | 304);
    // The words that the server sent with the status are not kept by the client: the usual ones stand in.
    let reason = status.canonical_reason().unwrap_or_default();
    let fields = object([
        ("status", OpValue::Number(f64::from(status.as_u16()))),
        ("statusText", OpValue::String(reason.to_owned())),
        ("url", OpValue::String(url.as_str().to_owned())),
        ("redirected", OpValue::Bool(redirected)),
        ("headers", headers),
        ("hasBody", OpValue::Bool(has_body)),
    ]);
    if has_body {
        let stream = response.bytes_stream().map(|bytes| bytes.map_err(|error| reason_of(&error)));
        reader.fill(Box::pin(stream)).await;
    }
    fields
}

/// The `TypeError` of a request that did not work out.
fn failed(why: impl std::fmt::Display) -> OpError {
    OpError::type_error(format!("fetch failed: {why}"))
}

fn network(error: &reqwest::Error) -> OpError {
    failed(reason_of(error))
}

/// The innermost reason, which says the most: "Connection refused", "certificate has expired".
fn reason_of(error: &reqwest::Error) -> String {
    let mut reason: &dyn std::error::Error = error;
    while let Some(source) = reason.source() {
        reason = source;
    }
    let host = error.url().and_then(Url::host_str).unwrap_or_default();
    if error.is_connect() { format!("no connection to {host}: {reason}") } else { reason.to_string() }
}
