//! What is changed in a WebAssembly module before the interpreter reads it, section by section:
//!
//! - A memory that the module would make becomes one that it imports, so that its place is given from outside and never
//!   changes: scripts look at it through an `ArrayBuffer`.
//! - The start function becomes an export, so that it is called as any other, and can call functions of the script.
//!
//! Nothing is validated here: what cannot be read is left as it is, for the interpreter to say what is wrong with it.

use std::ops::Range;

const HEADER: &[u8] = b"\0asm\x01\0\0\0";

const CUSTOM: u8 = 0;
const TYPE: u8 = 1;
const IMPORT: u8 = 2;
const MEMORY: u8 = 5;
const EXPORT: u8 = 7;
const START: u8 = 8;

/// The kinds of what is imported and exported, as modules spell them.
pub(super) const FUNCTION_KIND: u8 = 0;
pub(super) const TABLE_KIND: u8 = 1;
pub(super) const MEMORY_KIND: u8 = 2;
pub(super) const GLOBAL_KIND: u8 = 3;

/// Under what name the start function is exported; longer if the module has that name already.
const START_NAME: &str = "start";

/// A module as the interpreter gets it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Prepared {
    pub(super) bytes: Vec<u8>,
    /// How many memories the module would make: they come after those that it imports.
    pub(super) memories: usize,
    /// What kind of thing each of the module's own imports is, in order.
    pub(super) imports: Vec<u8>,
    /// The name under which the start function is exported.
    pub(super) start: Option<String>,
    /// The names of the module's own exports, in order.
    pub(super) exports: Vec<String>,
}

impl Prepared {
    /// Prepares a module.
    pub(super) fn new(module: &[u8]) -> Self {
        prepare(module).unwrap_or_else(|| Self {
            bytes: module.to_vec(),
            memories: 0,
            imports: Vec::new(),
            start: None,
            exports: Vec::new(),
        })
    }
}

/// Reads what is in a module, in order; `None` is given for what is cut off.
struct Reader<'a> {
    bytes: &'a [u8],
    place: usize,
}

impl<'a> Reader<'a> {
    const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, place: 0 }
    }

    const fn is_at_end(&self) -> bool {
        self.place >= self.bytes.len()
    }

    fn byte(&mut self) -> Option<u8> {
        let byte = *self.bytes.get(self.place)?;
        self.place += 1;
        Some(byte)
    }

    /// A number in LEB128.
    fn number(&mut self) -> Option<u32> {
        let mut number = 0u64;
        for shift in (0..35).step_by(7) {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return u32::try_from(number).ok();
            }
        }
        None
    }

    fn slice(&mut self, length: usize) -> Option<&'a [u8]> {
        let slice = self.bytes.get(self.place..self.place.checked_add(length)?)?;
        self.place += length;
        Some(slice)
    }

    fn name(&mut self) -> Option<&'a str> {
        let length = self.number()? as usize;
        std::str::from_utf8(self.slice(length)?).ok()
    }

    /// The sizes of a table or memory.
    fn limits(&mut self) -> Option<()> {
        let flags = self.byte()?;
        // Shared memories and those of 64 bits are not known to the interpreter.
        if flags > 1 {
            return None;
        }
        for _ in 0..=flags {
            self.number()?;
        }
        Some(())
    }

    fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.place..).unwrap_or_default()
    }
}

fn put_number(mut number: u32, out: &mut Vec<u8>) {
    loop {
        let byte = (number & 0x7f) as u8;
        number >>= 7;
        if number == 0 {
            return out.push(byte);
        }
        out.push(byte | 0x80);
    }
}

fn put_name(name: &str, out: &mut Vec<u8>) {
    put_number(name.len() as u32, out);
    out.extend_from_slice(name.as_bytes());
}

fn put_section(id: u8, body: &[u8], out: &mut Vec<u8>) {
    out.push(id);
    put_number(body.len() as u32, out);
    out.extend_from_slice(body);
}

/// A list with more items behind those it has.
fn longer_list(list: Option<&[u8]>, more: usize, items: &[u8]) -> Option<Vec<u8>> {
    let mut reader = Reader::new(list.unwrap_or(&[0]));
    let count = reader.number()?.checked_add(u32::try_from(more).ok()?)?;
    let mut out = Vec::new();
    put_number(count, &mut out);
    out.extend_from_slice(reader.rest());
    out.extend_from_slice(items);
    Some(out)
}

/// Where in the order of sections one belongs: their ids are not in that order.
const fn rank(id: u8) -> u8 {
    match id {
        TYPE => 1,
        IMPORT => 2,
        // Functions, tables, memories, tags, globals.
        3..=6 | 13 => 3,
        EXPORT => 4,
        _ => 5,
    }
}

