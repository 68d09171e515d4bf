//! [`Blocks`]: a file of documents cut into blocks that can be read apart from each other.
//!
//! Memory holds a block, never the file, whatever the file says: one document's text has a limit.

use std::io::{self, Read};

use csv::ByteRecord;

use crate::{Error, Result};

/// Bytes of a block.
const BLOCK_SIZE: usize = 256 << 10;
/// Longest text of one document: the largest document with every character escaped, and room.
pub(super) const TEXT_LENGTH_MAX: usize = 16 << 20;

/// A part of a file of documents.
#[derive(Debug)]
pub(super) enum Block {
    /// Whole lines, from this line of the file on.
    Lines(u64, Vec<u8>),
    /// Texts of JSON values, each with the line it begins in.
    Elements(Vec<(u64, Vec<u8>)>),
    /// Rows, each with its line.
    Rows(Vec<(u64, ByteRecord)>),
}

/// The form of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Csv,
    JsonLines,
    JsonArray,
}

/// See the module's documentation.
pub(super) enum Blocks<R> {
    Lines(Lines<R>),
    Array(Array<R>),
    Csv(Box<Csv<R>>),
}

impl<R: Read> Blocks<R> {
    /// Begins to read a file.
    ///
    /// # Errors
    /// If it cannot be read, or its header is of no use.
    pub(super) fn open(form: Form, reader: R) -> Result<Self> {
        Ok(match form {
            Form::JsonLines => {
                Self::Lines(Lines { reader, rest: Vec::new(), line: 1, is_first: true, is_over: false })
            }
            Form::JsonArray => Self::Array(Array {
                reader,
                buffer: vec![0; BLOCK_SIZE],
                filled: 0,
                at: 0,
                line: 1,
                state: ArrayState::Before,
                has_elements: false,
            }),
            Form::Csv => Self::Csv(Box::new(Csv::open(reader)?)),
        })
    }

    /// The names in the header of a CSV file.
    pub(super) fn columns(&self) -> &[String] {
        match self {
            Self::Csv(csv) => &csv.columns,
            _ => &[],
        }
    }

    /// The next block; `None` at the end.
    ///
    /// # Errors
    /// If the file cannot be read, or has a row or text that cannot be one.
    pub(super) fn next(&mut self) -> Result<Option<Block>> {
        match self {
            Self::Lines(lines) => lines.next(),
            Self::Array(array) => array.next(),
            Self::Csv(csv) => csv.next(),
        }
    }
}

/// An error in a line of the file.
pub(super) fn at(line: u64, message: impl std::fmt::Display) -> Error {
    Error::bad_request("InvalidImport", format!("Line {line}: {message}"))
}

pub(super) fn unreadable(error: io::Error) -> Error {
    // Errors of our own travel through readers as they are.
    match error.downcast::<Error>() {
        Ok(own) => own,
        Err(error) => Error::bad_request("InvalidImport", format!("The file cannot be read: {error}.")),
    }
}

fn too_long(line: u64) -> Error {
    at(line, format!("The document is too long: at most {TEXT_LENGTH_MAX} bytes of text are allowed."))
}

/// Reads until the buffer is full or the file ends; gives the number of bytes.
fn fill(reader: &mut impl Read, buffer: &mut [u8]) -> Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match reader.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(unreadable(error)),
        }
    }
    Ok(filled)
}

pub(super) struct Lines<R> {
    reader: R,
    rest: Vec<u8>,
    line: u64,
    is_first: bool,
    is_over: bool,
}

