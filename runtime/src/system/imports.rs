//! Imports: rows of `_snapshot_imports`, which the command line and the dashboard watch.
//!
//! A row goes from `uploaded` over `waiting_for_confirmation` and `in_progress` to `completed` or `failed`. What an
//! import does is the business of `snapshot`.

use fusion_schema::{DocumentId, Object, Value, object};

use crate::database::query::{Order, Query, QueryOperator, QuerySource};
use crate::database::{Document, Transaction};
use crate::{Error, Result};

const TABLE: &str = "_snapshot_imports";

/// How many imports a list shows.
const LISTED_MAX: usize = 20;

/// The form of the uploaded file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ImportFormat {
    /// A header row, then a document in each row.
    Csv {
        /// Where the documents go.
        table: String,
    },
    /// A document in each line.
    JsonLines {
        /// Where the documents go.
        table: String,
    },
    /// One array of documents.
    JsonArray {
        /// Where the documents go.
        table: String,
    },
    /// What an export gives.
    Zip,
}

impl ImportFormat {
    /// Reads the `format` and `tableName` of a request.
    ///
    /// # Errors
    /// `InvalidImportFormat`, `InvalidTableName` if the table is missing or of no use.
    pub fn parse(format: &str, table: Option<&str>) -> Result<Self> {
        let missing = || {
            Error::bad_request(
                "InvalidTableName",
                format!("An import in the format {format} needs the name of a table."),
            )
        };
        let table = table.map(str::to_owned);
        match (format, table) {
            ("csv", table) => Ok(Self::Csv { table: table.ok_or_else(missing)? }),
            ("jsonLines" | "json_lines", table) => Ok(Self::JsonLines { table: table.ok_or_else(missing)? }),
            ("jsonArray" | "json_array", table) => Ok(Self::JsonArray { table: table.ok_or_else(missing)? }),
            ("zip", None) => Ok(Self::Zip),
            ("zip", Some(_)) => Err(Error::bad_request(
                "InvalidTableName",
                "A ZIP file says itself which tables it holds: leave out the name of the table.",
            )),
            _ => Err(Error::bad_request(
                "InvalidImportFormat",
                format!("{format:?} is not a format to import: use csv, jsonLines, jsonArray or zip."),
            )),
        }
    }

    /// The name in requests.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Csv { .. } => "csv",
            Self::JsonLines { .. } => "jsonLines",
            Self::JsonArray { .. } => "jsonArray",
            Self::Zip => "zip",
        }
    }

    /// The table, if there is only one.
    pub fn table(&self) -> Option<&str> {
        match self {
            Self::Csv { table } | Self::JsonLines { table } | Self::JsonArray { table } => Some(table),
            Self::Zip => None,
        }
    }
}

/// What is to become of what is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImportMode {
    /// The tables must not hold documents.
    RequireEmpty,
    /// It stays.
    Append,
    /// The tables hold what is imported and nothing else.
    Replace,
    /// As [`Self::Replace`], and all other tables are emptied or removed.
    ReplaceAll,
}

impl ImportMode {
    const ALL: [Self; 4] = [Self::RequireEmpty, Self::Append, Self::Replace, Self::ReplaceAll];

    /// The name in requests.
    pub const fn name(self) -> &'static str {
        match self {
            Self::RequireEmpty => "requireEmpty",
            Self::Append => "append",
            Self::Replace => "replace",
            Self::ReplaceAll => "replaceAll",
        }
    }

    /// Reads the `mode` of a request.
    ///
    /// # Errors
    /// `InvalidImportMode`.
    pub fn parse(name: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|mode| mode.name() == name).ok_or_else(|| {
            Error::bad_request(
                "InvalidImportMode",
                format!("{name:?} is not a way to import: use requireEmpty, append, replace or replaceAll."),
            )
        })
    }
}

/// How far an import is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ImportState {
    /// The file is there; it is being looked through.
    Uploaded,
    /// Somebody must say that it is what they want.
    WaitingForConfirmation {
        /// What would be done.
        message: String,
        /// Whether a person should be asked, because something is deleted.
        needs_person: bool,
    },
    /// It is being done.
    InProgress {
        /// What is being done.
        progress: Option<String>,
        /// What is done.
        checkpoints: Vec<String>,
    },
    /// Everything is there.
    Completed {
        /// When, in nanoseconds since the epoch.
        ts: u64,
        /// Documents written.
        documents: u64,
    },
    /// Nothing has changed.
    Failed {
        /// Why.
        message: String,
    },
}

