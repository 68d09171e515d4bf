//! [`Validator`]: what values a function takes or returns and what documents a table holds.
//!
//! This file has the type and its JSON form. `check` says whether a value matches and explains why not;
//! `display` prints validators and values the way people write them in TypeScript. Deliberately absent: value
//! *decoding* into Rust types, see [`crate::typed`].

mod check;
mod display;

use serde_json::{Value as Json, json};
use thiserror::Error;

use crate::json;
use crate::names::check_identifier;
use crate::value::Value;

pub use check::{TableLookup, ValidationError};
pub use display::display_value;

/// A set of values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Validator {
    /// `v.null()`.
    Null,
    /// `v.boolean()`.
    Boolean,
    /// `v.string()`.
    String,
    /// `v.bytes()`.
    Bytes,
    /// `v.number()`.
    Float64,
    /// `v.int64()`.
    Int64,
    /// `v.commitTs()`: an int64, or the commit timestamp still to be known.
    CommitTs,
    /// `v.any()`.
    Any,
    /// `v.id("table")`: an id of a document in that table (it need not exist).
    Id(String),
    /// `v.literal(x)`: exactly this string, number, bigint or boolean.
    Literal(Value),
    /// `v.array(x)`.
    Array(Box<Self>),
    /// `v.object({..})`: these fields and no others.
    Object(ObjectValidator),
    /// `v.record(k, x)`: any field names that match `keys`, with values that match `values`.
    Record {
        /// What the names must be.
        keys: Box<Self>,
        /// What the values must be.
        values: Box<Self>,
    },
    /// `v.union(..)`: a value that matches any member; without members nothing matches.
    Union(Vec<Self>),
}

/// The fields of an object, sorted by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ObjectValidator {
    /// Name and validator of each field, sorted by name, each name once.
    pub fields: Vec<(String, FieldValidator)>,
}

/// What a field of an object holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldValidator {
    /// What its value must be when it is there.
    pub validator: Validator,
    /// Whether it may be missing.
    pub optional: bool,
}

/// Why a JSON value is not a validator.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("{message}")]
pub struct ValidatorError {
    /// The code for machines.
    pub code: &'static str,
    /// The text for people.
    pub message: String,
}

impl ValidatorError {
    pub(crate) fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }

    fn invalid(message: impl Into<String>) -> Self {
        Self::new("InvalidValidator", message)
    }
}

impl FieldValidator {
    /// A field that must be there.
    pub const fn required(validator: Validator) -> Self {
        Self { validator, optional: false }
    }

    /// A field that may be missing.
    pub const fn optional(validator: Validator) -> Self {
        Self { validator, optional: true }
    }

    fn to_json(&self) -> Json {
        json!({ "fieldType": self.validator.to_json(), "optional": self.optional })
    }
}

impl ObjectValidator {
    /// The fields in any order; of two with the same name the last one holds.
    pub fn new<N: Into<String>>(fields: impl IntoIterator<Item = (N, FieldValidator)>) -> Self {
        let mut object = Self::default();
        for (name, field) in fields {
            object.insert(name, field);
        }
        object
    }

    /// Sets a field.
    pub fn insert(&mut self, name: impl Into<String>, field: FieldValidator) {
        let name = name.into();
        match self.fields.binary_search_by(|(other, _)| other.cmp(&name)) {
            Ok(index) => self.fields[index].1 = field,
            Err(index) => self.fields.insert(index, (name, field)),
        }
    }

    /// The validator of a field.
    pub fn get(&self, name: &str) -> Option<&FieldValidator> {
        let index = self.fields.binary_search_by(|(other, _)| other.as_str().cmp(name)).ok()?;
        Some(&self.fields[index].1)
    }

    fn from_json(json: &Json) -> Result<Self, ValidatorError> {
        let fields = json
            .as_object()
            .ok_or_else(|| ValidatorError::invalid("An object validator needs an object of fields."))?;
        let mut object = Self::default();
        for (name, field) in fields {
            check_identifier(name).map_err(|message| ValidatorError::new("InvalidFieldName", message))?;
            let optional = field.get("optional").and_then(Json::as_bool).unwrap_or(false);
            let validator = Validator::from_json(part(field, "fieldType", "object field")?)?;
            object.insert(name, FieldValidator { validator, optional });
        }
        Ok(object)
    }
}

/// A part of a validator's JSON that must be there.
fn part<'a>(json: &'a Json, name: &str, kind: &str) -> Result<&'a Json, ValidatorError> {
    json.get(name)
        .ok_or_else(|| ValidatorError::invalid(format!("The validator of an {kind} lacks \"{name}\".")))
}

impl Validator {
    /// An object with the given fields.
    pub fn object<N: Into<String>>(fields: impl IntoIterator<Item = (N, FieldValidator)>) -> Self {
        Self::Object(ObjectValidator::new(fields))
    }

    /// A string that is exactly `text`.
    pub fn literal(text: &str) -> Self {
        Self::Literal(Value::from(text))
    }

    /// Values of this validator and null.
    #[must_use]
    pub fn or_null(self) -> Self {
        match self {
            Self::Union(members) if members.contains(&Self::Null) => Self::Union(members),
            Self::Union(mut members) => {
                members.push(Self::Null);
                Self::Union(members)
            }
            other => Self::Union(vec![other, Self::Null]),
        }
    }

    /// Whether this is [`Validator::Any`].
    pub const fn is_any(&self) -> bool {
        matches!(self, Self::Any)
    }

