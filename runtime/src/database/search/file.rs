//! A segment as a file, so that a start need not read all texts again.
//!
//! A file is a copy of what can be made of the documents at any time: it is written without hurry and not synced, and
//! one that is cut off, damaged, of another program or of another definition is passed over. What counts is the
//! documents: with each one the file has the commit that wrote the version it knows, and at the start only those whose
//! rows have that very commit are taken from it.

use std::fs;
use std::io::{self, Write as _};
use std::path::Path;

use fst::Map;
use fusion_schema::id::InternalId;
use fusion_schema::table::SearchIndexDefinition;
use sha2::{Digest, Sha256};

use super::segment::{Column, Segment};
use crate::database::Timestamp;

/// Also says how texts are split into terms: a change of that is a change of this.
const MAGIC: &[u8; 16] = b"fusion-text-0001";

/// What a file's index must be like.
fn fingerprint(definition: &SearchIndexDefinition) -> [u8; 32] {
    let fields = definition.filter_fields.iter().map(String::as_str);
    let fields: Vec<&str> = std::iter::once(definition.search_field.as_str()).chain(fields).collect();
    Sha256::digest(fields.join("\n")).into()
}

/// Writes a segment; `versions`, by ordinal, are the commits that wrote the documents, 0 for those that are gone.
///
/// # Errors
/// If the disk does not take it; nothing is left behind then.
pub(super) fn write(
    path: &Path,
    definition: &SearchIndexDefinition,
    segment: &Segment,
    versions: &[Timestamp],
) -> io::Result<()> {
    let mut out = Vec::new();
    out.extend_from_slice(MAGIC);
    out.extend_from_slice(&fingerprint(definition));
    put_all(&mut out, &segment.ids, |id| *id);
    put_all(&mut out, versions, |version| version.to_le_bytes());
    put_all(&mut out, &segment.creation_times, |time| time.to_le_bytes());
    put_all(&mut out, &segment.lengths, |length| length.to_le_bytes());
    put_bytes(&mut out, segment.terms.as_fst().as_bytes());
    put_bytes(&mut out, &segment.postings);
    out.extend_from_slice(&(segment.filters.len() as u64).to_le_bytes());
    for column in &segment.filters {
        put_bytes(&mut out, column.values.as_fst().as_bytes());
        put_all(&mut out, &column.of_document, |number| number.to_le_bytes());
    }
    let sum = crc32fast::hash(&out);
    out.extend_from_slice(&sum.to_le_bytes());
    let unfinished = path.with_extension("unfinished");
    let written = fs::File::create(&unfinished)
        .and_then(|mut file| file.write_all(&out))
        .and_then(|()| fs::rename(&unfinished, path));
    if written.is_err() {
        // Nobody reads it; the next start removes it.
        let _ = fs::remove_file(&unfinished);
    }
    written
}

fn put_all<T, const N: usize>(out: &mut Vec<u8>, values: &[T], bytes: impl Fn(&T) -> [u8; N]) {
    out.extend_from_slice(&(values.len() as u64).to_le_bytes());
    out.reserve(values.len() * N);
    values.iter().for_each(|value| out.extend_from_slice(&bytes(value)));
}

fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend_from_slice(&(bytes.len() as u64).to_le_bytes());
    out.extend_from_slice(bytes);
}

/// Reads a segment and the commits that wrote its documents; `None` if it is not a sound one of that definition.
pub(super) fn read(path: &Path, definition: &SearchIndexDefinition) -> Option<(Segment, Box<[Timestamp]>)> {
    let bytes = fs::read(path).ok()?;
    let (content, sum) = bytes.split_last_chunk::<4>()?;
    if crc32fast::hash(content) != u32::from_le_bytes(*sum) {
        return None;
    }
    let content = content.strip_prefix(MAGIC)?.strip_prefix(&fingerprint(definition))?;
    let mut rest = Rest(content);
    let ids: Box<[InternalId]> = rest.all(|id| id)?;
    let versions = rest.all(u64::from_le_bytes)?;
    let creation_times = rest.all(f64::from_le_bytes)?;
    let lengths = rest.all(u32::from_le_bytes)?;
    let terms = Map::new(Box::<[u8]>::from(rest.bytes()?)).ok()?;
    let postings = rest.bytes()?.into();
    let mut filters = Vec::new();
    for _ in 0..rest.number()? {
        let values = Map::new(Box::<[u8]>::from(rest.bytes()?)).ok()?;
        let of_document = rest.all(u32::from_le_bytes)?;
        filters.push(Column { values, of_document });
    }
    let documents = ids.len();
    let is_sound = filters.len() == definition.filter_fields.len()
        && filters.iter().all(|column| column.of_document.len() == documents)
        && [versions.len(), creation_times.len(), lengths.len()].iter().all(|length| *length == documents);
    let segment = Segment::of_parts(terms, postings, ids, creation_times, lengths, filters.into());
    is_sound.then_some((segment, versions))
}

/// What is left to be read.
struct Rest<'a>(&'a [u8]);

impl<'a> Rest<'a> {
    fn number(&mut self) -> Option<usize> {
        let (number, rest) = self.0.split_first_chunk::<8>()?;
        self.0 = rest;
        usize::try_from(u64::from_le_bytes(*number)).ok()
    }

    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    fn bytes(&mut self) -> Option<&'a [u8]> {
        let length = self.number()?;
        self.take(length)
    }

    fn all<T, const N: usize>(&mut self, value: impl Fn([u8; N]) -> T) -> Option<Box<[T]>> {
        let length = self.number()?;
        let (values, _) = self.take(length.checked_mul(N)?)?.as_chunks::<N>();
        Some(values.iter().map(|bytes| value(*bytes)).collect())
    }
}
