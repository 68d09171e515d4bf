//! [`Catalog`]: which components there are, the tables, indexes and active schema of each, and whether the deployment is
//! paused; derived from the system tables `_components`, `_tables`, `_indexes`, `_schemas` and `_deployment_state`, and
//! rebuilt whenever a commit touches them.
//!
//! System tables themselves are declared here, in code: their numbers are fixed (512 + n) because clients
//! and dashboards rely on some of them.

use std::collections::HashMap;
use std::sync::Arc;

use fusion_schema::table::Schema;
use fusion_schema::validator::TableLookup;
use fusion_schema::{DocumentId, Object, TableNumber, Value};

use super::Shared;
use super::attached::{AttachedDefinition, AttachedMeta};
use super::component::{ComponentId, ComponentMeta, read_components};
use super::document::Document;
use super::key::{BY_CREATION_TIME, BY_ID, FIRST_DECLARED, IndexId};
use super::snapshot::State;
use crate::error::{Error, Result};
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

/// `_tables`: a row for each user table `{name, number, table}`; that of a component's table has its `component`, too,
/// and its own system tables have rows as well.
pub const TABLES: TableId = TableId(513);
/// `_indexes`: a row for each declared index `{table, slot, name, fields, staged}`; that of an attached index has
/// `attached` in place of `fields`, see [`AttachedDefinition`].
pub const INDEXES: TableId = TableId(514);
/// `_schemas`: at most one row for each component, its active schema `{schema}` as JSON text, with the `component`
/// unless it is the root.
pub const SCHEMAS: TableId = TableId(515);
/// `_components`: a row for each instance of a component, see [`ComponentMeta`].
pub const COMPONENTS: TableId = TableId(524);

/// `_deployment_state`: at most one row `{state}`; without it the deployment runs.
pub const DEPLOYMENT_STATE: TableId = TableId(549);

/// The state of a deployment that is paused.
pub const PAUSED: &str = "paused";

/// The system tables that every component has for itself.
pub const COMPONENT_TABLES: [&str; 3] = ["_storage", "_file_storage", "_scheduled_functions"];

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
    SystemTable { name: "_modules", number: 520, indexes: &[("by_path", &["path"])] },
    SystemTable { name: "_code_blobs", number: 521, indexes: &[("by_name", &["name", "part"])] },
    SystemTable { name: "_code_config", number: 522, indexes: &[] },
    SystemTable { name: "_pushed_schemas", number: 523, indexes: &[] },
    SystemTable { name: "_components", number: COMPONENTS.0, indexes: &[] },
    SystemTable { name: "_component_definitions", number: 525, indexes: &[("by_path", &["path"])] },
    SystemTable {
        name: "_function_handles",
        number: 526,
        indexes: &[("by_component_path", &["component", "path"])],
    },
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
    SystemTable { name: "_deployment_state", number: DEPLOYMENT_STATE.0, indexes: &[] },
    SystemTable { name: "_log_streams", number: 550, indexes: &[] },
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
    /// The component it belongs to.
    pub component: ComponentId,
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
    /// A table with its two built-in indexes, and those that are declared in code.
    pub(crate) fn new(id: TableId, component: ComponentId, number: TableNumber, name: String) -> Self {
        let built_in = |slot, name: &str| IndexMeta {
            id: IndexId { table: id, slot },
            name: name.to_owned(),
            fields: Vec::new(),
            staged: false,
        };
        let mut indexes = vec![built_in(BY_ID, "by_id"), built_in(BY_CREATION_TIME, "by_creation_time")];
        let system = SYSTEM_TABLES.iter().find(|table| number.is_system() && table.name == name);
        for (position, (name, fields)) in system.iter().flat_map(|table| table.indexes).enumerate() {
            indexes.push(IndexMeta {
                id: IndexId { table: id, slot: FIRST_DECLARED + position as u16 },
                name: (*name).to_owned(),
                fields: fields.iter().map(|field| (*field).to_owned()).collect(),
                staged: false,
            });
        }
        Self { id, component, number, name, indexes, attached: Vec::new() }
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

/// The tables of one component.
#[derive(Debug, Default)]
struct Namespace {
    by_name: HashMap<String, Arc<TableMeta>>,
    by_number: HashMap<TableNumber, TableId>,
    schema: Option<Arc<Schema>>,
}

/// See the module's documentation.
#[derive(Debug, Default)]
pub struct Catalog {
    root: Namespace,
    namespaces: HashMap<ComponentId, Namespace>,
    by_id: HashMap<TableId, Arc<TableMeta>>,
    components: HashMap<ComponentId, Arc<ComponentMeta>>,
    paths: HashMap<Arc<str>, ComponentId>,
    is_paused: bool,
}

/// The rows that a catalog is derived from.
pub(crate) struct CatalogRows<'a> {
    pub(crate) components: &'a [Arc<Object>],
    pub(crate) tables: &'a [Arc<Object>],
    pub(crate) indexes: &'a [Arc<Object>],
    pub(crate) schemas: Vec<(ComponentId, Arc<Schema>)>,
    pub(crate) states: &'a [Arc<Object>],
}

