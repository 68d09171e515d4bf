//! Ranking: the best documents for a search, by BM25 (Robertson and Zaragoza, "The Probabilistic Relevance Framework:
//! BM25 and Beyond", 2009), newer ones first where scores are equal.
//!
//! Every clause of a search (a term, or the prefix that the last term is, which counts as one term that a document has
//! as often as all terms that begin so) is read to its end, since the number of documents that have it *now* is part of
//! the score. For a million short documents and common words that takes milliseconds; in exchange equal data give equal
//! scores to the last bit, whatever the segments look like, and pages of one result fit together.

use std::cmp::Ordering;
use std::ops::AddAssign;
use std::sync::Arc;

use fusion_schema::id::InternalId;

use super::bits::Bits;
use super::query::SearchQuery;
use super::segment::{Ordinal, Postings, Segment};
use super::{Changed, SearchDocument, SearchIndex, Statistics};
use crate::database::key::{Key, sortable_time};

/// How soon more of the same term adds nothing: the usual value, that of Lucene.
const K1: f32 = 1.2;
/// How much the length of a text counts: the usual value, that of Lucene.
const B: f32 = 0.75;
/// Documents per posting above which scores are collected in a list and not in a table of all documents.
const SPARSE_MIN: usize = 16;

/// A document that was found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Hit {
    /// How well it fits; above zero.
    pub(crate) score: f32,
    /// Milliseconds since the epoch.
    pub(crate) creation_time: f64,
    /// The document.
    pub(crate) id: InternalId,
}

impl Hit {
    /// Its place in the result, as bytes that sort like it.
    pub(crate) fn key(&self) -> Key {
        let mut bytes = [0; 28];
        bytes[..4].copy_from_slice(&(!self.score.to_bits()).to_be_bytes());
        bytes[4..12].copy_from_slice(&sortable_time(self.creation_time).map(|byte| !byte));
        bytes[12..].copy_from_slice(&self.id.map(|byte| !byte));
        Key::new(&bytes)
    }
}

/// Which part of a result is wanted, by keys of [`Hit::key`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct Window<'a> {
    /// The first key that may be in it.
    pub(crate) lower: &'a [u8],
    /// The key after the last one that may; `None`: no bound.
    pub(crate) upper: Option<&'a [u8]>,
    /// The most documents.
    pub(crate) count: usize,
}

impl Window<'_> {
    const fn is_whole(&self) -> bool {
        self.lower.is_empty() && self.upper.is_none()
    }

    fn holds(&self, hit: &Hit) -> bool {
        let key = hit.key();
        key.as_bytes() >= self.lower && self.upper.is_none_or(|upper| key.as_bytes() < upper)
    }
}

/// What one clause found in one place: documents by number, with how often they have it.
type Found = Vec<(u32, u32)>;

/// The documents of a segment or of the changed ones that a search looks at.
struct Source<'a> {
    documents: Documents<'a>,
    /// What each clause found.
    found: Vec<Found>,
}

