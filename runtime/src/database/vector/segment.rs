//! [`Segment`]: some thousand vectors side by side.
//!
//! A segment grows in memory until it is *sealed*: written to a file, after which the exact vectors are read from there.
//! What is searched in (codes and tags) stays in memory. A sealed segment never changes, but its rows can die. The file
//! says of each row which version of which document it is, so whether rows live is found out by asking the documents.
//!
//! A file has, all in little-endian order: a magic number; dimensions, tags per row and rows, as `u32`; for each row its
//! document's id (16 bytes) and commit (`u64`); a column of tags (16 bytes each) for each filter field; scale and error of
//! each row (`f32`); the CRC-32 of each vector; the codes; the SHA-256 of everything so far; the vectors (`f32`).

use std::fs::File;
use std::io::{self, BufWriter, Read, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use fusion_schema::id::InternalId;
use sha2::{Digest, Sha256};

use super::coding::{self, Coding};
use super::extract::{Extracted, Tag};
use crate::database::Timestamp;

/// Marks a file as a segment of this layout, these codes and these tags; change it with any of them.
const MAGIC: [u8; 8] = *b"FUSNVEC1";
/// Bytes of the digest that ends the checked part.
const DIGEST_LENGTH: usize = 32;

/// What all rows of an index have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Shape {
    /// Numbers of a vector.
    pub(super) dimensions: usize,
    /// Filter fields.
    pub(super) tags: usize,
}

/// The version of a document that a row was made from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Version {
    /// The document inside its table.
    pub(super) id: InternalId,
    /// The commit that wrote it.
    pub(super) ts: Timestamp,
}

/// See the module's documentation.
#[derive(Debug)]
pub(super) struct Segment {
    shape: Shape,
    versions: Vec<Version>,
    /// A column for each filter field.
    tags: Vec<Vec<Tag>>,
    codings: Vec<Coding>,
    codes: Vec<i8>,
    vectors: Vectors,
    /// A bit for each row.
    alive: Vec<u64>,
    live: usize,
}

/// Where the exact vectors are.
#[derive(Debug)]
enum Vectors {
    Memory(Vec<f32>),
    File { file: File, path: PathBuf, start: u64, checks: Vec<u32> },
}

impl Segment {
    pub(super) fn new(shape: Shape) -> Self {
        Self {
            shape,
            versions: Vec::new(),
            tags: vec![Vec::new(); shape.tags],
            codings: Vec::new(),
            codes: Vec::new(),
            vectors: Vectors::Memory(Vec::new()),
            alive: Vec::new(),
            live: 0,
        }
    }

    /// Rows, dead ones included.
    pub(super) fn len(&self) -> usize {
        self.versions.len()
    }

    /// Rows that live.
    pub(super) const fn live(&self) -> usize {
        self.live
    }

    pub(super) fn version(&self, row: usize) -> Version {
        self.versions[row]
    }

    pub(super) fn coding(&self, row: usize) -> Coding {
        self.codings[row]
    }

    pub(super) fn codes(&self, row: usize) -> &[i8] {
        let start = row * self.shape.dimensions;
        &self.codes[start..start + self.shape.dimensions]
    }

    /// The tags of all rows in a filter field.
    pub(super) fn tags(&self, field: usize) -> &[Tag] {
        &self.tags[field]
    }

    pub(super) fn is_alive(&self, row: usize) -> bool {
        self.alive[row / 64] >> (row % 64) & 1 == 1
    }

    /// Ends the life of a row.
    pub(super) fn kill(&mut self, row: usize) {
        if self.is_alive(row) {
            self.alive[row / 64] &= !(1 << (row % 64));
            self.live -= 1;
        }
    }

    /// Bytes in memory, about.
    pub(super) fn memory(&self) -> usize {
        let vectors = match &self.vectors {
            Vectors::Memory(numbers) => numbers.capacity() * size_of::<f32>(),
            Vectors::File { checks, .. } => checks.capacity() * size_of::<u32>(),
        };
        self.versions.capacity() * size_of::<Version>()
            + self.tags.iter().map(|tags| tags.capacity() * size_of::<Tag>()).sum::<usize>()
            + self.codings.capacity() * size_of::<Coding>()
            + self.codes.capacity()
            + vectors
    }

