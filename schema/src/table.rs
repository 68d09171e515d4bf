//! [`Schema`]: the tables of a deployment, their document types and their indexes.
//!
//! This file has the types and how Rust code builds them; `json` reads and writes the form the `convex`
//! package exports, `check` has the rules a schema must keep. Deliberately absent: everything about stored data;
//! a schema here is only a description.

mod check;
mod json;
mod system;

use thiserror::Error;

use crate::typed::Typed;
use crate::validator::{TableLookup, ValidationError, Validator};
use crate::value::Object;

pub use check::{DATABASE_INDEX_FIELDS_MAX, INDEXES_PER_TABLE_MAX, TABLES_MAX};
pub use system::{ScheduledFunction, ScheduledState, StoredFile};

/// A Rust type for the documents of a table.
pub trait Table: Typed {
    /// The table's name.
    const NAME: &'static str;

    /// The table's document type and indexes.
    fn definition() -> TableDefinition;
}

/// The tables of a deployment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Schema {
    /// The tables, in the order they were given.
    pub tables: Vec<TableDefinition>,
    /// Whether documents must match their table's document type.
    pub schema_validation: bool,
}

/// A table: what its documents are and how they can be found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableDefinition {
    /// The table's name.
    pub name: String,
    /// Ordinary indexes.
    pub indexes: Vec<IndexDefinition>,
    /// Ordinary indexes that are built in the background and cannot be queried yet.
    pub staged_indexes: Vec<IndexDefinition>,
    /// Full-text indexes.
    pub search_indexes: Vec<SearchIndexDefinition>,
    /// Full-text indexes that cannot be queried yet.
    pub staged_search_indexes: Vec<SearchIndexDefinition>,
    /// Vector indexes.
    pub vector_indexes: Vec<VectorIndexDefinition>,
    /// Vector indexes that cannot be queried yet.
    pub staged_vector_indexes: Vec<VectorIndexDefinition>,
    /// What the documents are: an object, a union of objects or any; without `_id` and `_creationTime`.
    pub document_type: Validator,
}

/// An ordinary index: documents in the order of some fields.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IndexDefinition {
    /// The index's name inside its table.
    pub name: String,
    /// The fields, as dotted paths, without the `_creationTime` that every index ends in.
    pub fields: Vec<String>,
}

/// A full-text index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SearchIndexDefinition {
    /// The index's name inside its table.
    pub name: String,
    /// The field whose text is searched, as a dotted path.
    pub search_field: String,
    /// The fields a search may filter by equality, as dotted paths.
    pub filter_fields: Vec<String>,
}

/// A vector index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VectorIndexDefinition {
    /// The index's name inside its table.
    pub name: String,
    /// The field that holds the vector, as a dotted path.
    pub vector_field: String,
    /// How many numbers the vector has.
    pub dimensions: u32,
    /// The fields a search may filter by equality, as dotted paths.
    pub filter_fields: Vec<String>,
}

/// Why a schema is refused.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("{message}")]
pub struct SchemaError {
    /// The code for machines.
    pub code: &'static str,
    /// The text for people: what is wrong and what to do.
    pub message: String,
}

impl SchemaError {
    fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }
}

fn strings<S: Into<String>>(texts: impl IntoIterator<Item = S>) -> Vec<String> {
    texts.into_iter().map(Into::into).collect()
}

impl TableDefinition {
    /// A table without indexes.
    pub fn new(name: impl Into<String>, document_type: Validator) -> Self {
        Self {
            name: name.into(),
            indexes: Vec::new(),
            staged_indexes: Vec::new(),
            search_indexes: Vec::new(),
            staged_search_indexes: Vec::new(),
            vector_indexes: Vec::new(),
            staged_vector_indexes: Vec::new(),
            document_type,
        }
    }

    /// Adds an ordinary index; `_creationTime` is appended to its fields by itself.
    #[must_use]
    pub fn index<S: Into<String>>(
        mut self,
        name: impl Into<String>,
        fields: impl IntoIterator<Item = S>,
    ) -> Self {
        self.indexes.push(IndexDefinition { name: name.into(), fields: strings(fields) });
        self
    }

    /// Adds a full-text index.
    #[must_use]
    pub fn search_index<S: Into<String>>(
        mut self,
        name: impl Into<String>,
        search_field: impl Into<String>,
        filter_fields: impl IntoIterator<Item = S>,
    ) -> Self {
        self.search_indexes.push(SearchIndexDefinition {
            name: name.into(),
            search_field: search_field.into(),
            filter_fields: strings(filter_fields),
        });
        self
    }

    /// Adds a vector index.
    #[must_use]
    pub fn vector_index<S: Into<String>>(
        mut self,
        name: impl Into<String>,
        vector_field: impl Into<String>,
        dimensions: u32,
        filter_fields: impl IntoIterator<Item = S>,
    ) -> Self {
        self.vector_indexes.push(VectorIndexDefinition {
            name: name.into(),
            vector_field: vector_field.into(),
            dimensions,
            filter_fields: strings(filter_fields),
        });
        self
    }

    /// Whether a document, with its system fields, is one of this table; ids are looked up in `tables`.
    pub fn check_document(&self, document: &Object, tables: &dyn TableLookup) -> Result<(), ValidationError> {
        self.document_type.check_document(document, tables)
    }
}

impl Schema {
    /// A schema of these tables whose document types are enforced.
    pub const fn new(tables: Vec<TableDefinition>) -> Self {
        Self { tables, schema_validation: true }
    }

    /// The table with this name.
    pub fn table(&self, name: &str) -> Option<&TableDefinition> {
        self.tables.iter().find(|table| table.name == name)
    }

    /// Whether a document, with its system fields, may be in the table. Tables the schema does not name take
    /// anything, and so does every table while validation is off. The error's `for_write` and `for_document`
    /// give the texts people know.
    pub fn check_document(
        &self,
        table: &str,
        document: &Object,
        tables: &dyn TableLookup,
    ) -> Result<(), ValidationError> {
        match self.table(table) {
            Some(definition) if self.schema_validation => definition.check_document(document, tables),
            _ => Ok(()),
        }
    }
}
