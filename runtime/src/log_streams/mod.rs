//! Log streams: what functions print, how they end and what administrators do, sent elsewhere as it happens.
//!
//! A stream is a row ([`crate::system::log_streams`]); a task of its own ([`webhook`](self)) reads the log of functions
//! and sends what it finds, in order. Functions never wait for it: what cannot be sent waits in a bounded queue, from
//! which the oldest events go when it is full. What waits at the end of the process is sent if the receiver takes it at
//! once, otherwise it is lost. Only webhooks are known; which other services could be is the platform API's matter.

pub mod event;
mod queue;
mod webhook;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use fusion_schema::DocumentId;
use parking_lot::Mutex;
use tokio::sync::{Notify, watch};
use tokio::task::{JoinHandle, JoinSet};

use self::webhook::Webhook;
use crate::Result;
use crate::function::FunctionRunner;
use crate::system::log_streams::{LogStream, LogStreams as Rows};

/// How long the streams may take to end.
const END_MAX: Duration = Duration::from_secs(4);
/// How long to wait after streams could not be read.
const FAILURE_PAUSE: Duration = Duration::from_secs(10);

/// All streams of a deployment. They end when the server is told to stop.
#[derive(Debug)]
pub struct LogStreams {
    changed: Arc<Notify>,
    supervisor: Mutex<Option<JoinHandle<()>>>,
}

impl LogStreams {
    /// Starts the stored streams. To be called inside of an async runtime.
    pub fn start(
        runner: Arc<FunctionRunner>,
        deployment_name: &str,
        shutdown: watch::Receiver<bool>,
    ) -> Self {
        let changed = Arc::new(Notify::new());
        let supervisor = Supervisor {
            runner,
            deployment_name: deployment_name.into(),
            shutdown,
            changed: changed.clone(),
            running: HashMap::new(),
            tasks: JoinSet::new(),
        };
        let supervisor = tokio::spawn(supervisor.run());
        Self { changed, supervisor: Mutex::new(Some(supervisor)) }
    }

    /// Says that rows have changed.
    pub fn look(&self) {
        self.changed.notify_one();
    }

    /// Waits until the streams have sent what was left, once the server was told to stop.
    pub async fn finish(&self) {
        let supervisor = self.supervisor.lock().take();
        if let Some(supervisor) = supervisor {
            // What is not sent by then is lost, as documented.
            let _ = tokio::time::timeout(END_MAX, supervisor).await;
        }
    }
}

struct Supervisor {
    runner: Arc<FunctionRunner>,
    deployment_name: Arc<str>,
    shutdown: watch::Receiver<bool>,
    changed: Arc<Notify>,
    running: HashMap<DocumentId, watch::Sender<LogStream>>,
    tasks: JoinSet<()>,
}

impl Supervisor {
    async fn run(mut self) {
        loop {
            let pause = match self.adjust().await {
                Ok(()) => Duration::MAX,
                Err(error) => {
                    tracing::warn!(%error, "log streams could not be started");
                    FAILURE_PAUSE
                }
            };
            let mut shutdown = self.shutdown.clone();
            tokio::select! {
                () = self.changed.notified() => {}
                () = tokio::time::sleep(pause) => {}
                Some(_) = self.tasks.join_next() => {}
                _ = shutdown.wait_for(|is_over| *is_over) => break,
            }
        }
        while self.tasks.join_next().await.is_some() {}
    }

    /// Makes what runs what the rows say.
    async fn adjust(&mut self) -> Result<()> {
        let deployment = self.runner.deployment().clone();
        let read = move || Rows::new(&mut deployment.database.begin_query(), deployment.secrets()).list();
        let streams = self.runner.blocking(read).await?;
        // A task ends when its sender goes.
        self.running
            .retain(|id, sender| !sender.is_closed() && streams.iter().any(|stream| stream.id == *id));
        for stream in streams {
            match self.running.get(&stream.id) {
                Some(sender) => drop(sender.send_if_modified(|known| {
                    let is_other = LogStream { status: stream.status.clone(), ..known.clone() } != stream;
                    if is_other {
                        *known = stream;
                    }
                    is_other
                })),
                None => {
                    let (id, client) = (stream.id, webhook::client()?);
                    let (sender, receiver) = watch::channel(stream);
                    let (name, shutdown) = (self.deployment_name.clone(), self.shutdown.clone());
                    let webhook = Webhook::new(self.runner.clone(), client, name, receiver, shutdown);
                    self.tasks.spawn(webhook.run());
                    self.running.insert(id, sender);
                }
            }
        }
        Ok(())
    }
}