enum Documents<'a> {
    Segment(&'a Segment),
    Changed(Vec<(InternalId, &'a Arc<SearchDocument>)>),
}

impl SearchIndex {
    /// The documents of a window of the result, best first.
    pub(crate) fn search<'a>(&'a self, query: &SearchQuery, window: Window<'_>) -> Vec<Hit> {
        let clauses = query.terms.len() + usize::from(query.prefix.is_some());
        // How many documents have each clause, whether or not they pass the filters.
        let mut frequencies = vec![0_u64; clauses];
        let mut sources = Vec::with_capacity(self.segments.len() + 1);
        for (part, dead) in self.segments.iter().zip(self.dead()) {
            sources.push(Source {
                documents: Documents::Segment(&part.segment),
                found: look_into(&part.segment, &dead, query, &mut frequencies),
            });
        }
        let now = |(id, changed): (&InternalId, &'a Changed)| Some((*id, changed.now.as_ref()?));
        sources.push(look_at_changed(self.changed.iter().filter_map(now), query, &mut frequencies));
        let weights: Vec<f32> =
            frequencies.iter().map(|frequency| self.statistics.weight(*frequency)).collect();
        let mut hits = Vec::new();
        for source in &sources {
            source.best(&weights, self.statistics.average_length(), window, &mut hits);
        }
        hits.sort_unstable_by(order);
        hits.truncate(window.count);
        hits
    }
}

/// Best first.
fn order(a: &Hit, b: &Hit) -> Ordering {
    b.score
        .total_cmp(&a.score)
        .then_with(|| b.creation_time.total_cmp(&a.creation_time))
        .then_with(|| b.id.cmp(&a.id))
}

impl Statistics {
    /// What a clause is worth that so many documents have (the inverse document frequency, never negative).
    fn weight(&self, frequency: u64) -> f32 {
        let (all, frequency) = (self.documents as f64, frequency as f64);
        ((all - frequency + 0.5) / (frequency + 0.5)).ln_1p() as f32
    }

    fn average_length(&self) -> f32 {
        (self.length as f64 / (self.documents as f64).max(1.0)).max(1.0) as f32
    }
}

/// What a clause adds to the score of a document of that length.
#[inline]
fn score(weight: f32, frequency: u32, length: u32, average: f32) -> f32 {
    let frequency = frequency as f32;
    weight * (frequency * (K1 + 1.0)) / (frequency + K1 * (1.0 - B + B * length as f32 / average))
}

/// What each clause finds in a segment.
fn look_into(segment: &Segment, dead: &Bits, query: &SearchQuery, frequencies: &mut [u64]) -> Vec<Found> {
    // The numbers of the values asked for; without one of them nothing passes.
    let mut filters = Vec::with_capacity(query.filters.len());
    let mut passes_any = true;
    for (field, value) in &query.filters {
        let column = segment.filters.get(*field);
        match column.and_then(|column| Some((column, column.values.get(value)? as u32))) {
            Some((column, number)) => filters.push((&*column.of_document, number)),
            None => passes_any = false,
        }
    }
    let passes = |ordinal: Ordinal| {
        filters.iter().all(|(of_document, number)| of_document[ordinal as usize] == *number)
    };
    let read = |postings: Postings<'_>, frequency: &mut u64| -> Found {
        if dead.is_empty() {
            *frequency += u64::from(postings.len());
            return match (passes_any, filters.is_empty()) {
                (false, _) => Vec::new(),
                (true, true) => postings.collect(),
                (true, false) => postings.filter(|(ordinal, _)| passes(*ordinal)).collect(),
            };
        }
        let mut found = Vec::new();
        for (ordinal, count) in postings {
            if !dead.contains(ordinal) {
                *frequency += 1;
                if passes_any && passes(ordinal) {
                    found.push((ordinal, count));
                }
            }
        }
        found
    };
    let mut found = Vec::with_capacity(frequencies.len());
    for (term, frequency) in query.terms.iter().zip(&mut *frequencies) {
        found.push(segment.term(term).map(|postings| read(postings, frequency)).unwrap_or_default());
    }
    if let (Some(prefix), Some(frequency)) = (&query.prefix, frequencies.last_mut()) {
        let all = with_prefix(segment, prefix);
        let alive = all.into_iter().filter(|(ordinal, _)| !dead.contains(*ordinal));
        let passing =
            alive.inspect(|_| *frequency += 1).filter(|(ordinal, _)| passes_any && passes(*ordinal));
        found.push(passing.collect());
    }
    found
}

/// The documents that have terms with a prefix, with how often they have any of them.
fn with_prefix(segment: &Segment, prefix: &str) -> Found {
    let (mut lists, mut postings) = (Vec::new(), 0);
    segment.each_with_prefix(prefix, |found| {
        postings += found.len() as usize;
        lists.push(found);
    });
    match lists.len() {
        0 => Vec::new(),
        1 => lists.into_iter().flatten().collect(),
        _ => sums(lists, postings, segment.len() as usize),
    }
}

/// Adds up what several lists say of each document.
fn sums(lists: Vec<Postings<'_>>, postings: usize, documents: usize) -> Found {
    if postings * SPARSE_MIN < documents {
        let mut all: Found = lists.into_iter().flatten().collect();
        all.sort_unstable_by_key(|(ordinal, _)| *ordinal);
        add_up(&mut all);
        return all;
    }
    let mut counts = vec![0_u32; documents];
    for (ordinal, count) in lists.into_iter().flatten() {
        counts[ordinal as usize] += count;
    }
    let counted = (0..).zip(counts);
    counted.filter(|(_, count)| *count > 0).collect()
}

/// Makes one entry of those that stand together for one document, adding them in their order.
fn add_up<T: AddAssign + Copy>(sorted: &mut Vec<(u32, T)>) {
    sorted.dedup_by(|later, first| {
        let is_same = later.0 == first.0;
        if is_same {
            first.1 += later.1;
        }
        is_same
    });
}

fn look_at_changed<'a>(
    changed: impl Iterator<Item = (InternalId, &'a Arc<SearchDocument>)>,
    query: &SearchQuery,
    frequencies: &mut [u64],
) -> Source<'a> {
    let mut found: Vec<Found> = vec![Vec::new(); frequencies.len()];
    let mut documents = Vec::new();
    for (id, document) in changed {
        let prefix = query.prefix.iter().map(|prefix| document.prefix_frequency(prefix));
        let counts = query.terms.iter().map(|term| document.frequency(term)).chain(prefix);
        let passes = query.passes(document);
        let mut is_found = false;
        for ((count, frequency), found) in counts.zip(&mut *frequencies).zip(&mut found) {
            *frequency += u64::from(count > 0);
            if count > 0 && passes {
                found.push((documents.len() as u32, count));
                is_found = true;
            }
        }
        if is_found {
            documents.push((id, document));
        }
    }
    Source { documents: Documents::Changed(documents), found }
}

