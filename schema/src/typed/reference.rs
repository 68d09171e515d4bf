//! Ids and documents that know their table.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};

use serde::de::Deserializer;

use super::direct::TextVisitor;
use super::{DecodeError, Typed};
use crate::id::DocumentId;
use crate::table::Table;
use crate::validator::{FieldValidator, Validator};
use crate::value::Value;

/// The id of a document in the table of `T`. That the number in it belongs to that table is checked by the
/// validator where ids enter the system, not by this type.
pub struct Id<T> {
    id: DocumentId,
    table: PhantomData<fn() -> T>,
}

impl<T> Id<T> {
    /// The id without the table's type.
    pub const fn document_id(self) -> DocumentId {
        self.id
    }
}

impl<T> From<DocumentId> for Id<T> {
    fn from(id: DocumentId) -> Self {
        Self { id, table: PhantomData }
    }
}

impl<T> From<Id<T>> for DocumentId {
    fn from(id: Id<T>) -> Self {
        id.id
    }
}

impl<T> From<Id<T>> for Value {
    fn from(id: Id<T>) -> Self {
        id.id.into()
    }
}

impl<T> Clone for Id<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Id<T> {}

impl<T> PartialEq for Id<T> {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

impl<T> Eq for Id<T> {}

impl<T> PartialOrd for Id<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> Ord for Id<T> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.id.cmp(&other.id)
    }
}

impl<T> Hash for Id<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.id.hash(state);
    }
}

impl<T> fmt::Debug for Id<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.id, f)
    }
}

impl<T> fmt::Display for Id<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.id, f)
    }
}

impl<T: Table> Typed for Id<T> {
    fn validator() -> Validator {
        Validator::Id(T::NAME.to_owned())
    }

    fn decode(value: Value) -> Result<Self, DecodeError> {
        let Value::String(text) = &value else {
            return Err(DecodeError::expected("an id", &value));
        };
        let id = DocumentId::decode(text).map_err(|error| DecodeError::new(error.to_string()))?;
        Ok(id.into())
    }

    fn encode(self) -> Value {
        self.id.into()
    }

    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(TextVisitor(|text: &str| DocumentId::decode(text).ok().map(Self::from)))
    }

    fn read_field<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::read(deserializer)
    }
}

/// A stored document: its fields, its id and when it was created.
#[derive(Clone, Debug, PartialEq)]
pub struct Doc<T> {
    /// `_id`.
    pub id: Id<T>,
    /// `_creationTime`, in milliseconds since the epoch.
    pub creation_time: f64,
    /// The fields of the table.
    pub fields: T,
}

impl<T> Deref for Doc<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.fields
    }
}

impl<T> DerefMut for Doc<T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.fields
    }
}

/// The document type with the system fields added to it, or to each member of a union.
fn with_system_fields(table: &str, validator: Validator) -> Validator {
    match validator {
        Validator::Object(mut object) => {
            object.insert("_id", FieldValidator::required(Validator::Id(table.to_owned())));
            object.insert("_creationTime", FieldValidator::required(Validator::Float64));
            Validator::Object(object)
        }
        Validator::Union(members) => {
            Validator::Union(members.into_iter().map(|member| with_system_fields(table, member)).collect())
        }
        other => other,
    }
}

impl<T: Table> Typed for Doc<T> {
    fn validator() -> Validator {
        with_system_fields(T::NAME, T::validator())
    }

    fn decode(value: Value) -> Result<Self, DecodeError> {
        let mut fields = super::Fields::new(value)?;
        let id = fields.take("_id")?;
        let creation_time = fields.take("_creationTime")?;
        Ok(Self { id, creation_time, fields: T::decode(Value::Object(fields.0))? })
    }

    fn encode(self) -> Value {
        let mut value = self.fields.encode();
        if let Value::Object(object) = &mut value {
            object.insert("_id", self.id);
            object.insert("_creationTime", self.creation_time);
        }
        value
    }
}
