//! [`Catalog`]: which tables and indexes there are, and the active schema; derived from the system tables
//! `_tables`, `_indexes` and `_schemas`, and rebuilt whenever a commit touches them.
//!
//! System tables themselves are declared here, in code: their numbers are fixed (512 + n) because clients
//! and dashboards rely on some of them.

use std::collections::HashMap;
use std::sync::Arc;

use fusion_schema::table::Schema;
use fusion_schema::validator::TableLookup;
use fusion_schema::{Object, TableNumber};

use super::attached::{AttachedDefinition, AttachedMeta};
use super::key::{BY_CREATION_TIME, BY_ID, FIRST_DECLARED, IndexId};
use crate::store::TableId;

/// A system table: name, number and indexes (name, fields).
pub struct SystemTable {
    /// The name, starting with `_`.
    pub name: &'static str,
    /// The number, which is its [`TableId`] too.
    pub number: u32,
    /// Indexes beside `by_id` and `by_creation_time`.
    pub indexes: &'static [(&'static str, &'static [&'static str])],
}

/// `_tables`: a row for each user table `{name, number, table}`.
pub const TABLES: TableId = TableId(513);
/// `_indexes`: a row for each declared index `{table, slot, name, fields, staged}`; that of an attached index has
/// `attached` in place of `fields`, see [`AttachedDefinition`].
pub const INDEXES: TableId = TableId(514);
/// `_schemas`: at most one row, the active schema `{schema}` as JSON text.
pub const SCHEMAS: TableId = TableId(515);

/// Every system table. Numbers are part of ids that clients hold: never change one.
pub const SYSTEM_TABLES: &[SystemTable] = &[
    SystemTable { name: "_tables", number: TABLES.0, indexes: &[("by_name", &["name"])] },
    SystemTable { name: "_indexes", number: INDEXES.0, indexes: &[] },
    SystemTable { name: "_schemas", number: SCHEMAS.0, indexes: &[] },
    SystemTable { name: "_environment_variables", number: 516, indexes: &[("by_name", &["name"])] },
    SystemTable { name: "_cron_jobs", number: 517, indexes: &[("by_name", &["name"])] },
    SystemTable {
        name: "_cron_next_run",
        number: 518,
        indexes: &[("by_cron_job", &["cronJobId"]), ("by_next_ts", &["nextTs"])],
    },
    SystemTable { name: "_cron_job_logs", number: 519, indexes: &[("by_name", &["name", "ts"])] },
    SystemTable { name: "_modules", number: 520, indexes: &[] },
    SystemTable { name: "_code_blobs", number: 521, indexes: &[("by_name", &["name", "part"])] },
    SystemTable { name: "_code_config", number: 522, indexes: &[] },
    SystemTable { name: "_pushed_schemas", number: 523, indexes: &[] },
    SystemTable {
        name: "_scheduled_functions",
        number: TableNumber::SCHEDULED_FUNCTIONS.0,
        indexes: &[("by_state", &["state.kind", "scheduledTime"]), ("by_completed_time", &["completedTime"])],
    },
    SystemTable { name: "_storage", number: TableNumber::STORAGE.0, indexes: &[] },
    SystemTable {
        name: "_file_storage",
        number: 541,
        indexes: &[("by_storage_id", &["storageId"]), ("by_uuid", &["uuid"])],
    },
    SystemTable { name: "_exports", number: 545, indexes: &[] },
    SystemTable { name: "_snapshot_imports", number: 546, indexes: &[] },
    SystemTable { name: "_deployment_audit_log", number: 547, indexes: &[("by_action", &["action"])] },
];

/// An index of a table.
#[derive(Clone, Debug)]
pub struct IndexMeta {
    /// Its identity inside the engine.
    pub id: IndexId,
    /// Its name inside the table.
    pub name: String,
    /// Dotted paths of the indexed fields, without the implicit `_creationTime`.
    pub fields: Vec<String>,
    /// Kept up to date, but not to be used by queries yet.
    pub staged: bool,
}

impl IndexMeta {
    /// Whether a schema declares it; the others every table has.
    pub const fn is_declared(&self) -> bool {
        self.id.slot >= FIRST_DECLARED
    }
}

/// A table.
#[derive(Clone, Debug)]
pub struct TableMeta {
    /// Its identity inside the engine.
    pub id: TableId,
    /// Its number in ids.
    pub number: TableNumber,
    /// Its name.
    pub name: String,
    /// All sorted indexes; `by_id` and `by_creation_time` come first.
    pub indexes: Vec<IndexMeta>,
    /// All other indexes.
    pub attached: Vec<AttachedMeta>,
}

impl TableMeta {
    /// A table with its two built-in indexes.
    pub(crate) fn new(id: TableId, number: TableNumber, name: String) -> Self {
        let built_in = |slot, name: &str| IndexMeta {
            id: IndexId { table: id, slot },
            name: name.to_owned(),
            fields: Vec::new(),
            staged: false,
        };
        let indexes = vec![built_in(BY_ID, "by_id"), built_in(BY_CREATION_TIME, "by_creation_time")];
        Self { id, number, name, indexes, attached: Vec::new() }
    }

