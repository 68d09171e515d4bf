//! [`Archive`]: what a ZIP file of an export holds, found by the names of its entries.
//!
//! A file can say anything about itself: what it says is checked before anything is inflated, and what is inflated is
//! counted while it comes. An entry that is longer than it is said to be is refused by the crate that reads it.

use std::collections::BTreeMap;
use std::io::{self, Read, Seek, SeekFrom};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use fusion_schema::{DocumentId, TableNumber};
use serde::Deserialize;
use zip::ZipArchive;
use zip::read::ZipFile;

use super::blocks::{at, unreadable};
use super::documents::lines;
use crate::{Error, Result};

/// Most entries of a ZIP file.
const ENTRIES_MAX: u64 = 1_000_000;
/// Bytes that any ZIP file may be inflated to.
const INFLATED_ANYWAY: u64 = if cfg!(test) { 16 << 20 } else { 1 << 30 };
/// How many times its own length a larger one may be inflated to.
const INFLATION_MAX: u64 = 200;

/// A table in the archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct TableEntry {
    /// The entry with the documents.
    pub(super) entry: usize,
    /// It was exported, so that numbers tell their type.
    pub(super) is_exported: bool,
    /// The number of its ids, if the archive says.
    pub(super) number: Option<TableNumber>,
}

/// What the archive holds of one component.
#[derive(Clone, Debug, Default)]
pub(super) struct Folder {
    /// The tables by name.
    pub(super) tables: BTreeMap<String, TableEntry>,
    /// The entry with what is known about the files.
    pub(super) files_entry: Option<usize>,
    /// The entries with the contents of files.
    pub(super) files: BTreeMap<DocumentId, usize>,
    numbers_entry: Option<usize>,
    exported: Vec<String>,
}

impl Folder {
    /// Whether it speaks of stored files.
    pub(super) fn has_files(&self) -> bool {
        self.files_entry.is_some() || !self.files.is_empty()
    }
}

/// See the module's documentation.
pub(super) struct Archive<R> {
    zip: ZipArchive<R>,
    /// By the path of the component; empty for what is not in a component.
    pub(super) folders: BTreeMap<String, Folder>,
    /// Bytes that were inflated so far, and the most there may be.
    inflated: Arc<AtomicU64>,
    inflated_max: u64,
}

#[derive(Deserialize)]
struct NamedNumber {
    name: String,
    id: u32,
}

impl<R: Read + Seek> Archive<R> {
    /// Finds what is in a ZIP file.
    ///
    /// # Errors
    /// If it is no ZIP file, or not one with documents.
    pub(super) fn open(mut reader: R) -> Result<Self> {
        let size = reader.seek(SeekFrom::End(0)).map_err(unreadable)?;
        check_entries(&mut reader, size)?;
        let zip = ZipArchive::new(reader).map_err(zip_error)?;
        let inflated_max = size.saturating_mul(INFLATION_MAX).max(INFLATED_ANYWAY);
        if zip.decompressed_size().is_some_and(|size| size > u128::from(inflated_max)) {
            return Err(too_large(inflated_max));
        }
        let mut archive = Self { zip, folders: BTreeMap::new(), inflated: Arc::default(), inflated_max };
        for entry in 0..archive.zip.len() {
            let Some(name) = archive.zip.name_for_index(entry) else { continue };
            let name = name.map_err(zip_error)?.into_owned();
            let parts: Vec<&str> = name.split('/').collect();
            let mut parts = &parts[..];
            let mut component: Vec<&str> = Vec::new();
            while let ["_components", inner, rest @ ..] = parts
                && !rest.is_empty()
            {
                component.push(inner);
                parts = rest;
            }
            archive.sort_in(entry, component.join("/"), parts)?;
        }
        for folder in archive.folders.values_mut() {
            for table in std::mem::take(&mut folder.exported) {
                if let Some(table) = folder.tables.get_mut(&table) {
                    table.is_exported = true;
                }
            }
        }
        let numbered: Vec<_> = archive
            .folders
            .iter()
            .filter_map(|(component, folder)| Some((component.clone(), folder.numbers_entry?)))
            .collect();
        for (component, entry) in numbered {
            archive.read_numbers(&component, entry)?;
        }
        if archive.folders.values().all(|folder| folder.tables.is_empty() && !folder.has_files()) {
            return Err(invalid(
                "The ZIP file has no tables: each table is a folder with a file documents.jsonl.".to_owned(),
            ));
        }
        Ok(archive)
    }

    /// Notes what an entry is for.
    fn sort_in(&mut self, entry: usize, component: String, parts: &[&str]) -> Result<()> {
        let folder = self.folders.entry(component).or_default();
        match *parts {
            ["_tables", "documents.jsonl"] => folder.numbers_entry = Some(entry),
            ["_storage", "documents.jsonl"] => folder.files_entry = Some(entry),
            ["_storage", "generated_schema.jsonl" | ""] => {}
            ["_storage", file] => {
                let stem = file.split('.').next().unwrap_or_default();
                let id = DocumentId::decode(stem).ok().filter(|id| id.table == TableNumber::STORAGE);
                let id = id.ok_or_else(|| {
                    invalid(format!("\"_storage/{file}\" is not named after the ID of a stored file."))
                })?;
                folder.files.insert(id, entry);
            }
            [table, "documents.jsonl"] => {
                let entry = TableEntry { entry, is_exported: false, number: None };
                folder.tables.insert(table.to_owned(), entry);
            }
            [table, "generated_schema.jsonl"] => folder.exported.push(table.to_owned()),
            _ => {}
        }
        Ok(())
    }