impl Source<'_> {
    fn len(&self) -> usize {
        match &self.documents {
            Documents::Segment(segment) => segment.len() as usize,
            Documents::Changed(documents) => documents.len(),
        }
    }

    fn length(&self, number: u32) -> u32 {
        match &self.documents {
            Documents::Segment(segment) => segment.lengths[number as usize],
            Documents::Changed(documents) => documents[number as usize].1.length,
        }
    }

    fn hit(&self, number: u32, score: f32) -> Hit {
        match &self.documents {
            Documents::Segment(segment) => Hit {
                score,
                creation_time: segment.creation_times[number as usize],
                id: segment.ids[number as usize],
            },
            Documents::Changed(documents) => {
                let (id, document) = &documents[number as usize];
                Hit { score, creation_time: document.creation_time, id: *id }
            }
        }
    }

    /// Adds the best documents of this source to `hits`.
    fn best(&self, weights: &[f32], average: f32, window: Window<'_>, hits: &mut Vec<Hit>) {
        let mut scored = self.scores(weights, average);
        // Those outside the window are sorted out one by one, which a first page does not need.
        if !window.is_whole() {
            scored.retain(|(number, score)| window.holds(&self.hit(*number, *score)));
        }
        if scored.len() > window.count {
            if window.count == 0 {
                return;
            }
            let by_rank = |a: &(u32, f32), b: &(u32, f32)| match &self.documents {
                // In a segment the newer document has the higher number.
                Documents::Segment(_) => b.1.total_cmp(&a.1).then(b.0.cmp(&a.0)),
                Documents::Changed(_) => order(&self.hit(a.0, a.1), &self.hit(b.0, b.1)),
            };
            scored.select_nth_unstable_by(window.count - 1, by_rank);
            scored.truncate(window.count);
        }
        hits.extend(scored.into_iter().map(|(number, score)| self.hit(number, score)));
    }

    /// The score of every document that any clause found. Scores are added up clause by clause in every case, so that
    /// they are equal to the last bit.
    fn scores(&self, weights: &[f32], average: f32) -> Vec<(u32, f32)> {
        let postings: usize = self.found.iter().map(Vec::len).sum();
        let clauses = self.found.iter().zip(weights).filter(|(found, _)| !found.is_empty());
        let added = |weight: f32, number: u32, count: u32| score(weight, count, self.length(number), average);
        if postings * SPARSE_MIN < self.len() {
            let mut scored = Vec::with_capacity(postings);
            for (found, weight) in clauses {
                scored.extend(found.iter().map(|(number, count)| (*number, added(*weight, *number, *count))));
            }
            // Stable: what belongs to one document stays in the order of the clauses.
            scored.sort_by_key(|(number, _)| *number);
            add_up(&mut scored);
            return scored;
        }
        let mut scores = vec![0.0_f32; self.len()];
        for (found, weight) in clauses {
            for (number, count) in found {
                scores[*number as usize] += added(*weight, *number, *count);
            }
        }
        let scored = (0..).zip(scores);
        scored.filter(|(_, score)| *score > 0.0).collect()
    }
}
