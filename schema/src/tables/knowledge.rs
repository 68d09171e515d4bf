//! The documents an organisation's assistant answers from.
//!
//! A document is cut into chunks, each of which has a vector that says what it is about. Vectors are rows of their own:
//! whoever lists documents or reads chunks does not read a thousand numbers with each.

use crate::table::StoredFile;
use crate::{Id, Table, Typed};

/// A document of the knowledge base.
#[derive(Clone, Debug, PartialEq, Table)]
#[table(
    name = "knowledgeEntries",
    index(name = "by_organization_id", fields("organizationId")),
    index(name = "by_organization_id_and_key", fields("organizationId", "key")),
    index(name = "by_status_and_touched_at", fields("status", "touchedAt")),
    index(name = "by_status_and_model", fields("status", "model"))
)]
pub struct KnowledgeEntry {
    /// The organisation.
    pub organization_id: String,
    /// The file's name; a ready document takes the place of an older one of the same name.
    pub key: String,
    /// Whether it can be found.
    pub status: EntryStatus,
    /// SHA-256 of the file, in lower-case hexadecimal.
    pub content_hash: String,
    /// What the file is, e.g. `application/pdf`.
    pub mime_type: String,
    /// The file; gone if the document could not be read.
    pub storage_id: Option<Id<StoredFile>>,
    /// What operators file it under.
    pub category: Option<String>,
    /// How many chunks it has; 0 while that is not known.
    pub chunk_count: f64,
    /// How many of its chunks have their vectors.
    pub chunks_done: f64,
    /// The model that makes its vectors.
    pub model: String,
    /// When something was last done about it, in milliseconds since the epoch.
    pub touched_at: f64,
    /// How often making vectors failed since it last succeeded.
    pub failures: f64,
    /// Why it cannot be found.
    pub error: Option<String>,
}

/// Whether a document can be found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Typed)]
pub enum EntryStatus {
    /// Not yet: it is being read.
    Pending,
    /// It can.
    Ready,
    /// It cannot be read.
    Failed,
}

/// A part of a document, short enough to be given to a language model.
#[derive(Clone, Debug, PartialEq, Table)]
#[table(
    name = "knowledgeChunks",
    index(name = "by_entry_id_and_order", fields("entryId", "order")),
    index(name = "by_vector_id", fields("vectorId"))
)]
pub struct KnowledgeChunk {
    /// The document.
    pub entry_id: Id<KnowledgeEntry>,
    /// Which part, from 0.
    pub order: f64,
    /// What it says.
    pub text: String,
    /// What it is about; not yet there while the document is being read.
    pub vector_id: Option<Id<KnowledgeVector>>,
}

/// What a chunk is about.
#[derive(Clone, Debug, PartialEq, Table)]
#[table(
    name = "knowledgeVectors",
    vector(name = "by_embedding", field = "embedding", dimensions = 1536, filters("space"))
)]
pub struct KnowledgeVector {
    /// The vectors it can be compared with: those of the same organisation and model.
    pub space: String,
    /// The vector.
    pub embedding: Vec<f64>,
}
