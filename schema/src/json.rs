//! The JSON forms of values.
//!
//! *Encoded* JSON is lossless and is what clients, JavaScript and the data file hold: int64, bytes and special
//! floats are objects with one `$…` key, everything else is plain JSON. Its canonical text has sorted keys and
//! no whitespace. *Clean* JSON is lossy and meant for people's own HTTP clients. *Export* JSON is lossless
//! where the reader knows the types. Reading always takes encoded JSON.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::de::{self, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use thiserror::Error;

use crate::names::{ARRAY_LENGTH_MAX, OBJECT_FIELDS_MAX, VALUE_NESTING_MAX, check_field_name};
use crate::value::{Object, Value};

/// Which JSON form a result is wanted in (the `format` parameter of the HTTP API).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// `convex_encoded_json`: lossless, the form of the wire.
    Encoded,
    /// `json`: lossy; int64 as a decimal string, bytes as base64, special floats as strings.
    Clean,
    /// As [`Self::Encoded`], floats always with a dot: for readers that take `1` for an integer.
    EncodedWithDots,
    /// `export_json`: int64 as an integer, floats always with a dot, special floats and bytes as encoded.
    Export,
}

impl Format {
    /// Reads the `format` parameter.
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "convex_encoded_json" | "convex_json" => Some(Self::Encoded),
            "json" | "convex_clean_json" => Some(Self::Clean),
            "export_json" => Some(Self::Export),
            _ => None,
        }
    }
}

/// Why a text is not the encoded JSON of a value.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("{0}")]
pub struct JsonError(String);

/// Reads a value from encoded JSON.
pub fn decode(text: &str) -> Result<Value, JsonError> {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    // Nesting is bounded by the seed itself, with a message in our words.
    let value = ValueSeed { depth: 0, has_integers: false }
        .deserialize(&mut deserializer)
        .map_err(|error| JsonError(error.to_string()))?;
    deserializer.end().map_err(|error| JsonError(error.to_string()))?;
    Ok(value)
}

/// Reads the fields of a document from its canonical JSON: those that are wanted, and the size of all of them as
/// [`Object::size`] counts. Long arrays of numbers that nobody wants cost next to nothing.
///
/// # Errors
/// If the text is not the encoded JSON of an object.
pub fn decode_fields(text: &str, is_wanted: impl Fn(&str) -> bool) -> Result<(Object, usize), JsonError> {
    let wrong = |error: serde_json::Error| JsonError(error.to_string());
    let fields: RawFields<'_> = serde_json::from_str(text).map_err(wrong)?;
    let (mut wanted, mut size) = (Object::new(), 2);
    for (name, raw) in fields.0 {
        size += name.len() + 1;
        match plain_numbers(raw.get()) {
            Some(numbers) if !is_wanted(&name) => size += 2 + 9 * numbers,
            _ => {
                let value = decode(raw.get())?;
                size += value.size();
                if is_wanted(&name) {
                    wanted.insert(name, value);
                }
            }
        }
    }
    Ok((wanted, size))
}

/// How many numbers there are in the canonical JSON of an array of nothing else.
fn plain_numbers(text: &str) -> Option<usize> {
    let inside = text.strip_prefix('[')?.strip_suffix(']')?.as_bytes();
    let (mut is_plain, mut commas) = (true, 0);
    // No way out of the loop, so that the compiler takes many bytes at once.
    for part in inside.chunks(128) {
        let mut part_commas = 0_u8;
        for byte in part {
            is_plain &= !matches!(byte, b'[' | b'{' | b'"' | b't' | b'f' | b'n');
            part_commas += u8::from(*byte == b',');
        }
        commas += usize::from(part_commas);
    }
    is_plain.then_some(if inside.is_empty() { 0 } else { commas + 1 })
}

/// The fields of an object as they are in its text.
struct RawFields<'a>(Vec<(String, &'a RawValue)>);

impl<'de> de::Deserialize<'de> for RawFields<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields;

        impl<'de> Visitor<'de> for Fields {
            type Value = RawFields<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<RawFields<'de>, A::Error> {
                let mut fields = Vec::new();
                while let Some(field) = map.next_entry()? {
                    fields.push(field);
                }
                Ok(RawFields(fields))
            }
        }

        deserializer.deserialize_map(Fields)
    }
}