    fn read_numbers(&mut self, component: &str, entry: usize) -> Result<()> {
        let mut named = Vec::new();
        lines(self.entry(entry)?, |line, text| {
            let row: NamedNumber = serde_json::from_str(text).map_err(|error| at(line, error))?;
            named.push(row);
            if named.len() as u64 > ENTRIES_MAX {
                Err(at(line, "There are too many tables."))
            } else {
                Ok(())
            }
        })
        .map_err(|error| in_entry("_tables", error))?;
        let Some(folder) = self.folders.get_mut(component) else { return Ok(()) };
        for NamedNumber { name, id } in named {
            if let Some(table) = folder.tables.get_mut(&name) {
                table.number = Some(TableNumber(id));
            }
        }
        Ok(())
    }

    /// An entry's content.
    ///
    /// # Errors
    /// If the ZIP file is damaged, or packed in a way that is not understood.
    pub(super) fn entry(&mut self, entry: usize) -> Result<Inflating<'_, R>> {
        let file = self.zip.by_index(entry).map_err(zip_error)?;
        Ok(Inflating { file, inflated: self.inflated.clone(), inflated_max: self.inflated_max })
    }
}

/// The content of an entry, counted while it comes. An entry that is longer than it is said to be is refused by the crate that reads it.
pub(super) struct Inflating<'a, R: Read> {
    file: ZipFile<'a, R>,
    inflated: Arc<AtomicU64>,
    inflated_max: u64,
}

impl<R: Read> Read for Inflating<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read(buffer)?;
        let inflated = self.inflated.fetch_add(count as u64, Ordering::Relaxed) + count as u64;
        if inflated > self.inflated_max {
            return Err(io::Error::other(too_large(self.inflated_max)));
        }
        Ok(count)
    }
}

fn invalid(message: String) -> Error {
    Error::bad_request("InvalidImport", message)
}

fn too_large(max: u64) -> Error {
    Error::bad_request(
        "ZipTooLarge",
        format!(
            "The ZIP file is inflated to more than {max} bytes, which is too much for its length. Split it into several files, or import its tables as JSONL."
        ),
    )
}

/// Names the entry of the ZIP file in an error that names its line.
pub(super) fn in_entry(table: &str, error: Error) -> Error {
    if error.code() == "InvalidImport" && error.message().starts_with("Line ") {
        return invalid(format!("{table}/documents.jsonl: {}", error.message()));
    }
    error
}

fn zip_error(error: zip::result::ZipError) -> Error {
    match error {
        zip::result::ZipError::Io(error) => unreadable(error),
        other => invalid(format!("The ZIP file cannot be read: {other}.")),
    }
}

/// Refuses a list of entries that would not fit into memory, before anybody reads it.
fn check_entries(reader: &mut (impl Read + Seek), size: u64) -> Result<()> {
    const END_LENGTH: usize = 22;
    let tail_length = size.min((u64::from(u16::MAX)) + END_LENGTH as u64 + 20);
    let mut tail = vec![0; tail_length as usize];
    reader.seek(SeekFrom::Start(size - tail_length)).map_err(unreadable)?;
    reader.read_exact(&mut tail).map_err(unreadable)?;
    let Some(end) = tail.windows(4).rposition(|window| window == b"PK\x05\x06") else {
        return Err(invalid("The file is not a ZIP file, or its end is missing.".to_owned()));
    };
    let number = |at: usize| tail.get(at..at + 2).map(|bytes| u16::from_le_bytes([bytes[0], bytes[1]]));
    let mut entries = u64::from(number(end + 10).unwrap_or(0));
    if entries == u64::from(u16::MAX) {
        // The number stands in the end of the long form, whose place its locator knows.
        let locator = end.checked_sub(20).and_then(|at| tail.get(at..end));
        let offset = locator
            .filter(|locator| locator.starts_with(b"PK\x06\x07"))
            .and_then(|locator| locator.get(8..16)?.try_into().ok())
            .map(u64::from_le_bytes);
        if let Some(offset) = offset.filter(|offset| offset.saturating_add(56) <= size) {
            let mut record = [0; 56];
            reader.seek(SeekFrom::Start(offset)).map_err(unreadable)?;
            reader.read_exact(&mut record).map_err(unreadable)?;
            entries = record[32..40].try_into().map_or(0, u64::from_le_bytes);
        }
    }
    if entries > ENTRIES_MAX {
        return Err(invalid(format!(
            "The ZIP file has {entries} entries; at most {ENTRIES_MAX} are allowed."
        )));
    }
    reader.seek(SeekFrom::Start(0)).map_err(unreadable)?;
    Ok(())
}
