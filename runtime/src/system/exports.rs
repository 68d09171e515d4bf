//! Exports: rows of `_exports`, which the command line and the dashboard watch.
//!
//! A row goes from `requested` over `in_progress` to `completed`, `failed` or `canceled`. At most one is under way.

use fusion_schema::{DocumentId, Object, Value, object};

use crate::database::query::{Order, Query, QueryOperator, QuerySource};
use crate::database::{Document, Timestamp, Transaction};
use crate::{Error, Result};

const TABLE: &str = "_exports";

/// How long a finished export is kept: 14 days, in nanoseconds.
pub const LIFETIME_NS: u64 = 14 * 24 * 3_600 * 1_000_000_000;

/// How far an export is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExportState {
    /// Somebody wants it.
    Requested,
    /// It is being written.
    InProgress,
    /// It can be downloaded.
    Completed {
        /// The name of the ZIP file in the blob store.
        blob: String,
        /// Its length in bytes.
        size: u64,
    },
    /// There is nothing to download.
    Over,
}

/// An export.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Export {
    /// Its row.
    pub id: DocumentId,
    /// Whether stored files are part of it.
    pub includes_files: bool,
    /// How far it is.
    pub state: ExportState,
    /// The snapshot it shows.
    pub start_ts: Option<Timestamp>,
    /// When it may go, in nanoseconds since the epoch.
    pub expiration_ts: u64,
}

/// The exports as one transaction sees them.
pub struct Exports<'a> {
    tx: &'a mut Transaction,
}

impl std::fmt::Debug for Exports<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Exports").finish_non_exhaustive()
    }
}

impl<'a> Exports<'a> {
    /// The exports in this transaction.
    pub const fn new(tx: &'a mut Transaction) -> Self {
        Self { tx }
    }

    fn newest(&mut self, limit: usize) -> Result<Vec<Document>> {
        let source = QuerySource::FullTableScan { table: TABLE.to_owned(), order: Order::Desc };
        let query = Query { source, operators: vec![QueryOperator::Limit(limit)] };
        let mut stream = self.tx.query(&query)?;
        let mut rows = Vec::new();
        while let Some(row) = stream.next(self.tx)? {
            rows.push(row);
        }
        Ok(rows)
    }

    /// The document of the last export.
    ///
    /// # Errors
    /// When a limit of the transaction is reached.
    pub fn latest(&mut self) -> Result<Option<Value>> {
        Ok(self.newest(1)?.first().map(Document::to_value))
    }

    /// All exports, newest first.
    ///
    /// # Errors
    /// When a limit of the transaction is reached.
    pub fn all(&mut self) -> Result<Vec<Export>> {
        Ok(self.newest(usize::MAX)?.iter().filter_map(export).collect())
    }

    /// Asks for an export at `now_ns`, in nanoseconds since the epoch.
    ///
    /// # Errors
    /// `ExportInProgress` if one is under way.
    pub fn request(&mut self, includes_files: bool, now_ns: u64) -> Result<DocumentId> {
        let is_under_way =
            |export: &Export| matches!(export.state, ExportState::Requested | ExportState::InProgress);
        if self.all()?.iter().any(is_under_way) {
            return Err(Error::bad_request(
                "ExportInProgress",
                "There is already an export requested or in progress. Wait until it is over.",
            ));
        }
        self.tx.insert(
            TABLE,
            object! {
                "expiration_ts" => (now_ns + LIFETIME_NS) as i64,
                "format" => object! { "format" => "zip", "include_storage" => includes_files },
                "requestor" => "snapshotExport", "state" => "requested",
            },
        )
    }

    /// An export by its id, or by the timestamp of its snapshot.
    ///
    /// # Errors
    /// `ExportNotFound`.
    pub fn find(&mut self, id: &str) -> Result<Export> {
        let wanted = DocumentId::decode(id).ok();
        let start_ts: Option<u64> = id.parse().ok();
        let found = self
            .all()?
            .into_iter()
            .find(|export| Some(export.id) == wanted || (start_ts.is_some() && export.start_ts == start_ts));
        found.ok_or_else(|| Error::not_found("ExportNotFound", format!("There is no export \"{id}\".")))
    }

