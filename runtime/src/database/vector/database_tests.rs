//! Vector indexes of a database: kept with every commit, built at a push, found again after a crash.

use std::collections::BTreeMap;
use std::path::Path;

use fusion_schema::table::VectorIndexDefinition;
use fusion_schema::{DocumentId, Object, Schema, TableDefinition, Validator, Value, object};
use proptest::prelude::*;

use super::VectorQuery;
use super::coding;
use crate::database::staging::{Contents, Target};
use crate::database::{CommitExtras, ComponentId, Database, DatabaseOptions, SchemaChange, Transaction};

const DIMENSIONS: usize = 3;

fn schema(indexes: &[(&str, &[&str])], staged: &[&str]) -> Schema {
    let mut table = TableDefinition::new("chunks", Validator::Any);
    for (name, filters) in indexes {
        table = table.vector_index(*name, "embedding", DIMENSIONS as u32, filters.iter().copied());
    }
    table.staged_vector_indexes = staged
        .iter()
        .map(|name| VectorIndexDefinition {
            name: (*name).to_owned(),
            vector_field: "embedding".to_owned(),
            dimensions: DIMENSIONS as u32,
            filter_fields: Vec::new(),
        })
        .collect();
    Schema::new(vec![table])
}

fn usual() -> Schema {
    schema(&[("by_embedding", &["org", "lang"])], &[])
}

fn open(folder: &Path) -> Database {
    Database::open(DatabaseOptions::in_memory().with_folder(folder)).unwrap()
}

fn commit<T>(database: &Database, body: impl Fn(&mut Transaction) -> T) -> T {
    let mut tx = database.begin_mutation();
    let value = body(&mut tx);
    let committed = database.commit(tx, CommitExtras::default()).unwrap();
    database.wait_durable(committed.ts).unwrap();
    value
}

fn chunk(vector: &[f64], org: &str) -> Object {
    let embedding: Vec<Value> = vector.iter().map(|number| Value::from(*number)).collect();
    object! {"embedding" => embedding, "org" => org}
}

fn insert(database: &Database, vector: &[f64], org: &str) -> DocumentId {
    commit(database, |tx| tx.insert("chunks", chunk(vector, org)).unwrap())
}

fn search(database: &Database, query: &VectorQuery) -> Vec<(DocumentId, f64)> {
    let found = database.vector_search(ComponentId::ROOT, "chunks", "by_embedding", query).unwrap();
    found.iter().map(|found| (found.id, found.score)).collect()
}

fn ids(database: &Database, query: &VectorQuery) -> Vec<DocumentId> {
    search(database, query).into_iter().map(|(id, _)| id).collect()
}

fn refused(database: &Database, index: &str, query: &VectorQuery) -> String {
    database.vector_search(ComponentId::ROOT, "chunks", index, query).unwrap_err().message().to_owned()
}

#[derive(Clone, Debug)]
enum Step {
    Write {
        key: u8,
        vector: Vec<f64>,
        org: u8,
    },
    /// A version that is in no vector index.
    WriteOther {
        key: u8,
        length: usize,
    },
    Delete {
        key: u8,
    },
    Search {
        vector: Vec<f64>,
        limit: usize,
        orgs: Vec<u8>,
    },
    /// The process ends in order (`true`) or not.
    Restart {
        in_order: bool,
    },
    /// All files of the index are lost.
    Lose,
}

fn step() -> impl Strategy<Value = Step> {
    let vector = || prop::collection::vec(-1.0..1.0_f64, DIMENSIONS);
    prop_oneof![
        10 => (0..12_u8, vector(), 0..3_u8).prop_map(|(key, vector, org)| Step::Write { key, vector, org }),
        2 => (0..12_u8, 0..6_usize).prop_map(|(key, length)| Step::WriteOther { key, length }),
        3 => (0..12_u8).prop_map(|key| Step::Delete { key }),
        6 => (vector(), 1..6_usize, prop::collection::vec(0..4_u8, 0..3))
            .prop_map(|(vector, limit, orgs)| Step::Search { vector, limit, orgs }),
        1 => any::<bool>().prop_map(|in_order| Step::Restart { in_order }),
        1 => Just(Step::Lose),
    ]
}

/// The documents by their keys, with vector and organisation if they are in the index.
type Model = BTreeMap<u8, (DocumentId, Option<(Vec<f64>, String)>)>;

/// What is found by comparing every vector.
fn exact(model: &Model, vector: &[f64], limit: usize, orgs: &[String]) -> Vec<(DocumentId, f64)> {
    let query = coding::unit(vector).unwrap();
    let vectors = model.values().filter_map(|(id, document)| Some((*id, document.as_ref()?)));
    let mut all: Vec<(DocumentId, f64)> = vectors
        .filter(|(_, (_, org))| orgs.is_empty() || orgs.contains(org))
        .map(|(id, (vector, _))| (id, coding::cosine(&query, &coding::unit(vector).unwrap())))
        .collect();
    all.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.internal.cmp(&b.0.internal)));
    all.truncate(limit);
    all
}

