//! Whether a value matches a validator, and if not, why.
//!
//! The common case, a match, costs no allocation for the path or the message: matching and explaining are two
//! walks, and the second one is only made after the first has failed.

use thiserror::Error;

use super::display::{display_name, display_value};
use super::{ObjectValidator, Validator};
use crate::id::{DocumentId, TableNumber};
use crate::value::{Object, Value};

/// Finds tables by their numbers, so that ids can be checked.
pub trait TableLookup {
    /// The name of the table with this number, system tables included.
    fn table_name(&self, number: TableNumber) -> Option<String>;
}

impl<F: Fn(TableNumber) -> Option<String>> TableLookup for F {
    fn table_name(&self, number: TableNumber) -> Option<String> {
        self(number)
    }
}

/// System tables whose ids user code may hold.
const VISIBLE_SYSTEM_TABLES: [&str; 2] = ["_storage", "_scheduled_functions"];
/// Fields of every document that no validator mentions.
const SYSTEM_FIELDS: [&str; 2] = ["_creationTime", "_id"];

/// Why a value does not match a validator. Displayed, it is one sentence and then where, what and what was
/// wanted, on lines of their own.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("{message}\n{}{subject}: {value}\nValidator: {validator}", path_line(.path))]
pub struct ValidationError {
    /// One sentence.
    message: String,
    /// Where inside the value: `.a.b[0]`; empty for the value itself.
    path: String,
    /// `Object` or `Value`.
    subject: &'static str,
    /// The offending part of the value, displayed.
    value: String,
    /// The validator of that part, displayed.
    validator: String,
}

/// The line before the value: the path, or nothing but the end of the line.
fn path_line(path: &str) -> String {
    if path.is_empty() { "\n".to_owned() } else { format!("Path: {path}\n") }
}

impl ValidationError {
    fn new(message: String, subject: &'static str, value: String, validator: String) -> Self {
        Self { message, path: String::new(), subject, value, validator }
    }

    fn mismatch(value: &Value, validator: &Validator) -> Self {
        Self::new(
            "Value does not match validator.".to_owned(),
            "Value",
            display_value(value),
            validator.to_string(),
        )
    }

    fn at_field(mut self, name: &str) -> Self {
        let name = display_name(name);
        self.path = if name.starts_with('"') {
            format!("[{name}]{}", self.path)
        } else {
            format!(".{name}{}", self.path)
        };
        self
    }

    fn at_index(mut self, index: usize) -> Self {
        self.path = format!("[{index}]{}", self.path);
        self
    }

    /// The sentence alone.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Where inside the value: `.a.b[0]`; empty for the value itself.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The text a caller gets whose arguments do not match.
    pub fn for_arguments(&self) -> String {
        format!("ArgumentValidationError: {self}")
    }

    /// The text a caller gets whose arguments do not match, for arguments that must not be repeated: what was sent is
    /// left out.
    pub fn for_confidential_arguments(&self) -> String {
        let Self { message, path, subject, validator, .. } = self;
        let path = path_line(path);
        format!("ArgumentValidationError: {message}\n{path}{subject}: (not shown)\nValidator: {validator}")
    }

    /// The text for a function whose result does not match.
    pub fn for_returns(&self) -> String {
        format!("ReturnsValidationError: {self}")
    }

    /// The text for a write of a document that does not match its table's schema.
    pub fn for_write(&self, table: &str) -> String {
        format!(
            "Failed to insert or update a document in table \"{table}\" because it does not match the schema: \
             {self}"
        )
    }

    /// The text for an existing document that does not match a new schema.
    pub fn for_document(&self, id: DocumentId, table: &str) -> String {
        format!("Document with ID \"{id}\" in table \"{table}\" does not match the schema: {self}")
    }
}

impl Validator {
    /// Whether the value matches; ids are looked up in `tables`. The error explains the first thing wrong.
    pub fn check(&self, value: &Value, tables: &dyn TableLookup) -> Result<(), ValidationError> {
        if self.matches(value, tables) {
            return Ok(());
        }
        Err(self.explain(value, tables).unwrap_or_else(|| ValidationError::mismatch(value, self)))
    }

    /// As [`Validator::check`] for a whole document: its `_id` and `_creationTime` are passed over.
    pub fn check_document(&self, document: &Object, tables: &dyn TableLookup) -> Result<(), ValidationError> {
        let members = match self {
            Self::Union(members) => members.as_slice(),
            other => std::slice::from_ref(other),
        };
        let matches = |member: &Self| match member {
            Self::Any => true,
            Self::Object(object) => object.matches(document, &SYSTEM_FIELDS, tables),
            Self::Union(_) => member.check_document(document, tables).is_ok(),
            // Documents are objects; records are no table's document type.
            _ => false,
        };
        if members.iter().any(matches) {
            return Ok(());
        }
        if let Self::Object(object) = self
            && let Some(error) = object.explain(document, &SYSTEM_FIELDS, tables)
        {
            return Err(error);
        }
        Err(ValidationError::mismatch(&Value::Object(document.clone()), self))
    }

