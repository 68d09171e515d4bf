//! [`QueryStream`]: the documents of a query, one by one.
//!
//! Keys are fetched in growing chunks from the snapshot's index merged with the transaction's own writes; a
//! write in between makes the stream look again. The read set is widened only as far as the stream got, so
//! `first()` depends on the keys up to its document and no further.

use std::collections::VecDeque;
use std::ops::Bound;

use super::range::{self, KeyRange};
use super::search_scan::SearchScan;
use super::{Order, Query, QueryOperator, QuerySource};
use crate::database::document::Document;
use crate::database::key::{BY_ID, IndexId, Key};
use crate::database::reads::{Interval, after};
use crate::database::search::SearchQuery;
use crate::database::transaction::Transaction;
use crate::error::{Error, Result};
use crate::store::TableId;

/// Keys fetched by the first chunk of a scan; each further chunk doubles.
const CHUNK_FIRST: usize = 8;
/// Keys fetched by one chunk at most.
const CHUNK_MAX: usize = 256;

/// See the module's documentation.
#[derive(Debug)]
pub struct QueryStream {
    walk: Option<Walk>,
    operators: Vec<Step>,
}

#[derive(Debug)]
enum Step {
    Filter(super::Expression),
    Limit { left: usize },
}

/// A walk over documents that each have a place of their own.
#[derive(Debug)]
pub(crate) enum Walk {
    /// Over a range of an index.
    Keys(Scan),
    /// Over the results of a search.
    Search(SearchScan),
}

/// A walk over a range of an index.
#[derive(Debug)]
pub(crate) struct Scan {
    index: IndexId,
    order: Order,
    range: KeyRange,
    /// The last key given; the walk goes on behind it.
    last: Option<Key>,
    /// Where its interval stands in the transaction's read set.
    interval: usize,
    buffer: VecDeque<Key>,
    /// The transaction's write generation when the buffer was filled.
    generation: u64,
    chunk: usize,
    exhausted: bool,
}

impl QueryStream {
    pub(crate) fn open(tx: &mut Transaction, query: &Query) -> Result<Self> {
        let steps = query.operators.iter().map(|operator| match operator {
            QueryOperator::Filter(expression) => Step::Filter(expression.clone()),
            QueryOperator::Limit(limit) => Step::Limit { left: *limit },
        });
        let mut stream = Self { walk: None, operators: steps.collect() };
        if let Some(resolved) = resolve(tx, &query.source)? {
            stream.walk = Some(Walk::open(tx, resolved, query.source.order(), stream.limit_hint(), false)?);
        }
        Ok(stream)
    }

    /// How many keys will do, if no filter makes that unknown.
    fn limit_hint(&self) -> Option<usize> {
        match self.operators.first() {
            Some(Step::Limit { left }) => Some(*left),
            _ => None,
        }
    }

    /// The next document, or `None` at the end.
    ///
    /// # Errors
    /// When a limit of the transaction is reached, or a filter has operands of wrong types.
    pub fn next(&mut self, tx: &mut Transaction) -> Result<Option<Document>> {
        let Some(walk) = &mut self.walk else { return Ok(None) };
        'documents: loop {
            if self.operators.iter().any(|step| matches!(step, Step::Limit { left: 0 })) {
                return Ok(None);
            }
            let Some((_, document)) = walk.next_with_key(tx)? else { return Ok(None) };
            for step in &mut self.operators {
                match step {
                    Step::Filter(expression) => {
                        if !expression.matches(document.fields())? {
                            continue 'documents;
                        }
                    }
                    Step::Limit { left } => match left.checked_sub(1) {
                        Some(rest) => *left = rest,
                        None => return Ok(None),
                    },
                }
            }
            return Ok(Some(document));
        }
    }
}

/// What of which index a source reads.
#[derive(Debug)]
pub(crate) struct Resolved {
    index: IndexId,
    /// The part of the index, or of the result of the search, in keys.
    pub(crate) range: KeyRange,
    search: Option<SearchQuery>,
}

impl Walk {
    /// `count`: how many documents will do, if that is known; `is_page`: whether they are a page.
    pub(crate) fn open(
        tx: &mut Transaction,
        resolved: Resolved,
        order: Order,
        count: Option<usize>,
        is_page: bool,
    ) -> Result<Self> {
        let Resolved { index, range, search } = resolved;
        if let Some(query) = search {
            return SearchScan::open(tx, index, query, range, count, is_page).map(Self::Search);
        }
        let mut scan = Scan::open(tx, index, range, order)?;
        if let Some(count) = count {
            scan.chunk = count.clamp(1, CHUNK_MAX);
        }
        Ok(Self::Keys(scan))
    }

