//! Log streams: where events of the deployment are sent to, rows of `_log_streams`.
//!
//! The key that signs what is sent is encrypted at rest. Deliberately absent: sending (`crate::log_streams`).

use fusion_schema::{DocumentId, Object, Value, object};

use super::all;
use super::events::Events;
use crate::auth::{Purpose, Secrets};
use crate::database::{Document, Transaction};
use crate::{Error, Result};

const TABLE: &str = "_log_streams";
/// What the keys are bound to.
const CONTEXT: &str = "webhook";

/// How events lie in a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WebhookFormat {
    /// An array.
    Json,
    /// An object in each line.
    JsonLines,
}

impl WebhookFormat {
    /// The format as the platform API spells it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::JsonLines => "jsonl",
        }
    }

    /// Reads a format as the platform API spells it.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Json, Self::JsonLines].into_iter().find(|format| format.name() == name)
    }
}

/// How a stream does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StreamStatus {
    /// Nothing has been taken yet.
    Pending,
    /// What was sent last was taken.
    Active,
    /// What was sent last was not taken; it is sent again.
    Failed(String),
}

impl StreamStatus {
    fn to_object(&self) -> Object {
        match self {
            Self::Pending => object! { "type" => "pending" },
            Self::Active => object! { "type" => "active" },
            Self::Failed(reason) => object! { "reason" => reason.as_str(), "type" => "failed" },
        }
    }

    fn read(row: &Object) -> Self {
        let text = |path: &str| row.get_path(path).and_then(Value::as_str);
        match text("status.type") {
            Some("active") => Self::Active,
            Some("failed") => Self::Failed(text("status.reason").unwrap_or_default().to_owned()),
            _ => Self::Pending,
        }
    }
}

/// A stream to a webhook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogStream {
    /// Its row.
    pub id: DocumentId,
    /// Where events go.
    pub url: String,
    /// How they lie in a request.
    pub format: WebhookFormat,
    /// Which events; `None` for all.
    pub topics: Option<Vec<String>>,
    /// The key of signatures.
    pub secret: String,
    /// How it does.
    pub status: StreamStatus,
}

/// A change of a stream; what is `None` stays.
#[derive(Clone, Debug, Default)]
pub struct LogStreamChange {
    /// Where events go.
    pub url: Option<String>,
    /// How they lie in a request.
    pub format: Option<WebhookFormat>,
    /// Which events.
    pub topics: Option<Option<Vec<String>>>,
    /// The key of signatures.
    pub secret: Option<String>,
}

impl LogStreamChange {
    fn is(
        &self,
        (url, format, topics, secret): &(String, WebhookFormat, Option<Vec<String>>, String),
    ) -> bool {
        self.url.as_ref() == Some(url)
            && self.format.as_ref() == Some(format)
            && self.topics.as_ref() == Some(topics)
            && self.secret.as_ref() == Some(secret)
    }
}

/// The streams as one transaction sees them.
pub struct LogStreams<'a> {
    tx: &'a mut Transaction,
    secrets: &'a Secrets,
}

impl std::fmt::Debug for LogStreams<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LogStreams").finish_non_exhaustive()
    }
}

impl<'a> LogStreams<'a> {
    /// The streams in this transaction.
    pub const fn new(tx: &'a mut Transaction, secrets: &'a Secrets) -> Self {
        Self { tx, secrets }
    }

    /// All streams, the oldest first.
    ///
    /// # Errors
    /// `LogStreamUnreadable` if one was stored under another instance secret.
    pub fn list(&mut self) -> Result<Vec<LogStream>> {
        all(self.tx, TABLE)?.iter().map(|row| self.read(row)).collect()
    }

    /// A stream by its row.
    ///
    /// # Errors
    /// `LogStreamNotFound`.
    pub fn get(&mut self, id: DocumentId) -> Result<LogStream> {
        let found = self.list()?.into_iter().find(|stream| stream.id == id);
        found.ok_or_else(|| not_found(&id.to_string()))
    }

    /// All streams as dashboards show them, without their keys.
    ///
    /// # Errors
    /// When a limit of the transaction is reached.
    pub fn shown(&mut self) -> Result<Vec<Value>> {
        let rows = all(self.tx, TABLE)?;
        let shown = rows.iter().map(|row| {
            let field = |name: &str| row.fields().get(name).cloned().unwrap_or(Value::Null);
            Value::Object(object! {
                "_creationTime" => row.creation_time(),
                "_id" => row.id(),
                "config" => object! {
                    "format" => field("format"), "topics" => field("topics"), "type" => field("type"), "url" => field("url"),
                },
                "status" => field("status"),
            })
        });
        Ok(shown.collect())
    }

