//! Full-text indexes: which documents have the words of a search, best first.
//!
//! A [`SearchIndex`] is a value, as everything in a snapshot: some immutable [`segment`]s, shared by all versions of the
//! index, and a small persistent map of the documents that changed since those were made. A commit adds to the map; a
//! search reads the segments without the documents that changed, and those beside them ([`rank`]). So every snapshot,
//! and every transaction with its own writes on top, finds exactly what it sees.
//!
//! ```text
//! commit ──► changed (persistent map) ──┐
//!                                       ├──► search: BM25 over both, one set of statistics
//! segments (immutable, few, growing) ───┘
//!     ▲ improved beside the running database: changed → a new segment, small segments → one
//! ```
//!
//! - [`tokens`] splits texts into terms; [`document`] is what the index takes of one document.
//! - [`query`] turns what a function asks into terms, a prefix and filters, and says what the result depends on.
//! - Ranking is BM25 over the documents as they are at that moment, never over stale statistics: equal data give equal
//!   orders, whatever the segments look like.
//!
//! - Large segments are kept in files beside the data file ([`file`], [`saved`]), so that a start reads only the texts
//!   that changed since. They are copies: without them everything is indexed anew.
//!
//! Deliberately absent: stemming, stop words, typing errors, phrases, positions. The original has none of them, or gave
//! them up.

mod bits;
mod document;
mod file;
mod improve;
pub(crate) mod query;
mod rank;
mod saved;
#[cfg(test)]
mod scripts;
mod segment;
#[cfg(test)]
mod tests;
mod tokens;

use std::sync::Arc;

use fusion_schema::id::InternalId;
use imbl::OrdMap;

use bits::Bits;
pub(crate) use document::SearchDocument;
pub(crate) use query::SearchQuery;
pub(crate) use rank::{Hit, Window};
pub(crate) use saved::{LoadedSearch, SavedSearch, Saver, SearchLoader};
use segment::{Ordinal, Segment};

/// Documents of one segment while an index is built; a test reaches several segments with few documents.
const BUILT_AT_ONCE_MAX: usize = if cfg!(test) { 16 } else { 65_536 };
/// Terms of all documents of one segment while an index is built, which bounds the memory it takes.
const BUILT_TERMS_MAX: usize = 4 << 20;

/// A full-text index at one moment. See the module's documentation.
#[derive(Clone, Debug, Default)]
pub(crate) struct SearchIndex {
    segments: Arc<[Part]>,
    /// What differs from the segments.
    changed: OrdMap<InternalId, Changed>,
    /// Terms of the documents in `changed`, about.
    changed_terms: usize,
    statistics: Statistics,
}

/// A segment, and which of its documents are no longer as it has them.
#[derive(Clone, Debug)]
struct Part {
    segment: Arc<Segment>,
    dead: Arc<Bits>,
}

/// A document that changed since the segments were made.
#[derive(Clone, Debug)]
struct Changed {
    /// Where a segment has its former version.
    at: Option<Place>,
    /// What it is now; `None` if it is not in the index any more.
    now: Option<Arc<SearchDocument>>,
}

impl PartialEq for Changed {
    /// Whether it is the very same version.
    fn eq(&self, other: &Self) -> bool {
        self.at == other.at && self.now.as_ref().map(Arc::as_ptr) == other.now.as_ref().map(Arc::as_ptr)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Place {
    part: usize,
    ordinal: Ordinal,
}

/// What ranking needs to know of all documents.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Statistics {
    /// Documents in the index.
    documents: u64,
    /// Terms of all of them, repetitions included.
    length: u64,
}

impl SearchIndex {
    /// Puts the new version of a document in place of the old one; either may be missing.
    pub(crate) fn apply(
        &mut self,
        id: InternalId,
        old: Option<Arc<SearchDocument>>,
        new: Option<Arc<SearchDocument>>,
    ) {
        if let Some(old) = &old {
            self.statistics.documents -= 1;
            self.statistics.length -= u64::from(old.length);
        }
        if let Some(new) = &new {
            self.statistics.documents += 1;
            self.statistics.length += u64::from(new.length);
            self.changed_terms += new.terms().len();
        }
        let at = match self.changed.get(&id) {
            Some(changed) => changed.at,
            None if old.is_some() => self.find(&id),
            None => None,
        };
        if at.is_none() && new.is_none() {
            self.changed.remove(&id);
        } else {
            self.changed.insert(id, Changed { at, now: new });
        }
    }

    /// Where a document is in the segments.
    fn find(&self, id: &InternalId) -> Option<Place> {
        self.segments.iter().enumerate().find_map(|(part, Part { segment, dead })| {
            let ordinal = segment.ordinal(id).filter(|ordinal| !dead.contains(*ordinal))?;
            Some(Place { part, ordinal })
        })
    }

    /// Takes in another index that holds other documents.
    pub(crate) fn join(&mut self, other: Self) {
        let first = self.segments.len();
        self.segments = self.segments.iter().chain(&*other.segments).cloned().collect();
        for (id, changed) in other.changed {
            let at = changed.at.map(|at| Place { part: at.part + first, ..at });
            self.changed.insert(id, Changed { at, now: changed.now });
        }
        self.changed_terms += other.changed_terms;
        self.statistics.documents += other.statistics.documents;
        self.statistics.length += other.statistics.length;
    }

    /// The dead documents of each segment, those that changed included.
    fn dead(&self) -> Vec<Arc<Bits>> {
        let mut dead: Vec<Arc<Bits>> = self.segments.iter().map(|part| part.dead.clone()).collect();
        for at in self.changed.values().filter_map(|changed| changed.at) {
            if let Some(dead) = dead.get_mut(at.part) {
                Arc::make_mut(dead).insert(at.ordinal);
            }
        }
        dead
    }
}

/// A full-text index that is being built from many documents.
#[derive(Debug, Default)]
pub(crate) struct SearchBuilder {
    index: SearchIndex,
    documents: Vec<(InternalId, Arc<SearchDocument>)>,
    terms: usize,
}

impl SearchBuilder {
    /// Adds a document; each comes once.
    pub(crate) fn add(&mut self, id: InternalId, document: Arc<SearchDocument>) {
        self.terms += document.terms().len();
        self.documents.push((id, document));
        if self.documents.len() >= BUILT_AT_ONCE_MAX || self.terms >= BUILT_TERMS_MAX {
            self.build();
        }
    }

    fn build(&mut self) {
        self.terms = 0;
        let documents = std::mem::take(&mut self.documents);
        if !documents.is_empty() {
            self.index.add_segment(documents);
        }
    }

    /// What was added, as an index of one segment.
    pub(crate) fn finish(mut self) -> SearchIndex {
        self.build();
        self.index.merge_all();
        self.index
    }
}
