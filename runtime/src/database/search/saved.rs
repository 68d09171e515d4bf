//! What a process leaves to the next one: [`Saver`] writes segments to files as they grow old, [`SavedSearch`] takes them
//! in again at a start, as far as they still hold, and [`SearchLoader`] indexes what is not in them.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};
use std::time::Duration;

use fusion_schema::id::InternalId;
use fusion_schema::table::SearchIndexDefinition;
use imbl::OrdMap;

use super::bits::Bits;
use super::segment::{Ordinal, Segment};
use super::{Part, SearchBuilder, SearchDocument, SearchIndex, file};
use crate::clock::{Moment, random_bytes};
use crate::database::Timestamp;
use crate::database::attached::{AttachedDefinition, AttachedIndex};
use crate::database::document::Entry;
use crate::database::key::IndexId;
use crate::database::snapshot::{State, TableState};

/// The folder inside the data folder.
const FOLDER: &str = "search";
/// What the names of files end in.
const EXTENSION: &str = "segment";
/// Documents from which on a segment is worth a file; the texts of smaller ones are read again in no time.
const SAVED_MIN: u32 = if cfg!(test) { 4 } else { 10_000 };
/// How old a segment is before it is written: most are merged into larger ones before.
const SAVED_AFTER: Duration = Duration::from_secs(if cfg!(test) { 0 } else { 5 });

/// The beginning of the names of an index's files.
fn prefix(index: IndexId) -> String {
    format!("{}-{}-", index.table.0, index.slot)
}

/// The segments that files have of an index.
pub(crate) struct SavedSearch {
    segments: Vec<(Segment, Box<[Timestamp]>, PathBuf)>,
}

impl SavedSearch {
    /// Reads the files of an index.
    pub(crate) fn open(
        data_folder: Option<&Path>,
        index: IndexId,
        definition: &SearchIndexDefinition,
    ) -> Self {
        let files = data_folder.and_then(|folder| fs::read_dir(folder.join(FOLDER)).ok());
        let prefix = prefix(index);
        let is_its = |path: &PathBuf| {
            let name = path.file_name().and_then(|name| name.to_str());
            name.is_some_and(|name| name.starts_with(&prefix))
                && path.extension().is_some_and(|found| found == EXTENSION)
        };
        let paths = files.into_iter().flatten().flatten().map(|entry| entry.path()).filter(is_its);
        let segment = |path: PathBuf| {
            let (segment, versions) = file::read(&path, definition)?;
            Some((segment, versions, path))
        };
        let mut segments: Vec<_> = paths.filter_map(segment).collect();
        // A large one was made of small ones, which may still be there.
        segments.sort_by_key(|(segment, ..)| std::cmp::Reverse(segment.len()));
        Self { segments }
    }

    /// Sorts out what a part of the table's documents has in the segments.
    pub(crate) fn loader(&self) -> SearchLoader<'_> {
        let known = self.segments.iter().map(|_| (0, Bits::default())).collect();
        SearchLoader { saved: self, known, builder: SearchBuilder::default() }
    }

    /// The whole index, of what all the loaders found in the segments and what they indexed.
    pub(crate) fn finish(self, loaded: Vec<LoadedSearch>) -> SearchIndex {
        let mut index = SearchIndex::default();
        let mut parts = Vec::new();
        for (number, (segment, _, path)) in self.segments.into_iter().enumerate() {
            let known = |ordinal| loaded.iter().any(|loaded| loaded.known[number].contains(ordinal));
            let mut dead = Bits::default();
            for ordinal in 0..segment.len() {
                if known(ordinal) {
                    index.statistics.documents += 1;
                    index.statistics.length += u64::from(segment.lengths[ordinal as usize]);
                } else {
                    dead.insert(ordinal);
                }
            }
            if dead.len() == segment.len() {
                // Nothing of it holds any more.
                let _ = fs::remove_file(path);
                continue;
            }
            let _ = segment.file.set(path);
            parts.push(Part { segment: Arc::new(segment), dead: Arc::new(dead) });
        }
        index.segments = parts.into();
        for loaded in loaded {
            index.join(loaded.index);
        }
        index
    }
}

/// See the module's documentation.
pub(crate) struct SearchLoader<'a> {
    saved: &'a SavedSearch,
    /// For each segment where the last document was found, in order of ids, and all that were.
    known: Vec<(usize, Bits)>,
    builder: SearchBuilder,
}

/// What a [`SearchLoader`] leaves.
pub(crate) struct LoadedSearch {
    known: Vec<Bits>,
    index: SearchIndex,
}

impl SearchLoader<'_> {
    /// Whether a segment has this version of a document, so that it need not be indexed.
    pub(crate) fn knows(&mut self, id: &InternalId, version: Timestamp) -> bool {
        for ((segment, versions, _), (last, known)) in self.saved.segments.iter().zip(&mut self.known) {
            let Some(place) = segment.place(id, *last + 1) else { continue };
            *last = place;
            let ordinal = segment.at_place(place);
            if versions[ordinal as usize] == version {
                known.insert(ordinal);
                return true;
            }
        }
        false
    }

    /// Indexes a document that no segment has.
    pub(crate) fn add(&mut self, id: InternalId, document: Arc<SearchDocument>) {
        self.builder.add(id, document);
    }

    /// What was found and what was indexed.
    pub(crate) fn finish(self) -> LoadedSearch {
        LoadedSearch {
            known: self.known.into_iter().map(|(_, known)| known).collect(),
            index: self.builder.finish(),
        }
    }
}

