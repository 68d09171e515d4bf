//! `.env` files, as Node's `dotenv` reads and the official CLI writes them.
//!
//! Deliberately absent: substitution of variables. A `$` in a secret is a `$`, which is why no crate does this here.

/// The variables of a `.env` file, in order. Lines that are none are skipped, the last of two with one name wins.
pub(crate) fn parse(content: &str) -> Vec<(String, String)> {
    let content = content.replace("\r\n", "\n");
    let mut variables: Vec<(String, String)> = Vec::new();
    let mut rest = content.as_str();
    while !rest.is_empty() {
        let line_end = rest.find('\n').unwrap_or(rest.len());
        let Some((name, value_at)) = parse_name(&rest[..line_end]) else {
            rest = rest.get(line_end + 1..).unwrap_or_default();
            continue;
        };
        let (value, length) = parse_value(&rest[value_at..]);
        variables.retain(|(known, _)| *known != name);
        variables.push((name, value));
        rest = &rest[value_at + length..];
        rest = rest.find('\n').map_or("", |end| &rest[end + 1..]);
    }
    variables
}

/// The name at the start of a line, and where its value starts.
fn parse_name(line: &str) -> Option<(String, usize)> {
    let (name, _) = line.split_once('=')?;
    let value_at = name.len() + 1;
    let name = name.trim();
    let name = name.strip_prefix("export ").unwrap_or(name).trim();
    let valid =
        !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte));
    valid.then(|| (name.to_owned(), value_at))
}

/// The value at the start of the text, and how much of the text it takes. Quoted values may span lines.
fn parse_value(text: &str) -> (String, usize) {
    let line = &text[..text.find('\n').unwrap_or(text.len())];
    let start = line.len() - line.trim_start().len();
    for quote in ['"', '\'', '`'] {
        let Some(quoted) = text[start..].strip_prefix(quote) else { continue };
        if let Some(end) = find_quote_end(quoted, quote) {
            let value = &quoted[..end];
            let value =
                if quote == '"' { value.replace("\\n", "\n").replace("\\r", "\r") } else { value.to_owned() };
            return (value, start + 1 + end + 1);
        }
    }
    let value = line.split('#').next().unwrap_or_default();
    (value.trim().to_owned(), line.len())
}

/// Where the quote closes; a backslash before it does not close it.
fn find_quote_end(text: &str, quote: char) -> Option<usize> {
    text.match_indices(quote).map(|(index, _)| index).find(|index| !text[..*index].ends_with('\\'))
}

/// The value as it is written after `NAME=`, quoted where it must be.
pub(crate) fn format(value: &str) -> String {
    let quoted = |quote: char| format!("{quote}{value}{quote}");
    if value.contains('\n') {
        if !value.contains('\'') { quoted('\'') } else { format!("\"{}\"", value.replace('\n', "\\n")) }
    } else if value.contains('#') || value.starts_with(['"', '\'', '`']) || value.trim() != value {
        if value.contains('\'') { quoted('"') } else { quoted('\'') }
    } else {
        value.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_read_as_dotenv_reads_them() {
        let content = "# comment\nA=1\nexport B = two words # why\r\nC='#not \\n'\nD=\"line\\nnext\"\nE=\"two\nlines\" # x\n\
                       F=\nnonsense\nG=a=b$A\nH=`it's \"x\"`\nA=last\n=x\nI=\"open\nJ='a'";
        let expected = [
            ("B", "two words"),
            ("C", "#not \\n"),
            ("D", "line\nnext"),
            ("E", "two\nlines"),
            ("F", ""),
            ("G", "a=b$A"),
            ("H", "it's \"x\""),
            ("A", "last"),
            ("I", "\"open"),
            ("J", "a"),
        ];
        let expected: Vec<_> = expected.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        assert_eq!(parse(content), expected);
    }

    #[test]
    fn written_values_read_back() {
        for value in [
            "",
            "plain",
            "with space",
            " padded ",
            "a#b",
            "'x'",
            "\"x\"",
            "two\nlines",
            "it's\ntwo",
            "it's #1",
            "$A",
        ] {
            let line = format!("X={}\n", format(value));
            assert_eq!(parse(&line), [("X".to_owned(), value.to_owned())], "{line}");
        }
    }
}