/// Copies a folder, if it is there.
fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).into_iter().flatten().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            // A file may go while this looks.
            let _ = std::fs::copy(entry.path(), target);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn a_search_finds_what_was_written_before_it_whatever_happened_to_the_process(
        steps in prop::collection::vec(step(), 1..60),
    ) {
        let data = tempfile::tempdir().unwrap();
        let mut life = 0;
        let mut database = open(&data.path().join("0"));
        database.apply_schema(&usual()).unwrap();
        let mut model = Model::new();
        for step in steps {
            let write = |database: &Database, known: Option<DocumentId>, fields: Object| {
                commit(database, |tx| match known {
                    Some(id) => tx.replace(id, fields.clone()).map(|_| id).unwrap(),
                    None => tx.insert("chunks", fields.clone()).unwrap(),
                })
            };
            match step {
                Step::Write { key, vector, org } => {
                    let org = format!("org{org}");
                    let known = model.get(&key).map(|(id, _)| *id);
                    let id = write(&database, known, chunk(&vector, &org));
                    model.insert(key, (id, Some((vector, org))));
                }
                Step::WriteOther { key, length } => {
                    let length = if length == DIMENSIONS { 0 } else { length };
                    let known = model.get(&key).map(|(id, _)| *id);
                    let id = write(&database, known, chunk(&vec![1.0; length], "org0"));
                    model.insert(key, (id, None));
                }
                Step::Delete { key } => {
                    if let Some((id, _)) = model.remove(&key) {
                        commit(&database, |tx| drop(tx.delete(id).unwrap()));
                    }
                }
                Step::Search { vector, limit, orgs } => {
                    let orgs: Vec<String> = orgs.iter().map(|org| format!("org{org}")).collect();
                    let query = VectorQuery::new(vector.clone()).limit(limit);
                    let query = orgs.iter().fold(query, |query, org| query.or_eq("org", org.as_str()));
                    prop_assert_eq!(search(&database, &query), exact(&model, &vector, limit, &orgs));
                }
                Step::Restart { in_order } => {
                    let old = data.path().join(life.to_string());
                    life += 1;
                    let new = data.path().join(life.to_string());
                    if !in_order {
                        // All documents are durable; of the index's files there is what there is at this moment.
                        copy(&old.join("vectors"), &new.join("vectors"));
                        drop(database);
                        let _ = std::fs::remove_dir_all(old.join("vectors"));
                    } else {
                        drop(database);
                    }
                    copy(&old, &new);
                    database = open(&new);
                }
                Step::Lose => {
                    drop(database);
                    let folder = data.path().join(life.to_string());
                    let _ = std::fs::remove_dir_all(folder.join("vectors"));
                    database = open(&folder);
                }
            }
        }
        let query = VectorQuery::new([1.0, 0.0, 0.0]).limit(256);
        prop_assert_eq!(search(&database, &query), exact(&model, &[1.0, 0.0, 0.0], 256, &[]));
    }
}

#[test]
fn an_index_that_is_pushed_over_existing_documents_can_be_used_at_once() {
    let database = Database::open(DatabaseOptions::in_memory()).unwrap();
    let near = insert(&database, &[1.0, 0.1, 0.0], "a");
    for n in 0..3_000 {
        // In one transaction it would be quicker; but a build meets many commits.
        if n % 1_000 == 0 {
            commit(&database, |tx| {
                for n in 0..1_000 {
                    tx.insert("chunks", chunk(&[0.1, f64::from(n), -1.0], "b")).unwrap();
                }
            });
        }
    }
    let change = database.apply_schema(&usual()).unwrap();
    assert_eq!(change.added_indexes, ["chunks.by_embedding"]);
    assert_eq!(ids(&database, &VectorQuery::new([1.0, 0.0, 0.0]).limit(1)), [near]);
    assert_eq!(ids(&database, &VectorQuery::new([0.0, 1.0, 0.0]).limit(256).or_eq("org", "a")), [near]);

    // The same under another name; then with other filters; then not at all.
    let renamed = schema(&[("by_meaning", &["org", "lang"])], &[]);
    let change = database.apply_schema(&renamed).unwrap();
    assert_eq!(
        change,
        SchemaChange {
            added_indexes: vec!["chunks.by_meaning".to_owned()],
            removed_indexes: vec!["chunks.by_embedding".to_owned()],
        }
    );
    let query = VectorQuery::new([1.0, 0.0, 0.0]).limit(1);
    assert_eq!(
        database.vector_search(ComponentId::ROOT, "chunks", "by_meaning", &query).unwrap()[0].id,
        near
    );
    assert_eq!(refused(&database, "by_embedding", &query), "Index chunks.by_embedding not found.");
    database.apply_schema(&schema(&[("by_embedding", &["org"])], &[])).unwrap();
    assert_eq!(ids(&database, &query), [near]);
    database.apply_schema(&schema(&[], &[])).unwrap();
    assert_eq!(refused(&database, "by_embedding", &query), "Index chunks.by_embedding not found.");
}

