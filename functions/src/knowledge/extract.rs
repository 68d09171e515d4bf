//! The text of a file, found on this machine; images alone are shown to the language model.
//!
//! Files come from anywhere. Each is read on a thread of its own with much stack and a time limit, and a library that
//! panics on one fails that file only.

use std::fmt::Write as _;
use std::io::Write as _;
use std::time::Duration;

use bytes::Bytes;
use serde_json::Value as Json;
use tokio::sync::{Semaphore, oneshot};

use super::content_type::Reading;

/// How long one file may take.
const TIME_MAX: Duration = Duration::from_secs(60);
/// Most files that are read at once.
static READERS: Semaphore = Semaphore::const_new(2);
/// The stack of a reader, in bytes; only what is used costs memory.
const STACK_SIZE: usize = 64 << 20;
/// The longest text of one file, in bytes.
const TEXT_SIZE_MAX: usize = 32 << 20;
/// The width of a page of HTML, in characters: lines are broken where the page breaks them.
const PAGE_WIDTH: usize = 4_000;

/// The deepest nesting of a page; browsers stop at about as much. Parsing takes time that grows with it.
const NESTING_MAX: usize = 500;
/// Elements that are empty or end by themselves.
const NEVER_NESTED: [&str; 32] = [
    "area", "base", "body", "br", "col", "colgroup", "dd", "dt", "embed", "head", "hr", "html", "img",
    "input", "li", "link", "meta", "optgroup", "option", "p", "param", "rp", "rt", "source", "tbody", "td",
    "tfoot", "th", "thead", "tr", "track", "wbr",
];

/// Why a file has no text, as the end of a sentence.
pub(crate) type Reason = String;

/// The text of a file that is not an image.
pub(crate) async fn text(reading: Reading, bytes: Bytes) -> Result<String, Reason> {
    let Ok(_permit) = READERS.acquire().await else { return Err("the server is stopping".to_owned()) };
    let (done, result) = oneshot::channel();
    let reader = move || {
        // Nobody waits any more if it took too long.
        let _ = done.send(read(reading, &bytes));
    };
    std::thread::Builder::new()
        .name("fusion-extract".to_owned())
        .stack_size(STACK_SIZE)
        .spawn(reader)
        .map_err(|_| "the server has no thread left for it; try again".to_owned())?;
    match tokio::time::timeout(TIME_MAX, result).await {
        Ok(Ok(result)) => result,
        // The thread panicked.
        Ok(Err(_)) => Err("it is damaged".to_owned()),
        Err(_) => Err(format!("it takes longer than {} seconds to read", TIME_MAX.as_secs())),
    }
}

fn read(reading: Reading, bytes: &[u8]) -> Result<String, Reason> {
    let text = match reading {
        Reading::Text => decode(bytes)?,
        Reading::Html => html(&decode(bytes)?)?,
        Reading::Csv => csv(&decode(bytes)?)?,
        Reading::Json => json(&decode(bytes)?)?,
        Reading::Pdf => pdf(bytes)?,
        Reading::Image => return Err("it is an image".to_owned()),
    };
    if text.trim().is_empty() {
        return Err(match reading {
            Reading::Pdf => "its pages have no text; if they are pictures of text, upload them as images",
            _ => "it has no text",
        }
        .to_owned());
    }
    Ok(text)
}

/// Bytes as text: in the Unicode form they name, else UTF-8, else as old Windows programs write it.
fn decode(bytes: &[u8]) -> Result<String, Reason> {
    let (text, _, has_errors) = encoding_rs::UTF_8.decode(bytes);
    if text.contains('\0') {
        return Err("it is no text".to_owned());
    }
    if has_errors {
        return Ok(encoding_rs::WINDOWS_1252.decode(bytes).0.into_owned());
    }
    Ok(text.into_owned())
}

fn html(text: &str) -> Result<String, Reason> {
    if nesting(text) > NESTING_MAX {
        return Err("its elements are nested too deeply".to_owned());
    }
    let page = html2text::config::plain().link_footnotes(false).no_table_borders();
    page.string_from_read(text.as_bytes(), PAGE_WIDTH).map_err(|error| error.to_string())
}

