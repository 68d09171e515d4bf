//! Closed-loop load: clients that keep a fixed number of requests in flight, the same code for the server under
//! test and for the bare floor.

use std::collections::VecDeque;
use std::io;
use std::time::Duration;

use fusion_runtime::clock::Moment;
use fusion_tests::sync::Socket;
use futures_util::future::try_join_all;

use crate::report::{millis, percentile, rate};

/// One client's side of the conversation.
pub(crate) trait Exchange {
    /// The next request.
    fn request(&mut self) -> String;
    /// Reads a message and returns how many of the oldest requests it finishes.
    fn answer(&mut self, text: &str) -> io::Result<usize>;
}

/// How a client writes what it has to send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Writes {
    /// Each message in a write of its own, each answer handled before the next is read.
    Single,
    /// All that is due in one write.
    Together,
}

/// What a load did within its measured window.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// Requests finished per second.
    pub(crate) per_second: f64,
    latencies: Vec<Duration>,
}

impl Outcome {
    /// `12,345/s, p50 1.00 ms, p99 2.00 ms`.
    pub(crate) fn describe(&mut self) -> String {
        let (p50, p99) = (self.latency(0.5), self.latency(0.99));
        format!("{}, p50 {}, p99 {}", rate(self.per_second), millis(p50), millis(p99))
    }

    /// The time of each request.
    pub(crate) fn into_latencies(self) -> Vec<Duration> {
        self.latencies
    }

    /// The latency that `share` of the requests did not exceed.
    pub(crate) fn latency(&mut self, share: f64) -> Duration {
        percentile(&mut self.latencies, share)
    }
}

/// Runs all clients for `duration`, each with `window` requests in flight; the first quarter is not counted.
/// Returns when every request has been answered, so that what follows sees a server at rest.
pub(crate) async fn run<E: Exchange>(
    clients: Vec<(Socket, E)>,
    window: usize,
    duration: Duration,
    writes: Writes,
) -> io::Result<(Outcome, Vec<E>)> {
    let start = Moment::now();
    let (from, until) = (start.after(duration / 4), start.after(duration));
    let runs =
        clients.into_iter().map(|(socket, exchange)| drive(socket, exchange, window, writes, from, until));
    let mut latencies = Vec::new();
    let mut exchanges = Vec::new();
    for (mut own, exchange) in try_join_all(runs).await? {
        latencies.append(&mut own);
        exchanges.push(exchange);
    }
    let seconds = until.instant().duration_since(from.instant()).as_secs_f64();
    Ok((Outcome { per_second: latencies.len() as f64 / seconds, latencies }, exchanges))
}

async fn drive<E: Exchange>(
    mut socket: Socket,
    mut exchange: E,
    window: usize,
    writes: Writes,
    from: Moment,
    until: Moment,
) -> io::Result<(Vec<Duration>, E)> {
    let mut sent = VecDeque::with_capacity(window);
    let mut latencies = Vec::new();
    let mut now = Moment::now();
    loop {
        while sent.len() < window && now < until {
            socket.queue(exchange.request()).await?;
            sent.push_back(now);
            if writes == Writes::Single {
                socket.flush().await?;
            }
        }
        if sent.is_empty() {
            let _ = socket.close().await;
            return Ok((latencies, exchange));
        }
        socket.flush().await?;
        let mut next = socket.next().await?;
        if next.is_none() {
            return Err(io::Error::other(format!(
                "the server closed with {} requests in flight",
                sent.len()
            )));
        }
        now = Moment::now();
        while let Some(text) = next {
            for _ in 0..exchange.answer(&text)? {
                let Some(at) = sent.pop_front() else { break };
                if now >= from && now < until {
                    latencies.push(now.instant().duration_since(at.instant()));
                }
            }
            next = if writes == Writes::Together { socket.try_next()? } else { None };
        }
    }
}