    /// Calls `visit` with the table name of every id validator inside.
    pub fn for_each_table<'a>(&'a self, visit: &mut dyn FnMut(&'a str)) {
        match self {
            Self::Id(table) => visit(table),
            Self::Array(element) => element.for_each_table(visit),
            Self::Object(object) => {
                object.fields.iter().for_each(|(_, field)| field.validator.for_each_table(visit));
            }
            Self::Record { keys, values } => {
                keys.for_each_table(visit);
                values.for_each_table(visit);
            }
            Self::Union(members) => members.iter().for_each(|member| member.for_each_table(visit)),
            _ => {}
        }
    }

    /// The JSON form, as the `convex` package writes it.
    pub fn to_json(&self) -> Json {
        match self {
            Self::Null => json!({ "type": "null" }),
            Self::Boolean => json!({ "type": "boolean" }),
            Self::String => json!({ "type": "string" }),
            Self::Bytes => json!({ "type": "bytes" }),
            Self::Float64 => json!({ "type": "number" }),
            Self::Int64 => json!({ "type": "bigint" }),
            Self::CommitTs => json!({ "type": "commitTs" }),
            Self::Any => json!({ "type": "any" }),
            Self::Id(table) => json!({ "type": "id", "tableName": table }),
            Self::Literal(value) => {
                json!({ "type": "literal", "value": json::to_serde(value, json::Format::Encoded) })
            }
            Self::Array(element) => json!({ "type": "array", "value": element.to_json() }),
            Self::Object(object) => {
                let fields: serde_json::Map<String, Json> =
                    object.fields.iter().map(|(name, field)| (name.clone(), field.to_json())).collect();
                json!({ "type": "object", "value": fields })
            }
            Self::Record { keys, values } => json!({
                "type": "record",
                "keys": keys.to_json(),
                "values": { "fieldType": values.to_json(), "optional": false },
            }),
            Self::Union(members) => {
                json!({ "type": "union", "value": members.iter().map(Self::to_json).collect::<Vec<_>>() })
            }
        }
    }

    /// Reads the JSON form. The names `float64`/`number` and `int64`/`bigint` mean the same, `map` and `set`
    /// are read as any.
    pub fn from_json(json: &Json) -> Result<Self, ValidatorError> {
        let kind = json
            .get("type")
            .and_then(Json::as_str)
            .ok_or_else(|| ValidatorError::invalid("A validator needs a \"type\"."))?;
        Ok(match kind {
            "null" => Self::Null,
            "boolean" => Self::Boolean,
            "string" => Self::String,
            "bytes" => Self::Bytes,
            "number" | "float64" => Self::Float64,
            "bigint" | "int64" => Self::Int64,
            "commitTs" => Self::CommitTs,
            "any" | "map" | "set" => Self::Any,
            "id" => {
                let table = part(json, "tableName", kind)?
                    .as_str()
                    .ok_or_else(|| ValidatorError::invalid("The table name of an id must be a string."))?;
                check_identifier(table)
                    .map_err(|message| ValidatorError::new("InvalidTableName", message))?;
                Self::Id(table.to_owned())
            }
            "literal" => Self::Literal(literal_from_json(part(json, "value", kind)?)?),
            "array" => Self::Array(Box::new(Self::from_json(part(json, "value", kind)?)?)),
            "object" => Self::Object(ObjectValidator::from_json(part(json, "value", kind)?)?),
            "record" => record_from_json(json)?,
            "union" => Self::Union(
                part(json, "value", kind)?
                    .as_array()
                    .ok_or_else(|| ValidatorError::invalid("A union needs an array of validators."))?
                    .iter()
                    .map(Self::from_json)
                    .collect::<Result<_, _>>()?,
            ),
            other => {
                return Err(ValidatorError::invalid(format!(
                    "There is no validator of type \"{other}\"; update the server or use another validator."
                )));
            }
        })
    }

    /// Whether every value of this validator is a string and none is named by a literal: what the names of
    /// a record may be.
    fn is_record_key(&self) -> bool {
        match self {
            Self::String | Self::Id(_) => true,
            Self::Union(members) => members.iter().all(Self::is_record_key),
            _ => false,
        }
    }
}

fn literal_from_json(json: &Json) -> Result<Value, ValidatorError> {
    let value = json::from_serde(json).map_err(|error| ValidatorError::invalid(error.to_string()))?;
    match value {
        Value::String(_) | Value::Float64(_) | Value::Int64(_) | Value::Boolean(_) => Ok(value),
        other => Err(ValidatorError::invalid(format!(
            "`v.literal` takes a string, a number, a bigint or a boolean, not {}.",
            other.type_name()
        ))),
    }
}

fn record_from_json(json: &Json) -> Result<Validator, ValidatorError> {
    let invalid = |message: String| ValidatorError::new("InvalidRecordType", message);
    let keys = Validator::from_json(part(json, "keys", "record")?)?;
    if !keys.is_record_key() {
        return Err(invalid(format!(
            "The keys of `v.record` must be strings and cannot be literals, found `{keys}`; use `v.string()` or \
             `v.id(..)`, or `v.object` for fields known by name."
        )));
    }
    let field = part(json, "values", "record")?;
    if field.get("optional").and_then(Json::as_bool).unwrap_or(false) {
        return Err(invalid(
            "The values of `v.record` cannot be optional; leave the entry out instead.".into(),
        ));
    }
    let values = Validator::from_json(part(field, "fieldType", "record value")?)?;
    Ok(Validator::Record { keys: Box::new(keys), values: Box::new(values) })
}