    fn read(&self, row: &Document) -> Result<LogStream> {
        let fields = row.fields();
        let text = |name: &str| fields.get(name).and_then(Value::as_str).unwrap_or_default();
        let secret = match fields.get("secret") {
            Some(Value::Bytes(bytes)) => self.secrets.decrypt(Purpose::LogStreamSecret, CONTEXT, bytes),
            _ => None,
        };
        let secret = secret.and_then(|bytes| String::from_utf8(bytes).ok()).ok_or_else(|| {
            Error::bad_request(
                "LogStreamUnreadable",
                "A log stream was stored under another instance secret. Delete it and create it again, or start the server with the former secret.",
            )
        })?;
        let topics = fields.get("topics").and_then(Value::as_array);
        Ok(LogStream {
            id: row.id(),
            url: text("url").to_owned(),
            format: WebhookFormat::parse(text("format")).unwrap_or(WebhookFormat::Json),
            topics: topics
                .map(|topics| topics.iter().filter_map(|topic| topic.as_str().map(str::to_owned)).collect()),
            secret,
            status: StreamStatus::read(fields),
        })
    }

    fn row(&self, stream: &LogStreamChange, status: &StreamStatus) -> Result<Object> {
        let secret = stream.secret.as_deref().unwrap_or_default();
        let secret = self.secrets.encrypt(Purpose::LogStreamSecret, CONTEXT, secret.as_bytes())?;
        let topics = stream.topics.clone().flatten();
        let topics = topics
            .map_or(Value::Null, |topics| topics.into_iter().map(Value::from).collect::<Vec<_>>().into());
        Ok(object! {
            "format" => stream.format.unwrap_or(WebhookFormat::Json).name(),
            "secret" => Value::Bytes(secret),
            "status" => status.to_object(),
            "topics" => topics,
            "type" => "webhook",
            "url" => stream.url.as_deref().unwrap_or_default(),
        })
    }

    /// Adds a stream.
    ///
    /// # Errors
    /// `LogStreamAlreadyExists`: there is one of each kind at most.
    pub fn create(&mut self, stream: &LogStreamChange) -> Result<DocumentId> {
        if !all(self.tx, TABLE)?.is_empty() {
            return Err(Error::bad_request(
                "LogStreamAlreadyExists",
                "There is a log stream to a webhook already. Update it, or delete it first.",
            ));
        }
        let row = self.row(stream, &StreamStatus::Pending)?;
        let id = self.tx.insert(TABLE, row)?;
        self.note("create", stream.url.as_deref().unwrap_or_default())?;
        Ok(id)
    }

    /// Changes a stream, whose status is open again.
    ///
    /// # Errors
    /// `LogStreamNotFound`.
    pub fn update(&mut self, id: DocumentId, change: LogStreamChange) -> Result<()> {
        let LogStream { url, format, topics, secret, status, .. } = self.get(id)?;
        let former = (url.clone(), format, topics.clone(), secret.clone());
        let changed = LogStreamChange {
            url: Some(change.url.unwrap_or(url)),
            format: Some(change.format.unwrap_or(format)),
            topics: Some(change.topics.unwrap_or(topics)),
            secret: Some(change.secret.unwrap_or(secret)),
        };
        let is_same = changed.is(&former);
        let row = self.row(&changed, if is_same { &status } else { &StreamStatus::Pending })?;
        self.tx.replace(id, row)?;
        self.note("update", changed.url.as_deref().unwrap_or_default())
    }

    /// Notes how a stream does, if it is still there.
    ///
    /// # Errors
    /// When a limit of the transaction is reached.
    pub fn set_status(&mut self, id: DocumentId, status: &StreamStatus) -> Result<()> {
        if self.tx.get(id)?.is_none() {
            return Ok(());
        }
        let status = Value::Object(status.to_object());
        self.tx.patch(id, vec![("status".to_owned(), Some(status))]).map(drop)
    }

    /// Removes a stream.
    ///
    /// # Errors
    /// `LogStreamNotFound`.
    pub fn delete(&mut self, id: DocumentId) -> Result<()> {
        let row = all(self.tx, TABLE)?.into_iter().find(|row| row.id() == id);
        let row = row.ok_or_else(|| not_found(&id.to_string()))?;
        let url = row.fields().get("url").and_then(Value::as_str).unwrap_or_default().to_owned();
        self.tx.delete(id)?;
        self.note("delete", &url)
    }

    fn note(&mut self, verb: &str, url: &str) -> Result<()> {
        let what = object! { "host" => host_of(url), "type" => "webhook" };
        Events::new(self.tx).record(&format!("{verb}_integration"), what)
    }
}

/// The host of a URL; the rest may hold secrets.
fn host_of(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    authority.rsplit('@').next().unwrap_or_default()
}

/// The error for the id of no stream.
pub fn not_found(id: &str) -> Error {
    Error::not_found("LogStreamNotFound", format!("There is no log stream \"{id}\"."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_url_only_the_host_is_noted() {
        for url in
            ["https://user:secret@logs.example:8080/hooks/secret", "http://logs.example:8080?key=secret"]
        {
            assert_eq!(host_of(url), "logs.example:8080");
        }
    }
}
