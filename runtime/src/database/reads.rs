//! [`ReadSet`]: which parts of which indexes a transaction looked at; [`Token`]: a read set and the timestamp
//! at which its results held.
//!
//! A transaction depends on the *intervals it scanned*, not on the documents it found: a later insert into a
//! gap it looked at changes its result. The same check answers "did this transaction lose?" at commit and
//! "does this live query have to run again?" afterwards.

use std::ops::Range;
use std::sync::Arc;

use super::key::IndexId;
use super::log::{LogEntry, LogWrite};
use super::search::query::SearchRead;
use super::snapshot::Timestamp;
use crate::store::TableId;

/// A half-open interval of keys of one index.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Interval {
    /// The index.
    pub index: IndexId,
    /// The first key inside.
    pub start: Vec<u8>,
    /// The first key after; `None` is the end of the index.
    pub end: Option<Vec<u8>>,
}

impl Interval {
    /// The interval that holds exactly one key.
    pub fn point(index: IndexId, key: &[u8]) -> Self {
        Self { index, start: key.to_vec(), end: Some(after(key)) }
    }

    /// Whether the key lies inside.
    pub fn contains(&self, key: &[u8]) -> bool {
        self.start.as_slice() <= key && self.end.as_ref().is_none_or(|end| key < end.as_slice())
    }

    /// Whether there is no key inside.
    pub fn is_empty(&self) -> bool {
        self.end.as_ref().is_some_and(|end| *end <= self.start)
    }
}

/// The least key greater than `key`.
pub(crate) fn after(key: &[u8]) -> Vec<u8> {
    let mut end = Vec::with_capacity(key.len() + 1);
    end.extend_from_slice(key);
    end.push(0);
    end
}

/// The intervals a transaction read.
#[derive(Clone, Debug, Default)]
pub struct ReadSet {
    intervals: Vec<Interval>,
    /// How many of them count as ranges that were read.
    ranges: usize,
    searches: SearchReads,
    /// Sorted by index and start, without overlaps.
    normalized: bool,
}

impl ReadSet {
    /// Adds an interval and gives its position, with which [`ReadSet::set_bounds`] widens it.
    pub(crate) fn add(&mut self, interval: Interval) -> usize {
        self.ranges += 1;
        self.add_uncounted(interval)
    }

    /// As [`ReadSet::add`], for what belongs to a read that was counted.
    pub(crate) fn add_uncounted(&mut self, interval: Interval) -> usize {
        self.intervals.push(interval);
        self.normalized = false;
        self.intervals.len() - 1
    }

    /// Adds a full-text search, which counts as one range.
    pub(crate) fn add_search(&mut self, search: SearchRead) {
        self.ranges += 1;
        for interval in search.intervals() {
            self.add_uncounted(interval);
        }
        if !self.searches.0.contains(&search) {
            let searches = self.searches.0.iter().cloned().chain([search]);
            self.searches = SearchReads(searches.collect());
        }
    }

    /// Widens an interval as a scan goes on.
    pub(crate) fn widen(&mut self, position: usize, start: Vec<u8>, end: Option<Vec<u8>>) {
        if let Some(interval) = self.intervals.get_mut(position) {
            interval.start = start;
            interval.end = end;
        }
    }

    /// Lets an interval end right after a key, as an ascending scan goes on.
    pub(crate) fn end_after(&mut self, position: usize, key: &[u8]) {
        if let Some(interval) = self.intervals.get_mut(position) {
            let end = interval.end.get_or_insert_default();
            end.clear();
            end.extend_from_slice(key);
            end.push(0);
        }
    }

    /// Lets an interval start at a key, as a descending scan goes on.
    pub(crate) fn start_at(&mut self, position: usize, key: &[u8]) {
        if let Some(interval) = self.intervals.get_mut(position) {
            interval.start.clear();
            interval.start.extend_from_slice(key);
        }
    }

    /// How many ranges were read.
    pub(crate) const fn len(&self) -> usize {
        self.ranges
    }

    /// The full-text searches.
    pub fn searches(&self) -> &SearchReads {
        &self.searches
    }

    /// The intervals read; those of full-text indexes hold terms, see [`LogWrite::touched_terms`].
    pub fn intervals(&self) -> &[Interval] {
        &self.intervals
    }

