//! Reading types straight from encoded JSON, without a [`Value`] between: what stored documents go through.
//!
//! Deliberately absent: good error texts. Whoever gets an error here decodes the text once more through a [`Value`]
//! and reports what that says.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::{Typed, Value};
use crate::json;

/// Reads a type from the canonical JSON of a document, whose system fields it does not name.
///
/// # Errors
/// An error that only says that it did not work: see the module's documentation.
pub fn document_from_json<T: Typed>(text: &str) -> Result<T, serde_json::Error> {
    T::read_document(&mut serde_json::Deserializer::from_str(text))
}

/// Reads one value of a type. For derived code.
#[derive(Debug)]
pub struct Seed<T>(PhantomData<fn() -> T>);

/// Reads the value of a field that is there. For derived code.
#[derive(Debug)]
pub struct FieldSeed<T>(PhantomData<fn() -> T>);

impl<T> Default for Seed<T> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

impl<T> Default for FieldSeed<T> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

impl<'de, T: Typed> DeserializeSeed<'de> for Seed<T> {
    type Value = T;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<T, D::Error> {
        T::read(deserializer)
    }
}

impl<'de, T: Typed> DeserializeSeed<'de> for FieldSeed<T> {
    type Value = T;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<T, D::Error> {
        T::read_field(deserializer)
    }
}

/// Reads a type by way of a [`Value`].
pub(super) fn through_value<'de, T, D: Deserializer<'de>>(
    deserializer: D,
    decode: impl FnOnce(Value) -> Result<T, super::DecodeError>,
) -> Result<T, D::Error> {
    decode(json::read(deserializer)?).map_err(D::Error::custom)
}

/// Finds a field by its name. For derived code.
#[derive(Debug)]
pub struct NameSeed<'a> {
    /// The names that are known.
    pub names: &'a [&'a str],
    /// Whether the object is a whole document, whose system fields are passed over.
    pub is_document: bool,
}

impl<'de> DeserializeSeed<'de> for NameSeed<'_> {
    /// The place of the name in the list; `None` for a system field.
    type Value = Option<usize>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Option<usize>, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for NameSeed<'_> {
    type Value = Option<usize>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a field")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<Option<usize>, E> {
        match self.names.iter().position(|known| *known == name) {
            None if self.is_document && matches!(name, "_id" | "_creationTime") => Ok(None),
            None => Err(E::custom("there is no such field")),
            found => Ok(found),
        }
    }
}

/// The next field of an object, as its place among the names; the end is `None`. For derived code.
pub fn next_field<'de, A: MapAccess<'de>>(
    map: &mut A,
    names: &[&str],
    is_document: bool,
) -> Result<Option<usize>, A::Error> {
    while let Some(found) = map.next_key_seed(NameSeed { names, is_document })? {
        if found.is_some() {
            return Ok(found);
        }
        map.next_value::<IgnoredAny>()?;
    }
    Ok(None)
}

/// What a field is after the whole object was read. For derived code.
pub fn field_or_missing<T: Typed, E: Error>(field: Option<T>) -> Result<T, E> {
    field.or_else(T::decode_missing).ok_or_else(|| E::custom("a field is missing"))
}

/// Floats: numbers, and the special ones as objects.
pub(super) struct FloatVisitor;

impl<'de> Visitor<'de> for FloatVisitor {
    type Value = f64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number")
    }

    fn visit_i64<E>(self, value: i64) -> Result<f64, E> {
        Ok(value as f64)
    }

    fn visit_u64<E>(self, value: u64) -> Result<f64, E> {
        Ok(value as f64)
    }

    fn visit_f64<E>(self, value: f64) -> Result<f64, E> {
        Ok(value)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<f64, A::Error> {
        match json::read_object(map)? {
            Value::Float64(value) => Ok(value),
            _ => Err(A::Error::custom("expected a number")),
        }
    }
}

/// Text that becomes something by a function, without a copy before. For derived code.
#[derive(Debug)]
pub struct TextVisitor<F>(pub F);

impl<T, F: FnOnce(&str) -> Option<T>> Visitor<'_> for TextVisitor<F> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text of the right form")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        (self.0)(text).ok_or_else(|| E::custom("the text has another form"))
    }
}

/// Something or null.
pub(super) struct NullableVisitor<T>(pub(super) PhantomData<fn() -> T>);

