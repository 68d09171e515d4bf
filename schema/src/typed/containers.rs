//! Types that hold other types: optional, nullable, lists and records; and small ones around one value.

use std::collections::{BTreeMap, HashMap};
use std::hash::BuildHasher;
use std::marker::PhantomData;

use serde::de::Deserializer;

use super::direct::{ListVisitor, NullableVisitor};
use super::{DecodeError, Typed};
use crate::validator::{FieldValidator, Validator};
use crate::value::{Object, Value};

/// Binary data.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Bytes(pub Vec<u8>);

impl Typed for Bytes {
    fn validator() -> Validator {
        Validator::Bytes
    }

    fn decode(value: Value) -> Result<Self, DecodeError> {
        match value {
            Value::Bytes(bytes) => Ok(Self(bytes)),
            other => Err(DecodeError::expected("bytes", &other)),
        }
    }

    fn encode(self) -> Value {
        Value::Bytes(self.0)
    }
}

/// Exactly this boolean: what tells the members of a union apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct LiteralBool<const VALUE: bool>;

impl<const VALUE: bool> Typed for LiteralBool<VALUE> {
    fn validator() -> Validator {
        Validator::Literal(Value::Boolean(VALUE))
    }

    fn decode(value: Value) -> Result<Self, DecodeError> {
        match value {
            Value::Boolean(found) if found == VALUE => Ok(Self),
            other => Err(DecodeError::expected(if VALUE { "true" } else { "false" }, &other)),
        }
    }

    fn encode(self) -> Value {
        Value::Boolean(VALUE)
    }
}

/// A value or null; as a field it must be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Nullable<T>(pub Option<T>);

impl<T> Default for Nullable<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<T> From<Option<T>> for Nullable<T> {
    fn from(value: Option<T>) -> Self {
        Self(value)
    }
}

impl<T: Typed> Typed for Nullable<T> {
    fn validator() -> Validator {
        T::validator().or_null()
    }

    fn decode(value: Value) -> Result<Self, DecodeError> {
        if value.is_null() { Ok(Self(None)) } else { Ok(Self(Some(T::decode(value)?))) }
    }

    fn encode(self) -> Value {
        self.0.map_or(Value::Null, T::encode)
    }

    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_option(NullableVisitor(PhantomData)).map(Self)
    }

    fn read_field<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::read(deserializer)
    }
}

impl<T: Typed> Typed for Option<T> {
    const OPTIONAL: bool = true;

    fn validator() -> Validator {
        T::validator().or_null()
    }

    fn field() -> FieldValidator {
        FieldValidator::optional(T::validator())
    }

    fn decode(value: Value) -> Result<Self, DecodeError> {
        Ok(Nullable::decode(value)?.0)
    }

    fn decode_missing() -> Option<Self> {
        Some(None)
    }

    fn decode_field(value: Value) -> Result<Self, DecodeError> {
        T::decode(value).map(Some)
    }

    fn encode(self) -> Value {
        Nullable(self).encode()
    }

    fn encode_field(self) -> Option<Value> {
        self.map(T::encode)
    }

    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_option(NullableVisitor(PhantomData))
    }

    fn read_field<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        T::read(deserializer).map(Some)
    }
}

impl<T: Typed> Typed for Box<T> {
    const OPTIONAL: bool = T::OPTIONAL;

    fn validator() -> Validator {
        T::validator()
    }

    fn field() -> FieldValidator {
        T::field()
    }

    fn decode(value: Value) -> Result<Self, DecodeError> {
        T::decode(value).map(Self::new)
    }

    fn decode_missing() -> Option<Self> {
        T::decode_missing().map(Self::new)
    }

    fn decode_field(value: Value) -> Result<Self, DecodeError> {
        T::decode_field(value).map(Self::new)
    }

    fn encode(self) -> Value {
        T::encode(*self)
    }

    fn encode_field(self) -> Option<Value> {
        T::encode_field(*self)
    }

    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        T::read(deserializer).map(Self::new)
    }

    fn read_field<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        T::read_field(deserializer).map(Self::new)
    }
}

impl<T: Typed> Typed for Vec<T> {
    fn validator() -> Validator {
        Validator::Array(Box::new(T::validator()))
    }

    fn decode(value: Value) -> Result<Self, DecodeError> {
        match value {
            Value::Array(values) => values
                .into_iter()
                .enumerate()
                .map(|(index, value)| T::decode(value).map_err(|error| error.at_index(index)))
                .collect(),
            other => Err(DecodeError::expected("an array", &other)),
        }
    }

    fn encode(self) -> Value {
        Value::Array(self.into_iter().map(T::encode).collect())
    }

    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(ListVisitor(PhantomData))
    }

    fn read_field<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::read(deserializer)
    }
}

fn record_validator<T: Typed>() -> Validator {
    Validator::Record { keys: Box::new(Validator::String), values: Box::new(T::validator()) }
}

fn decode_record<T: Typed, R: FromIterator<(String, T)>>(value: Value) -> Result<R, DecodeError> {
    Object::decode(value)?
        .into_iter()
        .map(|(name, value)| match T::decode(value) {
            Ok(value) => Ok((name, value)),
            Err(error) => Err(error.at_field(&name)),
        })
        .collect()
}

fn encode_record<T: Typed>(record: impl IntoIterator<Item = (String, T)>) -> Value {
    Value::Object(record.into_iter().map(|(name, value)| (name, value.encode())).collect())
}

impl<T: Typed> Typed for BTreeMap<String, T> {
    fn validator() -> Validator {
        record_validator::<T>()
    }

    fn decode(value: Value) -> Result<Self, DecodeError> {
        decode_record(value)
    }

    fn encode(self) -> Value {
        encode_record(self)
    }
}

impl<T: Typed, S: BuildHasher + Default> Typed for HashMap<String, T, S> {
    fn validator() -> Validator {
        record_validator::<T>()
    }

    fn decode(value: Value) -> Result<Self, DecodeError> {
        decode_record(value)
    }

    fn encode(self) -> Value {
        encode_record(self)
    }
}