fn prepare(module: &[u8]) -> Option<Prepared> {
    let mut reader = Reader::new(module.strip_prefix(HEADER)?);
    let mut sections: Vec<(u8, &[u8])> = Vec::new();
    while !reader.is_at_end() {
        let id = reader.byte()?;
        let length = reader.number()? as usize;
        sections.push((id, reader.slice(length)?));
    }
    let body = |wanted: u8| sections.iter().find(|(id, _)| *id == wanted).map(|(_, body)| *body);
    let exports = body(EXPORT).map_or(Some(Vec::new()), export_names)?;
    let memories = body(MEMORY).map_or(Some(Vec::new()), memory_types)?;
    let start = body(START).map(|body| Reader::new(body).number());
    let start = match start {
        Some(function) => Some((function?, unused(&exports))),
        None => None,
    };

    let imports = body(IMPORT).map_or(Some(Vec::new()), import_kinds)?;
    let mut more_imports = Vec::new();
    for memory in &memories {
        put_name("", &mut more_imports);
        put_name("memory", &mut more_imports);
        more_imports.push(MEMORY_KIND);
        more_imports.extend_from_slice(&body(MEMORY)?[memory.clone()]);
    }
    let mut export = Vec::new();
    if let Some((function, name)) = &start {
        put_name(name, &mut export);
        export.push(FUNCTION_KIND);
        put_number(*function, &mut export);
    }

    let mut changed = Vec::new();
    if !memories.is_empty() {
        changed.push((IMPORT, longer_list(body(IMPORT), memories.len(), &more_imports)?));
    }
    if start.is_some() {
        changed.push((EXPORT, longer_list(body(EXPORT), 1, &export)?));
    }
    let mut out = HEADER.to_vec();
    let mut left = changed.iter().peekable();
    for (id, body) in &sections {
        if *id == CUSTOM {
            put_section(*id, body, &mut out);
            continue;
        }
        while let Some((changed, with)) = left.next_if(|(changed, _)| rank(*changed) <= rank(*id)) {
            put_section(*changed, with, &mut out);
        }
        let is_gone = *id == MEMORY || *id == START || changed.iter().any(|(changed, _)| changed == id);
        if !is_gone {
            put_section(*id, body, &mut out);
        }
    }
    for (changed, with) in left {
        put_section(*changed, with, &mut out);
    }
    let start = start.map(|(_, name)| name);
    Some(Prepared { bytes: out, memories: memories.len(), imports, start, exports })
}

fn import_kinds(section: &[u8]) -> Option<Vec<u8>> {
    let mut reader = Reader::new(section);
    let count = reader.number()?;
    let mut kinds = Vec::new();
    for _ in 0..count {
        reader.name()?;
        reader.name()?;
        let kind = reader.byte()?;
        kinds.push(kind);
        match kind {
            FUNCTION_KIND => drop(reader.number()?),
            TABLE_KIND => {
                reader.byte()?;
                reader.limits()?;
            }
            MEMORY_KIND => reader.limits()?,
            GLOBAL_KIND => drop(reader.slice(2)?),
            _ => return None,
        }
    }
    Some(kinds)
}

fn export_names(section: &[u8]) -> Option<Vec<String>> {
    let mut reader = Reader::new(section);
    let count = reader.number()?;
    let mut names = Vec::new();
    for _ in 0..count {
        names.push(reader.name()?.to_owned());
        reader.byte()?;
        reader.number()?;
    }
    Some(names)
}

/// Where in the section each memory's type is.
fn memory_types(section: &[u8]) -> Option<Vec<Range<usize>>> {
    let mut reader = Reader::new(section);
    let count = reader.number()?;
    let mut types = Vec::new();
    for _ in 0..count {
        let begin = reader.place;
        reader.limits()?;
        types.push(begin..reader.place);
    }
    Some(types)
}

fn unused(names: &[String]) -> String {
    let mut name = START_NAME.to_owned();
    while names.contains(&name) {
        name.push('_');
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads a module's text as another one's bytes.
    fn same(prepared: &Prepared, text: &str) {
        assert_eq!(prepared.bytes, wat::parse_str(text).unwrap());
    }

    #[test]
    fn memories_are_imported_and_the_start_function_is_exported() {
        let module = r#"(module
            (import "env" "f" (func))
            (memory 1 3)
            (func $g)
            (export "start" (func $g))
            (export "memory" (memory 0))
            (start $g))"#;
        let prepared = Prepared::new(&wat::parse_str(module).unwrap());
        assert_eq!((prepared.memories, prepared.start.as_deref()), (1, Some("start_")));
        assert_eq!(prepared.exports, ["start", "memory"]);
        same(
            &prepared,
            r#"(module
                (import "env" "f" (func))
                (import "" "memory" (memory 1 3))
                (func $g)
                (export "start" (func $g))
                (export "memory" (memory 0))
                (export "start_" (func $g)))"#,
        );
    }

    #[test]
    fn sections_that_are_missing_are_put_where_they_belong() {
        let module = r#"(module (func $g) (table 1 funcref) (memory 2) (start $g) (elem (i32.const 0) $g) (data (i32.const 0) "x"))"#;
        let prepared = Prepared::new(&wat::parse_str(module).unwrap());
        same(
            &prepared,
            r#"(module (import "" "memory" (memory 2)) (func $g) (table 1 funcref) (export "start" (func $g)) (elem (i32.const 0) $g) (data (i32.const 0) "x"))"#,
        );
        let prepared = Prepared::new(&wat::parse_str("(module (memory 1))").unwrap());
        same(&prepared, r#"(module (import "" "memory" (memory 1)))"#);
    }

    #[test]
    fn all_else_stays_as_it_is() {
        for text in ["(module)", r#"(module (import "a" "b" (memory 1)) (func (export "f")))"#] {
            let bytes = wat::parse_str(text).unwrap();
            assert_eq!(Prepared::new(&bytes).bytes, bytes, "{text}");
        }
        for bytes in
            [&b""[..], b"\0asm", b"\0asm\x01\0\0\0\x05", b"\0asm\x01\0\0\0\x05\xff\xff\xff\xff\xff\x01"]
        {
            assert_eq!(Prepared::new(bytes).bytes, bytes);
        }
    }
}
