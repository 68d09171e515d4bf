//! An HTTP server that answers every request with the same successful response.

use std::io;

use axum::Router;
use axum::http::header::CONTENT_TYPE;
use tokio::net::TcpListener;

use crate::floor::Bare;
use crate::setup::Options;

/// Requests per second of the stock connector against the no-op server.
pub(crate) fn measure(options: &Options) -> io::Result<f64> {
    let bare = Bare::start("serve-http")?;
    crate::http::fetch_client(options, &format!("http://{}", bare.address))
}

/// The server.
pub(crate) async fn serve() -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", listener.local_addr()?);
    let answer = || async { ([(CONTENT_TYPE, "application/json")], r#"{"status":"success","value":null}"#) };
    axum::serve(listener, Router::new().fallback(answer)).await
}