/// The component a row belongs to.
pub(crate) fn component_of(row: &Object) -> ComponentId {
    number(row, "component").map_or(ComponentId::ROOT, ComponentId)
}

impl Catalog {
    /// The system tables alone.
    pub(crate) fn system() -> Self {
        let mut catalog = Self::default();
        for table in SYSTEM_TABLES {
            let (id, number) = (TableId(table.number), TableNumber(table.number));
            catalog.add(TableMeta::new(id, ComponentId::ROOT, number, table.name.to_owned()));
        }
        catalog
    }

    fn add(&mut self, meta: TableMeta) {
        let meta = Arc::new(meta);
        let namespace = match meta.component {
            ComponentId::ROOT => &mut self.root,
            component => self.namespaces.entry(component).or_default(),
        };
        namespace.by_number.insert(meta.number, meta.id);
        namespace.by_name.insert(meta.name.clone(), meta.clone());
        self.by_id.insert(meta.id, meta);
    }

    fn namespace(&self, component: ComponentId) -> Option<&Namespace> {
        match component {
            ComponentId::ROOT => Some(&self.root),
            component => self.namespaces.get(&component),
        }
    }

    /// Derives the catalog from the documents of the system tables.
    pub(crate) fn derive(rows: CatalogRows<'_>) -> Self {
        let CatalogRows { components, tables, indexes, schemas, states } = rows;
        let mut metas: HashMap<TableId, TableMeta> = HashMap::new();
        for row in tables {
            let (Some(name), Some(number), Some(id)) = (
                row.get("name").and_then(fusion_schema::Value::as_str),
                number(row, "number"),
                number(row, "table"),
            ) else {
                continue;
            };
            let meta = TableMeta::new(TableId(id), component_of(row), TableNumber(number), name.to_owned());
            metas.insert(TableId(id), meta);
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
        for (component, schema) in schemas {
            match component {
                ComponentId::ROOT => catalog.root.schema = Some(schema),
                component => catalog.namespaces.entry(component).or_default().schema = Some(schema),
            }
        }
        for meta in read_components(components.iter().map(Arc::as_ref)) {
            catalog.paths.insert(meta.path.clone(), meta.id);
            catalog.components.insert(meta.id, Arc::new(meta));
        }
        let state =
            |row: &Arc<Object>| row.get("state").and_then(fusion_schema::Value::as_str) == Some(PAUSED);
        catalog.is_paused = states.iter().any(state);
        catalog
    }

    /// Whether the deployment is paused: no function is to be run. It is part of the version that every transaction
    /// depends on.
    pub const fn is_paused(&self) -> bool {
        self.is_paused
    }

    /// The app's table of that name.
    pub fn table(&self, name: &str) -> Option<&Arc<TableMeta>> {
        self.root.by_name.get(name)
    }

    /// The table that has this name in a component. System tables that components do not have for themselves are those
    /// of the deployment.
    pub fn table_in(&self, component: ComponentId, name: &str) -> Option<&Arc<TableMeta>> {
        let own = self.namespace(component).and_then(|namespace| namespace.by_name.get(name));
        let is_shared = || name.starts_with('_') && !COMPONENT_TABLES.contains(&name);
        own.or_else(|| is_shared().then(|| self.table(name)).flatten())
    }

    /// The table with that identity.
    pub fn table_by_id(&self, id: TableId) -> Option<&Arc<TableMeta>> {
        self.by_id.get(&id)
    }

    /// The app's table whose ids have that number.
    pub fn table_by_number(&self, number: TableNumber) -> Option<&Arc<TableMeta>> {
        self.root.by_number.get(&number).and_then(|id| self.by_id.get(id))
    }

    /// The table whose ids have that number in a component; see [`Catalog::table_in`].
    pub fn table_by_number_in(&self, component: ComponentId, number: TableNumber) -> Option<&Arc<TableMeta>> {
        let namespace = self.namespace(component);
        let own = namespace.and_then(|namespace| namespace.by_number.get(&number));
        let shared = || {
            let table = self.table_by_number(number).filter(|_| number.is_system())?;
            (!COMPONENT_TABLES.contains(&table.name.as_str())).then_some(table)
        };
        own.and_then(|id| self.by_id.get(id)).or_else(shared)
    }

    /// All tables of the app, with the system tables of the deployment, in no order.
    pub fn tables(&self) -> impl Iterator<Item = &Arc<TableMeta>> {
        self.tables_in(ComponentId::ROOT)
    }

    /// All tables of all components, in no order.
    pub fn all_tables(&self) -> impl Iterator<Item = &Arc<TableMeta>> {
        self.by_id.values()
    }

    /// All tables of a component, in no order; with the root come the system tables of the deployment.
    pub fn tables_in(&self, component: ComponentId) -> impl Iterator<Item = &Arc<TableMeta>> {
        self.namespace(component).into_iter().flat_map(|namespace| namespace.by_name.values())
    }

    /// The app's active schema, if it has one.
    pub const fn schema(&self) -> Option<&Arc<Schema>> {
        self.root.schema.as_ref()
    }

    /// A component's active schema, if it has one.
    pub fn schema_in(&self, component: ComponentId) -> Option<&Arc<Schema>> {
        self.namespace(component).and_then(|namespace| namespace.schema.as_ref())
    }

    /// A component; none for the root, and for one that is not known (any more).
    pub fn component(&self, id: ComponentId) -> Option<&Arc<ComponentMeta>> {
        self.components.get(&id)
    }

    /// The component at a path, mounted or not; the empty path is the root.
    pub fn component_at(&self, path: &str) -> Option<ComponentId> {
        if path.is_empty() { Some(ComponentId::ROOT) } else { self.paths.get(path).copied() }
    }

    /// The path of a component; empty for the root.
    pub fn component_path(&self, id: ComponentId) -> Option<&str> {
        if id.is_root() { Some("") } else { self.components.get(&id).map(|meta| &*meta.path) }
    }

    /// The component with that row.
    pub fn component_by_document(&self, id: DocumentId) -> Option<&Arc<ComponentMeta>> {
        self.components.values().find(|meta| meta.document == id)
    }

    /// The component whose row has this id, as clients name it; `None` also for what is no id.
    pub fn component_with_id(&self, id: &str) -> Option<&Arc<ComponentMeta>> {
        DocumentId::decode(id).ok().and_then(|id| self.component_by_document(id))
    }

    /// All components but the root, in no order.
    pub fn components(&self) -> impl Iterator<Item = &Arc<ComponentMeta>> {
        self.components.values()
    }

    /// The root and all components that are mounted, the root first.
    pub fn active_components(&self) -> impl Iterator<Item = ComponentId> {
        let mounted = self.components.values().filter(|meta| meta.is_active).map(|meta| meta.id);
        std::iter::once(ComponentId::ROOT).chain(mounted)
    }

    /// The tables of a component, for validators of ids.
    pub const fn names_in(&self, component: ComponentId) -> ComponentTables<'_> {
        ComponentTables { catalog: self, component }
    }
}

