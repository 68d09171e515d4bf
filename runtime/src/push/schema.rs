//! Schemas at a push: joining the pushed one with that of the application that is compiled in, what becomes of the
//! indexes, and what is to be expected of the existing documents.

use std::collections::{BTreeMap, HashSet};

use fusion_schema::table::{IndexDefinition, Schema, TableDefinition};
use fusion_schema::validator::Validator;
use serde_json::{Map, Value as Json, json};

use crate::database::{ComponentId, Snapshot};
use crate::{Error, Result};

/// Reads a schema as `defineSchema(..).export()` writes it and checks its rules; ids may lead to tables of `native`,
/// too.
///
/// # Errors
/// The first rule that is broken, with its code.
pub fn read(json: &Json, native: &Schema) -> Result<Schema> {
    let invalid = |error: fusion_schema::SchemaError| Error::bad_request(error.code, error.message);
    let schema = Schema::from_json(json).map_err(invalid)?;
    let others: HashSet<&str> = native.tables.iter().map(|table| table.name.as_str()).collect();
    schema.check_among(&others).map_err(invalid)?;
    Ok(schema)
}

/// The schema of a deployment with a native application: tables that were pushed are as pushed, with the indexes of
/// both; the others are the application's.
pub fn join(native: &Schema, pushed: Option<&Schema>) -> Schema {
    let Some(pushed) = pushed else { return native.clone() };
    if native.tables.is_empty() {
        return pushed.clone();
    }
    let type_of = |schema: &Schema, table: &TableDefinition| match schema.schema_validation {
        true => table.document_type.clone(),
        false => Validator::Any,
    };
    let mut tables = Vec::new();
    for table in &pushed.tables {
        let mut joined = TableDefinition { document_type: type_of(pushed, table), ..table.clone() };
        if let Some(other) = native.table(&table.name) {
            let known: HashSet<String> = index_names(&joined).map(str::to_owned).collect();
            add(&mut joined.indexes, &other.indexes, |index| known.contains(&index.name));
            add(&mut joined.staged_indexes, &other.staged_indexes, |index| known.contains(&index.name));
            add(&mut joined.search_indexes, &other.search_indexes, |index| known.contains(&index.name));
            add(&mut joined.staged_search_indexes, &other.staged_search_indexes, |index| {
                known.contains(&index.name)
            });
            add(&mut joined.vector_indexes, &other.vector_indexes, |index| known.contains(&index.name));
            add(&mut joined.staged_vector_indexes, &other.staged_vector_indexes, |index| {
                known.contains(&index.name)
            });
        }
        tables.push(joined);
    }
    for table in native.tables.iter().filter(|table| pushed.table(&table.name).is_none()) {
        tables.push(TableDefinition { document_type: type_of(native, table), ..table.clone() });
    }
    Schema { tables, schema_validation: native.schema_validation || pushed.schema_validation }
}

fn add<T: Clone>(to: &mut Vec<T>, from: &[T], is_known: impl Fn(&T) -> bool) {
    to.extend(from.iter().filter(|index| !is_known(index)).cloned());
}

fn index_names(table: &TableDefinition) -> impl Iterator<Item = &str> {
    let database = table.indexes.iter().chain(&table.staged_indexes).map(|index| index.name.as_str());
    let search = table.search_indexes.iter().chain(&table.staged_search_indexes);
    let vector = table.vector_indexes.iter().chain(&table.staged_vector_indexes);
    database.chain(search.map(|index| index.name.as_str())).chain(vector.map(|index| index.name.as_str()))
}

/// A schema without the staged indexes that `active` does not have yet: those need not be built before a push ends.
pub fn without_new_staged(schema: &Schema, active: &Schema) -> Schema {
    let mut immediate = schema.clone();
    for table in &mut immediate.tables {
        let existing = active.table(&table.name);
        table.staged_indexes.retain(|index| {
            existing.is_some_and(|existing| {
                existing.indexes.iter().chain(&existing.staged_indexes).any(|other| other == index)
            })
        });
        table.staged_search_indexes.retain(|index| {
            existing.is_some_and(|existing| {
                existing
                    .search_indexes
                    .iter()
                    .chain(&existing.staged_search_indexes)
                    .any(|other| other == index)
            })
        });
        table.staged_vector_indexes.retain(|index| {
            existing.is_some_and(|existing| {
                existing
                    .vector_indexes
                    .iter()
                    .chain(&existing.staged_vector_indexes)
                    .any(|other| other == index)
            })
        });
    }
    immediate
}

/// What becomes of the indexes, each as clients know it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct IndexDiff {
    /// Indexes that are new, or have other fields than before.
    pub added: Vec<Json>,
    /// Indexes that go.
    pub removed: Vec<Json>,
    /// Indexes that were staged and can be queried from then on.
    pub enabled: Vec<Json>,
    /// Indexes that can be queried no more.
    pub disabled: Vec<Json>,
}