impl ImportState {
    fn to_value(&self) -> Value {
        Value::Object(match self {
            Self::Uploaded => object! { "state" => "uploaded" },
            Self::WaitingForConfirmation { message, needs_person } => object! {
                "state" => "waiting_for_confirmation", "message_to_confirm" => message.as_str(),
                "require_manual_confirmation" => *needs_person,
            },
            Self::InProgress { progress, checkpoints } => {
                let checkpoints: Vec<Value> =
                    checkpoints.iter().map(|text| Value::from(text.as_str())).collect();
                let mut state = object! { "state" => "in_progress", "checkpoint_messages" => checkpoints };
                if let Some(progress) = progress {
                    state.insert("progress_message", progress.as_str());
                }
                state
            }
            Self::Completed { ts, documents } => object! {
                "state" => "completed", "timestamp" => *ts as i64, "num_rows_written" => *documents as i64,
            },
            Self::Failed { message } => {
                object! { "state" => "failed", "error_message" => message.as_str() }
            }
        })
    }

    fn from_object(state: &Object) -> Option<Self> {
        let text = |name: &str| state.get(name).and_then(Value::as_str).map(str::to_owned);
        let number = |name: &str| match state.get(name) {
            Some(Value::Int64(number)) => u64::try_from(*number).ok(),
            _ => None,
        };
        Some(match state.get("state")?.as_str()? {
            "uploaded" => Self::Uploaded,
            "waiting_for_confirmation" => Self::WaitingForConfirmation {
                message: text("message_to_confirm")?,
                needs_person: state.get("require_manual_confirmation")?.as_bool()?,
            },
            "in_progress" => {
                let checkpoints = state.get("checkpoint_messages")?.as_array()?;
                let checkpoints = checkpoints.iter().filter_map(Value::as_str).map(str::to_owned);
                Self::InProgress { progress: text("progress_message"), checkpoints: checkpoints.collect() }
            }
            "completed" => {
                Self::Completed { ts: number("timestamp")?, documents: number("num_rows_written")? }
            }
            "failed" => Self::Failed { message: text("error_message")? },
            _ => return None,
        })
    }

    /// Whether nothing more will happen.
    pub const fn is_over(&self) -> bool {
        matches!(self, Self::Completed { .. } | Self::Failed { .. })
    }
}

/// An uploaded file: its name in the blob store, and the lengths of its parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UploadedFile {
    /// What the names of its parts begin with.
    pub name: String,
    /// The length of each part, in bytes.
    pub parts: Vec<u64>,
}

/// An import.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Import {
    /// Its row.
    pub id: DocumentId,
    /// The form of the file.
    pub format: ImportFormat,
    /// What is to become of what is there.
    pub mode: ImportMode,
    /// The path of the component it goes into; empty for the app.
    pub component: String,
    /// The file.
    pub file: UploadedFile,
    /// How far it is.
    pub state: ImportState,
}

/// The imports as one transaction sees them.
pub struct Imports<'a> {
    tx: &'a mut Transaction,
}

impl std::fmt::Debug for Imports<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Imports").finish_non_exhaustive()
    }
}

impl<'a> Imports<'a> {
    /// The imports in this transaction.
    pub const fn new(tx: &'a mut Transaction) -> Self {
        Self { tx }
    }

    /// Adds an import of an uploaded file.
    ///
    /// # Errors
    /// When a limit of the transaction is reached.
    pub fn insert(
        &mut self,
        format: &ImportFormat,
        mode: ImportMode,
        component: &str,
        file: &UploadedFile,
    ) -> Result<DocumentId> {
        let mut form = object! { "format" => format.name() };
        if !component.is_empty() {
            form.insert("component", component);
        }
        if let Some(table) = format.table() {
            form.insert("table", table);
        }
        // More parts than an array may have elements.
        let parts: Vec<String> = file.parts.iter().map(u64::to_string).collect();
        self.tx.insert(
            TABLE,
            object! {
                "format" => form, "mode" => mode.name(), "upload" => file.name.as_str(),
                "parts" => parts.join(","), "requestor" => object! { "type" => "snapshotImport" },
                "state" => ImportState::Uploaded.to_value(),
            },
        )
    }