    /// The next document and the key that is its place.
    pub(crate) fn next_with_key(&mut self, tx: &mut Transaction) -> Result<Option<(Key, Document)>> {
        match self {
            Self::Keys(scan) => scan.next_with_key(tx),
            Self::Search(scan) => scan.next_with_key(tx),
        }
    }
}

/// What a source reads; `None` if the table does not exist.
pub(crate) fn resolve(tx: &mut Transaction, source: &QuerySource) -> Result<Option<Resolved>> {
    let table = tx.table(source.table());
    match source {
        QuerySource::FullTableScan { .. } => Ok(table.map(|table| {
            let index = IndexId::by_creation_time(table.id);
            Resolved { index, range: KeyRange::all(), search: None }
        })),
        QuerySource::IndexRange { table: table_name, index: name, range, .. } => {
            let built_in = matches!(name.as_str(), "by_id" | "by_creation_time");
            let Some(table) = table else {
                // A table that does not exist is an empty one, with the built-in indexes only.
                return if built_in { Ok(None) } else { Err(index_not_found(table_name, name)) };
            };
            let Some(index) = table.index(name) else {
                return Err(match table.attached(name) {
                    Some(_) => other_kind(
                        table_name,
                        name,
                        "is not a sorted index: query a search index with `withSearchIndex`",
                    ),
                    None => index_not_found(table_name, name),
                });
            };
            if index.staged {
                return Err(index_staged(table_name, name));
            }
            let range = range::compile(&table, index, range)?;
            Ok(Some(Resolved { index: index.id, range, search: None }))
        }
        QuerySource::Search { table: table_name, index: name, filters } => {
            let Some(table) = table else { return Err(index_not_found(table_name, name)) };
            let Some(index) = table.attached(name) else {
                return Err(match table.index(name) {
                    Some(_) => {
                        other_kind(table_name, name, "is not a search index: query it with `withIndex`")
                    }
                    None => index_not_found(table_name, name),
                });
            };
            let query = SearchQuery::compile(&table, index, filters)?;
            if index.staged {
                return Err(index_staged(table_name, name));
            }
            Ok(Some(Resolved { index: index.id, range: KeyRange::all(), search: Some(query) }))
        }
    }
}

fn index_not_found(table: &str, index: &str) -> Error {
    Error::bad_request("IndexNotFoundError", format!("Index {table}.{index} not found."))
}

fn index_staged(table: &str, index: &str) -> Error {
    Error::bad_request(
        "IndexStagedError",
        format!("Index {table}.{index} is currently staged and not available to query until it is enabled."),
    )
}

fn other_kind(table: &str, index: &str, what: &str) -> Error {
    Error::bad_request("WrongIndexType", format!("Index {table}.{index} {what}."))
}

impl Scan {
    fn open(tx: &mut Transaction, index: IndexId, range: KeyRange, order: Order) -> Result<Self> {
        // Nothing was looked at yet: an empty interval, to be widened.
        let interval = tx.read(Interval { index, start: Vec::new(), end: Some(Vec::new()) })?;
        Ok(Self {
            index,
            order,
            range,
            last: None,
            interval,
            buffer: VecDeque::new(),
            generation: tx.generation(),
            chunk: CHUNK_FIRST,
            exhausted: false,
        })
    }

    /// The next document in the range and the key it was found under.
    fn next_with_key(&mut self, tx: &mut Transaction) -> Result<Option<(Key, Document)>> {
        if self.generation != tx.generation() {
            self.buffer.clear();
            self.generation = tx.generation();
            self.exhausted = false;
        }
        if self.buffer.is_empty() && !self.exhausted {
            self.buffer = fetch(tx, self.index, &self.rest(), self.order, self.chunk);
            self.exhausted = self.buffer.len() < self.chunk;
            self.chunk = (self.chunk * 2).min(CHUNK_MAX);
        }
        let Some(key) = self.buffer.pop_front() else {
            // The whole rest was seen to be empty.
            tx.widen(self.interval, self.range.lower.clone(), self.range.upper.clone());
            return Ok(None);
        };
        if self.last.is_none() {
            tx.widen(self.interval, self.range.lower.clone(), self.range.upper.clone());
        }
        match self.order {
            Order::Asc => tx.end_after(self.interval, key.as_bytes()),
            Order::Desc => tx.start_at(self.interval, key.as_bytes()),
        }
        let document = tx.load(self.index.table, key.internal_id())?;
        self.last = Some(key.clone());
        Ok(Some((key, document)))
    }

