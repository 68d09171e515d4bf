//! A WebSocket server that sends each message of one socket to all others.

use std::io;

use fusion_tests::sync::Socket;
use futures_util::{SinkExt, StreamExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::broadcast;
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};

use crate::fanout::{Deliveries, Receivers};
use crate::floor::Bare;

/// Rounds that are measured.
const ROUNDS: usize = 60;

/// Deliveries of a message of `size` bytes to `sockets` sockets.
pub(crate) async fn measure(sockets: usize, size: usize) -> io::Result<Deliveries> {
    let bare = Bare::start("serve-fanout")?;
    let receivers = Receivers::default();
    for _ in 0..sockets {
        receivers.add(Socket::open_path(&bare.address, "/").await?, "round");
    }
    let mut sender = Socket::open_path(&bare.address, "/").await?;
    let mut deliveries = Deliveries::new(sockets);
    for round in 0..ROUNDS {
        let message = format!("round {round:>width$}", width = size - "round ".len());
        let waiting = receivers.expect(sockets);
        sender.send(message).await?;
        deliveries.add(waiting.await?);
    }
    Ok(deliveries)
}

/// The server.
pub(crate) async fn serve() -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", listener.local_addr()?);
    let (sender, _) = broadcast::channel(16);
    loop {
        let (stream, _) = listener.accept().await?;
        tokio::spawn(serve_one(stream, sender.clone()));
    }
}

async fn serve_one(stream: TcpStream, sender: broadcast::Sender<Utf8Bytes>) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut receiver = sender.subscribe();
    let mut socket = tokio_tungstenite::accept_async(stream).await.map_err(io::Error::other)?;
    loop {
        tokio::select! {
            message = socket.next() => match message {
                Some(Ok(Message::Text(text))) => drop(sender.send(text)),
                Some(Ok(_)) => {}
                _ => return Ok(()),
            },
            Ok(text) = receiver.recv() => socket.send(Message::Text(text)).await.map_err(io::Error::other)?,
        }
    }
}
