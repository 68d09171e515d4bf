//! What stands in a block of a file: documents as the database takes them.

use std::borrow::Cow;
use std::io::Read;

use csv::ByteRecord;
use fusion_schema::{DocumentId, Object, TableNumber, Value, json};
use serde::Deserialize;

use super::blocks::{Block, Blocks, Form, at};
use crate::database::staging::{IdMaker, StagedDocument, StagedShape};
use crate::{Error, Result};

/// How the texts of a file are read.
#[derive(Clone, Debug)]
pub(super) struct Reading {
    /// The names in the header of a CSV file.
    pub(super) columns: Vec<String>,
    /// The file is one of an export, where a number without a dot is an int64.
    pub(super) is_exported: bool,
    /// The creation time of documents that have none, in milliseconds since the epoch; each next line's is the next
    /// double.
    pub(super) now_ms: f64,
}

/// What a first look at a block finds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Glance {
    /// Documents in it.
    pub(super) documents: u64,
    /// The table number of the first id.
    pub(super) number: Option<TableNumber>,
}

impl Glance {
    /// Adds what the next block has.
    pub(super) fn add(&mut self, next: Self) {
        self.documents += next.documents;
        self.number = self.number.or(next.number);
    }
}

/// Calls `each` with the text of each line of a file that has one.
///
/// # Errors
/// If the file cannot be read, or has a line that is no text; what `each` gives.
pub(super) fn lines(reader: impl Read, mut each: impl FnMut(u64, &str) -> Result<()>) -> Result<()> {
    let mut blocks = Blocks::open(Form::JsonLines, reader)?;
    while let Some(block) = blocks.next()? {
        if let Block::Lines(first, bytes) = block {
            each_line(first, &bytes, &mut each)?;
        }
    }
    Ok(())
}

/// Calls `each` with the text of each line that has one.
fn each_line(first: u64, bytes: &[u8], mut each: impl FnMut(u64, &str) -> Result<()>) -> Result<()> {
    for (line, text) in (first..).zip(bytes.split(|byte| *byte == b'\n')) {
        if text.iter().any(|byte| !byte.is_ascii_whitespace()) {
            each(line, utf8(line, text)?)?;
        }
    }
    Ok(())
}

fn utf8(line: u64, text: &[u8]) -> Result<&str> {
    std::str::from_utf8(text)
        .map_err(|error| at(line, format!("The text is not UTF-8 at column {}.", error.valid_up_to() + 1)))
}

/// What serde says, with the line of the file instead of the one of the text.
fn json_error(line: u64, error: &dyn std::fmt::Display) -> Error {
    let text = error.to_string();
    let Some((what, place)) = text.rsplit_once(" at line ") else { return at(line, text) };
    let column = place.split_once(" column ").map(|(_, column)| column);
    match (column, place.starts_with("1 ")) {
        (Some(column), true) => at(line, format!("{what} at column {column}")),
        _ => at(line, what),
    }
}

#[derive(Deserialize)]
struct Head<'a> {
    #[serde(rename = "_id", borrow)]
    id: Option<Cow<'a, str>>,
}

/// Looks at a block without building its documents: how many there are, and whether they can be read at all.
///
/// # Errors
/// The first text that is none.
pub(super) fn glance(block: &Block, reading: &Reading) -> Result<Glance> {
    let mut found = Glance::default();
    let mut note = |id: Option<&str>| {
        found.documents += 1;
        if found.number.is_none() {
            found.number = id.and_then(|id| DocumentId::decode(id).ok()).map(|id| id.table);
        }
    };
    let mut json = |line: u64, text: &str| {
        let head: Head<'_> = serde_json::from_str(text).map_err(|error| json_error(line, &error))?;
        note(head.id.as_deref());
        Ok(())
    };
    match block {
        Block::Lines(first, bytes) => each_line(*first, bytes, json)?,
        Block::Elements(elements) => {
            elements.iter().try_for_each(|(line, text)| json(*line, utf8(*line, text)?))?;
        }
        Block::Rows(rows) => {
            let column = reading.columns.iter().position(|name| name == "_id");
            for (_, row) in rows {
                let id = column.and_then(|column| row.get(column));
                note(id.and_then(|id| std::str::from_utf8(id).ok()));
            }
        }
    }
    Ok(found)
}

/// The documents of a block, checked and encoded.
///
/// # Errors
/// The first document that cannot be one of the table, with its line.
pub(super) fn documents(
    block: &Block,
    reading: &Reading,
    shape: &StagedShape,
) -> Result<Vec<StagedDocument>> {
    let mut ids = IdMaker::new(reading.now_ms);
    let mut found = Vec::new();
    let mut add = |line: u64, fields: Object| {
        found.push(document(line, fields, reading, shape, &mut ids)?);
        Ok(())
    };
    let mut json = |line: u64, text: &str| {
        let value = if reading.is_exported { json::decode_export(text) } else { json::decode(text) };
        match value.map_err(|error| json_error(line, &error))? {
            Value::Object(fields) => add(line, fields),
            other => {
                Err(at(line, format!("A document must be an object, not of type {}.", other.type_name())))
            }
        }
    };
    match block {
        Block::Lines(first, bytes) => each_line(*first, bytes, json)?,
        Block::Elements(elements) => {
            elements.iter().try_for_each(|(line, text)| json(*line, utf8(*line, text)?))?;
        }
        Block::Rows(rows) => {
            rows.iter().try_for_each(|(line, row)| add(*line, cells(*line, row, &reading.columns)?))?;
        }
    }
    Ok(found)
}

/// The cells of a row: numbers where they can be read as such, else text.
fn cells(line: u64, row: &ByteRecord, columns: &[String]) -> Result<Object> {
    let mut fields = Object::with_capacity(columns.len());
    for (name, cell) in columns.iter().zip(row) {
        let text = std::str::from_utf8(cell)
            .map_err(|_| at(line, format!("The text in column \"{name}\" is not UTF-8.")))?;
        let value = match text.parse::<f64>() {
            Ok(number) if name != "_id" => Value::Float64(number),
            _ => Value::from(text),
        };
        fields.insert(name.as_str(), value);
    }
    Ok(fields)
}

fn document(
    line: u64,
    mut fields: Object,
    reading: &Reading,
    shape: &StagedShape,
    ids: &mut IdMaker,
) -> Result<StagedDocument> {
    let id = match fields.remove("_id") {
        None => ids.next(),
        Some(value) => {
            let id = value.as_str().and_then(|text| DocumentId::decode(text).ok());
            match id.filter(|id| id.table == shape.number()) {
                Some(id) => id.internal,
                None => {
                    let shown = json::encode(&value);
                    return Err(at(line, format!("{shown} is not an ID of table \"{}\".", shape.name())));
                }
            }
        }
    };
    let creation_time = match fields.remove("_creationTime") {
        None => f64::from_bits(reading.now_ms.to_bits().saturating_add(line)),
        Some(Value::Float64(time)) if time.is_finite() && time > 0.0 => time,
        Some(Value::Int64(time)) if time > 0 => time as f64,
        Some(other) => {
            let shown = json::encode(&other);
            return Err(at(line, format!("{shown} is not a creation time: it must be a positive number.")));
        }
    };
    shape.document(id, creation_time, fields).map_err(|error| at(line, error.message()))
}