    /// The part of the range behind the last key.
    fn rest(&self) -> KeyRange {
        match (&self.last, self.order) {
            (None, _) => self.range.clone(),
            (Some(last), Order::Asc) => {
                KeyRange { lower: after(last.as_bytes()), upper: self.range.upper.clone() }
            }
            (Some(last), Order::Desc) => {
                KeyRange { lower: self.range.lower.clone(), upper: Some(last.as_bytes().to_vec()) }
            }
        }
    }
}

/// Up to `count` keys of a range in order, own writes included.
fn fetch(tx: &Transaction, index: IndexId, range: &KeyRange, order: Order, count: usize) -> VecDeque<Key> {
    let mut keys = VecDeque::with_capacity(count.min(64));
    if range.upper.as_ref().is_some_and(|upper| *upper <= range.lower) {
        return keys;
    }
    if index.slot == BY_ID {
        fetch_ids(tx, index.table, range, order, count, &mut keys);
        return keys;
    }
    let (lower, upper) = (range.lower.as_slice(), range.upper.as_deref());
    let end = upper.map_or(Bound::Unbounded, Bound::Excluded);
    let base = tx.state().tables.get(&index.table).and_then(|table| table.index(index.slot));
    let own = tx.writes().overlay(index);
    let own = own.map(|overlay| overlay.range::<[u8], _>((Bound::Included(lower), end)));
    let own = own.into_iter().flatten().map(|(key, present)| (key.clone(), *present));
    // One end of the walk is left open and found by comparing: looking both ends up costs as much again.
    match order {
        Order::Asc => {
            let base = base.map(|keys| keys.range::<_, [u8]>((Bound::Included(lower), Bound::Unbounded)));
            let base = base.into_iter().flatten();
            let base = base.take_while(|key| upper.is_none_or(|upper| key.as_bytes() < upper));
            merge(base.cloned(), own, |a, b| a < b, count, &mut keys);
        }
        Order::Desc => {
            let base = base.map(|keys| keys.range::<_, [u8]>((Bound::Unbounded, end)).rev());
            let base = base.into_iter().flatten().take_while(|key| key.as_bytes() >= lower);
            merge(base.cloned(), own.rev(), |a, b| a > b, count, &mut keys);
        }
    }
    keys
}

/// The same for the index of ids, whose keys are the primary map's.
fn fetch_ids(
    tx: &Transaction,
    table: TableId,
    range: &KeyRange,
    order: Order,
    count: usize,
    keys: &mut VecDeque<Key>,
) {
    let Some((start, end)) = id_bounds(range) else { return };
    let base = tx.state().tables.get(&table).map(|table| table.documents.range(start..=end));
    let base = base.into_iter().flatten().map(|(id, _)| Key::of_id(*id));
    let own = tx.writes().of_table(table, start, end).map(|(id, present)| (Key::of_id(id), present));
    match order {
        Order::Asc => merge(base, own, |a, b| a < b, count, keys),
        Order::Desc => merge(base.rev(), own.rev(), |a, b| a > b, count, keys),
    }
}

/// The first and last id in a range of keys of the index of ids. Bounds may be shorter or longer than an id.
fn id_bounds(range: &KeyRange) -> Option<([u8; 16], [u8; 16])> {
    let padded = |bytes: &[u8]| {
        let mut id = [0; 16];
        let length = bytes.len().min(16);
        id[..length].copy_from_slice(&bytes[..length]);
        u128::from_be_bytes(id)
    };
    // A key longer than an id lies just above the id it starts with.
    let first = padded(&range.lower).checked_add(u128::from(range.lower.len() > 16))?;
    let last = match &range.upper {
        None => u128::MAX,
        Some(upper) if upper.len() > 16 => padded(upper),
        Some(upper) => padded(upper).checked_sub(1)?,
    };
    (first <= last).then(|| (first.to_be_bytes(), last.to_be_bytes()))
}

/// Merges the snapshot's keys with the transaction's own changes.
fn merge(
    base: impl Iterator<Item = Key>,
    own: impl Iterator<Item = (Key, bool)>,
    before: impl Fn(&Key, &Key) -> bool,
    count: usize,
    keys: &mut VecDeque<Key>,
) {
    let (mut base, mut own) = (base.peekable(), own.peekable());
    while keys.len() < count {
        match (base.peek(), own.peek()) {
            (None, None) => return,
            (Some(_), None) => keys.extend(base.next()),
            (Some(a), Some((b, _))) if before(a, b) => keys.extend(base.next()),
            (a, Some((b, _))) => {
                if a == Some(b) {
                    base.next();
                }
                if let Some((key, true)) = own.next() {
                    keys.push_back(key);
                }
            }
        }
    }
}
