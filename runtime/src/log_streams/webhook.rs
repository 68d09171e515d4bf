//! [`Webhook`]: sends the events of one stream, in order, each until it is taken.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use hmac::{Hmac, Mac};
use sha2::Sha256;
use tokio::sync::watch;

use super::event;
use super::queue::Queue;
use crate::auth::secrets::encode_hex;
use crate::clock::Moment;
use crate::function::FunctionRunner;
use crate::system::events::Events;
use crate::system::log_streams::{LogStream, LogStreams, StreamStatus, WebhookFormat};
use crate::{Error, Result};

/// The wait after the first failure; it doubles with each.
const BACKOFF_MIN: Duration = Duration::from_millis(500);
/// The longest wait after a failure.
const BACKOFF_MAX: Duration = Duration::from_secs(60);
/// How often something is sent that the receiver says is wrong.
const REFUSALS_MAX: u32 = 5;
/// How long to wait for entries of the log before looking for what administrators did.
const LOOK: Duration = Duration::from_secs(1);
/// How long the rest may take at the end of the process.
const LAST_SEND: Duration = Duration::from_secs(3);

/// How a request ended.
enum Sent {
    Taken,
    /// To be tried again: the receiver is not there, or not well.
    Failed(String),
    /// The receiver does not want this.
    Refused(String),
}

/// See the module's documentation.
pub(super) struct Webhook {
    runner: Arc<FunctionRunner>,
    client: reqwest::Client,
    deployment_name: Arc<str>,
    stream: watch::Receiver<LogStream>,
    shutdown: watch::Receiver<bool>,
    queue: Queue,
    /// Up to where the log of functions was read: milliseconds, and the number of the entry.
    cursor_ms: f64,
    last_number: Option<u64>,
    /// Up to where the events of administrators were read.
    events_ms: f64,
    /// When those were looked for.
    looked: Moment,
    failures: u32,
    status: StreamStatus,
}

impl Webhook {
    /// What sends events from now on.
    pub(super) fn new(
        runner: Arc<FunctionRunner>,
        client: reqwest::Client,
        deployment_name: Arc<str>,
        stream: watch::Receiver<LogStream>,
        shutdown: watch::Receiver<bool>,
    ) -> Self {
        let now_ms = runner.deployment().clock().unix_ms();
        let status = stream.borrow().status.clone();
        let mut webhook = Self {
            runner,
            client,
            deployment_name,
            stream,
            shutdown,
            queue: Queue::default(),
            cursor_ms: now_ms,
            last_number: None,
            events_ms: now_ms,
            looked: Moment::now(),
            failures: 0,
            status,
        };
        webhook.open();
        webhook
    }

    /// A stream that is new or was changed begins with a test.
    fn open(&mut self) {
        self.failures = 0;
        self.status = self.stream.borrow_and_update().status.clone();
        if self.status == StreamStatus::Pending {
            let now_ms = self.runner.deployment().clock().unix_ms();
            self.push(event::verification(now_ms));
        }
    }

    /// Sends until the stream is deleted or the process ends.
    pub(super) async fn run(mut self) {
        let mut sending: Option<BoxFuture<'static, Sent>> = None;
        let mut retry_at: Option<Moment> = None;
        loop {
            if sending.is_none() && retry_at.is_none() && !self.queue.is_empty() {
                sending = Some(self.send());
            }
            let log = self.runner.log();
            tokio::select! {
                sent = or_never(&mut sending) => {
                    sending = None;
                    retry_at = self.note(sent).await;
                }
                (entries, cursor) = log.wait_since(self.cursor_ms, LOOK) => {
                    self.cursor_ms = cursor;
                    self.take_entries(&entries);
                    self.take_events().await;
                }
                changed = self.stream.changed() => {
                    if changed.is_err() {
                        return;
                    }
                    // Under way is what was to go elsewhere, or was signed with another key.
                    (sending, retry_at) = (None, None);
                    self.open();
                }
                () = until(retry_at) => retry_at = None,
                () = stopped(&mut self.shutdown) => break,
            }
        }
        drop(sending);
        let rest = async {
            // Not to be heard of otherwise: the last moments of the process.
            let (entries, _) = self.runner.log().since(self.cursor_ms);
            self.take_entries(&entries);
            while !self.queue.is_empty() {
                match self.send().await {
                    Sent::Taken => self.queue.taken(),
                    Sent::Failed(_) | Sent::Refused(_) => return,
                }
            }
        };
        // What is left by then is lost.
        let _ = tokio::time::timeout(LAST_SEND, rest).await;
    }

    fn push(&mut self, mut event: serde_json::Value) {
        let wanted = {
            let stream = self.stream.borrow();
            let topic = event["topic"].as_str().unwrap_or_default();
            stream.topics.as_ref().is_none_or(|topics| topics.iter().any(|wanted| wanted == topic))
                || topic == "verification"
        };
        if wanted {
            event["convex"] = serde_json::json!({ "deployment_name": &*self.deployment_name });
            self.queue.push(event.to_string());
        }
    }

    fn take_entries(&mut self, entries: &[Arc<crate::function::execution_log::LogEntry>]) {
        for entry in entries {
            // The log keeps a bounded number of entries.
            let missed = self.last_number.map_or(0, |last| entry.number.saturating_sub(last + 1));
            self.queue.lost(missed);
            self.last_number = Some(entry.number);
            event::of_entry(entry).into_iter().for_each(|event| self.push(event));
        }
        let dropped = self.queue.take_dropped();
        if dropped > 0 {
            tracing::warn!(dropped, "a log stream is slower than what there is to send: events were dropped");
        }
    }

