//! Content types, `multipart/form-data` and `data:` URLs.

use data_url::DataUrl;
use data_url::mime::Mime;
use memchr::memmem;

use super::arguments::{Arguments, object};
use crate::js::op::{Op, OpResult, OpTable, OpValue};
use crate::js::state::OpState;

pub(super) const OPS: OpTable = &[
    ("content_type", Op::Sync(content_type)),
    ("multipart_parse", Op::Sync(multipart_parse)),
    ("data_url", Op::Sync(data_url)),
];

/// `(text)` → `{ essence, text, boundary? }`, or `null` if it is no content type.
fn content_type(_: &mut OpState, args: Vec<OpValue>) -> OpResult {
    let Ok(mime) = Arguments::new(args).text()?.parse::<Mime>() else { return Ok(OpValue::Null) };
    let boundary =
        mime.get_parameter("boundary").map_or(OpValue::Undefined, |text| OpValue::String(text.into()));
    Ok(object([
        ("essence", OpValue::String(format!("{}/{}", mime.type_, mime.subtype))),
        ("text", OpValue::String(mime.to_string())),
        ("boundary", boundary),
    ]))
}

/// `(url)` → `{ type, bytes }`, or `null`.
fn data_url(_: &mut OpState, args: Vec<OpValue>) -> OpResult {
    let url = Arguments::new(args).text()?;
    let Ok(url) = DataUrl::process(&url) else { return Ok(OpValue::Null) };
    let Ok((bytes, _fragment)) = url.decode_to_vec() else { return Ok(OpValue::Null) };
    Ok(object([("type", OpValue::String(url.mime_type().to_string())), ("bytes", OpValue::Bytes(bytes))]))
}

/// A part of a form.
#[derive(Debug, PartialEq)]
struct Part<'a> {
    name: String,
    filename: Option<String>,
    content_type: Option<String>,
    bytes: &'a [u8],
}

/// `(bytes, boundary)` → the parts as `{ name, filename?, type?, bytes }`, or `null`.
fn multipart_parse(_: &mut OpState, args: Vec<OpValue>) -> OpResult {
    let mut args = Arguments::new(args);
    let (bytes, boundary) = (args.bytes()?, args.text()?);
    let Some(parts) = parts(&bytes, &boundary) else { return Ok(OpValue::Null) };
    let optional = |text: Option<String>| text.map_or(OpValue::Undefined, OpValue::String);
    let part = |Part { name, filename, content_type, bytes }: Part<'_>| {
        object([
            ("name", OpValue::String(name)),
            ("filename", optional(filename)),
            ("type", optional(content_type)),
            ("bytes", OpValue::Bytes(bytes.to_vec())),
        ])
    };
    Ok(OpValue::List(parts.into_iter().map(part).collect()))
}

fn parts<'a>(bytes: &'a [u8], boundary: &str) -> Option<Vec<Part<'a>>> {
    let delimiter = format!("\r\n--{boundary}");
    let finder = memmem::Finder::new(&delimiter);
    let mut found = Vec::new();
    // The first delimiter may stand at the very beginning, without a line break before it.
    let mut rest = match bytes.strip_prefix(&delimiter.as_bytes()[2..]) {
        Some(rest) => rest,
        None => &bytes[finder.find(bytes)? + delimiter.len()..],
    };
    loop {
        if rest.starts_with(b"--") {
            return Some(found);
        }
        let line_end = memmem::find(rest, b"\r\n")?;
        if rest[..line_end].iter().any(|byte| !matches!(byte, b' ' | b'\t')) {
            return None;
        }
        let part = &rest[line_end + 2..];
        // Headers may be missing altogether, then the empty line comes at once.
        let (head, body) = match part.strip_prefix(b"\r\n") {
            Some(body) => (&part[..0], body),
            None => {
                let end = memmem::find(part, b"\r\n\r\n")?;
                (&part[..end], &part[end + 4..])
            }
        };
        // An empty body's delimiter begins with the line break that ends the head.
        let body_offset = part.len() - body.len() - 2;
        let end = finder.find(&part[body_offset..])? + body_offset;
        let body = part.get(body_offset + 2..end).unwrap_or_default();
        found.push(named(head, body)?);
        rest = &part[end + delimiter.len()..];
    }
}

fn named<'a>(head: &[u8], bytes: &'a [u8]) -> Option<Part<'a>> {
    let head = String::from_utf8_lossy(head);
    let (mut disposition, mut content_type) = (None, None);
    for line in head.split("\r\n") {
        let (name, value) = line.split_once(':')?;
        match name.trim().to_ascii_lowercase().as_str() {
            "content-disposition" => disposition = Some(value.trim()),
            "content-type" => content_type = Some(value.trim().to_owned()),
            _ => {}
        }
    }
    let (kind, parameters) = disposition?.split_once(';')?;
    if !kind.trim().eq_ignore_ascii_case("form-data") {
        return None;
    }
    let name = parameter(parameters, "name")?;
    Some(Part { name, filename: parameter(parameters, "filename"), content_type, bytes })
}

/// The value of `name="value"` or `name=value`, with the escapes of forms undone.
fn parameter(parameters: &str, wanted: &str) -> Option<String> {
    let mut rest = parameters;
    loop {
        rest = rest.trim_start_matches([' ', '\t', ';']);
        let (name, after) = rest.split_once('=')?;
        let value = match after.strip_prefix('"') {
            Some(quoted) => {
                let (value, after) = quoted.split_once('"')?;
                rest = after;
                value
            }
            None => {
                let (value, after) = after.split_once(';').unwrap_or((after, ""));
                rest = after;
                value.trim()
            }
        };
        if name.trim().eq_ignore_ascii_case(wanted) {
            return Some(value.replace("%22", "\"").replace("%0D", "\r").replace("%0A", "\n"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<Vec<(String, Option<String>, String)>> {
        let parts = parts(text.as_bytes(), "b")?;
        let text =
            |part: Part<'_>| (part.name, part.filename, String::from_utf8_lossy(part.bytes).into_owned());
        Some(parts.into_iter().map(text).collect())
    }

    #[test]
    fn parts_are_read_with_their_names() {
        let body = "preamble\r\n--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\none\r\n--b  \r\ncontent-disposition: form-data; filename=\"x%22.txt\"; name=f\r\nContent-Type: text/html\r\n\r\n\r\n--b--\r\n";
        assert_eq!(
            read(body),
            Some(vec![
                ("a".to_owned(), None, "one".to_owned()),
                ("f".to_owned(), Some("x\".txt".to_owned()), String::new()),
            ])
        );
        assert_eq!(read("--b--\r\n"), Some(vec![]));
    }

    #[test]
    fn what_ends_early_is_no_form() {
        let whole = "--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\none\r\n--b--";
        assert!(read(whole).is_some());
        for end in 0..whole.len() - 1 {
            assert_eq!(read(&whole[..end]), None, "{end}");
        }
        assert_eq!(read("--b\r\nContent-Type: text/plain\r\n\r\none\r\n--b--"), None);
        assert_eq!(read("--c\r\n\r\none\r\n--c--"), None);
    }
}