/// How deep the elements of a page are nested at most: those that have to be closed, so that forgotten ends of
/// paragraphs and list items do not count.
fn nesting(text: &str) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0);
    let mut rest = text;
    while let Some(at) = rest.find('<') {
        rest = &rest[at + 1..];
        let closes = rest.starts_with('/');
        let name = rest.trim_start_matches('/');
        let end = name.find(|letter: char| !letter.is_ascii_alphanumeric()).unwrap_or(name.len());
        let name = name[..end].to_ascii_lowercase();
        if name.is_empty() || NEVER_NESTED.binary_search(&name.as_str()).is_ok() {
            continue;
        }
        if closes {
            depth = depth.saturating_sub(1);
            continue;
        }
        depth += 1;
        deepest = deepest.max(depth);
        if matches!(name.as_str(), "script" | "style") {
            // What looks like elements inside is none.
            rest = rest.find("</").map_or("", |end| &rest[end..]);
        }
    }
    deepest
}

/// Each row as a paragraph of `column: value`.
fn csv(text: &str) -> Result<String, Reason> {
    let first_line = text.lines().next().unwrap_or_default();
    let count = |delimiter: u8| first_line.bytes().filter(|byte| *byte == delimiter).count();
    let delimiter = [b',', b';', b'\t', b'|'].into_iter().rev().max_by_key(|delimiter| count(*delimiter));
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(delimiter.unwrap_or(b','))
        .flexible(true)
        .trim(csv::Trim::All)
        .from_reader(text.as_bytes());
    let columns = reader.headers().map_err(|error| error.to_string())?.clone();
    let mut out = String::new();
    for row in reader.records() {
        let row = row.map_err(|error| error.to_string())?;
        for (place, value) in row.iter().enumerate().filter(|(_, value)| !value.is_empty()) {
            match columns.get(place).filter(|column| !column.is_empty()) {
                Some(column) => drop(writeln!(out, "{column}: {value}")),
                None => drop(writeln!(out, "{value}")),
            }
        }
        out.push('\n');
        check_size(&out)?;
    }
    if out.trim().is_empty() {
        // A single line, or a list without columns.
        return Ok(columns.iter().collect::<Vec<_>>().join("\n"));
    }
    Ok(out)
}

/// Each value on a line with its path; each element of a list as a paragraph.
fn json(text: &str) -> Result<String, Reason> {
    let json: Json = serde_json::from_str(text).map_err(|error| format!("it is no JSON: {error}"))?;
    let mut out = String::new();
    flatten(&json, "", &mut out)?;
    Ok(out)
}

fn flatten(json: &Json, path: &str, out: &mut String) -> Result<(), Reason> {
    check_size(out)?;
    match json {
        Json::Object(fields) => {
            for (name, value) in fields {
                let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                flatten(value, &path, out)?;
            }
        }
        Json::Array(list) => {
            for value in list {
                flatten(value, path, out)?;
                if value.is_object() {
                    out.push('\n');
                }
            }
        }
        Json::Null => {}
        Json::String(text) => line(path, text, out),
        other => line(path, &other.to_string(), out),
    }
    Ok(())
}

fn line(path: &str, value: &str, out: &mut String) {
    if !path.is_empty() {
        let _ = write!(out, "{path}: ");
    }
    let _ = writeln!(out, "{value}");
}

fn check_size(out: &str) -> Result<(), Reason> {
    if out.len() > TEXT_SIZE_MAX { Err("it has too much text".to_owned()) } else { Ok(()) }
}

/// A writer that stops whoever writes too much.
struct Bounded(Vec<u8>);