    /// Whether the value matches; ids are looked up in `tables`.
    pub fn matches(&self, value: &Value, tables: &dyn TableLookup) -> bool {
        match (self, value) {
            (Self::Any, _)
            | (Self::Null, Value::Null)
            | (Self::Boolean, Value::Boolean(_))
            | (Self::String, Value::String(_))
            | (Self::Bytes, Value::Bytes(_))
            | (Self::Float64, Value::Float64(_))
            | (Self::Int64 | Self::CommitTs, Value::Int64(_) | Value::CommitTs) => true,
            (Self::Id(table), Value::String(text)) => matches!(id_table(text, tables), Found::Table(found)
                if found == *table && is_visible(table)),
            (Self::Literal(literal), value) => literal == value,
            (Self::Array(element), Value::Array(values)) => {
                values.iter().all(|value| element.matches(value, tables))
            }
            (Self::Object(validator), Value::Object(object)) => validator.matches(object, &[], tables),
            (Self::Record { keys, values }, Value::Object(object)) => object.iter().all(|(name, value)| {
                values.matches(value, tables)
                    && (matches!(**keys, Self::String) || keys.matches(&Value::from(name), tables))
            }),
            (Self::Union(members), value) => members.iter().any(|member| member.matches(value, tables)),
            _ => false,
        }
    }

    /// What is wrong with the value; `None` if nothing is.
    fn explain(&self, value: &Value, tables: &dyn TableLookup) -> Option<ValidationError> {
        match (self, value) {
            (Self::Array(element), Value::Array(values)) => values
                .iter()
                .enumerate()
                .find_map(|(index, value)| Some(element.explain(value, tables)?.at_index(index))),
            (Self::Object(validator), Value::Object(object)) => validator.explain(object, &[], tables),
            (Self::Record { keys, values }, Value::Object(object)) => {
                object.iter().find_map(|(name, value)| {
                    let error = keys.explain(&Value::from(name), tables);
                    error.or_else(|| Some(values.explain(value, tables)?.at_field(name)))
                })
            }
            _ if self.matches(value, tables) => None,
            (Self::Literal(_), value) => Some(ValidationError {
                message: format!("`{}` does not match literal validator `{self}`.", display_value(value)),
                ..ValidationError::mismatch(value, self)
            }),
            (Self::Id(_), Value::String(text)) => {
                let mismatch = ValidationError::mismatch(value, self);
                Some(match id_table(text, tables) {
                    Found::Table(found) if is_visible(&found) => ValidationError {
                        message: format!(
                            "Found ID \"{text}\" from table `{found}`, which does not match the table name in \
                             validator `{self}`."
                        ),
                        ..mismatch
                    },
                    _ => mismatch,
                })
            }
            (_, value) => Some(ValidationError::mismatch(value, self)),
        }
    }
}

fn is_visible(table: &str) -> bool {
    !table.starts_with('_') || VISIBLE_SYSTEM_TABLES.contains(&table)
}

/// What the text of an id leads to.
enum Found {
    NoId,
    NoTable,
    Table(String),
}

fn id_table(text: &str, tables: &dyn TableLookup) -> Found {
    match DocumentId::decode(text) {
        Err(_) => Found::NoId,
        Ok(id) => tables.table_name(id.table).map_or(Found::NoTable, Found::Table),
    }
}

impl ObjectValidator {
    /// Whether the object has these fields and, but for the `ignored`, no others.
    fn matches(&self, object: &Object, ignored: &[&str], tables: &dyn TableLookup) -> bool {
        // Both sides are sorted by name, so one pass over both is enough.
        let mut fields = self.fields.iter().peekable();
        for (name, value) in object.iter() {
            let field = loop {
                match fields.peek() {
                    Some((next, field)) if next.as_str() < name => {
                        if !field.optional {
                            return false;
                        }
                        fields.next();
                    }
                    Some((next, field)) if next == name => {
                        fields.next();
                        break Some(field);
                    }
                    _ => break None,
                }
            };
            match field {
                Some(field) if !field.validator.matches(value, tables) => return false,
                None if !ignored.contains(&name) => return false,
                _ => {}
            }
        }
        fields.all(|(_, field)| field.optional)
    }

    fn explain(
        &self,
        object: &Object,
        ignored: &[&str],
        tables: &dyn TableLookup,
    ) -> Option<ValidationError> {
        let whole = |message: String| {
            let value = display_value(&Value::Object(object.clone()));
            ValidationError::new(message, "Object", value, Validator::Object(self.clone()).to_string())
        };
        for (name, field) in &self.fields {
            match object.get(name) {
                Some(value) => {
                    if let Some(error) = field.validator.explain(value, tables) {
                        return Some(error.at_field(name));
                    }
                }
                None if field.optional => {}
                None => {
                    return Some(whole(format!(
                        "Object is missing the required field `{name}`. Consider wrapping the field validator in \
                         `v.optional(...)` if this is expected."
                    )));
                }
            }
        }
        object.iter().find(|(name, _)| self.get(name).is_none() && !ignored.contains(name)).map(
            |(name, _)| whole(format!("Object contains extra field `{name}` that is not in the validator.")),
        )
    }
}
