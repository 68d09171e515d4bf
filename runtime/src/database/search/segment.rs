//! [`Segment`]: an immutable full-text index over some documents.
//!
//! Documents are numbered in order of creation, so that a higher number is a newer document. A finite-state map (crate
//! `fst`) leads from each term to its postings: the numbers of the documents that have it, as differences, each with
//! how often. Per document there is its length and, for each filter field, the number of its value. Everything lies in a
//! handful of arrays: about 60 bytes for a short document, and nothing that a reader would have to lock.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use fst::{IntoStreamer, Map, MapBuilder, Streamer};
use fusion_schema::id::InternalId;

use super::SearchDocument;
use super::bits::Bits;
use crate::error::{Error, Result};

/// A document's number inside its segment.
pub(super) type Ordinal = u32;

/// See the module's documentation.
pub(super) struct Segment {
    /// From each term to where its postings begin.
    pub(super) terms: Map<Box<[u8]>>,
    pub(super) postings: Box<[u8]>,
    /// By ordinal, as all that follows.
    pub(super) ids: Box<[InternalId]>,
    pub(super) creation_times: Box<[f64]>,
    /// How many terms each document has, repetitions included.
    pub(super) lengths: Box<[u32]>,
    /// One for each filter field.
    pub(super) filters: Box<[Column]>,
    /// The ordinals in order of the ids.
    by_id: Box<[Ordinal]>,
    /// The file that it was read from.
    pub(super) file: OnceLock<PathBuf>,
}

/// The values of a filter field.
pub(super) struct Column {
    /// Each value's number.
    pub(super) values: Map<Box<[u8]>>,
    /// By ordinal, the number of the document's value.
    pub(super) of_document: Box<[u32]>,
}

impl std::fmt::Debug for Segment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Segment").field("documents", &self.ids.len()).finish_non_exhaustive()
    }
}

impl Segment {
    /// A segment of these documents.
    pub(super) fn of_documents(mut documents: Vec<(InternalId, Arc<SearchDocument>)>) -> Result<Self> {
        documents
            .sort_unstable_by(|a, b| (a.1.creation_time.total_cmp(&b.1.creation_time)).then(a.0.cmp(&b.0)));
        let mut by_term: HashMap<&str, Vec<(Ordinal, u32)>> = HashMap::new();
        for (ordinal, (_, document)) in (0..).zip(&documents) {
            for (term, frequency) in document.frequencies() {
                by_term.entry(term).or_default().push((ordinal, frequency));
            }
        }
        let mut by_term: Vec<_> = by_term.into_iter().collect();
        by_term.sort_unstable_by_key(|(term, _)| *term);
        let mut dictionary = Dictionary::default();
        for (term, postings) in by_term {
            dictionary.add(term.as_bytes(), &postings)?;
        }
        let fields = documents.first().map_or(0, |(_, document)| document.filters.len());
        let mut filters = Vec::with_capacity(fields);
        for field in 0..fields {
            let value =
                |document: &'_ Arc<SearchDocument>| document.filters.get(field).cloned().unwrap_or_default();
            let mut values: Vec<Box<[u8]>> = documents.iter().map(|(_, document)| value(document)).collect();
            values.sort_unstable();
            values.dedup();
            let number = |document| values.binary_search(&value(document)).unwrap_or(0) as u32;
            let of_document = documents.iter().map(|(_, document)| number(document)).collect();
            let numbered = (0..).zip(&values).map(|(number, value)| (value, number));
            filters.push(Column { values: map(numbered)?, of_document });
        }
        Self::new(
            dictionary,
            documents.iter().map(|(id, _)| *id).collect(),
            documents.iter().map(|(_, document)| document.creation_time).collect(),
            documents.iter().map(|(_, document)| document.length).collect(),
            filters.into(),
        )
    }