    /// Adds a living row and gives its number; `None` if the segment is sealed.
    pub(super) fn push(&mut self, version: Version, extracted: &Extracted) -> Option<usize> {
        let row = self.len();
        let Vectors::Memory(vectors) = &mut self.vectors else { return None };
        vectors.extend_from_slice(&extracted.vector);
        self.codings.push(coding::encode(&extracted.vector, &mut self.codes));
        for (column, tag) in self.tags.iter_mut().zip(&extracted.tags) {
            column.push(*tag);
        }
        self.versions.push(version);
        if row.is_multiple_of(64) {
            self.alive.push(0);
        }
        self.alive[row / 64] |= 1 << (row % 64);
        self.live += 1;
        Some(row)
    }

    /// The exact vector of a row.
    ///
    /// # Errors
    /// If the file cannot be read or is damaged.
    pub(super) fn vector(&self, row: usize) -> io::Result<Vec<f32>> {
        let dimensions = self.shape.dimensions;
        match &self.vectors {
            Vectors::Memory(numbers) => Ok(numbers[row * dimensions..(row + 1) * dimensions].to_vec()),
            Vectors::File { file, start, checks, .. } => {
                let mut bytes = vec![0; dimensions * size_of::<f32>()];
                let at = start + (row * bytes.len()) as u64;
                file.read_exact_at(&mut bytes, at)?;
                if crc32fast::hash(&bytes) != checks[row] {
                    return Err(damaged());
                }
                Ok(bytes.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect())
            }
        }
    }

    /// What was extracted for a row.
    ///
    /// # Errors
    /// As [`Segment::vector`].
    pub(super) fn extracted(&self, row: usize) -> io::Result<Extracted> {
        Ok(Extracted { vector: self.vector(row)?, tags: self.tags.iter().map(|tags| tags[row]).collect() })
    }