impl<R: Read> Lines<R> {
    fn next(&mut self) -> Result<Option<Block>> {
        let mut bytes = std::mem::take(&mut self.rest);
        while !self.is_over {
            let before = bytes.len();
            bytes.resize(before + BLOCK_SIZE, 0);
            let count = fill(&mut self.reader, &mut bytes[before..])?;
            bytes.truncate(before + count);
            self.is_over = count < BLOCK_SIZE;
            if std::mem::take(&mut self.is_first) && bytes.starts_with(b"\xEF\xBB\xBF") {
                bytes.drain(..3);
            }
            // What was there before has no end of a line.
            let begin = before.min(bytes.len());
            if let Some(end) = bytes[begin..].iter().rposition(|byte| *byte == b'\n') {
                self.rest = bytes.split_off(begin + end + 1);
                break;
            }
            if bytes.len() > TEXT_LENGTH_MAX {
                return Err(too_long(self.line));
            }
        }
        if bytes.is_empty() {
            return Ok(None);
        }
        let first = self.line;
        self.line += bytes.iter().filter(|byte| **byte == b'\n').count() as u64;
        Ok(Some(Block::Lines(first, bytes)))
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum ArrayState {
    Before,
    Inside,
    After,
}

pub(super) struct Array<R> {
    reader: R,
    buffer: Vec<u8>,
    filled: usize,
    at: usize,
    line: u64,
    state: ArrayState,
    /// A comma was seen.
    has_elements: bool,
}

impl<R: Read> Array<R> {
    fn byte(&mut self) -> Result<Option<u8>> {
        if self.at == self.filled {
            self.filled = fill(&mut self.reader, &mut self.buffer)?;
            self.at = 0;
            if self.filled == 0 {
                return Ok(None);
            }
        }
        let byte = self.buffer[self.at];
        self.at += 1;
        self.line += u64::from(byte == b'\n');
        Ok(Some(byte))
    }

    fn next(&mut self) -> Result<Option<Block>> {
        if self.state == ArrayState::Before {
            self.begin()?;
        }
        let (mut elements, mut size) = (Vec::new(), 0);
        while self.state == ArrayState::Inside && size < BLOCK_SIZE {
            if let Some((line, text)) = self.element()? {
                size += text.len();
                elements.push((line, text));
            }
        }
        Ok((!elements.is_empty()).then_some(Block::Elements(elements)))
    }

    fn begin(&mut self) -> Result<()> {
        loop {
            match self.byte()? {
                Some(b' ' | b'\t' | b'\r' | b'\n' | 0xEF | 0xBB | 0xBF) => {}
                Some(b'[') => break,
                _ => return Err(at(self.line, "The file must be a JSON array of objects.")),
            }
        }
        self.state = ArrayState::Inside;
        Ok(())
    }

    /// The text of the next element and the line it begins in; `None` for an empty array.
    fn element(&mut self) -> Result<Option<(u64, Vec<u8>)>> {
        let (mut text, mut line) = (Vec::new(), self.line);
        let (mut depth, mut in_string, mut is_escaped) = (0_usize, false, false);
        loop {
            let Some(byte) = self.byte()? else {
                return Err(at(self.line, "The file ends inside of the JSON array."));
            };
            if in_string {
                in_string = is_escaped || byte != b'"';
                is_escaped = !is_escaped && byte == b'\\';
            } else {
                match byte {
                    b'"' => in_string = true,
                    b'[' | b'{' => depth += 1,
                    b']' | b'}' if depth > 0 => depth -= 1,
                    b',' if depth == 0 => {
                        self.has_elements = true;
                        return Ok(Some((line, text)));
                    }
                    b']' if depth == 0 => {
                        self.end()?;
                        if text.is_empty() && self.has_elements {
                            return Err(at(self.line, "A comma is followed by nothing."));
                        }
                        return Ok((!text.is_empty()).then_some((line, text)));
                    }
                    b' ' | b'\t' | b'\r' | b'\n' if text.is_empty() => {
                        line = self.line;
                        continue;
                    }
                    _ => {}
                }
            }
            text.push(byte);
            if text.len() > TEXT_LENGTH_MAX {
                return Err(too_long(line));
            }
        }
    }

    fn end(&mut self) -> Result<()> {
        self.state = ArrayState::After;
        loop {
            match self.byte()? {
                None => return Ok(()),
                Some(b' ' | b'\t' | b'\r' | b'\n') => {}
                Some(_) => return Err(at(self.line, "Something follows the JSON array.")),
            }
        }
    }
}

/// Follows the content of a CSV file as a row of its own, unless a quote was never closed. It is no UTF-8, so no row of a
/// file is like it.
const AFTER_CSV: &[u8] = b"\xFFthe end";

/// A reader that gives up in the middle of what cannot be one row, and ends with [`AFTER_CSV`].
struct Bounded<R> {
    reader: R,
    since_row: usize,
    /// How much of the end has been handed out, once the file is over.
    after: Option<usize>,
    /// Whether lines end in a carriage return and a line feed, once the first end is seen.
    is_crlf: Option<bool>,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.since_row > TEXT_LENGTH_MAX {
            return Err(io::Error::from(io::ErrorKind::FileTooLarge));
        }
        // The parser takes a first piece of nothing but a byte order mark for the end.
        let count = fill(&mut self.reader, buffer).map_err(io::Error::other)?;
        if count == 0 {
            return Ok(self.read_after(buffer));
        }
        self.since_row += count;
        if self.is_crlf.is_none() {
            let end = buffer[..count].iter().position(|byte| *byte == b'\n');
            self.is_crlf = end.map(|end| end > 0 && buffer[end - 1] == b'\r');
        }
        Ok(count)
    }
}

impl<R> Bounded<R> {
    fn read_after(&mut self, buffer: &mut [u8]) -> usize {
        let from = self.after.unwrap_or(0);
        let parts = b"\n".iter().chain(AFTER_CSV).chain(b"\n").skip(from);
        let count = buffer.iter_mut().zip(parts).map(|(to, byte)| *to = *byte).count();
        self.after = Some(from + count);
        count
    }
}

pub(super) struct Csv<R> {
    reader: csv::Reader<Bounded<R>>,
    columns: Vec<String>,
    line: u64,
    is_over: bool,
}

/// What a row is.
enum Row {
    Cells,
    /// The one that follows the file.
    After,
    /// One whose quote was not closed until then.
    Open,
}

fn kind(row: &ByteRecord) -> Row {
    match row.iter().next_back() {
        Some(AFTER_CSV) if row.len() == 1 => Row::After,
        Some(last) if last.trim_ascii_end().ends_with(AFTER_CSV) => Row::Open,
        _ => Row::Cells,
    }
}

impl<R: Read> Csv<R> {
    fn open(reader: R) -> Result<Self> {
        let reader = Bounded { reader, since_row: 0, after: None, is_crlf: None };
        let mut reader = csv::ReaderBuilder::new()
            .buffer_capacity(BLOCK_SIZE)
            .has_headers(true)
            .flexible(true)
            .from_reader(reader);
        let header = reader.byte_headers().map_err(|error| csv_error(error, 1, false))?;
        let is_over = match kind(header) {
            Row::Cells => false,
            Row::After => true,
            Row::Open => return Err(never_ends(1)),
        };
        let columns = if is_over { &ByteRecord::new() } else { header };
        let columns = columns.iter().map(|name| String::from_utf8(name.to_vec()));
        let columns: Vec<String> =
            columns.collect::<Result<_, _>>().map_err(|_| at(1, "The text is not UTF-8."))?;
        for (position, name) in columns.iter().enumerate() {
            if !matches!(name.as_str(), "_id" | "_creationTime") {
                fusion_schema::names::check_field_name(name).map_err(|error| {
                    at(1, format!("The first row must have the names of the fields. {error}"))
                })?;
            }
            if columns[..position].contains(name) {
                return Err(at(1, format!("Two columns have the name \"{name}\".")));
            }
        }
        Ok(Self { reader, columns, line: 1, is_over })
    }