impl<'de, T: Typed> Visitor<'de> for NullableVisitor<T> {
    type Value = Option<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value or null")
    }

    fn visit_none<E>(self) -> Result<Option<T>, E> {
        Ok(None)
    }

    fn visit_unit<E>(self) -> Result<Option<T>, E> {
        Ok(None)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Option<T>, D::Error> {
        T::read(deserializer).map(Some)
    }
}

/// A list.
pub(super) struct ListVisitor<T>(pub(super) PhantomData<fn() -> T>);

impl<'de, T: Typed> Visitor<'de> for ListVisitor<T> {
    type Value = Vec<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Vec<T>, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = seq.next_element_seed(Seed::<T>::default())? {
            values.push(value);
        }
        Ok(values)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::{Value, document_from_json, json};
    use crate::{Bytes, Nullable, Object, Typed};

    #[derive(Clone, Copy, Debug, PartialEq, Typed)]
    enum Status {
        Open,
        Closed,
    }

    #[derive(Clone, Debug, PartialEq, Typed)]
    #[typed(tag = "kind")]
    enum Part {
        Text { text: String },
        Image { size: f64 },
    }

    #[derive(Clone, Debug, PartialEq, Typed)]
    struct Wrapped(Vec<Status>);

    #[derive(Clone, Debug, PartialEq, Typed)]
    struct Inner {
        x: f64,
    }

    /// Names that derived code might use itself.
    #[derive(Clone, Debug, PartialEq, Typed)]
    struct Names {
        map: f64,
        place: f64,
        seed: f64,
        slot_0: f64,
    }

    #[derive(Clone, Debug, PartialEq, Typed)]
    struct Everything {
        all: Wrapped,
        blob: Bytes,
        count: i64,
        inner: Box<Inner>,
        level: f64,
        maybe: Option<Inner>,
        names: Names,
        nothing: Option<f64>,
        null: Nullable<String>,
        parts: Vec<Part>,
        record: BTreeMap<String, bool>,
        snake_case: String,
        value: Value,
    }

    fn everything() -> Everything {
        Everything {
            all: Wrapped(vec![Status::Open, Status::Closed]),
            blob: Bytes(vec![0, 255]),
            count: i64::MIN,
            inner: Box::new(Inner { x: -0.0 }),
            level: f64::INFINITY,
            maybe: Some(Inner { x: 7.0 }),
            names: Names { map: 1.0, place: 2.0, seed: 3.0, slot_0: 4.0 },
            nothing: None,
            null: Nullable(None),
            parts: vec![Part::Text { text: "a\n\"ä".to_owned() }, Part::Image { size: 0.5 }],
            record: BTreeMap::from([("yes".to_owned(), true)]),
            snake_case: "text".to_owned(),
            value: Value::Array(vec![Value::Int64(1), Value::Null]),
        }
    }

    fn document(fields: Value) -> String {
        let Value::Object(mut object) = fields else { panic!("an object") };
        object.insert("_id", "any");
        object.insert("_creationTime", 1.5);
        json::encode(&Value::Object(object))
    }

    #[test]
    fn a_document_is_read_as_through_a_value() {
        let value = everything().encode();
        assert_eq!(document_from_json::<Everything>(&document(value.clone())).unwrap(), everything());
        let read = Everything::read(&mut serde_json::Deserializer::from_str(&json::encode(&value)));
        assert_eq!(read.unwrap(), Everything::decode(value).unwrap());
    }

    #[test]
    fn what_cannot_be_decoded_cannot_be_read() {
        let change = |name: &str, value: Option<Value>| {
            let Value::Object(mut object) = everything().encode() else { panic!("an object") };
            match value {
                Some(value) => drop(object.insert(name, value)),
                None => drop(object.remove(name)),
            }
            Value::Object(object)
        };
        for wrong in [
            change("count", None),
            change("count", Some(Value::Float64(1.0))),
            change("other", Some(Value::Null)),
            change("maybe", Some(Value::Null)),
            change("level", Some("high".into())),
            change(
                "inner",
                Some(Value::Object([("_id".to_owned(), Value::Null)].into_iter().collect::<Object>())),
            ),
            change("all", Some(Value::Array(vec!["half open".into()]))),
        ] {
            assert!(Everything::decode(wrong.clone()).is_err(), "{wrong:?}");
            assert!(document_from_json::<Everything>(&document(wrong.clone())).is_err(), "{wrong:?}");
        }
        // System fields belong to documents alone.
        let text = document(everything().encode());
        assert!(Everything::read(&mut serde_json::Deserializer::from_str(&text)).is_err());
    }
}
