//! A WebSocket server that sends back what it gets.
//!
//! The floor is the plain one, a write for each message on both sides, which is what published echo figures mean.
//! With all that is due in one write the same library is ten times faster; `floors` shows that too.

use std::io;
use std::time::Duration;

use fusion_tests::sync::Socket;
use futures_util::{FutureExt, SinkExt, StreamExt};
use tokio::net::{TcpListener, TcpStream};

use crate::floor::Bare;
use crate::load::{self, Exchange, Outcome, Writes};

/// The message of the floor: 128 bytes, about a mutation's size.
const SIZE: usize = 128;

struct Echo;

impl Exchange for Echo {
    fn request(&mut self) -> String {
        "x".repeat(SIZE)
    }

    fn answer(&mut self, _text: &str) -> io::Result<usize> {
        Ok(1)
    }
}

/// Round trips of `clients` × `window`, the plain way.
pub(crate) async fn measure(clients: usize, window: usize, duration: Duration) -> io::Result<Outcome> {
    measure_with(clients, window, duration, Writes::Single).await
}

/// Round trips of `clients` × `window`.
pub(crate) async fn measure_with(
    clients: usize,
    window: usize,
    duration: Duration,
    writes: Writes,
) -> io::Result<Outcome> {
    let bare = Bare::start(if writes == Writes::Single { "serve-echo" } else { "serve-echo-together" })?;
    let mut sockets = Vec::new();
    for _ in 0..clients {
        sockets.push((Socket::open_path(&bare.address, "/").await?, Echo));
    }
    Ok(load::run(sockets, window, duration, writes).await?.0)
}

/// The server.
pub(crate) async fn serve(writes: Writes) -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", listener.local_addr()?);
    loop {
        let (stream, _) = listener.accept().await?;
        tokio::spawn(serve_one(stream, writes));
    }
}

async fn serve_one(stream: TcpStream, writes: Writes) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut socket = tokio_tungstenite::accept_async(stream).await.map_err(io::Error::other)?;
    while let Some(message) = socket.next().await {
        socket.feed(message.map_err(io::Error::other)?).await.map_err(io::Error::other)?;
        while writes == Writes::Together
            && let Some(Some(message)) = socket.next().now_or_never()
        {
            socket.feed(message.map_err(io::Error::other)?).await.map_err(io::Error::other)?;
        }
        socket.flush().await.map_err(io::Error::other)?;
    }
    Ok(())
}