impl IndexDiff {
    /// As responses have it.
    pub fn to_json(&self) -> Json {
        json!({
            "added_indexes": self.added,
            "removed_indexes": self.removed,
            "enabled_indexes": self.enabled,
            "disabled_indexes": self.disabled,
        })
    }
}

/// An index: what it is, without whether it is staged.
type Indexes = BTreeMap<String, (Map<String, Json>, bool)>;

fn indexes(schema: &Schema) -> Indexes {
    let mut found = Indexes::new();
    for table in &schema.tables {
        let mut insert = |name: &str, staged: bool, description: Json| {
            let Json::Object(mut description) = description else { return };
            let name = format!("{}.{name}", table.name);
            description.insert("name".to_owned(), name.as_str().into());
            found.insert(name, (description, staged));
        };
        let database = |index: &IndexDefinition| {
            let fields = index.fields.iter().map(String::as_str).chain(["_creationTime"]);
            json!({"type": "database", "fields": fields.collect::<Vec<_>>()})
        };
        for (list, staged) in [(&table.indexes, false), (&table.staged_indexes, true)] {
            list.iter().for_each(|index| insert(&index.name, staged, database(index)));
        }
        for (list, staged) in [(&table.search_indexes, false), (&table.staged_search_indexes, true)] {
            for index in list {
                let description = json!({
                    "type": "search", "searchField": index.search_field, "filterFields": index.filter_fields,
                });
                insert(&index.name, staged, description);
            }
        }
        for (list, staged) in [(&table.vector_indexes, false), (&table.staged_vector_indexes, true)] {
            for index in list {
                let description = json!({
                    "type": "vector", "vectorField": index.vector_field, "dimensions": index.dimensions,
                    "filterFields": index.filter_fields,
                });
                insert(&index.name, staged, description);
            }
        }
    }
    found
}

fn described((description, staged): &(Map<String, Json>, bool)) -> Json {
    let mut description = description.clone();
    description.insert("staged".to_owned(), (*staged).into());
    Json::Object(description)
}

/// What becomes of the indexes when `new` takes the place of `old`.
pub fn diff_indexes(old: &Schema, new: &Schema) -> IndexDiff {
    let (old, new) = (indexes(old), indexes(new));
    let mut diff = IndexDiff::default();
    for (name, index) in &new {
        match old.get(name) {
            Some(before) if before.0 == index.0 => match (before.1, index.1) {
                (true, false) => diff.enabled.push(described(index)),
                (false, true) => diff.disabled.push(described(index)),
                _ => {}
            },
            _ => diff.added.push(described(index)),
        }
    }
    for (name, index) in &old {
        if new.get(name).is_none_or(|after| after.0 != index.0) {
            diff.removed.push(described(index));
        }
    }
    diff
}

/// What a push of `new` would have to do to the data of a component, which may not be there yet, table by table and index
/// by index, as `evaluate_schema` answers.
pub fn evaluate(snapshot: &Snapshot, component: Option<ComponentId>, old: &Schema, new: &Schema) -> Json {
    let table = |name: &str| component.and_then(|component| snapshot.catalog().table_in(component, name));
    let count = |name: &str| table(name).map_or(0, |meta| snapshot.document_count(meta.id));
    let size = |name: &str| table(name).map_or(0, |meta| snapshot.table_size(meta.id));
    let tables: Vec<Json> = new
        .tables
        .iter()
        .map(|table| {
            let enforced = old.table(&table.name).filter(|_| old.schema_validation);
            let outcome = if !new.schema_validation {
                "notValidated"
            } else if table.document_type.is_any()
                || enforced.is_some_and(|enforced| enforced.document_type == table.document_type)
            {
                "supersetOfEnforced"
            } else if count(&table.name) == 0 {
                // No document, no shape.
                "supersetOfShape"
            } else {
                "mustWalk"
            };
            json!({
                "name": table.name, "outcome": outcome, "numDocs": count(&table.name), "sizeBytes": size(&table.name),
            })
        })
        .collect();
    let (before, after) = (indexes(old), indexes(new));
    let entry = |name: &str, index: &(Map<String, Json>, bool), change: &str, backfill: bool| {
        let table = name.split_once('.').map_or(name, |(table, _)| table);
        let mut entry = index.0.clone();
        entry.insert("staged".to_owned(), index.1.into());
        entry.insert("change".to_owned(), change.into());
        entry.insert("needsBackfill".to_owned(), backfill.into());
        entry.insert("numDocs".to_owned(), count(table).into());
        Json::Object(entry)
    };
    let mut changes = Vec::new();
    for (name, index) in &after {
        let change = match before.get(name) {
            Some(old) if old.0 == index.0 => match (old.1, index.1) {
                (true, false) => "enabled",
                (false, true) => "disabled",
                _ => "identical",
            },
            _ => "added",
        };
        changes.push(entry(name, index, change, change == "added"));
    }
    for (name, index) in &before {
        if after.get(name).is_none_or(|new| new.0 != index.0) {
            changes.push(entry(name, index, "dropped", false));
        }
    }
    json!({
        "definitionPath": "",
        "schemaValidation": new.schema_validation,
        "tables": tables,
        "indexes": changes,
        "discardedStagedValidators": [],
    })
}

