//! [`SearchScan`]: the results of a full-text search, best first, as a scan of an index gives documents.

use std::collections::VecDeque;

use super::range::KeyRange;
use crate::database::document::Document;
use crate::database::key::{IndexId, Key};
use crate::database::reads::after;
use crate::database::search::query::SearchRead;
use crate::database::search::{Hit, SearchQuery, Window};
use crate::database::transaction::Transaction;
use crate::error::{Error, Result};
use crate::limits::SEARCH_RESULTS_MAX;

/// See the module's documentation.
#[derive(Debug)]
pub(crate) struct SearchScan {
    index: IndexId,
    query: SearchQuery,
    /// The part of the result, by keys of [`Hit::key`], that is still to be read.
    range: KeyRange,
    buffer: VecDeque<Hit>,
    /// The transaction's write generation when the buffer was filled.
    generation: u64,
    /// Results fetched at once.
    chunk: usize,
    /// Results given so far.
    given: usize,
    exhausted: bool,
}

impl SearchScan {
    /// `count`: how many results will do, if that is known; `is_page`: see [`SearchRead`].
    pub(crate) fn open(
        tx: &mut Transaction,
        index: IndexId,
        query: SearchQuery,
        range: KeyRange,
        count: Option<usize>,
        is_page: bool,
    ) -> Result<Self> {
        tx.read_search(SearchRead { index, query: query.clone(), is_page })?;
        Ok(Self {
            index,
            exhausted: query.is_empty(),
            query,
            range,
            buffer: VecDeque::new(),
            generation: tx.generation(),
            // One more than may be given tells whether there are too many.
            chunk: count.map_or(SEARCH_RESULTS_MAX + 1, |count| count.clamp(1, SEARCH_RESULTS_MAX + 1)),
            given: 0,
        })
    }

    /// The next document and its place in the result.
    ///
    /// # Errors
    /// When more results are wanted than one query may look at, or a limit of the transaction is reached.
    pub(crate) fn next_with_key(&mut self, tx: &mut Transaction) -> Result<Option<(Key, Document)>> {
        if self.generation != tx.generation() {
            self.buffer.clear();
            self.generation = tx.generation();
            self.exhausted = self.query.is_empty();
        }
        if self.buffer.is_empty() && !self.exhausted {
            let window = Window {
                lower: &self.range.lower,
                upper: self.range.upper.as_deref(),
                count: self.chunk.min(SEARCH_RESULTS_MAX + 1 - self.given),
            };
            let count = window.count;
            self.buffer = tx.search_index(self.index).search(&self.query, window).into();
            self.exhausted = self.buffer.len() < count;
            self.chunk = SEARCH_RESULTS_MAX + 1;
        }
        let Some(hit) = self.buffer.pop_front() else { return Ok(None) };
        if self.given == SEARCH_RESULTS_MAX {
            return Err(Error::bad_request(
                "TooManySearchResults",
                format!(
                    "Too many results of a full-text search in a single query (limit: {SEARCH_RESULTS_MAX}). Take fewer with `.take(n)`, read them in pages with `.paginate`, or narrow the search with filter fields."
                ),
            ));
        }
        self.given += 1;
        let key = hit.key();
        self.range.lower = after(key.as_bytes());
        tx.read_found(self.index.table, hit.id);
        let document = tx.load(self.index.table, hit.id)?;
        Ok(Some((key, document)))
    }
}
