//! [`Extractor`]: from a document's body to what a vector index keeps of it.
//!
//! Bodies with vectors are long, so the fields that matter are read without building the others.

use fusion_schema::table::VectorIndexDefinition;
use fusion_schema::{Value, json, key};
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

use super::coding;

/// A filter field's value, as 128 bits of a cryptographic hash: two values have one tag only if they are equal.
pub(super) type Tag = u128;

/// What an index keeps of a document.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Extracted {
    /// The unit vector.
    pub(super) vector: Vec<f32>,
    /// A tag for each filter field.
    pub(super) tags: Vec<Tag>,
}

/// Reads documents for one index.
#[derive(Clone, Debug)]
pub(super) struct Extractor {
    vector: String,
    filters: Vec<String>,
    dimensions: usize,
    /// Whether a field lies inside another one.
    is_nested: bool,
}

/// The tag of a value; `None` is a missing field.
pub(super) fn tag(value: Option<&Value>) -> Tag {
    let mut bytes = Vec::new();
    key::encode_field(value, &mut bytes);
    let digest = Sha256::digest(&bytes);
    let mut tag = [0; 16];
    tag.copy_from_slice(&digest[..16]);
    Tag::from_le_bytes(tag)
}

impl Extractor {
    pub(super) fn new(definition: &VectorIndexDefinition) -> Self {
        let VectorIndexDefinition { vector_field, filter_fields, dimensions, .. } = definition;
        Self {
            vector: vector_field.clone(),
            filters: filter_fields.clone(),
            dimensions: *dimensions as usize,
            is_nested: filter_fields.iter().chain([vector_field]).any(|path| path.contains('.')),
        }
    }

    /// What the index keeps of the document with this canonical JSON; `None` if its vector field is not an array of
    /// the right number of finite floats.
    pub(super) fn read(&self, body: &str) -> Option<Extracted> {
        if self.is_nested {
            return self.read_all(body);
        }
        let mut deserializer = serde_json::Deserializer::from_str(body);
        let fields = Fields { extractor: self }.deserialize(&mut deserializer).ok()?;
        let numbers: Vec<f64> = match serde_json::from_str(fields.vector?.get()) {
            Ok(numbers) => numbers,
            // A negative zero is not a plain number; anything else is no vector.
            Err(_) => floats(&json::decode(fields.vector?.get()).ok()?)?,
        };
        let value = |raw: &RawValue| json::decode(raw.get()).ok();
        let tags = fields.filters.iter().map(|raw| tag(raw.and_then(value).as_ref())).collect();
        self.finish(&numbers, tags)
    }

    fn read_all(&self, body: &str) -> Option<Extracted> {
        let Ok(Value::Object(fields)) = json::decode(body) else { return None };
        let numbers = floats(fields.get_path(&self.vector)?)?;
        self.finish(&numbers, self.filters.iter().map(|path| tag(fields.get_path(path))).collect())
    }

    fn finish(&self, numbers: &[f64], tags: Vec<Tag>) -> Option<Extracted> {
        if numbers.len() != self.dimensions {
            return None;
        }
        Some(Extracted { vector: coding::unit(numbers)?, tags })
    }
}

fn floats(value: &Value) -> Option<Vec<f64>> {
    value.as_array()?.iter().map(Value::as_f64).collect()
}

/// The fields of a document that an extractor wants, as they are in its body.
struct Wanted<'de> {
    vector: Option<&'de RawValue>,
    filters: Vec<Option<&'de RawValue>>,
}

struct Fields<'a> {
    extractor: &'a Extractor,
}

impl<'de> DeserializeSeed<'de> for Fields<'_> {
    type Value = Wanted<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Wanted<'de>, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Fields<'_> {
    type Value = Wanted<'de>;

    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("a document")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Wanted<'de>, A::Error> {
        let Extractor { vector, filters, .. } = self.extractor;
        let mut wanted = Wanted { vector: None, filters: vec![None; filters.len()] };
        while let Some(name) = map.next_key::<std::borrow::Cow<'de, str>>()? {
            let is_filter = filters.iter().any(|filter| *filter == name);
            if *vector != name && !is_filter {
                map.next_value::<IgnoredAny>()?;
                continue;
            }
            let value: &'de RawValue = map.next_value()?;
            if *vector == name {
                wanted.vector = Some(value);
            }
            for (position, _) in filters.iter().enumerate().filter(|(_, filter)| **filter == name) {
                wanted.filters[position] = Some(value);
            }
        }
        Ok(wanted)
    }
}

#[cfg(test)]
mod tests {
    use fusion_schema::object;

    use super::*;

    fn extractor(vector: &str, filters: &[&str]) -> Extractor {
        Extractor::new(&VectorIndexDefinition {
            name: "by_embedding".to_owned(),
            vector_field: vector.to_owned(),
            dimensions: 2,
            filter_fields: filters.iter().map(|filter| (*filter).to_owned()).collect(),
        })
    }

    fn body(fields: fusion_schema::Object) -> String {
        json::encode(&Value::Object(fields))
    }

    #[test]
    fn vector_and_filters_are_found_among_other_fields() {
        let text = body(object! {
            "a\"b" => vec![Value::from("x")], "embedding" => vec![Value::from(3.0), Value::from(-4.0)],
            "lang" => "en", "n" => object! {"deep" => 1.0},
        });
        let found = extractor("embedding", &["lang", "missing", "n"]).read(&text).unwrap();
        assert_eq!(found.vector, [0.6, -0.8]);
        let object = Value::Object(object! {"deep" => 1.0});
        assert_eq!(found.tags, [tag(Some(&Value::from("en"))), tag(None), tag(Some(&object))]);
        let nested = extractor("embedding", &["n.deep"]).read(&text).unwrap();
        assert_eq!(nested.tags, [tag(Some(&Value::from(1.0)))]);
    }

    #[test]
    fn what_is_no_vector_of_the_right_length_is_not_indexed() {
        let read = |value: Value| extractor("v", &[]).read(&body(object! {"v" => value})).map(|it| it.vector);
        let floats =
            |numbers: &[f64]| Value::from(numbers.iter().map(|n| Value::from(*n)).collect::<Vec<_>>());
        assert_eq!(read(floats(&[-0.0, 1.0])), Some(vec![-0.0, 1.0]));
        for refused in [
            floats(&[1.0]),
            floats(&[1.0, 2.0, 3.0]),
            floats(&[1.0, f64::NAN]),
            floats(&[f64::INFINITY, 1.0]),
            Value::from("1,2"),
            Value::Null,
            Value::from(vec![Value::from(1.0), Value::Int64(2)]),
            Value::from(vec![Value::from(1.0), Value::from("2")]),
        ] {
            assert_eq!(read(refused.clone()), None, "{refused:?}");
        }
        assert_eq!(extractor("v", &[]).read(&body(object! {"w" => 1.0})), None);
    }
}