    /// Takes what administrators did since.
    async fn take_events(&mut self) {
        if self.looked.elapsed() < LOOK {
            return;
        }
        self.looked = Moment::now();
        let (deployment, from_ms) = (self.runner.deployment().clone(), self.events_ms);
        let read = move || Events::new(&mut deployment.database.begin_query()).rows_after(from_ms);
        let read = tokio::task::spawn_blocking(read).await;
        match read.unwrap_or_else(|error| Err(Error::internal("reading ended early").with_source(error))) {
            Ok(rows) => {
                for row in rows {
                    self.events_ms = self.events_ms.max(row.creation_time());
                    self.push(event::of_audit_row(&row));
                }
            }
            Err(error) => tracing::warn!(%error, "a log stream could not read what administrators did"),
        }
    }

    /// The request with the next events.
    fn send(&mut self) -> BoxFuture<'static, Sent> {
        let events = self.queue.batch();
        let stream = self.stream.borrow().clone();
        let (body, content_type) = match stream.format {
            WebhookFormat::Json => (format!("[{}]", events.join(",")), "application/json"),
            WebhookFormat::JsonLines => (events.join("\n") + "\n", "application/jsonl"),
        };
        let signature = sign(&stream.secret, body.as_bytes());
        let request = self.client.post(&stream.url).header("content-type", content_type);
        let request = request.header("x-webhook-signature", signature).body(body);
        Box::pin(async move {
            let response = match request.send().await {
                Ok(response) => response,
                Err(error) => return Sent::Failed(reason(&error)),
            };
            let status = response.status();
            let answer = format!("The receiver answered {status}.");
            match status.as_u16() {
                200..=299 => Sent::Taken,
                // Whoever is told to come back, or must set something right first, finds all events again.
                401 | 403 | 404 | 408 | 425 | 429 => Sent::Failed(answer),
                400..=499 => Sent::Refused(answer),
                _ => Sent::Failed(answer),
            }
        })
    }

    /// Notes how a request ended; when to try again, if it is to be.
    async fn note(&mut self, sent: Sent) -> Option<Moment> {
        let reason = match sent {
            Sent::Taken => {
                self.queue.taken();
                self.failures = 0;
                self.set_status(StreamStatus::Active).await;
                return None;
            }
            Sent::Refused(reason) if self.failures + 1 >= REFUSALS_MAX => {
                tracing::warn!(
                    reason,
                    "events of a log stream were dropped: their receiver does not take them"
                );
                self.queue.taken();
                self.failures = 0;
                self.set_status(StreamStatus::Failed(reason)).await;
                return None;
            }
            Sent::Failed(reason) | Sent::Refused(reason) => reason,
        };
        let wait = BACKOFF_MIN.saturating_mul(1 << self.failures.min(16)).min(BACKOFF_MAX);
        self.failures = self.failures.saturating_add(1);
        self.set_status(StreamStatus::Failed(reason)).await;
        Some(Moment::now().after(wait))
    }

    async fn set_status(&mut self, status: StreamStatus) {
        if status == self.status {
            return;
        }
        let (secrets, id, noted) =
            (self.runner.deployment().secrets().clone(), self.stream.borrow().id, status.clone());
        let written =
            self.runner.write(move |tx, _| LogStreams::new(tx, &secrets).set_status(id, &noted)).await;
        match written {
            Ok(()) => self.status = status,
            Err(error) => tracing::warn!(%error, "the status of a log stream could not be noted"),
        }
    }
}

/// The end of a request, if one is under way.
async fn or_never(sending: &mut Option<BoxFuture<'static, Sent>>) -> Sent {
    match sending {
        Some(sending) => sending.await,
        None => std::future::pending().await,
    }
}

/// That moment, if there is one.
async fn until(moment: Option<Moment>) {
    match moment {
        Some(moment) => tokio::time::sleep_until(moment.instant().into()).await,
        None => std::future::pending().await,
    }
}

async fn stopped(shutdown: &mut watch::Receiver<bool>) {
    // An error means that nobody can say it any more, which says it too.
    let _ = shutdown.wait_for(|is_over| *is_over).await;
}

/// Why a request did not reach its receiver, without its URL, which may hold a secret.
fn reason(error: &reqwest::Error) -> String {
    let what = if error.is_timeout() {
        "The receiver did not answer in time"
    } else if error.is_connect() {
        "The receiver could not be reached"
    } else {
        "The request failed"
    };
    let mut cause: &dyn std::error::Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    if std::ptr::addr_eq(cause, error) { format!("{what}.") } else { format!("{what}: {cause}.") }
}

/// The header by which the receiver knows who sent the body.
fn sign(secret: &str, body: &[u8]) -> String {
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.as_bytes()) else { return String::new() };
    mac.update(body);
    format!("sha256={}", encode_hex(&mac.finalize().into_bytes()))
}

/// The client of all webhooks.
///
/// # Errors
/// If it cannot be set up.
pub(super) fn client() -> Result<reqwest::Client> {
    const TIMEOUT: Duration = Duration::from_secs(30);
    crate::http_client::build(|builder| builder.timeout(TIMEOUT).redirect(reqwest::redirect::Policy::none()))
        .map_err(|error| Error::internal("log streams cannot send anything").with_source(error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signatures_are_those_of_everybody() {
        // RFC 4231, test case 2.
        let expected = "sha256=5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
        assert_eq!(sign("Jefe", b"what do ya want for nothing?"), expected);
    }
}