/// Reads a value from export JSON, where a number without a dot is an int64; encoded JSON is understood, too.
pub fn decode_export(text: &str) -> Result<Value, JsonError> {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let value = ValueSeed { depth: 0, has_integers: true }
        .deserialize(&mut deserializer)
        .map_err(|error| JsonError(error.to_string()))?;
    deserializer.end().map_err(|error| JsonError(error.to_string()))?;
    Ok(value)
}

/// Reads a value from encoded JSON in whatever form.
pub(crate) fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Value, D::Error> {
    ValueSeed { depth: 0, has_integers: false }.deserialize(deserializer)
}

/// Reads a value whose encoded JSON is an object.
pub(crate) fn read_object<'de, A: MapAccess<'de>>(map: A) -> Result<Value, A::Error> {
    ValueSeed { depth: 0, has_integers: false }.visit_map(map)
}

/// Reads a value from parsed encoded JSON.
pub fn from_serde(json: &serde_json::Value) -> Result<Value, JsonError> {
    ValueSeed { depth: 0, has_integers: false }
        .deserialize(json)
        .map_err(|error: serde_json::Error| JsonError(error.to_string()))
}

/// The canonical encoded JSON of a value.
pub fn encode(value: &Value) -> String {
    let mut out = String::new();
    encode_to(value, Format::Encoded, &mut out);
    out
}

/// The value in the given form, as parsed JSON.
pub fn to_serde(value: &Value, format: Format) -> serde_json::Value {
    let mut text = String::new();
    encode_to(value, format, &mut text);
    serde_json::from_str(&text).unwrap_or(serde_json::Value::Null)
}

/// Appends the value's JSON text to `out`.
pub fn encode_to(value: &Value, format: Format, out: &mut String) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Boolean(true) => out.push_str("true"),
        Value::Boolean(false) => out.push_str("false"),
        Value::Int64(value) => encode_int(*value, format, out),
        Value::CommitTs => out.push_str("{\"$commitTs\":null}"),
        Value::Float64(value) => encode_float(*value, format, out),
        Value::String(value) => encode_string(value, out),
        Value::Bytes(value) => {
            if format == Format::Clean {
                out.push('"');
                BASE64.encode_string(value, out);
                out.push('"');
            } else {
                encode_special("$bytes", value, out);
            }
        }
        Value::Array(values) => {
            out.push('[');
            for (index, value) in values.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                encode_to(value, format, out);
            }
            out.push(']');
        }
        Value::Object(object) => encode_object_to(object, format, out),
    }
}

/// Appends the object's JSON text to `out`.
pub fn encode_object_to(object: &Object, format: Format, out: &mut String) {
    out.push('{');
    for (index, (name, value)) in object.iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        encode_string(name, out);
        out.push(':');
        encode_to(value, format, out);
    }
    out.push('}');
}

fn encode_int(value: i64, format: Format, out: &mut String) {
    match format {
        Format::Encoded | Format::EncodedWithDots => encode_special("$integer", &value.to_le_bytes(), out),
        Format::Clean => {
            out.push('"');
            out.push_str(&value.to_string());
            out.push('"');
        }
        Format::Export => out.push_str(&value.to_string()),
    }
}

/// Whether a float has a plain JSON form.
fn is_plain(value: f64) -> bool {
    value.is_finite() && !(value == 0.0 && value.is_sign_negative())
}

fn encode_float(value: f64, format: Format, out: &mut String) {
    use fmt::Write as _;
    /// Doubles below this are integers that print exactly as such.
    const INTEGRAL_MAX: f64 = 9_007_199_254_740_992.0;
    if !is_plain(value) {
        match format {
            Format::Clean if value.is_nan() => out.push_str("\"NaN\""),
            Format::Clean if value == f64::INFINITY => out.push_str("\"Infinity\""),
            Format::Clean if value == f64::NEG_INFINITY => out.push_str("\"-Infinity\""),
            Format::Clean | Format::Export if value == 0.0 => out.push_str("-0.0"),
            _ => encode_special("$float", &value.to_le_bytes(), out),
        }
        return;
    }
    let with_dot = matches!(format, Format::Export | Format::EncodedWithDots);
    if !with_dot && value.fract() == 0.0 && value.abs() < INTEGRAL_MAX {
        // Writing to a String cannot fail.
        let _ = write!(out, "{}", value as i64);
        return;
    }
    out.push_str(&serde_json::Number::from_f64(value).map(|number| number.to_string()).unwrap_or_default());
}

