//! [`read_to_end`]: what is left of a request's body once it was answered.
//!
//! A connection that closes while its other side still writes is reset, and the answer may be lost with it: somebody who
//! sends too much would never learn that it was too much. So what nobody wanted is read to its end, within bounds.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, BodyDataStream, HttpBody as _};
use axum::extract::Request;
use axum::http::header;
use axum::middleware::Next;
use axum::response::Response;
use bytes::Bytes;
use futures_util::{Stream, StreamExt as _};
use tokio::runtime::Handle;

/// Most bytes that are read for nothing: the longest body of a push, and some.
const BYTES_MAX: usize = 256 << 20;
/// How long they may take.
const TIME_MAX: Duration = Duration::from_secs(30);

/// Reads the rest of the request's body when it is given up.
pub(super) async fn read_to_end(request: Request, next: Next) -> Response {
    // Who waits to be told whether to go on has not begun to send.
    let waits = request.headers().contains_key(header::EXPECT);
    let request = if waits || request.body().is_end_stream() {
        request
    } else {
        request.map(|body| {
            Body::from_stream(Wanted { rest: Some(body.into_data_stream()), runtime: Handle::current() })
        })
    };
    next.run(request).await
}

/// A body that somebody reads, until it is dropped.
struct Wanted {
    rest: Option<BodyDataStream>,
    runtime: Handle,
}

impl Stream for Wanted {
    type Item = Result<Bytes, axum::Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Some(rest) = &mut self.rest else { return Poll::Ready(None) };
        let next = rest.poll_next_unpin(context);
        if matches!(next, Poll::Ready(None | Some(Err(_)))) {
            self.rest = None;
        }
        next
    }
}

impl Drop for Wanted {
    fn drop(&mut self) {
        let Some(mut rest) = self.rest.take().filter(|rest| !rest.is_end_stream()) else { return };
        self.runtime.spawn(async move {
            let reading = async {
                let mut bytes = 0;
                while let Some(Ok(piece)) = rest.next().await {
                    bytes += piece.len();
                    if bytes > BYTES_MAX {
                        return;
                    }
                }
            };
            // Out of time, the connection is closed as if nobody had read.
            let _ = tokio::time::timeout(TIME_MAX, reading).await;
        });
    }
}
