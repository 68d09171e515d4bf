//! The rules a schema must keep to be pushed.

use std::collections::{HashMap, HashSet};

use super::{Schema, SchemaError, TableDefinition};
use crate::names::check_identifier;
use crate::validator::Validator;

/// Most tables of a deployment.
pub const TABLES_MAX: usize = 10_000;
/// Most indexes of a table, of all kinds, staged ones included.
pub const INDEXES_PER_TABLE_MAX: usize = 64;
/// Most fields of an ordinary index.
pub const DATABASE_INDEX_FIELDS_MAX: usize = 16;
/// Most filter fields of a search or vector index.
const FILTER_FIELDS_MAX: usize = 16;
/// How many numbers the vectors of a vector index may have.
const DIMENSIONS: std::ops::RangeInclusive<u32> = 2..=4096;
/// Names of the indexes every table has.
const BUILT_IN_INDEXES: [&str; 2] = ["by_id", "by_creation_time"];
/// System tables that ids in a schema may refer to.
const VISIBLE_SYSTEM_TABLES: [&str; 2] = ["_storage", "_scheduled_functions"];

impl Schema {
    /// Checks every rule; the error is the first one broken.
    pub fn check(&self) -> Result<(), SchemaError> {
        self.check_among(&HashSet::new())
    }

    /// As [`Schema::check`], where ids may lead to tables of these names, too.
    pub fn check_among(&self, others: &HashSet<&str>) -> Result<(), SchemaError> {
        if self.tables.len() > TABLES_MAX {
            return Err(SchemaError::new(
                "TooManyTables",
                format!("The schema has {} tables; at most {TABLES_MAX} are allowed.", self.tables.len()),
            ));
        }
        let mut names = HashSet::new();
        for table in &self.tables {
            if !names.insert(table.name.as_str()) {
                return Err(SchemaError::new(
                    "DuplicateTable",
                    format!("Table \"{}\" is defined twice; keep one definition.", table.name),
                ));
            }
            table.check()?;
        }
        names.extend(others);
        for table in &self.tables {
            self.check_references(table, &names)?;
        }
        Ok(())
    }

    /// Ids must lead to tables of this schema or to visible system tables.
    fn check_references(&self, table: &TableDefinition, names: &HashSet<&str>) -> Result<(), SchemaError> {
        let mut unknown = None;
        table.document_type.for_each_table(&mut |name| {
            if !names.contains(name) && !VISIBLE_SYSTEM_TABLES.contains(&name) {
                unknown.get_or_insert(name);
            }
        });
        match unknown {
            None => Ok(()),
            Some(name) => Err(SchemaError::new(
                "MissingTable",
                format!(
                    "Table \"{}\" refers to `v.id(\"{name}\")`, but table \"{name}\" is not in the schema; define \
                     it or correct the name.",
                    table.name
                ),
            )),
        }
    }
}

impl TableDefinition {
    /// Checks the rules that concern this table alone.
    pub fn check(&self) -> Result<(), SchemaError> {
        check_identifier(&self.name).map_err(|message| {
            SchemaError::new(
                "InvalidTableName",
                format!("The schema has a table with a wrong name: {message}"),
            )
        })?;
        if self.name.starts_with('_') {
            return Err(SchemaError::new(
                "ReservedTableName",
                format!(
                    "Table \"{}\" cannot be defined: names that start with an underscore are reserved for system \
                     tables; choose another name.",
                    self.name
                ),
            ));
        }
        self.check_document_type(&self.document_type)?;
        self.check_indexes()
    }

    fn check_document_type(&self, validator: &Validator) -> Result<(), SchemaError> {
        match validator {
            Validator::Any => Ok(()),
            Validator::Object(object) => match object.fields.iter().find(|(name, _)| name.starts_with('_')) {
                None => Ok(()),
                Some((name, _)) => Err(SchemaError::new(
                    "InvalidTopLevelFieldName",
                    format!(
                        "Table \"{}\" defines the field \"{name}\": top-level fields that start with an underscore \
                         are reserved; choose another name.",
                        self.name
                    ),
                )),
            },
            Validator::Union(members) => {
                members.iter().try_for_each(|member| self.check_document_type(member))
            }
            other => Err(SchemaError::new(
                "InvalidDocumentType",
                format!(
                    "The document type of table \"{}\" is `{other}`; it must be an object, a union of objects or \
                     `v.any()`.",
                    self.name
                ),
            )),
        }
    }

    fn index_error(&self, code: &'static str, index: &str, what: &str) -> SchemaError {
        SchemaError::new(code, format!("In table \"{}\" the index \"{index}\" {what}", self.name))
    }