    /// Notes that the export is being written.
    ///
    /// # Errors
    /// `ExportNotFound` if it is gone or nobody wants it any more.
    pub fn begin(&mut self, id: DocumentId, start_ts: Timestamp) -> Result<()> {
        self.step(
            id,
            ExportState::Requested,
            object! {
                "start_ts" => start_ts as i64, "state" => "in_progress",
            },
        )
    }

    /// Notes that the export can be downloaded.
    ///
    /// # Errors
    /// `ExportNotFound` if it is gone or nobody wants it any more.
    pub fn complete(&mut self, id: DocumentId, blob: &str, size: u64, now_ns: u64) -> Result<()> {
        self.step(
            id,
            ExportState::InProgress,
            object! {
                "complete_ts" => now_ns as i64, "size" => size as i64, "state" => "completed",
                "zip_object_key" => blob,
            },
        )
    }

    fn step(&mut self, id: DocumentId, from: ExportState, fields: Object) -> Result<()> {
        let row = self.tx.get(id)?;
        if row.as_ref().and_then(export).is_none_or(|export| export.state != from) {
            return Err(Error::not_found("ExportNotFound", "The export was canceled."));
        }
        self.set(id, fields)
    }

    fn set(&mut self, id: DocumentId, fields: Object) -> Result<()> {
        let fields = fields.into_iter().map(|(name, value)| (name, Some(value))).collect();
        self.tx.patch(id, fields).map(drop)
    }

    /// Notes that the export came to nothing.
    ///
    /// # Errors
    /// When a limit of the transaction is reached.
    pub fn fail(&mut self, id: DocumentId, now_ns: u64) -> Result<()> {
        self.set(id, object! { "failed_ts" => now_ns as i64, "state" => "failed" })
    }

    /// Notes that nobody wants the export any more.
    ///
    /// # Errors
    /// `ExportNotFound`; `ExportIsOver` if it is no longer under way.
    pub fn cancel(&mut self, id: &str, now_ns: u64) -> Result<()> {
        let export = self.find(id)?;
        if !matches!(export.state, ExportState::Requested | ExportState::InProgress) {
            return Err(Error::bad_request("ExportIsOver", "The export is over and cannot be canceled."));
        }
        self.set(export.id, object! { "canceled_ts" => now_ns as i64, "state" => "canceled" })
    }

    /// Sets when the export may go, in nanoseconds since the epoch.
    ///
    /// # Errors
    /// `ExportNotFound`.
    pub fn set_expiration(&mut self, id: &str, expiration_ts: u64) -> Result<()> {
        let export = self.find(id)?;
        self.set(export.id, object! { "expiration_ts" => expiration_ts as i64 })
    }

    /// Removes exports whose time is over at `now_ns`; gives the names of their files.
    ///
    /// # Errors
    /// When a limit of the transaction is reached.
    pub fn expire(&mut self, now_ns: u64) -> Result<Vec<String>> {
        let mut blobs = Vec::new();
        for export in self.all()? {
            let ExportState::Completed { blob, .. } = export.state else { continue };
            if export.expiration_ts <= now_ns {
                self.tx.delete(export.id)?;
                blobs.push(blob);
            }
        }
        Ok(blobs)
    }
}

fn export(row: &Document) -> Option<Export> {
    let fields = row.fields();
    let number = |name: &str| match fields.get(name) {
        Some(Value::Int64(number)) => u64::try_from(*number).ok(),
        _ => None,
    };
    let state = match fields.get("state")?.as_str()? {
        "requested" => ExportState::Requested,
        "in_progress" => ExportState::InProgress,
        "completed" => ExportState::Completed {
            blob: fields.get("zip_object_key")?.as_str()?.to_owned(),
            size: number("size")?,
        },
        _ => ExportState::Over,
    };
    Some(Export {
        id: row.id(),
        includes_files: fields.get("format")?.as_object()?.get("include_storage")?.as_bool()?,
        state,
        start_ts: number("start_ts"),
        expiration_ts: number("expiration_ts")?,
    })
}