#[cfg(test)]
mod tests {
    use fusion_schema::validator::FieldValidator;

    use super::*;

    fn number() -> Validator {
        Validator::object([("n", FieldValidator { validator: Validator::Float64, optional: false })])
    }

    fn names(indexes: &[Json]) -> Vec<&str> {
        indexes.iter().filter_map(|index| index["name"].as_str()).collect()
    }

    #[test]
    fn pushed_tables_win_and_keep_the_indexes_of_both() {
        let native = Schema::new(vec![
            TableDefinition::new("a", number()).index("by_n", ["n"]).index("by_m", ["m"]),
            TableDefinition::new("b", number()),
        ]);
        let pushed = Schema::new(vec![
            TableDefinition::new("a", Validator::Any).index("by_n", ["n", "k"]),
            TableDefinition::new("c", number()),
        ]);
        let joined = join(&native, Some(&pushed));
        assert_eq!(joined.tables.iter().map(|table| &*table.name).collect::<Vec<_>>(), ["a", "c", "b"]);
        let a = joined.table("a").unwrap();
        assert_eq!(a.document_type, Validator::Any);
        assert_eq!(a.indexes[0].fields, ["n", "k"]);
        assert_eq!(index_names(a).collect::<Vec<_>>(), ["by_n", "by_m"]);
        assert_eq!(join(&native, None), native);
        assert_eq!(join(&Schema::default(), Some(&pushed)), pushed);
    }

    #[test]
    fn each_side_says_for_itself_whether_documents_are_checked() {
        let native = Schema::new(vec![TableDefinition::new("b", number())]);
        let mut pushed = Schema::new(vec![TableDefinition::new("a", number())]);
        pushed.schema_validation = false;
        let joined = join(&native, Some(&pushed));
        assert!(joined.schema_validation);
        assert_eq!(joined.table("a").unwrap().document_type, Validator::Any);
        assert_eq!(joined.table("b").unwrap().document_type, number());
    }

    #[test]
    fn indexes_are_added_removed_enabled_and_disabled() {
        let mut old = TableDefinition::new("t", Validator::Any)
            .index("kept", ["a"])
            .index("changed", ["a", "b"])
            .index("gone", ["c"])
            .index("unused", ["d"]);
        old.staged_indexes.push(IndexDefinition { name: "wanted".to_owned(), fields: vec!["e".to_owned()] });
        let mut new = TableDefinition::new("t", Validator::Any)
            .index("kept", ["a"])
            .index("changed", ["b"])
            .index("wanted", ["e"])
            .search_index("text", "body", ["f"]);
        new.staged_indexes.push(IndexDefinition { name: "unused".to_owned(), fields: vec!["d".to_owned()] });
        new.staged_indexes.push(IndexDefinition { name: "later".to_owned(), fields: vec!["g".to_owned()] });
        let (old, new) = (Schema::new(vec![old]), Schema::new(vec![new]));
        let diff = diff_indexes(&old, &new);
        assert_eq!(names(&diff.added), ["t.changed", "t.later", "t.text"]);
        assert_eq!(names(&diff.removed), ["t.changed", "t.gone"]);
        assert_eq!(names(&diff.enabled), ["t.wanted"]);
        assert_eq!(names(&diff.disabled), ["t.unused"]);
        assert_eq!(diff.added[0]["fields"], json!(["b", "_creationTime"]));
        assert_eq!(diff_indexes(&new, &new), IndexDiff::default());
        // What is staged and new may wait; what is staged and was there stays.
        let immediate = without_new_staged(&new, &old);
        let staged: Vec<_> = immediate.tables[0].staged_indexes.iter().map(|index| &*index.name).collect();
        assert_eq!(staged, ["unused"]);
    }

    #[test]
    fn rules_are_checked_with_the_tables_of_both() {
        let native = Schema::new(vec![TableDefinition::new("users", Validator::Any)]);
        let table = |reference: &str| {
            json!({"tables": [{"tableName": "t", "indexes": [], "documentType": {"type": "object", "value": {
                "u": {"fieldType": {"type": "id", "tableName": reference}, "optional": false}}}}],
                "schemaValidation": true})
        };
        for reference in ["t", "users", "_storage"] {
            assert!(read(&table(reference), &native).is_ok(), "{reference}");
        }
        let error = read(&table("nowhere"), &native).unwrap_err();
        assert_eq!(error.code(), "MissingTable");
        assert!(error.message().contains("\"nowhere\""), "{error}");
    }
}