fn encode_special(name: &str, bytes: &[u8], out: &mut String) {
    out.push_str("{\"");
    out.push_str(name);
    out.push_str("\":\"");
    BASE64.encode_string(bytes, out);
    out.push_str("\"}");
}

/// Appends a JSON string literal.
pub fn encode_string(text: &str, out: &mut String) {
    out.reserve(text.len() + 2);
    out.push('"');
    let mut start = 0;
    for (index, byte) in text.bytes().enumerate() {
        let escape: &str = match byte {
            b'"' => "\\\"",
            b'\\' => "\\\\",
            b'\n' => "\\n",
            b'\r' => "\\r",
            b'\t' => "\\t",
            0x08 => "\\b",
            0x0C => "\\f",
            0..=0x1F => "",
            _ => continue,
        };
        out.push_str(&text[start..index]);
        if escape.is_empty() {
            out.push_str(&format!("\\u{byte:04x}"));
        } else {
            out.push_str(escape);
        }
        start = index + 1;
    }
    out.push_str(&text[start..]);
    out.push('"');
}

/// Reads one value; `depth` is the number of containers around it.
struct ValueSeed {
    depth: usize,
    /// Whether a number without a dot is an int64.
    has_integers: bool,
}

impl ValueSeed {
    fn inner<E: de::Error>(&self) -> Result<Self, E> {
        if self.depth >= VALUE_NESTING_MAX {
            return Err(E::custom(format!(
                "Value is nested too deeply: more than {VALUE_NESTING_MAX} levels of arrays and objects."
            )));
        }
        Ok(Self { depth: self.depth + 1, has_integers: self.has_integers })
    }
}