    /// A segment of what is alive in others, which hold different documents.
    pub(super) fn merge(parts: &[(&Self, &Bits)]) -> Result<Self> {
        // Each part is in order already, which a stable sort makes use of.
        let mut order: Vec<(f64, InternalId, u32, Ordinal)> = Vec::new();
        for (number, (part, dead)) in (0..).zip(parts) {
            let alive = (0..part.len()).filter(|ordinal| !dead.contains(*ordinal));
            order.extend(alive.map(|ordinal| {
                let place = ordinal as usize;
                (part.creation_times[place], part.ids[place], number, ordinal)
            }));
        }
        order.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        let mut renumbered: Vec<Vec<Ordinal>> =
            parts.iter().map(|(part, _)| vec![GONE; part.ids.len()]).collect();
        for (new, (.., part, old)) in (0..).zip(&order) {
            renumbered[*part as usize][*old as usize] = new;
        }

        let mut union = fst::map::OpBuilder::new();
        for (part, _) in parts {
            union.push(part.terms.stream());
        }
        let mut union = union.union();
        let mut dictionary = Dictionary::default();
        let mut postings = Vec::new();
        while let Some((term, places)) = union.next() {
            postings.clear();
            for place in places {
                let (part, renumbered) = (parts[place.index].0, &renumbered[place.index]);
                let moved =
                    part.postings_at(place.value).map(|(old, count)| (renumbered[old as usize], count));
                postings.extend(moved.filter(|(new, _)| *new != GONE));
            }
            postings.sort_by_key(|(ordinal, _)| *ordinal);
            if !postings.is_empty() {
                dictionary.add(term, &postings)?;
            }
        }

        let fields = parts.iter().map(|(part, _)| part.filters.len()).max().unwrap_or(0);
        let mut filters = Vec::with_capacity(fields);
        for field in 0..fields {
            filters.push(merge_columns(parts, field, &order)?);
        }
        let length = |part: u32, old: Ordinal| parts[part as usize].0.lengths[old as usize];
        Self::new(
            dictionary,
            order.iter().map(|(_, id, ..)| *id).collect(),
            order.iter().map(|(time, ..)| *time).collect(),
            order.iter().map(|(.., part, old)| length(*part, *old)).collect(),
            filters.into(),
        )
    }

    fn new(
        dictionary: Dictionary,
        ids: Box<[InternalId]>,
        creation_times: Box<[f64]>,
        lengths: Box<[u32]>,
        filters: Box<[Column]>,
    ) -> Result<Self> {
        let postings = dictionary.postings.into_boxed_slice();
        Ok(Self::of_parts(finish(dictionary.terms)?, postings, ids, creation_times, lengths, filters))
    }

    /// A segment of its arrays, which must fit each other.
    pub(super) fn of_parts(
        terms: Map<Box<[u8]>>,
        postings: Box<[u8]>,
        ids: Box<[InternalId]>,
        creation_times: Box<[f64]>,
        lengths: Box<[u32]>,
        filters: Box<[Column]>,
    ) -> Self {
        let by_id = by_id(&ids);
        Self { terms, postings, ids, creation_times, lengths, filters, by_id, file: OnceLock::new() }
    }

    /// How many documents it has.
    pub(super) fn len(&self) -> Ordinal {
        self.ids.len() as Ordinal
    }

    /// The number of a document.
    pub(super) fn ordinal(&self, id: &InternalId) -> Option<Ordinal> {
        self.place(id, 0).map(|place| self.by_id[place])
    }

    /// A document's place in the order of ids; `likely` is looked at first.
    pub(super) fn place(&self, id: &InternalId, likely: usize) -> Option<usize> {
        let at = |ordinal: &Ordinal| &self.ids[*ordinal as usize];
        if self.by_id.get(likely).is_some_and(|ordinal| at(ordinal) == id) {
            return Some(likely);
        }
        self.by_id.binary_search_by(|ordinal| at(ordinal).cmp(id)).ok()
    }

    /// The document at a place in the order of ids.
    pub(super) fn at_place(&self, place: usize) -> Ordinal {
        self.by_id[place]
    }

    /// The documents that have a term.
    pub(super) fn term(&self, term: &str) -> Option<Postings<'_>> {
        self.terms.get(term).map(|place| self.postings_at(place))
    }

    /// Calls `found` with the postings of every term that begins with `prefix`.
    pub(super) fn each_with_prefix<'a>(&'a self, prefix: &str, mut found: impl FnMut(Postings<'a>)) {
        let end = fusion_schema::key::prefix_end(prefix.as_bytes());
        let range = self.terms.range().ge(prefix);
        let range = match &end {
            Some(end) => range.lt(end),
            None => range,
        };
        let mut terms = range.into_stream();
        while let Some((_, place)) = terms.next() {
            found(self.postings_at(place));
        }
    }

    fn postings_at(&self, place: u64) -> Postings<'_> {
        let mut postings = Postings { bytes: &self.postings[place as usize..], left: 0, ordinal: 0 };
        postings.left = postings.number();
        postings
    }
}

/// An ordinal that is none.
const GONE: Ordinal = Ordinal::MAX;

