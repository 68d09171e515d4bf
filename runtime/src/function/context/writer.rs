//! [`Writer`]: the typed database of mutations.

use std::ops::{Deref, DerefMut};

use fusion_schema::{Doc, DocumentId, Id, Object, Table, Value};

use super::reader::{check_id, check_number, check_table_name};
use super::{Reader, TypedQuery};
use crate::database::Document;
use crate::function::execution::Execution;
use crate::{Error, Result};

/// The database, to read and write. System tables cannot be written.
#[derive(Debug)]
pub struct Writer<'a> {
    reader: Reader<'a>,
}

impl<'a> Writer<'a> {
    pub(super) const fn new(execution: &'a mut Execution) -> Self {
        Self { reader: Reader::new(execution) }
    }

    /// The readable system tables.
    pub fn system(self) -> Reader<'a> {
        self.reader.system()
    }

    /// A query over a table.
    pub fn query<T: Table>(self) -> TypedQuery<'a, T> {
        self.reader.query()
    }

    /// Inserts a document.
    ///
    /// # Errors
    /// If it does not match the schema, or a limit is reached.
    pub fn insert<T: Table>(&mut self, document: T) -> Result<Id<T>> {
        let fields = object(document.encode())?;
        Ok(self.insert_any(T::NAME, fields)?.into())
    }

    /// Sets the given fields of a document and leaves the others.
    ///
    /// # Errors
    /// `NonexistentDocument`; if the result does not match the schema; if a limit is reached.
    pub fn patch<T: Table>(&mut self, id: Id<T>, fields: Object) -> Result<()> {
        self.patch_fields(id, fields.into_iter().map(|(name, value)| (name, Some(value))).collect())
    }

    /// Sets (`Some`) and removes (`None`) the given fields of a document and leaves the others.
    ///
    /// # Errors
    /// As [`Writer::patch`].
    pub fn patch_fields<T: Table>(&mut self, id: Id<T>, fields: Vec<(String, Option<Value>)>) -> Result<()> {
        check_id(self.execution().tx(), id, "patch")?;
        self.patch_any(id.document_id(), fields).map(drop)
    }

    /// Replaces all fields of a document.
    ///
    /// # Errors
    /// As [`Writer::patch`].
    pub fn replace<T: Table>(&mut self, id: Id<T>, document: T) -> Result<()> {
        check_id(self.execution().tx(), id, "replace")?;
        let fields = object(document.encode())?;
        self.replace_any(id.document_id(), fields).map(drop)
    }

    /// Deletes a document.
    ///
    /// # Errors
    /// `NonexistentDocument`; if a limit is reached.
    pub fn delete<T: Table>(&mut self, id: Id<T>) -> Result<()> {
        check_id(self.execution().tx(), id, "delete")?;
        self.delete_any(id.document_id()).map(drop)
    }

    /// Writes a changed document back: `let mut doc = db.get(id)?…; doc.count += 1.0; db.save(doc)`.
    ///
    /// # Errors
    /// As [`Writer::patch`].
    pub fn save<T: Table>(&mut self, document: Doc<T>) -> Result<()> {
        self.replace(document.id, document.fields)
    }

    /// Inserts a document into a table given by name.
    ///
    /// # Errors
    /// As [`Writer::insert`]; for system tables.
    pub fn insert_any(&mut self, table: &str, fields: Object) -> Result<DocumentId> {
        check_table_name(table, false)?;
        self.execution().tx().insert(table, fields)
    }

    /// Sets (`Some`) and removes (`None`) fields of a document of any table.
    ///
    /// # Errors
    /// As [`Writer::patch`]; for system tables.
    pub fn patch_any(&mut self, id: DocumentId, fields: Vec<(String, Option<Value>)>) -> Result<Document> {
        self.check_writable(id)?;
        self.execution().tx().patch(id, fields)
    }

    /// Replaces all fields of a document of any table.
    ///
    /// # Errors
    /// As [`Writer::patch`]; for system tables.
    pub fn replace_any(&mut self, id: DocumentId, fields: Object) -> Result<Document> {
        self.check_writable(id)?;
        self.execution().tx().replace(id, fields)
    }

    /// Deletes a document of any table and gives what it was.
    ///
    /// # Errors
    /// As [`Writer::delete`]; for system tables.
    pub fn delete_any(&mut self, id: DocumentId) -> Result<Document> {
        self.check_writable(id)?;
        self.execution().tx().delete(id)
    }

    const fn execution(&mut self) -> &mut Execution {
        self.reader.execution()
    }

    fn check_writable(&mut self, id: DocumentId) -> Result<()> {
        check_number(self.execution().tx(), id.table, false)
    }
}

fn object(value: Value) -> Result<Object> {
    match value {
        Value::Object(object) => Ok(object),
        other => Err(Error::bad_request(
            "InvalidDocument",
            format!("A document must be an object, not a value of type {}.", other.type_name()),
        )),
    }
}

impl<'a> Deref for Writer<'a> {
    type Target = Reader<'a>;

    fn deref(&self) -> &Reader<'a> {
        &self.reader
    }
}

impl<'a> DerefMut for Writer<'a> {
    fn deref_mut(&mut self) -> &mut Reader<'a> {
        &mut self.reader
    }
}
