//! [`Typed`]: Rust types that are values, with their validators.
//!
//! `#[derive(Typed)]` on a struct makes a closed object whose field names are the camelCase of the Rust names;
//! on an enum it makes a union. `#[derive(Table)]` on a struct makes the same and a table definition. A
//! field of type `Option<T>` may be missing; anywhere else `Option<T>` is `T` or null, and a field that may be
//! null is a [`Nullable<T>`].

mod containers;
pub mod direct;
mod page;
mod reference;

pub use serde::de;
use serde::de::Deserializer;
use thiserror::Error;

use crate::validator::{FieldValidator, Validator};
use crate::value::{Object, Value};

pub use containers::{Bytes, LiteralBool, Nullable};
pub use page::{Page, PageStatus, PaginationOptions};
pub use reference::{Doc, Id};

/// A type whose values are Convex values.
pub trait Typed: Sized {
    /// Whether a field of this type may be missing.
    const OPTIONAL: bool = false;

    /// What values this type stands for.
    fn validator() -> Validator;

    /// Reads a value.
    fn decode(value: Value) -> Result<Self, DecodeError>;

    /// Writes a value.
    fn encode(self) -> Value;

    /// The validator of a field of this type.
    fn field() -> FieldValidator {
        FieldValidator { validator: Self::validator(), optional: Self::OPTIONAL }
    }

    /// The value of a missing field; `None` if the field must be there.
    fn decode_missing() -> Option<Self> {
        None
    }

    /// Reads the value of a field that is there.
    fn decode_field(value: Value) -> Result<Self, DecodeError> {
        Self::decode(value)
    }

    /// Writes a field; `None` leaves it out.
    fn encode_field(self) -> Option<Value> {
        Some(self.encode())
    }

    /// Reads encoded JSON.
    ///
    /// # Errors
    /// As [`Typed::decode`], in fewer words.
    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        direct::through_value(deserializer, Self::decode)
    }

    /// Reads the encoded JSON of a field that is there.
    ///
    /// # Errors
    /// As [`Typed::decode_field`], in fewer words.
    fn read_field<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        direct::through_value(deserializer, Self::decode_field)
    }

    /// Reads the encoded JSON of a document, whose system fields do not belong to this type.
    ///
    /// # Errors
    /// As [`Typed::decode`], in fewer words.
    fn read_document<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        direct::through_value(deserializer, |value| {
            let mut fields = Fields::new(value)?.0;
            fields.remove("_id");
            fields.remove("_creationTime");
            Self::decode(Value::Object(fields))
        })
    }

    /// The validator of this type as the arguments of a function.
    fn args_validator() -> Validator {
        Self::validator()
    }

    /// Reads the arguments of a function.
    fn decode_args(args: Object) -> Result<Self, DecodeError> {
        Self::decode(Value::Object(args))
    }
}

/// Why a value is not one of a type: one sentence that starts with where.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("{}{message}", if .path.is_empty() { String::new() } else { format!("At {path}: ") })]
pub struct DecodeError {
    path: String,
    message: String,
}

impl DecodeError {
    /// An error at the value itself.
    pub fn new(message: impl Into<String>) -> Self {
        Self { path: String::new(), message: message.into() }
    }

    /// The value is of another type than `expected`.
    pub fn expected(expected: &str, found: &Value) -> Self {
        Self::new(format!("expected {expected}, found {}.", found.type_name()))
    }

    /// The error as seen from the object that has the field.
    #[must_use]
    pub fn at_field(mut self, name: &str) -> Self {
        self.path = format!(".{name}{}", self.path);
        self
    }

    /// The error as seen from the array that has the element.
    #[must_use]
    pub fn at_index(mut self, index: usize) -> Self {
        self.path = format!("[{index}]{}", self.path);
        self
    }
}

/// The fields of an object while a type is read from it. For derived code.
#[derive(Debug)]
pub struct Fields(Object);

impl Fields {
    /// The fields of a value that must be an object.
    pub fn new(value: Value) -> Result<Self, DecodeError> {
        match value {
            Value::Object(object) => Ok(Self(object)),
            other => Err(DecodeError::expected("an object", &other)),
        }
    }

    /// Reads a field.
    pub fn take<T: Typed>(&mut self, name: &str) -> Result<T, DecodeError> {
        match self.0.remove(name) {
            Some(value) => T::decode_field(value),
            None => T::decode_missing().ok_or_else(|| DecodeError::new("the field is missing.")),
        }
        .map_err(|error| error.at_field(name))
    }

    /// Reads a field that must be this string.
    pub fn take_tag(&mut self, name: &str, tag: &str) -> Result<(), DecodeError> {
        match self.0.remove(name) {
            Some(Value::String(text)) if text == tag => Ok(()),
            _ => Err(DecodeError::new(format!("the field is not \"{tag}\".")).at_field(name)),
        }
    }

    /// Refuses fields nobody has taken.
    pub fn finish(self) -> Result<(), DecodeError> {
        match self.0.iter().next() {
            Some((name, _)) => Err(DecodeError::new("there is no such field.").at_field(name)),
            None => Ok(()),
        }
    }
}

impl Typed for () {
    fn validator() -> Validator {
        Validator::Null
    }

    fn decode(value: Value) -> Result<Self, DecodeError> {
        if value.is_null() { Ok(()) } else { Err(DecodeError::expected("null", &value)) }
    }

    fn encode(self) -> Value {
        Value::Null
    }

    fn args_validator() -> Validator {
        Validator::Object(Default::default())
    }

    fn decode_args(args: Object) -> Result<Self, DecodeError> {
        Fields(args).finish()
    }
}

/// Implements [`Typed`] for a type that is one kind of value.
macro_rules! scalar {
    ($type:ty, $kind:ident, $expected:literal, $read:expr) => {
        impl Typed for $type {
            fn validator() -> Validator {
                Validator::$kind
            }

            fn decode(value: Value) -> Result<Self, DecodeError> {
                match value {
                    Value::$kind(value) => Ok(value),
                    other => Err(DecodeError::expected($expected, &other)),
                }
            }

            fn encode(self) -> Value {
                Value::$kind(self)
            }

            fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                $read(deserializer)
            }

            fn read_field<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                $read(deserializer)
            }
        }
    };
}

scalar!(bool, Boolean, "a boolean", <bool as serde::Deserialize>::deserialize);
scalar!(f64, Float64, "a number", |deserializer: D| deserializer.deserialize_any(direct::FloatVisitor));
scalar!(i64, Int64, "a bigint", |deserializer| direct::through_value(deserializer, Self::decode));
scalar!(String, String, "a string", <String as serde::Deserialize>::deserialize);

impl Typed for Value {
    fn validator() -> Validator {
        Validator::Any
    }

    fn decode(value: Value) -> Result<Self, DecodeError> {
        Ok(value)
    }

    fn encode(self) -> Value {
        self
    }
}

impl Typed for Object {
    fn validator() -> Validator {
        Validator::Any
    }

    fn decode(value: Value) -> Result<Self, DecodeError> {
        Ok(Fields::new(value)?.0)
    }

    fn encode(self) -> Value {
        Value::Object(self)
    }
}