    /// An import by its id; `None` also for an id of another table.
    ///
    /// # Errors
    /// When a limit of the transaction is reached.
    pub fn get(&mut self, id: DocumentId) -> Result<Option<Import>> {
        Ok(self.row(id)?.as_ref().and_then(import))
    }

    /// The document of an import as watchers see it.
    ///
    /// # Errors
    /// When a limit of the transaction is reached.
    pub fn document(&mut self, id: DocumentId) -> Result<Option<Value>> {
        Ok(self.row(id)?.as_ref().map(shown))
    }

    fn row(&mut self, id: DocumentId) -> Result<Option<Document>> {
        if self.tx.table_name(id.table).as_deref() != Some(TABLE) {
            return Ok(None);
        }
        self.tx.get(id)
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

    /// The documents of the last imports, newest first.
    ///
    /// # Errors
    /// When a limit of the transaction is reached.
    pub fn list(&mut self) -> Result<Vec<Value>> {
        Ok(self.newest(LISTED_MAX)?.iter().map(shown).collect())
    }

    /// The imports that are not over.
    ///
    /// # Errors
    /// When a limit of the transaction is reached.
    pub fn open(&mut self) -> Result<Vec<Import>> {
        let rows = self.newest(usize::MAX)?;
        Ok(rows.iter().filter_map(import).filter(|import| !import.state.is_over()).collect())
    }

    /// Says how far an import is.
    ///
    /// # Errors
    /// When a limit of the transaction is reached.
    pub fn set_state(&mut self, id: DocumentId, state: &ImportState) -> Result<()> {
        self.tx.patch(id, vec![("state".to_owned(), Some(state.to_value()))]).map(drop)
    }

    /// Notes that somebody wants the import to be done.
    ///
    /// # Errors
    /// `ImportNotFound`; `ImportNotWaiting` if it does not wait for that.
    pub fn confirm(&mut self, id: DocumentId) -> Result<()> {
        let import = self.existing(id)?;
        match import.state {
            ImportState::WaitingForConfirmation { .. } => {
                self.set_state(id, &ImportState::InProgress { progress: None, checkpoints: Vec::new() })
            }
            _ => Err(Error::bad_request(
                "ImportNotWaiting",
                "The import does not wait for a confirmation: look at its state.",
            )),
        }
    }

    /// Notes that nobody wants the import any more; gives the import.
    ///
    /// # Errors
    /// `ImportNotFound`; `ImportIsOver`.
    pub fn cancel(&mut self, id: DocumentId) -> Result<Import> {
        let import = self.existing(id)?;
        if import.state.is_over() {
            return Err(Error::bad_request("ImportIsOver", "The import is over and cannot be canceled."));
        }
        self.set_state(id, &ImportState::Failed { message: "Import canceled".to_owned() })?;
        Ok(import)
    }

    fn existing(&mut self, id: DocumentId) -> Result<Import> {
        self.get(id)?
            .ok_or_else(|| Error::not_found("ImportNotFound", format!("There is no import \"{id}\".")))
    }
}

/// The row without what is the server's own business.
fn shown(row: &Document) -> Value {
    let mut fields = (**row.fields()).clone();
    fields.remove("parts");
    fields.remove("upload");
    Value::Object(fields)
}

fn import(row: &Document) -> Option<Import> {
    let fields = row.fields();
    let text = |name: &str| fields.get(name).and_then(Value::as_str);
    let form = fields.get("format")?.as_object()?;
    let table = form.get("table").and_then(Value::as_str);
    let parts = text("parts")?.split(',').filter(|part| !part.is_empty());
    Some(Import {
        id: row.id(),
        format: ImportFormat::parse(form.get("format")?.as_str()?, table).ok()?,
        mode: ImportMode::parse(text("mode")?).ok()?,
        component: form.get("component").and_then(Value::as_str).unwrap_or_default().to_owned(),
        file: UploadedFile {
            name: text("upload")?.to_owned(),
            parts: parts.map(|part| part.parse().ok()).collect::<Option<_>>()?,
        },
        state: ImportState::from_object(fields.get("state")?.as_object()?)?,
    })
}