impl<'de> DeserializeSeed<'de> for ValueSeed {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for ValueSeed {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a Convex value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Boolean(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(if self.has_integers { Value::Int64(value) } else { Value::Float64(value as f64) })
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        match i64::try_from(value) {
            Ok(value) if self.has_integers => Ok(Value::Int64(value)),
            _ => Ok(Value::Float64(value as f64)),
        }
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Value::Float64(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let mut values = Vec::with_capacity(seq.size_hint().unwrap_or(0).min(ARRAY_LENGTH_MAX));
        while let Some(value) = seq.next_element_seed(self.inner()?)? {
            if values.len() == ARRAY_LENGTH_MAX {
                return Err(de::Error::custom(format!(
                    "Array has too many elements: at most {ARRAY_LENGTH_MAX} are allowed."
                )));
            }
            values.push(value);
        }
        Ok(Value::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut object = Object::with_capacity(map.size_hint().unwrap_or(0).min(OBJECT_FIELDS_MAX));
        while let Some(name) = map.next_key::<String>()? {
            if name.starts_with('$') && object.is_empty() {
                let value = special(&name, &mut map)?;
                if let Some(other) = map.next_key::<String>()? {
                    return Err(de::Error::custom(format!(
                        "Field \"{name}\" must stand alone, but \"{other}\" follows it."
                    )));
                }
                return Ok(value);
            }
            check_field_name(&name).map_err(de::Error::custom)?;
            if object.len() == OBJECT_FIELDS_MAX {
                return Err(de::Error::custom(format!(
                    "Object has too many fields: at most {OBJECT_FIELDS_MAX} are allowed."
                )));
            }
            let value = map.next_value_seed(self.inner()?)?;
            object.insert(name, value);
        }
        Ok(Value::Object(object))
    }
}

/// Reads the value of a one-key object whose key starts with `$`.
fn special<'de, A: MapAccess<'de>>(name: &str, map: &mut A) -> Result<Value, A::Error> {
    let eight = |text: String| -> Result<[u8; 8], A::Error> {
        BASE64.decode(&text).ok().and_then(|bytes| bytes.try_into().ok()).ok_or_else(|| {
            de::Error::custom(format!("{name} needs the base64 of exactly 8 bytes, found \"{text}\"."))
        })
    };
    match name {
        "$integer" => Ok(Value::Int64(i64::from_le_bytes(eight(map.next_value()?)?))),
        "$float" => {
            let value = f64::from_le_bytes(eight(map.next_value()?)?);
            if is_plain(value) {
                return Err(de::Error::custom(format!("Float {value} should be encoded as a number.")));
            }
            Ok(Value::Float64(value))
        }
        "$bytes" => {
            let text: String = map.next_value()?;
            BASE64
                .decode(&text)
                .map(Value::Bytes)
                .map_err(|_| de::Error::custom("$bytes needs padded base64 in the standard alphabet."))
        }
        "$commitTs" => {
            map.next_value::<()>()?;
            Ok(Value::CommitTs)
        }
        "$set" => Err(de::Error::custom("Received a Set which is no longer supported as a Convex type")),
        "$map" => Err(de::Error::custom("Received a Map which is no longer supported as a Convex type")),
        _ => Err(de::Error::custom(format!("Field name \"{name}\" starts with '$', which is reserved."))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn encoded_json_is_lossless(value in crate::key::tests::any_value()) {
            prop_assert_eq!(decode(&encode(&value)).unwrap(), value.clone());
            prop_assert_eq!(from_serde(&to_serde(&value, Format::Encoded)).unwrap(), value.clone());
            let mut exported = String::new();
            encode_to(&value, Format::Export, &mut exported);
            prop_assert_eq!(decode_export(&exported).unwrap(), value);
        }
    }

    proptest! {
        #[test]
        fn some_fields_are_read_and_all_are_measured(
            fields in prop::collection::btree_map("[a-e]", crate::key::tests::any_value(), 0..5),
            numbers in prop::collection::vec(any::<f64>(), 0..300),
        ) {
            let mut object: Object = fields.into_iter().collect();
            object.insert("numbers", numbers.into_iter().map(Value::from).collect::<Vec<_>>());
            let text = encode(&Value::Object(object.clone()));
            let (wanted, size) = decode_fields(&text, |name| name < "c").unwrap();
            prop_assert_eq!(size, object.size());
            let expected: Object = object.into_iter().filter(|(name, _)| name.as_str() < "c").collect();
            prop_assert_eq!(wanted, expected);
        }
    }

    #[test]
    fn only_objects_have_fields() {
        for text in ["[]", "1", "{", r#"{"a":[1,}"#, r#"{"a":{"$integer":1}}"#] {
            assert!(decode_fields(text, |_| false).is_err(), "{text}");
        }
    }

    #[test]
    fn refuses_bad_special_forms() {
        for (text, fragment) in [
            (r#"{"$integer":"AQ=="}"#, "exactly 8 bytes"),
            (r#"{"$float":"AAAAAAAA8D8="}"#, "should be encoded as a number"),
            (r#"{"$set":[]}"#, "no longer supported"),
            (r#"{"$other":1}"#, "reserved"),
            (r#"{"a":1,"$integer":"AQAAAAAAAAA="}"#, "reserved"),
            (r#"{"$integer":"AQAAAAAAAAA=","a":1}"#, "must stand alone"),
            (r#"{"ä":1}"#, "non-control ASCII"),
            (&format!("{}1{}", "[".repeat(65), "]".repeat(65)), "nested too deeply"),
            ("1 2", "trailing"),
        ] {
            let error = decode(text).unwrap_err().to_string();
            assert!(error.contains(fragment), "{text}: {error}");
        }
    }

    #[test]
    fn formats_differ_as_documented() {
        let value = decode(
            r#"{"b":{"$bytes":"AQI="},"f":1,"i":{"$integer":"ewAAAAAAAAA="},"n":{"$float":"AAAAAAAA+H8="}}"#,
        )
        .unwrap();
        let text = |format| {
            let mut out = String::new();
            encode_to(&value, format, &mut out);
            out
        };
        assert_eq!(text(Format::Clean), r#"{"b":"AQI=","f":1,"i":"123","n":"NaN"}"#);
        assert_eq!(
            text(Format::EncodedWithDots),
            r#"{"b":{"$bytes":"AQI="},"f":1.0,"i":{"$integer":"ewAAAAAAAAA="},"n":{"$float":"AAAAAAAA+H8="}}"#
        );
        assert_eq!(
            text(Format::Export),
            r#"{"b":{"$bytes":"AQI="},"f":1.0,"i":123,"n":{"$float":"AAAAAAAA+H8="}}"#
        );
    }
}