    /// Writes the file of a segment that is not sealed, whole or not at all; [`Segment::seal`] is the second half.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub(super) fn write(&self, path: &Path) -> io::Result<SealedFile> {
        let Vectors::Memory(vectors) = &self.vectors else {
            return Err(io::Error::other("the segment is sealed already"));
        };
        let unfinished = path.with_extension("new");
        let checks: Vec<u32> = vectors
            .chunks_exact(self.shape.dimensions)
            .map(|vector| crc32fast::hash(&bytes_of(vector)))
            .collect();
        let mut out =
            Hashing { out: BufWriter::new(File::create(&unfinished)?), digest: Sha256::new(), length: 0 };
        out.write_all(&MAGIC)?;
        for number in [self.shape.dimensions, self.shape.tags, self.len()] {
            out.write_all(&(number as u32).to_le_bytes())?;
        }
        for Version { id, ts } in &self.versions {
            out.write_all(id)?;
            out.write_all(&ts.to_le_bytes())?;
        }
        for tag in self.tags.iter().flatten() {
            out.write_all(&tag.to_le_bytes())?;
        }
        for Coding { scale, error } in &self.codings {
            out.write_all(&bytes_of(&[*scale, *error]))?;
        }
        for check in &checks {
            out.write_all(&check.to_le_bytes())?;
        }
        for codes in self.codes.chunks(1 << 16) {
            out.write_all(&codes.iter().map(|code| *code as u8).collect::<Vec<u8>>())?;
        }
        let Hashing { mut out, digest, length } = out;
        out.write_all(&digest.finalize())?;
        for vector in vectors.chunks_exact(self.shape.dimensions) {
            out.write_all(&bytes_of(vector))?;
        }
        out.into_inner().map_err(io::IntoInnerError::into_error)?.sync_data()?;
        std::fs::rename(&unfinished, path)?;
        let start = length + DIGEST_LENGTH as u64;
        Ok(SealedFile { file: File::open(path)?, path: path.to_owned(), start, checks })
    }

    /// From here on exact vectors come from the file that [`Segment::write`] wrote.
    pub(super) fn seal(&mut self, SealedFile { file, path, start, checks }: SealedFile) {
        self.vectors = Vectors::File { file, path, start, checks };
        self.versions.shrink_to_fit();
        self.tags.iter_mut().for_each(Vec::shrink_to_fit);
        self.codings.shrink_to_fit();
        self.codes.shrink_to_fit();
    }

    /// Opens a sealed segment. All rows are alive.
    ///
    /// # Errors
    /// If the file cannot be read, is damaged, or is of another shape.
    pub(super) fn open(path: &Path, shape: Shape) -> io::Result<Self> {
        let mut file = File::open(path)?;
        let mut head = [0; 20];
        file.read_exact(&mut head)?;
        let number =
            |at: usize| u32::from_le_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]) as usize;
        let (dimensions, tags, rows) = (number(8), number(12), number(16));
        if head[..8] != MAGIC || (Shape { dimensions, tags }) != shape {
            return Err(damaged());
        }
        let row_length = 24 + 16 * tags + 8 + 4 + dimensions;
        let start = head.len() + rows * row_length + DIGEST_LENGTH;
        if file.metadata()?.len() != (start + rows * dimensions * size_of::<f32>()) as u64 {
            return Err(damaged());
        }
        let mut bytes = vec![0; rows * row_length];
        file.read_exact(&mut bytes)?;
        let mut digest = [0; DIGEST_LENGTH];
        file.read_exact(&mut digest)?;
        if digest[..] != Sha256::new().chain_update(head).chain_update(&bytes).finalize()[..] {
            return Err(damaged());
        }
        // Codes come last, so that cutting off what is before them leaves them in place.
        let codes = bytes.split_off(bytes.len() - rows * dimensions);
        let mut rest = Reader(&bytes);
        let version = |reader: &mut Reader<'_>| {
            Some(Version { id: reader.take()?, ts: u64::from_le_bytes(reader.take()?) })
        };
        let coding = |reader: &mut Reader<'_>| {
            Some(Coding {
                scale: f32::from_le_bytes(reader.take()?),
                error: f32::from_le_bytes(reader.take()?),
            })
        };
        let versions = rest.many(rows, version)?;
        let columns = (0..tags).map(|_| rest.many(rows, |reader| reader.take().map(Tag::from_le_bytes)));
        let columns = columns.collect::<io::Result<_>>()?;
        let codings = rest.many(rows, coding)?;
        let checks = rest.many(rows, |reader| reader.take().map(u32::from_le_bytes))?;
        let mut alive = vec![u64::MAX; rows.div_ceil(64)];
        if let Some(last) = alive.last_mut().filter(|_| !rows.is_multiple_of(64)) {
            *last = (1 << (rows % 64)) - 1;
        }
        Ok(Self {
            shape,
            versions,
            tags: columns,
            codings,
            codes: codes.into_iter().map(|byte| byte as i8).collect(),
            vectors: Vectors::File { file, path: path.to_owned(), start: start as u64, checks },
            alive,
            live: rows,
        })
    }

    /// Removes the file of a segment that nobody needs any more.
    pub(super) fn discard(self) {
        if let Vectors::File { path, .. } = self.vectors {
            // What stays behind is found out of date at the next start.
            let _ = std::fs::remove_file(path);
        }
    }
}

/// A segment's file that was written and checked in.
#[derive(Debug)]
pub(super) struct SealedFile {
    file: File,
    path: PathBuf,
    start: u64,
    checks: Vec<u32>,
}

fn damaged() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "the file of vectors is damaged or of another index")
}

fn bytes_of(numbers: &[f32]) -> Vec<u8> {
    numbers.iter().flat_map(|number| number.to_le_bytes()).collect()
}

/// Writes and takes the digest and the length of what is written.
struct Hashing<W> {
    out: W,
    digest: Sha256,
    length: u64,
}

impl<W: Write> Hashing<W> {
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.digest.update(bytes);
        self.length += bytes.len() as u64;
        self.out.write_all(bytes)
    }
}

struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (bytes, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*bytes)
    }

    fn many<T>(&mut self, count: usize, mut one: impl FnMut(&mut Self) -> Option<T>) -> io::Result<Vec<T>> {
        (0..count).map(|_| one(self).ok_or_else(damaged)).collect()
    }
}