/// See the module's documentation.
pub(crate) struct Saver {
    folder: PathBuf,
    /// The segments that have a file, or are to have none because it could not be written.
    saved: Vec<(Weak<Segment>, Option<PathBuf>)>,
    /// When segments without a file were seen first.
    seen: HashMap<usize, (Weak<Segment>, Moment)>,
}

impl Saver {
    /// For the data folder of a state that was just loaded. Files that nobody knows any more are removed.
    pub(crate) fn new(data_folder: &Path, state: &State) -> Self {
        let mut saver = Self { folder: data_folder.join(FOLDER), saved: Vec::new(), seen: HashMap::new() };
        for_each_segment(state, |_, _, segment| {
            if let Some(path) = segment.file.get() {
                saver.saved.push((Arc::downgrade(segment), Some(path.clone())));
            }
        });
        for entry in fs::read_dir(&saver.folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if !saver.saved.iter().any(|(_, saved)| saved.as_ref() == Some(&path)) {
                // What cannot be removed is passed over again the next time.
                let _ = fs::remove_file(path);
            }
        }
        saver
    }

    /// Writes segments that have been there for a while, and removes the files of those that are no more.
    pub(crate) fn save(&mut self, state: &State) {
        self.saved.retain(|(segment, path)| {
            let is_alive = segment.strong_count() > 0;
            if let (false, Some(path)) = (is_alive, path) {
                let _ = fs::remove_file(path);
            }
            is_alive
        });
        self.seen.retain(|_, (segment, _)| segment.strong_count() > 0);
        let mut due = Vec::new();
        for_each_segment(state, |table, slot, segment| {
            let is_saved = self.saved.iter().any(|(saved, _)| saved.as_ptr() == Arc::as_ptr(segment));
            if is_saved || segment.len() < SAVED_MIN {
                return;
            }
            let key = Arc::as_ptr(segment).addr();
            let (_, since) = self.seen.entry(key).or_insert_with(|| (Arc::downgrade(segment), Moment::now()));
            if since.elapsed() >= SAVED_AFTER {
                due.push((table, slot, segment.clone()));
            }
        });
        for (index, position, segment) in due {
            let path = self.write(state, index, position, &segment);
            self.seen.remove(&Arc::as_ptr(&segment).addr());
            self.saved.push((Arc::downgrade(&segment), path));
        }
    }

    fn write(&self, state: &State, index: IndexId, part: usize, segment: &Segment) -> Option<PathBuf> {
        let meta = state.catalog.table_by_id(index.table)?;
        let AttachedDefinition::Search(definition) =
            &meta.attached.iter().find(|attached| attached.id == index)?.definition;
        let table = state.tables.get(&index.table)?;
        let AttachedIndex::Search(content) = table.attached(index.slot)?;
        let versions = versions(segment, content.dead().get(part)?, table);
        let name = format!("{}{:016x}.{EXTENSION}", prefix(index), u64::from_le_bytes(random_bytes()));
        let path = self.folder.join(name);
        let written = fs::create_dir_all(&self.folder)
            .and_then(|()| file::write(&path, definition, segment, &versions));
        match written {
            Ok(()) => Some(path),
            Err(error) => {
                tracing::warn!(%error, path = %path.display(), "a file of a full-text index could not be written; the next start will take longer");
                None
            }
        }
    }
}

/// Calls `found` with every segment, its index and its position there.
fn for_each_segment(state: &State, mut found: impl FnMut(IndexId, usize, &Arc<Segment>)) {
    for (table, content) in &state.tables {
        for (slot, index) in &content.attached {
            let AttachedIndex::Search(index) = index;
            for (position, part) in index.segments.iter().enumerate() {
                found(IndexId { table: *table, slot: *slot }, position, &part.segment);
            }
        }
    }
}

/// For each document of a segment the commit that wrote what it is now, 0 for those that are gone.
fn versions(segment: &Segment, dead: &Bits, table: &TableState) -> Vec<Timestamp> {
    let documents: &OrdMap<InternalId, Arc<Entry>> = &table.documents;
    let mut versions = vec![0; segment.len() as usize];
    let mut documents = documents.iter().peekable();
    for place in 0..segment.len() as usize {
        let ordinal: Ordinal = segment.at_place(place);
        let id = &segment.ids[ordinal as usize];
        while documents.next_if(|(found, _)| *found < id).is_some() {}
        if let Some((found, entry)) = documents.peek()
            && *found == id
            && !dead.contains(ordinal)
        {
            versions[ordinal as usize] = entry.ts();
        }
    }
    versions
}