/// The tables of a component, for validators of ids.
#[derive(Clone, Copy, Debug)]
pub struct ComponentTables<'a> {
    catalog: &'a Catalog,
    component: ComponentId,
}

impl TableLookup for ComponentTables<'_> {
    fn table_name(&self, number: TableNumber) -> Option<String> {
        self.catalog.table_by_number_in(self.component, number).map(|table| table.name.clone())
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

/// Derives the catalog from the system tables of a state.
pub(super) fn derive_catalog(shared: &Shared, state: &State) -> Result<Catalog> {
    let rows = |table| -> Result<Vec<Arc<Object>>> {
        let documents =
            state.tables.get(&table).map(|table| table.documents.values().cloned().collect::<Vec<_>>());
        documents
            .unwrap_or_default()
            .into_iter()
            .map(|entry| Ok(Document::new(entry.clone(), entry.body(&*shared.reader)?).fields().clone()))
            .collect()
    };
    let schemas = rows(SCHEMAS)?;
    let schemas = schemas.iter().map(|row| {
        let damaged = || Error::internal("The stored schema is damaged.");
        let text = row.get("schema").and_then(Value::as_str).ok_or_else(damaged)?;
        let json = serde_json::from_str(text).map_err(|error| damaged().with_source(error))?;
        let schema = fusion_schema::table::Schema::from_json(&json);
        let schema = schema.map_err(|error| damaged().with_source(error))?;
        Ok((component_of(row), Arc::new(schema)))
    });
    let schemas = schemas.collect::<Result<_>>()?;
    let (components, tables, indexes) = (rows(COMPONENTS)?, rows(TABLES)?, rows(INDEXES)?);
    let states = rows(DEPLOYMENT_STATE)?;
    Ok(Catalog::derive(CatalogRows {
        components: &components,
        tables: &tables,
        indexes: &indexes,
        schemas,
        states: &states,
    }))
}