    /// Sorts and merges the intervals; afterwards [`ReadSet::contains`] is a binary search.
    pub fn normalize(&mut self) {
        if self.normalized {
            return;
        }
        let mut intervals = std::mem::take(&mut self.intervals);
        intervals.retain(|interval| !interval.is_empty());
        intervals.sort_unstable();
        for interval in intervals {
            match self.intervals.last_mut() {
                Some(last)
                    if last.index == interval.index
                        && last.end.as_ref().is_none_or(|end| *end >= interval.start) =>
                {
                    let longer = match (&last.end, &interval.end) {
                        (None, _) => false,
                        (_, None) => true,
                        (Some(a), Some(b)) => b > a,
                    };
                    if longer {
                        last.end = interval.end;
                    }
                }
                _ => self.intervals.push(interval),
            }
        }
        self.normalized = true;
    }

    fn of_index(&self, index: IndexId) -> Range<usize> {
        let start = self.intervals.partition_point(|interval| interval.index < index);
        let end = start + self.intervals[start..].partition_point(|interval| interval.index == index);
        start..end
    }

    /// Whether a key of an index was looked at. The set must be normalized.
    pub fn contains(&self, index: IndexId, key: &[u8]) -> bool {
        debug_assert!(self.normalized);
        let intervals = &self.intervals[self.of_index(index)];
        let position = intervals.partition_point(|interval| interval.start.as_slice() <= key);
        position > 0 && intervals[position - 1].contains(key)
    }

    /// Whether a commit changed anything that was looked at. The set must be normalized.
    pub fn is_touched_by(&self, entry: &LogEntry) -> bool {
        self.touched_table(entry).is_some()
    }

    /// The table in which a commit changed something that was looked at. The set must be normalized.
    pub(crate) fn touched_table(&self, entry: &LogEntry) -> Option<TableId> {
        entry.writes.iter().find(|write| self.is_touched_by_write(write)).map(|write| write.table)
    }

    /// Whether a write changed anything that was looked at. The set must be normalized.
    pub fn is_touched_by_write(&self, write: &LogWrite) -> bool {
        write.touched_keys().any(|(index, key)| self.contains(index, key))
            || self.searches.is_touched_by(write)
    }
}

/// The full-text searches that a result depends on.
#[derive(Clone, Debug, Default)]
pub struct SearchReads(Arc<[SearchRead]>);

impl SearchReads {
    /// Whether a write can change what they find.
    pub fn is_touched_by(&self, write: &LogWrite) -> bool {
        !self.0.is_empty()
            && write.attached.iter().any(|change| {
                let same_table = |search: &&SearchRead| search.index.table == write.table;
                self.0.iter().filter(same_table).any(|search| search.is_touched_by(change))
            })
    }
}

/// What a finished query leaves behind: its result holds from `ts` until a commit touches `reads`.
#[derive(Clone, Debug)]
pub struct Token {
    /// What was looked at; normalized.
    pub reads: ReadSet,
    /// The snapshot it was looked at in.
    pub ts: Timestamp,
    /// The version of functions and schema it was run with, see [`super::Snapshot::push_version`].
    pub push_version: u64,
}

impl Token {
    /// Whether the commit invalidates the result.
    pub fn is_touched_by(&self, entry: &LogEntry) -> bool {
        self.push_version != entry.push_version || self.reads.is_touched_by(entry)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INDEX: IndexId = IndexId { table: TableId(1), slot: 2 };

    fn interval(start: &[u8], end: Option<&[u8]>) -> Interval {
        Interval { index: INDEX, start: start.to_vec(), end: end.map(<[u8]>::to_vec) }
    }

    #[test]
    fn normalizing_merges_what_touches_and_drops_what_is_empty() {
        let mut reads = ReadSet::default();
        reads.add(interval(&[5], Some(&[7])));
        reads.add(interval(&[1], Some(&[3])));
        reads.add(interval(&[3], Some(&[4])));
        reads.add(interval(&[6], Some(&[9])));
        reads.add(interval(&[4, 5], Some(&[4, 5])));
        reads.normalize();
        assert_eq!(reads.intervals(), [interval(&[1], Some(&[4])), interval(&[5], Some(&[9]))]);
        assert!(reads.contains(INDEX, &[1]));
        assert!(reads.contains(INDEX, &[8, 255]));
        assert!(!reads.contains(INDEX, &[4]));
        assert!(!reads.contains(IndexId { slot: 3, ..INDEX }, &[1]));
    }

    #[test]
    fn an_open_end_swallows_what_follows() {
        let mut reads = ReadSet::default();
        reads.add(interval(&[2], None));
        reads.add(interval(&[5], Some(&[6])));
        reads.normalize();
        assert_eq!(reads.intervals(), [interval(&[2], None)]);
        assert!(reads.contains(INDEX, &[255; 60]));
    }
}