    fn next(&mut self) -> Result<Option<Block>> {
        let (mut rows, mut size) = (Vec::new(), 0);
        let mut row = ByteRecord::new();
        while size < BLOCK_SIZE && !self.is_over {
            let is_row = self.reader.read_byte_record(&mut row);
            let is_crlf = self.reader.get_ref().is_crlf.unwrap_or(false);
            if !is_row.map_err(|error| csv_error(error, self.line, is_crlf))? {
                break;
            }
            match kind(&row) {
                Row::Cells => {}
                Row::After => {
                    self.is_over = true;
                    break;
                }
                Row::Open => return Err(never_ends(self.line)),
            }
            self.reader.get_mut().since_row = 0;
            // The parser begins a row where it ended the one before, which is ahead of the line feed of a pair, and of
            // empty lines.
            let begin = row.position().map_or(self.line, csv::Position::line);
            let ends = self.reader.position().line().saturating_sub(begin);
            let inside = row.as_slice().iter().filter(|byte| **byte == b'\n').count() as u64;
            let line = begin + ends.saturating_sub(inside + u64::from(!is_crlf));
            check_length(line, &row, &self.columns)?;
            self.line = line + 1;
            size += row.as_slice().len() + row.len();
            rows.push((line, row.clone()));
        }
        Ok((!rows.is_empty()).then_some(Block::Rows(rows)))
    }
}

fn never_ends(line: u64) -> Error {
    at(line, "The row does not end: a quote is not closed, or the row is too long.")
}

/// Every row must have a cell for each column.
fn check_length(line: u64, row: &ByteRecord, columns: &[String]) -> Result<()> {
    let (found, wanted) = (row.len(), columns.len());
    if found == wanted {
        return Ok(());
    }
    let which = match columns.get(found) {
        Some(name) => format!("nothing is in column {} (\"{name}\")", found + 1),
        None => format!("column {} has no name", wanted + 1),
    };
    Err(at(line, format!("The row has {found} cells, but the first row has {wanted}: {which}.")))
}

fn csv_error(error: csv::Error, line: u64, is_crlf: bool) -> Error {
    let line = error.position().map_or(line, |position| position.line() + u64::from(is_crlf));
    match error.into_kind() {
        csv::ErrorKind::Io(error) if error.kind() == io::ErrorKind::FileTooLarge => never_ends(line),
        csv::ErrorKind::Io(error) => unreadable(error),
        other => at(line, format!("{other:?}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A reader that gives a few bytes at a time, so that every text is cut somewhere.
    struct Trickle<'a>(&'a [u8], usize);

    impl Read for Trickle<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let count = self.1.min(self.0.len()).min(buffer.len());
            buffer[..count].copy_from_slice(&self.0[..count]);
            self.0 = &self.0[count..];
            Ok(count)
        }
    }

    fn read(form: Form, text: &str) -> Result<Vec<(u64, String)>> {
        let mut blocks = Blocks::open(form, Trickle(text.as_bytes(), 3))?;
        let mut found = Vec::new();
        let show = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        while let Some(block) = blocks.next()? {
            match block {
                Block::Lines(first, bytes) => {
                    found.extend((first..).zip(show(&bytes).lines().map(str::to_owned)));
                }
                Block::Elements(elements) => {
                    found.extend(elements.iter().map(|(line, text)| (*line, show(text))));
                }
                Block::Rows(rows) => {
                    let cells = |row: &ByteRecord| row.iter().map(show).collect::<Vec<_>>().join("|");
                    found.extend(rows.iter().map(|(line, row)| (*line, cells(row))));
                }
            }
        }
        Ok(found)
    }

    fn fails(form: Form, text: &str) -> String {
        read(form, text).unwrap_err().message().to_owned()
    }

    fn owned(lines: &[(u64, &str)]) -> Vec<(u64, String)> {
        lines.iter().map(|(line, text)| (*line, (*text).to_owned())).collect()
    }

    #[test]
    fn lines_are_counted_across_blocks() {
        let long = "x".repeat(BLOCK_SIZE / 3);
        let text: String = (0..20).map(|_| format!("{long}\n")).collect();
        let found = read(Form::JsonLines, &text).unwrap();
        assert!(found.iter().map(|(line, _)| *line).eq(1..=20));
        assert!(found.iter().all(|(_, text)| *text == long));
        assert_eq!(
            read(Form::JsonLines, "\u{feff}{}\n\n{}").unwrap(),
            owned(&[(1, "{}"), (2, ""), (3, "{}")])
        );
        assert!(read(Form::JsonLines, "").unwrap().is_empty());
        let endless = "y".repeat(TEXT_LENGTH_MAX + BLOCK_SIZE);
        assert!(
            fails(Form::JsonLines, &format!("{{}}\n{endless}"))
                .starts_with("Line 2: The document is too long")
        );
    }

    #[test]
    fn elements_are_cut_where_json_ends() {
        let text = " [\n{\"a\":\"],}\\\"\"},\n [1,[2]] ,{}]\n";
        let expected = owned(&[(2, "{\"a\":\"],}\\\"\"}"), (3, "[1,[2]] "), (3, "{}")]);
        assert_eq!(read(Form::JsonArray, text).unwrap(), expected);
        for empty in ["[]", "\u{feff} [ \n ] "] {
            assert!(read(Form::JsonArray, empty).unwrap().is_empty());
        }
        assert_eq!(fails(Form::JsonArray, "{}"), "Line 1: The file must be a JSON array of objects.");
        assert_eq!(fails(Form::JsonArray, ""), "Line 1: The file must be a JSON array of objects.");
        assert_eq!(fails(Form::JsonArray, "[1,\n2"), "Line 2: The file ends inside of the JSON array.");
        assert_eq!(fails(Form::JsonArray, "[1,]"), "Line 1: A comma is followed by nothing.");
        assert_eq!(fails(Form::JsonArray, "[]\n\nx"), "Line 3: Something follows the JSON array.");
    }

    #[test]
    fn rows_are_those_of_rfc_4180() {
        let text = "\u{feff}a,b\r\n1,\"x, \"\"y\"\"\r\nz\"\r\n\r\n3,\r\n";
        let expected = owned(&[(2, "1|x, \"y\"\r\nz"), (5, "3|")]);
        assert_eq!(read(Form::Csv, text).unwrap(), expected);
        assert_eq!(
            fails(Form::Csv, "a,b\n1,2\n3\n"),
            "Line 3: The row has 1 cells, but the first row has 2: nothing is in column 2 (\"b\")."
        );
        assert_eq!(
            fails(Form::Csv, "a,b\n1,2,3\n"),
            "Line 2: The row has 3 cells, but the first row has 2: column 3 has no name."
        );
        assert_eq!(fails(Form::Csv, "a,a\n"), "Line 1: Two columns have the name \"a\".");
        assert!(fails(Form::Csv, "a,$b\n").starts_with("Line 1: The first row must have the names"));
        for open in ["a,b\n1,2\n\"3,4\n5,6\n", "a,b\r\n1,2\r\n3,\"4\r\n", "a,b\n1,2\n\""] {
            assert!(fails(Form::Csv, open).starts_with("Line 3: The row does not end"), "{open}");
        }
        assert!(fails(Form::Csv, "\"a,b\n1,2\n").starts_with("Line 1: The row does not end"));
        for (text, rows) in
            [("", 0), ("a,b", 0), ("a\n\n", 0), ("a\nx", 1), ("a\n\"x\"", 1), ("a\nx\n\n\n", 1)]
        {
            assert_eq!(read(Form::Csv, text).unwrap().len(), rows, "{text}");
        }
        let open = format!("a\n1\n\"{}", "x\n".repeat(TEXT_LENGTH_MAX));
        assert!(
            fails(Form::Csv, &open).starts_with("Line 3: The row does not end"),
            "{}",
            fails(Form::Csv, &open)
        );
    }
}
