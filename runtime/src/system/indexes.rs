//! The indexes that a schema declares, as people look at them: what they are and whether they can be queried.
//!
//! They change with a push only, which every transaction depends on.

use serde_json::{Value as Json, json};

use crate::database::{AttachedDefinition, Catalog, ComponentId, TableMeta};

/// An index of a table.
#[derive(Clone, Debug, PartialEq)]
pub struct IndexDescription {
    /// The table.
    pub table: String,
    /// Its name inside the table.
    pub name: String,
    /// What it orders, searches or compares, as clients know it.
    pub fields: Json,
    /// Whether it is kept up to date without being queried.
    pub staged: bool,
}

impl IndexDescription {
    /// As endpoints and queries answer.
    pub fn to_json(&self) -> Json {
        json!({
            "table": self.table, "name": self.name, "fields": self.fields, "staged": self.staged,
            // An index that is known to the catalog has been built.
            "backfill": {"state": "done"},
        })
    }
}

/// The declared indexes of all tables, or of one, in the order of their tables and names.
pub fn list(catalog: &Catalog, component: ComponentId, table: Option<&str>) -> Vec<IndexDescription> {
    let tables = catalog.tables_in(component).filter(|meta| !meta.number.is_system());
    let mut found: Vec<IndexDescription> = tables
        .filter(|meta| table.is_none_or(|table| meta.name == table))
        .flat_map(|meta| of_table(catalog, meta))
        .collect();
    found.sort_by(|a, b| (&a.table, &a.name).cmp(&(&b.table, &b.name)));
    found
}

fn of_table<'a>(catalog: &'a Catalog, meta: &'a TableMeta) -> impl Iterator<Item = IndexDescription> + 'a {
    let described = |name: &str, fields: Json, staged: bool| IndexDescription {
        table: meta.name.clone(),
        name: name.to_owned(),
        fields,
        staged,
    };
    let declared = meta.indexes.iter().filter(|index| index.is_declared());
    let sorted = declared.map(move |index| {
        let fields: Vec<&str> = index.fields.iter().map(String::as_str).chain(["_creationTime"]).collect();
        described(&index.name, json!(fields), index.staged)
    });
    let searches = meta.attached.iter().map(move |index| {
        let AttachedDefinition::Search(definition) = &index.definition;
        let fields =
            json!({"searchField": definition.search_field, "filterFields": definition.filter_fields});
        described(index.name(), fields, index.staged)
    });
    let schema = catalog.schema_in(meta.component).and_then(|schema| schema.table(&meta.name));
    let vectors = schema.into_iter().flat_map(move |definition| {
        let ready = definition.vector_indexes.iter().map(|index| (index, false));
        ready.chain(definition.staged_vector_indexes.iter().map(|index| (index, true))).map(
            move |(index, staged)| {
                let fields = json!({
                    "vectorField": index.vector_field, "filterFields": index.filter_fields,
                    "dimensions": index.dimensions,
                });
                described(&index.name, fields, staged)
            },
        )
    });
    sorted.chain(searches).chain(vectors)
}