impl std::io::Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        if self.0.len() + bytes.len() > TEXT_SIZE_MAX {
            return Err(std::io::ErrorKind::FileTooLarge.into());
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn pdf(bytes: &[u8]) -> Result<String, Reason> {
    let mut document =
        pdf_extract::Document::load_mem(bytes).map_err(|_| "it is no PDF, or damaged".to_owned())?;
    // Many files are encrypted with an empty password, only to forbid printing.
    if document.is_encrypted() && document.decrypt("").is_err() {
        return Err("it is protected by a password".to_owned());
    }
    let mut out = Bounded(Vec::new());
    let mut output = pdf_extract::PlainTextOutput::new(&mut out as &mut dyn std::io::Write);
    pdf_extract::output_doc(&document, &mut output)
        .map_err(|_| "its pages cannot be read, or have too much text".to_owned())?;
    let _ = out.flush();
    // Letters are placed one by one; what looks like several spaces is one.
    let text = String::from_utf8_lossy(&out.0);
    Ok(text
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
        .collect::<Vec<_>>()
        .join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_text(reading: Reading, text: &str) -> Result<String, Reason> {
        read(reading, text.as_bytes())
    }

    #[test]
    fn texts_are_decoded_from_what_they_are_written_in() {
        assert_eq!(read(Reading::Text, b"\xef\xbb\xbfgr\xc3\xbc\xc3\x9f").unwrap(), "grüß");
        assert_eq!(read(Reading::Text, b"gr\xfc\xdf").unwrap(), "grüß");
        assert_eq!(read(Reading::Text, b"\xff\xfea\0b\0").unwrap(), "ab");
        assert_eq!(read(Reading::Text, b"a\0b").unwrap_err(), "it is no text");
        assert_eq!(read(Reading::Text, b" \n").unwrap_err(), "it has no text");
    }

    #[test]
    fn pages_lose_their_tags_and_scripts() {
        let text = read_text(
            Reading::Html,
            "<html><head><style>p{}</style><script>alert(1)</script></head><body><h1>Opening hours</h1>\
             <p>From <b>nine</b> to <a href='https://x.test'>five</a>.</p>\
             <table><tr><td>Mon</td><td>open</td></tr></table></body></html>",
        )
        .unwrap();
        assert!(text.starts_with("# Opening hours\n\nFrom **nine** to [five]"), "{text}");
        assert!(text.contains("Mon") && !text.contains("alert") && !text.contains("p{}"), "{text}");
    }

    #[test]
    fn rows_get_the_names_of_their_columns() {
        assert_eq!(
            read_text(Reading::Csv, "plan;price\nBasic;\"10;50\"\nPro;20\n").unwrap(),
            "plan: Basic\nprice: 10;50\n\nplan: Pro\nprice: 20\n\n"
        );
        assert_eq!(read_text(Reading::Csv, "only,one line").unwrap(), "only\none line");
        assert_eq!(read_text(Reading::Csv, "a\nb,c\n").unwrap(), "a: b\nc\n\n");
    }

    #[test]
    fn values_get_their_paths() {
        assert_eq!(
            read_text(Reading::Json, r#"{"shop":{"open":true,"days":["Mon","Tue"],"none":null},"n":1.5}"#)
                .unwrap(),
            "n: 1.5\nshop.days: Mon\nshop.days: Tue\nshop.open: true\n"
        );
        assert_eq!(read_text(Reading::Json, r#"[{"q":"A"},{"q":"B"}]"#).unwrap(), "q: A\n\nq: B\n\n");
        assert!(read_text(Reading::Json, "{").unwrap_err().starts_with("it is no JSON"));
    }

    #[test]
    fn only_what_has_to_be_closed_is_nested() {
        assert!(NEVER_NESTED.is_sorted());
        let many = |text: &str| nesting(&text.repeat(1_000));
        assert_eq!((many("<p>a<br><li>b"), many("<div a='1'>x</div>"), many("<DIV>")), (0, 1, 1_000));
        assert_eq!(nesting("<script>for (a<b; '<i><i>') </script><b>a < b</b>"), 1);
    }

    #[tokio::test]
    async fn what_is_damaged_or_nested_without_end_fails_alone() {
        let deep = |open: &str| open.repeat(100_000);
        for (reading, content) in [
            (Reading::Json, deep("[")),
            (Reading::Html, deep("<div>")),
            (Reading::Html, deep("<table><tr><td>")),
            (Reading::Pdf, "%PDF-1.7 nothing".to_owned()),
            (Reading::Pdf, format!("%PDF-1.7\n1 0 obj\n{}\nendobj\ntrailer<</Root 1 0 R>>", deep("["))),
        ] {
            let reason = text(reading, content.into()).await.unwrap_err();
            assert!(!reason.contains("longer than"), "{reading:?}: {reason}");
        }
    }
}
