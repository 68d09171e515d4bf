//! Just enough HTTP to ask a local server: one request per connection, the body read to its end.

use std::io;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use serde_json::{Value, json};

use crate::process::Server;

/// A response.
#[derive(Debug)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// The header lines.
    pub head: String,
    /// The body.
    pub body: Vec<u8>,
}

impl Response {
    /// The body as JSON.
    ///
    /// # Errors
    /// If the body is no JSON; the text holds status and body.
    pub fn json(&self) -> io::Result<Value> {
        serde_json::from_slice(&self.body).map_err(|error| {
            io::Error::other(format!("{error} in {}: {}", self.status, String::from_utf8_lossy(&self.body)))
        })
    }
}

/// Sends one request; `headers` are whole lines, each with its line end.
///
/// # Errors
/// If the connection fails or the answer is no HTTP.
pub async fn request(
    address: &str,
    method: &str,
    path: &str,
    headers: &str,
    body: &[u8],
) -> io::Result<Response> {
    let mut stream = TcpStream::connect(address).await?;
    // HTTP/1.0: the server may neither keep the connection nor send chunks.
    let length = body.len();
    let head =
        format!("{method} {path} HTTP/1.0\r\nHost: {address}\r\nContent-Length: {length}\r\n{headers}\r\n");
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(body).await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    let end = answer.windows(4).position(|window| window == b"\r\n\r\n");
    let end = end.ok_or_else(|| io::Error::other("the connection closed before a response"))?;
    let head = String::from_utf8_lossy(&answer[..end]).into_owned();
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
    let status = status.ok_or_else(|| io::Error::other(format!("no status in {head:?}")))?;
    Ok(Response { status, head, body: answer[end + 4..].to_vec() })
}

/// A POST with a JSON body and the admin key.
///
/// # Errors
/// As [`request`], and if the answer is no JSON.
pub async fn post(server: &Server, path: &str, body: &Value) -> io::Result<Value> {
    let headers = format!("Content-Type: application/json\r\nAuthorization: Convex {}\r\n", server.admin_key);
    request(server.address(), "POST", path, &headers, body.to_string().as_bytes()).await?.json()
}

/// Calls a function of any kind and visibility and returns its value.
///
/// # Errors
/// As [`post`], and if the function fails.
pub async fn call(server: &Server, path: &str, args: Value) -> io::Result<Value> {
    let body = json!({"path": path, "args": args, "format": "convex_encoded_json"});
    value_of(post(server, "/api/function", &body).await?)
}

/// The value of a successful function response.
///
/// # Errors
/// If the function failed.
pub fn value_of(mut response: Value) -> io::Result<Value> {
    if response["status"] == "success" {
        Ok(response["value"].take())
    } else {
        Err(io::Error::other(format!("the call failed: {response}")))
    }
}