fn by_id(ids: &[InternalId]) -> Box<[Ordinal]> {
    let mut by_id: Box<[Ordinal]> = (0..ids.len() as Ordinal).collect();
    by_id.sort_unstable_by_key(|ordinal| ids[*ordinal as usize]);
    by_id
}

fn merge_columns(
    parts: &[(&Segment, &Bits)],
    field: usize,
    order: &[(f64, InternalId, u32, Ordinal)],
) -> Result<Column> {
    let mut union = fst::map::OpBuilder::new();
    let mut renumbered: Vec<Vec<u32>> = Vec::with_capacity(parts.len());
    for (part, _) in parts {
        if let Some(column) = part.filters.get(field) {
            union.push(column.values.stream());
            renumbered.push(vec![0; column.values.len()]);
        }
    }
    let mut union = union.union();
    let mut values = MapBuilder::memory();
    let mut next = 0_u32;
    while let Some((value, places)) = union.next() {
        values.insert(value, u64::from(next)).map_err(unsorted)?;
        for place in places {
            renumbered[place.index][place.value as usize] = next;
        }
        next += 1;
    }
    let number = |part: u32, old: Ordinal| {
        let part = part as usize;
        let column = parts[part].0.filters.get(field)?;
        Some(renumbered.get(part)?[column.of_document[old as usize] as usize])
    };
    let of_document = order.iter().map(|(.., part, old)| number(*part, *old).unwrap_or(0)).collect();
    Ok(Column { values: finish(values)?, of_document })
}

fn unsorted(error: fst::Error) -> Error {
    Error::internal("A full-text index could not be built.").with_source(error)
}

fn finish(builder: MapBuilder<Vec<u8>>) -> Result<Map<Box<[u8]>>> {
    let bytes = builder.into_inner().map_err(unsorted)?;
    Map::new(bytes.into_boxed_slice()).map_err(unsorted)
}

fn map<K: AsRef<[u8]>>(sorted: impl IntoIterator<Item = (K, u32)>) -> Result<Map<Box<[u8]>>> {
    let mut builder = MapBuilder::memory();
    for (key, value) in sorted {
        builder.insert(key, u64::from(value)).map_err(unsorted)?;
    }
    finish(builder)
}

/// Terms and postings under construction; terms come in order.
struct Dictionary {
    terms: MapBuilder<Vec<u8>>,
    postings: Vec<u8>,
}

impl Default for Dictionary {
    fn default() -> Self {
        Self { terms: MapBuilder::memory(), postings: Vec::new() }
    }
}

impl Dictionary {
    fn add(&mut self, term: &[u8], postings: &[(Ordinal, u32)]) -> Result<()> {
        self.terms.insert(term, self.postings.len() as u64).map_err(unsorted)?;
        put_number(&mut self.postings, postings.len() as u64);
        let mut last = 0;
        for (ordinal, frequency) in postings {
            // The lowest bit says whether the frequency follows; mostly it is one and does not.
            let more = u64::from(*frequency > 1);
            put_number(&mut self.postings, (u64::from(ordinal - last) << 1) | more);
            if more > 0 {
                put_number(&mut self.postings, u64::from(*frequency));
            }
            last = *ordinal;
        }
        Ok(())
    }
}

/// Seven bits to a byte, the lowest first; the highest bit says that more follow.
fn put_number(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

/// The documents that have a term, with how often they have it.
pub(super) struct Postings<'a> {
    bytes: &'a [u8],
    left: u32,
    ordinal: Ordinal,
}

impl Postings<'_> {
    /// How many documents are left.
    pub(super) const fn len(&self) -> u32 {
        self.left
    }

    fn number(&mut self) -> u32 {
        self.long_number() as u32
    }

    #[inline]
    fn long_number(&mut self) -> u64 {
        let (mut number, mut shift) = (0, 0);
        while let Some((byte, rest)) = self.bytes.split_first() {
            self.bytes = rest;
            number |= u64::from(byte & 0x7F) << shift;
            if *byte < 0x80 {
                break;
            }
            shift += 7;
        }
        number
    }
}

impl Iterator for Postings<'_> {
    type Item = (Ordinal, u32);

    #[inline]
    fn next(&mut self) -> Option<(Ordinal, u32)> {
        self.left = self.left.checked_sub(1)?;
        let number = self.long_number();
        self.ordinal += (number >> 1) as u32;
        let frequency = if number & 1 == 1 { self.number() } else { 1 };
        Some((self.ordinal, frequency))
    }
}