    /// The index of that name.
    pub fn index(&self, name: &str) -> Option<&IndexMeta> {
        self.indexes.iter().find(|index| index.name == name)
    }

    /// The attached index of that name.
    pub fn attached(&self, name: &str) -> Option<&AttachedMeta> {
        self.attached.iter().find(|index| index.name() == name)
    }
}

/// See the module's documentation.
#[derive(Debug, Default)]
pub struct Catalog {
    by_name: HashMap<String, Arc<TableMeta>>,
    by_id: HashMap<TableId, Arc<TableMeta>>,
    by_number: HashMap<TableNumber, TableId>,
    /// The active schema, if any was pushed.
    pub schema: Option<Arc<Schema>>,
}

impl Catalog {
    /// The system tables alone.
    pub(crate) fn system() -> Self {
        let mut catalog = Self::default();
        for table in SYSTEM_TABLES {
            let mut meta =
                TableMeta::new(TableId(table.number), TableNumber(table.number), table.name.to_owned());
            for (position, (name, fields)) in table.indexes.iter().enumerate() {
                meta.indexes.push(IndexMeta {
                    id: IndexId { table: meta.id, slot: FIRST_DECLARED + position as u16 },
                    name: (*name).to_owned(),
                    fields: fields.iter().map(|field| (*field).to_owned()).collect(),
                    staged: false,
                });
            }
            catalog.add(meta);
        }
        catalog
    }

    fn add(&mut self, meta: TableMeta) {
        let meta = Arc::new(meta);
        self.by_number.insert(meta.number, meta.id);
        self.by_id.insert(meta.id, meta.clone());
        self.by_name.insert(meta.name.clone(), meta);
    }

    /// Derives the catalog from the documents of the system tables.
    pub(crate) fn derive<'a>(
        tables: impl Iterator<Item = &'a Object>,
        indexes: impl Iterator<Item = &'a Object>,
        schema: Option<Arc<Schema>>,
    ) -> Self {
        let mut metas: HashMap<TableId, TableMeta> = HashMap::new();
        for row in tables {
            let (Some(name), Some(number), Some(id)) = (
                row.get("name").and_then(fusion_schema::Value::as_str),
                number(row, "number"),
                number(row, "table"),
            ) else {
                continue;
            };
            metas.insert(TableId(id), TableMeta::new(TableId(id), TableNumber(number), name.to_owned()));
        }
        for row in indexes {
            let Some(meta) = number(row, "table").and_then(|id| metas.get_mut(&TableId(id))) else {
                continue;
            };
            let (Some(slot), Some(name)) =
                (number(row, "slot"), row.get("name").and_then(fusion_schema::Value::as_str))
            else {
                continue;
            };
            let id = IndexId { table: meta.id, slot: slot as u16 };
            let staged = row.get("staged").and_then(fusion_schema::Value::as_bool).unwrap_or(false);
            if let Some(attached) = row.get("attached") {
                let definition = attached.as_object().and_then(|row| AttachedDefinition::from_row(name, row));
                meta.attached.extend(definition.map(|definition| AttachedMeta { id, definition, staged }));
                continue;
            }
            let fields = row.get("fields").and_then(fusion_schema::Value::as_array).unwrap_or_default();
            meta.indexes.push(IndexMeta {
                id,
                name: name.to_owned(),
                fields: fields.iter().filter_map(|field| field.as_str().map(str::to_owned)).collect(),
                staged,
            });
        }
        let mut catalog = Self::system();
        for (_, meta) in metas {
            catalog.add(meta);
        }
        catalog.schema = schema;
        catalog
    }

    /// The table of that name.
    pub fn table(&self, name: &str) -> Option<&Arc<TableMeta>> {
        self.by_name.get(name)
    }

    /// The table with that identity.
    pub fn table_by_id(&self, id: TableId) -> Option<&Arc<TableMeta>> {
        self.by_id.get(&id)
    }

    /// The table whose ids have that number.
    pub fn table_by_number(&self, number: TableNumber) -> Option<&Arc<TableMeta>> {
        self.by_number.get(&number).and_then(|id| self.by_id.get(id))
    }

    /// All tables, in no order.
    pub fn tables(&self) -> impl Iterator<Item = &Arc<TableMeta>> {
        self.by_id.values()
    }
}

impl TableLookup for Catalog {
    fn table_name(&self, number: TableNumber) -> Option<String> {
        self.table_by_number(number).map(|table| table.name.clone())
    }
}

/// A whole number that a system document stores as a float.
pub(crate) fn number(row: &Object, field: &str) -> Option<u32> {
    row.get(field).and_then(fusion_schema::Value::as_f64).map(|number| number as u32)
}
