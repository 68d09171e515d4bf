//! [`Reader`]: the typed database of queries.

use fusion_schema::typed::direct::document_from_json;
use fusion_schema::{Doc, DocumentId, Id, Table, TableNumber, Value};

use super::TypedQuery;
use crate::database::{Document, Transaction};
use crate::function::execution::Execution;
use crate::{Error, Result};

/// The system tables user code may read.
const READABLE_SYSTEM_TABLES: [&str; 2] = ["_storage", "_scheduled_functions"];

/// The database, to read. Of the system tables only `_storage` and `_scheduled_functions` can be read, and only
/// through [`Reader::system`].
#[derive(Debug)]
pub struct Reader<'a> {
    execution: &'a mut Execution,
    system: bool,
}

impl<'a> Reader<'a> {
    pub(super) const fn new(execution: &'a mut Execution) -> Self {
        Self { execution, system: false }
    }

    pub(super) const fn execution(&mut self) -> &mut Execution {
        self.execution
    }

    /// The readable system tables.
    #[must_use]
    pub const fn system(self) -> Self {
        Self { system: true, ..self }
    }

    /// A document by its id.
    ///
    /// # Errors
    /// For an id of another table, and when a limit of the transaction is reached.
    pub fn get<T: Table>(&mut self, id: Id<T>) -> Result<Option<Doc<T>>> {
        check_table_name(T::NAME, self.system)?;
        let tx = self.execution.tx();
        check_id::<T>(tx, id, "get")?;
        tx.get(id.document_id())?.map(decode_document).transpose()
    }

    /// A document of any table by its id.
    ///
    /// # Errors
    /// For an id of a system table that may not be read this way, and when a limit is reached.
    pub fn get_any(&mut self, id: DocumentId) -> Result<Option<Document>> {
        check_number(self.execution.tx(), id.table, self.system)?;
        self.execution.tx().get(id)
    }

    /// A query over a table.
    pub fn query<T: Table>(self) -> TypedQuery<'a, T> {
        let problem = check_table_name(T::NAME, self.system).err();
        TypedQuery::new(self.execution, problem)
    }

    /// The id in `text` if it is one of the table.
    pub fn normalize_id<T: Table>(&mut self, text: &str) -> Option<Id<T>> {
        self.execution.tx().normalize_id(T::NAME, text).map(Id::from)
    }

    /// How many documents the table has, without reading them.
    ///
    /// # Errors
    /// When a limit of the transaction is reached.
    pub fn count<T: Table>(&mut self) -> Result<u64> {
        check_table_name(T::NAME, self.system)?;
        self.execution.tx().count(T::NAME)
    }
}

/// A document as its table's type.
pub(super) fn decode_document<T: Table>(document: Document) -> Result<Doc<T>> {
    let (id, creation_time) = (document.id(), document.creation_time());
    if let Ok(fields) = document_from_json(document.json()) {
        return Ok(Doc { id: Id::from(id), creation_time, fields });
    }
    // Once more, to say what is wrong.
    let mut fields = document.into_fields();
    fields.remove("_id");
    fields.remove("_creationTime");
    match T::decode(Value::Object(fields)) {
        Ok(fields) => Ok(Doc { id: Id::from(id), creation_time, fields }),
        Err(error) => Err(Error::function(format!(
            "The document {id} of table \"{}\" is not what the function expects. {error}",
            T::NAME
        ))),
    }
}

/// Fails for a table that cannot be reached from where the caller stands.
pub(crate) fn check_table_name(name: &str, system: bool) -> Result<()> {
    match (name.starts_with('_'), system) {
        (false, false) => Ok(()),
        (true, true) if READABLE_SYSTEM_TABLES.contains(&name) => Ok(()),
        (true, true) => Err(Error::bad_request(
            "InvalidTableName",
            format!("The system table \"{name}\" cannot be read by functions."),
        )),
        (true, false) => {
            Err(Error::bad_request("SystemTableError", "System tables can only be accessed with db.system."))
        }
        (false, true) => Err(Error::bad_request(
            "SystemTableError",
            format!("\"{name}\" is a user table: db.system only reads system tables."),
        )),
    }
}

/// Fails for an id of a table that cannot be reached from where the caller stands. Ids of unknown tables pass:
/// there is no such document.
pub(crate) fn check_number(tx: &Transaction, number: TableNumber, system: bool) -> Result<()> {
    match tx.table_name(number) {
        Some(name) => check_table_name(&name, system),
        None => Ok(()),
    }
}

/// Fails unless the id belongs to the table, which types alone do not guarantee.
pub(super) fn check_id<T: Table>(tx: &Transaction, id: Id<T>, call: &str) -> Result<()> {
    match tx.table_name(id.document_id().table) {
        Some(name) if name != T::NAME => Err(Error::bad_request(
            "InvalidArgument",
            format!(
                "Invalid argument `id` for `db.{call}`: expected to be an Id<\"{}\">, got Id<\"{name}\"> instead.",
                T::NAME
            ),
        )),
        _ => Ok(()),
    }
}
