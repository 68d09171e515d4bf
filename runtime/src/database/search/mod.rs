//! Full-text indexes.

mod document;
mod tokens;

use std::sync::Arc;

use fusion_schema::id::InternalId;
use imbl::OrdMap;

pub(crate) use document::SearchDocument;

/// A full-text index at one moment.
#[derive(Clone, Debug, Default)]
pub(crate) struct SearchIndex {
    documents: OrdMap<InternalId, Arc<SearchDocument>>,
}

impl SearchIndex {
    /// Puts the new version of a document in place of the old one.
    pub(crate) fn apply(
        &mut self,
        id: InternalId,
        _old: Option<Arc<SearchDocument>>,
        new: Option<Arc<SearchDocument>>,
    ) {
        match new {
            Some(document) => drop(self.documents.insert(id, document)),
            None => drop(self.documents.remove(&id)),
        }
    }

    /// Takes in another index that holds other documents.
    pub(crate) fn join(&mut self, other: Self) {
        self.documents.extend(other.documents);
    }
}

/// A full-text index that is being built.
#[derive(Debug, Default)]
pub(crate) struct SearchBuilder {
    index: SearchIndex,
}

impl SearchBuilder {
    /// Adds a document.
    pub(crate) fn add(&mut self, id: InternalId, document: Arc<SearchDocument>) {
        self.index.documents.insert(id, document);
    }

    /// What was added, as an index.
    pub(crate) fn finish(self) -> SearchIndex {
        self.index
    }
}
