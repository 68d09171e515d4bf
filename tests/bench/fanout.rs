//! One mutation, 1,000 sockets on one query: how fast the last one knows.

use std::future::Future;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use fusion_runtime::clock::Moment;
use fusion_tests::sync::{Socket, add_query, connect_message, modify_query_set_message, mutation_message};
use tokio::sync::Notify;

use crate::report::{head, millis, percentile, rate, row};
use crate::setup::Options;
use crate::{floor, transfer};

const SOCKETS: usize = 1_000;
const ROUNDS: usize = 60;

/// The time until the last delivery, round by round.
pub(crate) struct Deliveries {
    sockets: usize,
    last: Vec<Duration>,
}

impl Deliveries {
    pub(crate) const fn new(sockets: usize) -> Self {
        Self { sockets, last: Vec::new() }
    }

    pub(crate) fn add(&mut self, last: Duration) {
        self.last.push(last);
    }

    /// Deliveries per second, by the median round.
    pub(crate) fn per_second(&mut self) -> f64 {
        self.sockets as f64 / percentile(&mut self.last, 0.5).as_secs_f64()
    }

    pub(crate) fn describe(&mut self) -> String {
        let rate = rate(self.per_second());
        format!("{rate}, last delivery p50 {}", millis(percentile(&mut self.last, 0.5)))
    }
}

/// Sockets that wait for messages which contain a marker.
#[derive(Clone, Default)]
pub(crate) struct Receivers {
    outstanding: Arc<AtomicUsize>,
    bytes: Arc<AtomicUsize>,
    done: Arc<Notify>,
}

impl Receivers {
    /// Reads `socket` from now on.
    pub(crate) fn add(&self, mut socket: Socket, marker: &'static str) {
        let receivers = self.clone();
        tokio::spawn(async move {
            while let Ok(Some(text)) = socket.next().await {
                if text.contains(marker) {
                    receivers.bytes.store(text.len(), Ordering::Relaxed);
                    if receivers.outstanding.fetch_sub(1, Ordering::Relaxed) == 1 {
                        receivers.done.notify_one();
                    }
                }
            }
        });
    }

    /// Starts the watch for `count` marked messages.
    pub(crate) fn expect(&self, count: usize) -> impl Future<Output = io::Result<Duration>> {
        self.outstanding.store(count, Ordering::Relaxed);
        let (start, done) = (Moment::now(), Arc::clone(&self.done));
        async move {
            let waited = tokio::time::timeout(Duration::from_secs(60), done.notified()).await;
            waited.map_err(|_| io::Error::other("not every socket heard of the change within 60 s"))?;
            Ok(start.elapsed())
        }
    }

    /// The size of the newest marked message.
    pub(crate) fn message_size(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }
}

pub(crate) async fn run(options: &Options) -> io::Result<()> {
    let (server, _folder) = options.server()?;
    let mut random = fusion_tests::random::Random::new(options.seed);
    let receivers = Receivers::default();
    let query = add_query(0, "counters:get", r#"{"name":"fanout"}"#, None);
    let first = receivers.expect(SOCKETS);
    for _ in 0..SOCKETS {
        let mut socket = Socket::open(server.address()).await?;
        socket.queue(connect_message(&random.uuid(), 0, None)).await?;
        socket.send(modify_query_set_message(0, 1, std::slice::from_ref(&query))).await?;
        receivers.add(socket, "QueryUpdated");
    }
    first.await?;

    let mut sender = transfer::connect(server.address(), &random.uuid()).await?;
    let mut deliveries = Deliveries::new(SOCKETS);
    for round in 0..ROUNDS {
        let waiting = receivers.expect(SOCKETS);
        let mutation = mutation_message(round as u32, "counters:add", r#"{"name":"fanout","by":1}"#);
        sender.send(mutation).await?;
        deliveries.add(waiting.await?);
        while sender.try_next()?.is_some() {}
    }
    let size = receivers.message_size();
    drop(server);

    let mut bare = floor::fanout::measure(SOCKETS, size).await?;
    let ratio = deliveries.per_second() / bare.per_second();
    head();
    let what = format!("one mutation → {SOCKETS} sockets on one query, {size} bytes each");
    row(&what, &deliveries.describe(), &bare.describe(), ratio, "≥ 0.6");
    Ok(())
}
