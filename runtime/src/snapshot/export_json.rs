//! From a document's canonical JSON to the export's, where an int64 is a number without a dot and a double has one.

use std::borrow::Cow;

use fusion_schema::json::{self, Format};

/// Appends the export JSON of a document to `out`.
pub(super) fn append(body: &str, out: &mut Vec<u8>) {
    let has_special = body.contains("\"$integer\"") || body.contains("\"$float\"");
    if has_special && let Ok(value) = json::decode(body) {
        let mut text = String::new();
        json::encode_to(&value, Format::Export, &mut text);
        out.extend_from_slice(text.as_bytes());
        return;
    }
    out.extend_from_slice(with_dots(body.as_bytes()).as_ref());
}

/// Gives every number a dot that has none; all else stays.
fn with_dots(body: &[u8]) -> Cow<'_, [u8]> {
    let mut changed: Vec<u8> = Vec::new();
    let (mut copied, mut at) = (0, 0);
    while let Some(&byte) = body.get(at) {
        match byte {
            b'"' => {
                at += 1;
                loop {
                    match body.get(at) {
                        None | Some(b'"') => break,
                        Some(b'\\') => at += 2,
                        Some(_) => at += 1,
                    }
                }
                at += 1;
            }
            b'-' | b'0'..=b'9' => {
                let mut is_integer = true;
                while let Some(byte @ (b'-' | b'+' | b'.' | b'e' | b'E' | b'0'..=b'9')) = body.get(at) {
                    is_integer &= !matches!(byte, b'.' | b'e' | b'E');
                    at += 1;
                }
                if is_integer {
                    changed.extend_from_slice(&body[copied..at]);
                    changed.extend_from_slice(b".0");
                    copied = at;
                }
            }
            _ => at += 1,
        }
    }
    if copied == 0 {
        return Cow::Borrowed(body);
    }
    changed.extend_from_slice(&body[copied..]);
    Cow::Owned(changed)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn exported(body: &str) -> String {
        let mut out = Vec::new();
        append(body, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn doubles_have_dots_and_integers_have_none() {
        for (body, text) in [
            (r#"{"a":1,"b":[-2,0.5,1e300],"c":"1,\"2"}"#, r#"{"a":1.0,"b":[-2.0,0.5,1e300],"c":"1,\"2"}"#),
            (r#"{"a":"x\\","b":7}"#, r#"{"a":"x\\","b":7.0}"#),
            (r#"{"a":{"$integer":"AQAAAAAAAAA="},"b":2}"#, r#"{"a":1,"b":2.0}"#),
            (r#"{"a":{"$bytes":"AQI="}}"#, r#"{"a":{"$bytes":"AQI="}}"#),
            (r#"{"a":true,"b":null}"#, r#"{"a":true,"b":null}"#),
        ] {
            assert_eq!(exported(body), text);
        }
    }

    proptest! {
        #[test]
        fn the_short_way_gives_what_the_long_one_does(
            numbers in proptest::collection::vec(any::<f64>(), 0..5),
            texts in proptest::collection::vec("[\\PC\"\\\\0-9]{0,12}", 0..4),
        ) {
            let value = fusion_schema::Value::Array(
                numbers.into_iter().map(fusion_schema::Value::Float64)
                    .chain(texts.into_iter().map(fusion_schema::Value::String)).collect(),
            );
            let mut long = String::new();
            json::encode_to(&value, Format::Export, &mut long);
            prop_assert_eq!(exported(&json::encode(&value)), long);
        }
    }
}
