//! [`VectorIndex`]: the rows of one vector index, in segments.
//!
//! New rows go into the one segment that is open; a document that changed or went leaves a dead row behind. When the
//! open segment is full it is sealed; a sealed segment of which little lives is taken apart again, and its rows that
//! live are added like new ones. Where segments are sealed to, and when, is for the caller to say: reading and writing
//! files needs no exclusive access, the short steps between do.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::path::Path;

use fusion_schema::id::InternalId;

use super::extract::Extracted;
use super::scan::{self, Filter, Found};
use super::segment::{SealedFile, Segment, Shape, Version};
use crate::database::Timestamp;

/// Bytes of codes and exact vectors in the open segment after which it is sealed.
const SEALED_BYTES: usize = if cfg!(test) { 2 << 10 } else { 32 << 20 };

/// Where a row is.
#[derive(Clone, Copy, Debug)]
struct Place {
    segment: u32,
    row: u32,
}

/// See the module's documentation.
#[derive(Debug)]
pub(super) struct VectorIndex {
    shape: Shape,
    /// By number, which grows; the last one is open.
    segments: BTreeMap<u32, Segment>,
    open: u32,
    places: HashMap<InternalId, Place>,
}

impl VectorIndex {
    /// An index of sealed segments by their numbers. Of several versions of a document the last one counts.
    pub(super) fn new(shape: Shape, sealed: Vec<(u32, Segment)>) -> Self {
        let open = sealed.iter().map(|(number, _)| number + 1).max().unwrap_or(0);
        let mut index = Self { shape, segments: BTreeMap::new(), open, places: HashMap::new() };
        for (number, segment) in sealed {
            let rows = segment.len();
            index.segments.insert(number, segment);
            for row in 0..rows {
                index.place(number, row);
            }
        }
        index.segments.insert(open, Segment::new(shape));
        index
    }

    /// Takes a row for its document's, unless a later version of it is there.
    fn place(&mut self, segment: u32, row: usize) {
        let place = Place { segment, row: row as u32 };
        let Some(version) = self.segments.get(&segment).map(|segment| segment.version(row)) else { return };
        if self.version_of(&version.id).is_some_and(|ts| ts >= version.ts) {
            self.kill(place);
        } else if let Some(earlier) = self.places.insert(version.id, place) {
            self.kill(earlier);
        }
    }

    fn kill(&mut self, place: Place) {
        if let Some(segment) = self.segments.get_mut(&place.segment) {
            segment.kill(place.row as usize);
        }
    }

    /// Bytes in memory, about.
    pub(super) fn memory(&self) -> usize {
        let place = size_of::<(InternalId, Place)>() + 1;
        self.segments.values().map(Segment::memory).sum::<usize>() + self.places.capacity() * place
    }

    /// The version of a document that is in the index.
    pub(super) fn version_of(&self, id: &InternalId) -> Option<Timestamp> {
        let place = self.places.get(id)?;
        Some(self.segments.get(&place.segment)?.version(place.row as usize).ts)
    }

    /// Puts a document's version in place of an earlier one.
    pub(super) fn insert(&mut self, version: Version, extracted: &Extracted) {
        self.remove(&version.id);
        let open = self.segments.get_mut(&self.open);
        if let Some(row) = open.and_then(|open| open.push(version, extracted)) {
            self.places.insert(version.id, Place { segment: self.open, row: row as u32 });
        }
    }

    /// Removes a document, if it is there.
    pub(super) fn remove(&mut self, id: &InternalId) {
        if let Some(place) = self.places.remove(id) {
            self.kill(place);
        }
    }

    /// The documents most similar to a unit vector, best first.
    ///
    /// # Errors
    /// If exact vectors cannot be read back.
    pub(super) fn search(&self, query: &[f32], limit: usize, filter: &Filter) -> io::Result<Vec<Found>> {
        let segments: Vec<&Segment> = self.segments.values().filter(|segment| segment.live() > 0).collect();
        scan::search(&segments, query, limit, filter)
    }

    /// Whether the open segment should be sealed.
    pub(super) fn is_full(&self) -> bool {
        let row = self.shape.dimensions * (size_of::<f32>() + 1);
        self.segments.get(&self.open).is_some_and(|open| open.len() * row >= SEALED_BYTES)
    }

    /// The number and rows of the open segment.
    pub(super) fn open_segment(&self) -> (u32, usize) {
        (self.open, self.segments.get(&self.open).map_or(0, Segment::len))
    }

    /// Writes the open segment's file.
    ///
    /// # Errors
    /// If it cannot be written.
    pub(super) fn write_open(&self, path: &Path) -> io::Result<SealedFile> {
        match self.segments.get(&self.open) {
            Some(open) => open.write(path),
            None => Err(io::Error::other("there is no open segment")),
        }
    }

    /// Seals the open segment with the file written since its last row, and opens a new one. Without a file its exact
    /// vectors stay in memory.
    pub(super) fn seal(&mut self, file: Option<SealedFile>) {
        if let Some((file, open)) = file.zip(self.segments.get_mut(&self.open)) {
            open.seal(file);
        }
        self.open += 1;
        self.segments.insert(self.open, Segment::new(self.shape));
    }

    /// Every document in the index with its version.
    pub(super) fn versions(&self) -> impl Iterator<Item = Version> {
        self.places
            .values()
            .filter_map(|place| Some(self.segments.get(&place.segment)?.version(place.row as usize)))
    }

    /// A segment, not the open one, of which so little lives that it should be taken apart.
    pub(super) fn wasteful(&self) -> Option<u32> {
        let full = SEALED_BYTES / (self.shape.dimensions * (size_of::<f32>() + 1)).max(1);
        let is_wasteful = |number: u32, segment: &Segment| {
            number != self.open && segment.live() < (segment.len() / 2).max(full / 2)
        };
        self.segments
            .iter()
            .find(|(number, segment)| is_wasteful(**number, segment))
            .map(|(number, _)| *number)
    }

    /// The living rows of a segment.
    ///
    /// # Errors
    /// If exact vectors cannot be read back.
    pub(super) fn living(&self, number: u32) -> io::Result<Vec<(Version, Extracted)>> {
        let Some(segment) = self.segments.get(&number) else { return Ok(Vec::new()) };
        let living = (0..segment.len()).filter(|row| segment.is_alive(*row));
        living.map(|row| Ok((segment.version(row), segment.extracted(row)?))).collect()
    }

    /// Removes a segment whose living rows were inserted anew, and gives it for its file to be removed.
    pub(super) fn take(&mut self, number: u32) -> Option<Segment> {
        self.segments.remove(&number)
    }
}