    fn check_indexes(&self) -> Result<(), SchemaError> {
        let database = || self.indexes.iter().chain(&self.staged_indexes);
        let search = || self.search_indexes.iter().chain(&self.staged_search_indexes);
        let vector = || self.vector_indexes.iter().chain(&self.staged_vector_indexes);

        let count = database().count() + search().count() + vector().count();
        if count > INDEXES_PER_TABLE_MAX {
            return Err(SchemaError::new(
                "TooManyIndexes",
                format!(
                    "Table \"{}\" has {count} indexes; at most {INDEXES_PER_TABLE_MAX} are allowed.",
                    self.name
                ),
            ));
        }
        let names = database()
            .map(|index| &index.name)
            .chain(search().map(|index| &index.name))
            .chain(vector().map(|index| &index.name));
        let mut seen = HashSet::new();
        for name in names {
            self.check_index_name(name)?;
            if !seen.insert(name) {
                return Err(self.index_error(
                    "DuplicateIndex",
                    name,
                    "is defined twice; rename or remove one of the two.",
                ));
            }
        }

        let mut by_fields = HashMap::new();
        for index in database() {
            self.check_database_fields(&index.name, &index.fields)?;
            if let Some(other) = by_fields.insert(&index.fields, &index.name) {
                return Err(self.index_error(
                    "IndexNotUnique",
                    &index.name,
                    &format!("has the same fields as \"{other}\"; remove one of the two."),
                ));
            }
        }
        for index in search() {
            self.check_path(&index.name, &index.search_field)?;
            self.check_filters(&index.name, &index.filter_fields)?;
        }
        for index in vector() {
            self.check_path(&index.name, &index.vector_field)?;
            self.check_filters(&index.name, &index.filter_fields)?;
            if !DIMENSIONS.contains(&index.dimensions) {
                return Err(self.index_error(
                    "InvalidVectorDimensions",
                    &index.name,
                    &format!(
                        "has {} dimensions; {} to {} are allowed.",
                        index.dimensions,
                        DIMENSIONS.start(),
                        DIMENSIONS.end()
                    ),
                ));
            }
        }
        Ok(())
    }

    fn check_index_name(&self, name: &str) -> Result<(), SchemaError> {
        check_identifier(name).map_err(|message| {
            self.index_error("InvalidIndexName", name, &format!("is refused: {message}"))
        })?;
        if name.starts_with('_') || BUILT_IN_INDEXES.contains(&name) {
            return Err(self.index_error(
                "ReservedIndexName",
                name,
                "has a reserved name; choose another one.",
            ));
        }
        Ok(())
    }

    fn check_database_fields(&self, index: &str, fields: &[String]) -> Result<(), SchemaError> {
        if fields.is_empty() {
            return Err(self.index_error(
                "EmptyIndex",
                index,
                "has no fields; name at least one (the order of creation is always there as \"by_creation_time\").",
            ));
        }
        if fields.len() > DATABASE_INDEX_FIELDS_MAX {
            let what =
                format!("has {} fields; at most {DATABASE_INDEX_FIELDS_MAX} are allowed.", fields.len());
            return Err(self.index_error("TooManyIndexFields", index, &what));
        }
        let mut seen = HashSet::new();
        for field in fields {
            if field == "_creationTime" {
                return Err(self.index_error(
                    "IndexFieldsContainCreationTime",
                    index,
                    "names the field \"_creationTime\", which is appended to every index by itself; leave it out.",
                ));
            }
            self.check_path(index, field)?;
            if !seen.insert(field) {
                let what = format!("names the field \"{field}\" twice; leave one out.");
                return Err(self.index_error("DuplicateIndexField", index, &what));
            }
        }
        Ok(())
    }

    fn check_filters(&self, index: &str, fields: &[String]) -> Result<(), SchemaError> {
        if fields.len() > FILTER_FIELDS_MAX {
            let what =
                format!("has {} filter fields; at most {FILTER_FIELDS_MAX} are allowed.", fields.len());
            return Err(self.index_error("TooManyFilterFields", index, &what));
        }
        let mut seen = HashSet::new();
        for field in fields {
            self.check_path(index, field)?;
            if !seen.insert(field) {
                let what = format!("names the filter field \"{field}\" twice; leave one out.");
                return Err(self.index_error("DuplicateIndexField", index, &what));
            }
        }
        Ok(())
    }

    /// A dotted path of identifiers whose first one is no system field.
    fn check_path(&self, index: &str, path: &str) -> Result<(), SchemaError> {
        if path.starts_with('_') {
            let what =
                format!("names the field \"{path}\"; fields that start with an underscore are reserved.");
            return Err(self.index_error("ReservedIndexField", index, &what));
        }
        for name in path.split('.') {
            check_identifier(name).map_err(|message| {
                let what = format!("names the field \"{path}\", which is refused: {message}");
                self.index_error("InvalidIndexField", index, &what)
            })?;
        }
        Ok(())
    }
}
