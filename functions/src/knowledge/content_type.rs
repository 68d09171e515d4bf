//! What a file is: by what its sender says, by its name, or by how it begins.

/// What is done to get at a file's text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reading {
    /// It is text, Markdown among it.
    Text,
    /// Tags are taken away.
    Html,
    /// Rows get their columns' names.
    Csv,
    /// Values get their names.
    Json,
    /// Pages are read.
    Pdf,
    /// A language model looks at it.
    Image,
}

/// Content types by the ends of names.
const BY_EXTENSION: &[(&[&str], &str)] = &[
    (&["txt", "text", "log", "rtf"], "text/plain"),
    (&["md", "mdx", "markdown"], "text/markdown"),
    (&["html", "htm", "xhtml"], "text/html"),
    (&["csv"], "text/csv"),
    (&["tsv"], "text/tab-separated-values"),
    (&["json"], "application/json"),
    (&["xml"], "application/xml"),
    (&["yaml", "yml"], "application/yaml"),
    (&["css"], "text/css"),
    (&["js", "cjs", "mjs", "jsx", "ts", "tsx"], "text/javascript"),
    (&["pdf"], "application/pdf"),
    (&["jpg", "jpeg"], "image/jpeg"),
    (&["png"], "image/png"),
    (&["gif"], "image/gif"),
    (&["webp"], "image/webp"),
    (&["avif"], "image/avif"),
    (&["svg"], "image/svg+xml"),
    (&["tiff", "tif"], "image/tiff"),
    (&["ico"], "image/vnd.microsoft.icon"),
    (&["zip"], "application/zip"),
    (&["mp3"], "audio/mpeg"),
    (&["mp4"], "video/mp4"),
];
/// How files begin.
const BY_BEGINNING: &[(&[u8], &str)] = &[
    (b"%PDF-", "application/pdf"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF8", "image/gif"),
    (b"PK\x03\x04", "application/zip"),
    (b"<!DOCTYPE html", "text/html"),
    (b"<!doctype html", "text/html"),
    (b"<html", "text/html"),
];
const UNKNOWN: &str = "application/octet-stream";

/// The content type of a file, without parameters, in lower case. What the sender says counts unless it says nothing;
/// then the name, and last how the file begins.
pub(crate) fn content_type(said: &str, filename: &str, bytes: &[u8]) -> String {
    let said = said.split(';').next().unwrap_or_default().trim().to_lowercase();
    if !said.is_empty() && said != UNKNOWN {
        return said;
    }
    let extension = extension(filename);
    let by_name = BY_EXTENSION.iter().find(|(extensions, _)| extensions.contains(&extension.as_str()));
    let by_beginning = || {
        let webp = bytes.starts_with(b"RIFF") && bytes.get(8..12) == Some(b"WEBP");
        let found = BY_BEGINNING.iter().find(|(beginning, _)| bytes.starts_with(beginning));
        found.map(|(_, content_type)| *content_type).or_else(|| webp.then_some("image/webp"))
    };
    by_name.map(|(_, content_type)| *content_type).or_else(by_beginning).unwrap_or(UNKNOWN).to_owned()
}

/// What follows the last dot of a name, in lower case; the whole name if it has none.
pub(crate) fn extension(filename: &str) -> String {
    filename.rsplit('.').next().unwrap_or_default().to_lowercase()
}

/// How a file of this type is read; `None` if it cannot be.
pub(crate) fn reading(content_type: &str, filename: &str) -> Option<Reading> {
    Some(match content_type {
        "image/jpeg" | "image/png" | "image/webp" | "image/gif" => Reading::Image,
        "text/html" | "application/xhtml+xml" => Reading::Html,
        "text/csv" | "text/tab-separated-values" | "application/csv" => Reading::Csv,
        // What a browser says about a CSV file where a spreadsheet program is installed.
        "application/vnd.ms-excel" if extension(filename) == "csv" => Reading::Csv,
        "application/json" => Reading::Json,
        "application/xml"
        | "application/yaml"
        | "application/x-yaml"
        | "application/x-ndjson"
        | "application/jsonl"
        | "application/javascript"
        | "application/rtf" => Reading::Text,
        other if other.contains("pdf") => Reading::Pdf,
        other if other.starts_with("image/") => return None,
        other if other.ends_with("+json") => Reading::Json,
        other if other.starts_with("text/") || other.ends_with("+xml") => Reading::Text,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_files_type_is_said_or_guessed() {
        for (said, name, bytes, expected) in [
            ("Text/Plain; charset=utf-8", "a.pdf", "", "text/plain"),
            ("", "a.PDF", "", "application/pdf"),
            ("application/octet-stream", "notes.md", "", "text/markdown"),
            ("", "no extension", "%PDF-1.7", "application/pdf"),
            ("", "picture", "RIFF....WEBPVP8", "image/webp"),
            ("", "what", "\u{1}\u{2}", "application/octet-stream"),
        ] {
            assert_eq!(content_type(said, name, bytes.as_bytes()), expected, "{said} {name}");
        }
    }

    #[test]
    fn types_that_hold_text_are_read() {
        for (content_type, expected) in [
            ("text/plain", Some(Reading::Text)),
            ("text/markdown", Some(Reading::Text)),
            ("text/html", Some(Reading::Html)),
            ("text/csv", Some(Reading::Csv)),
            ("application/ld+json", Some(Reading::Json)),
            ("application/x-pdf", Some(Reading::Pdf)),
            ("image/png", Some(Reading::Image)),
            ("image/svg+xml", None),
            ("application/zip", None),
            ("application/octet-stream", None),
        ] {
            assert_eq!(reading(content_type, "x"), expected, "{content_type}");
        }
        assert_eq!(reading("application/vnd.ms-excel", "prices.CSV"), Some(Reading::Csv));
    }
}