#[test]
fn a_staged_index_is_kept_and_cannot_be_used_until_it_is_enabled() {
    let database = Database::open(DatabaseOptions::in_memory()).unwrap();
    let early = insert(&database, &[1.0, 0.0, 0.0], "a");
    database.apply_schema(&schema(&[], &["by_embedding"])).unwrap();
    let late = insert(&database, &[0.0, 1.0, 0.0], "a");
    let query = VectorQuery::new([1.0, 0.5, 0.0]);
    assert_eq!(
        refused(&database, "by_embedding", &query),
        "Index chunks.by_embedding is currently staged and not available to query until it is enabled."
    );
    database.apply_schema(&schema(&[("by_embedding", &[])], &[])).unwrap();
    assert_eq!(ids(&database, &query), [early, late]);
}

#[test]
fn imported_documents_are_found_and_replaced_ones_are_not() {
    let database = Database::open(DatabaseOptions::in_memory()).unwrap();
    database.apply_schema(&usual()).unwrap();
    let old = insert(&database, &[1.0, 0.0, 0.0], "a");
    let query = VectorQuery::new([1.0, 0.0, 0.0]);
    let import = |contents: Contents, n: u8| {
        let target =
            Target { component: ComponentId::ROOT, name: "chunks".to_owned(), number: None, contents };
        let mut staging = database.stage(vec![target]).unwrap();
        let shape = staging.shape(0).unwrap();
        let document = shape.document([n; 16], f64::from(n), chunk(&[1.0, f64::from(n), 0.0], "i")).unwrap();
        staging.add(0, vec![document]).unwrap();
        staging.commit(|_| Ok(())).unwrap();
    };
    import(Contents::Append, 1);
    let found = ids(&database, &query);
    assert_eq!((found.len(), found[0], found[1].internal), (2, old, [1; 16]));
    import(Contents::Replace, 2);
    let found = ids(&database, &query);
    assert_eq!(found.iter().map(|id| id.internal).collect::<Vec<_>>(), [[2; 16]]);
    let late = insert(&database, &[1.0, 0.0, 0.0], "a");
    assert_eq!(ids(&database, &query.limit(1)), [late]);
}

#[test]
fn what_does_not_suit_the_index_is_refused_with_the_reason() {
    let database = Database::open(DatabaseOptions::in_memory()).unwrap();
    database.apply_schema(&usual()).unwrap();
    let vector = VectorQuery::new([1.0, 0.0, 0.0]);
    let mut many = vector.clone();
    many.filter = (0..65).map(|n| ("org".to_owned(), Some(Value::from(f64::from(n))))).collect();
    for (index, query, reason) in [
        ("by_other", vector.clone(), "Index chunks.by_other not found."),
        (
            "by_embedding",
            VectorQuery::new([1.0]),
            "Invalid vector query: the vector for index chunks.by_embedding must have 3 dimensions, but it has 1.",
        ),
        (
            "by_embedding",
            VectorQuery::new([1.0, f64::NAN, 0.0]),
            "Invalid vector query: the vector for index chunks.by_embedding must have finite numbers only.",
        ),
        (
            "by_embedding",
            vector.clone().limit(0),
            "Invalid vector query: `limit` must be between 1 and 256, but it is 0.",
        ),
        (
            "by_embedding",
            vector.clone().limit(257),
            "Invalid vector query: `limit` must be between 1 and 256, but it is 257.",
        ),
        (
            "by_embedding",
            vector.clone().or_eq("other", 1.0),
            "Invalid vector query: \"other\" is not a filter field of index chunks.by_embedding; it has \"org\", \"lang\".",
        ),
        (
            "by_embedding",
            many,
            "Invalid vector query: the filter has 65 expressions; at most 64 are allowed.",
        ),
    ] {
        assert_eq!(refused(&database, index, &query), reason);
    }
    assert_eq!(ids(&database, &vector), []);
}

#[test]
fn a_filter_finds_values_of_any_kind_and_missing_ones() {
    let database = Database::open(DatabaseOptions::in_memory()).unwrap();
    database.apply_schema(&usual()).unwrap();
    let with_lang = |lang: Option<Value>| {
        commit(&database, |tx| {
            let mut fields = chunk(&[1.0, 0.0, 0.0], "a");
            if let Some(lang) = &lang {
                fields.insert("lang", lang.clone());
            }
            tx.insert("chunks", fields).unwrap()
        })
    };
    let values = [
        None,
        Some(Value::Null),
        Some(Value::Int64(1)),
        Some(Value::Float64(1.0)),
        Some(Value::Float64(-0.0)),
        Some(Value::Float64(0.0)),
        Some(Value::from("1")),
        Some(Value::from(vec![Value::from("x")])),
        Some(Value::Object(object! {"x" => true})),
    ];
    let known: Vec<DocumentId> = values.iter().map(|value| with_lang(value.clone())).collect();
    for (value, id) in values.iter().zip(&known) {
        let mut query = VectorQuery::new([1.0, 0.0, 0.0]).limit(20);
        query.filter = vec![("lang".to_owned(), value.clone())];
        assert_eq!(ids(&database, &query), [*id], "{value:?}");
        query.filter.push(("org".to_owned(), Some(Value::from("a"))));
        assert_eq!(ids(&database, &query).len(), values.len());
    }
}
