//! What a staging leaves behind, committed, given up or cut off.

use fusion_schema::table::{IndexDefinition, Schema, TableDefinition};
use fusion_schema::{DocumentId, Validator};

use super::*;
use crate::database::query::{Order, Query, QuerySource};
use crate::database::{CommitExtras, DatabaseOptions};

fn number_of(value: usize) -> Object {
    object! { "n" => value as f64 }
}

fn insert(database: &Database, numbers: std::ops::Range<usize>) -> Vec<DocumentId> {
    let mut tx = database.begin_mutation();
    let ids = numbers.map(|n| tx.insert("t", number_of(n)).unwrap()).collect();
    let ts = database.commit(tx, CommitExtras::default()).unwrap().ts;
    database.wait_durable(ts).unwrap();
    ids
}

fn internal(n: usize) -> InternalId {
    (n as u128 + (1 << 100)).to_be_bytes()
}

fn stage(database: &Database, contents: Contents, numbers: std::ops::Range<usize>) -> Staging {
    let mut staging = database
        .stage(vec![Target { component: ComponentId::ROOT, name: "t".to_owned(), number: None, contents }])
        .unwrap();
    let shape = staging.shape(0).unwrap();
    let documents =
        numbers.map(|n| shape.document(internal(n), n as f64 + 1.0, number_of(n)).unwrap()).collect();
    staging.add(0, documents).unwrap();
    staging
}

/// The numbers in a table, in order of creation, or of an index.
fn numbers(database: &Database, index: &str) -> Vec<f64> {
    let mut tx = database.begin_query();
    let source = QuerySource::IndexRange {
        table: "t".to_owned(),
        index: index.to_owned(),
        range: Vec::new(),
        order: Order::Asc,
    };
    let mut stream = tx.query(&Query { source, operators: Vec::new() }).unwrap();
    let mut found = Vec::new();
    while let Some(document) = stream.next(&mut tx).unwrap() {
        found.push(document.fields().get("n").and_then(Value::as_f64).unwrap());
    }
    found
}

fn floats(numbers: std::ops::Range<usize>) -> Vec<f64> {
    numbers.map(|n| n as f64).collect()
}

fn schema(with_index: bool) -> Schema {
    let mut table = TableDefinition::new("t", Validator::Any);
    if with_index {
        table.indexes.push(IndexDefinition { name: "by_n".to_owned(), fields: vec!["n".to_owned()] });
    }
    Schema::new(vec![table])
}

/// The rows of every table in the data file that is not the server's own.
fn stored(folder: &std::path::Path) -> Vec<(String, i64)> {
    let file = rusqlite::Connection::open(folder.join("fusion.sqlite3")).unwrap();
    // One state for all of it: tables go while this looks.
    file.execute_batch("BEGIN").unwrap();
    let mut names =
        file.prepare("SELECT name FROM sqlite_schema WHERE name GLOB '_fusion_t1[0-9]*' ORDER BY 1").unwrap();
    let names: Vec<String> = names.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    names
        .into_iter()
        .map(|name| {
            let count = file.query_row(&format!("SELECT count(*) FROM {name}"), [], |row| row.get(0));
            (name, count.unwrap())
        })
        .collect()
}

#[test]
fn nothing_is_seen_before_the_commit_and_everything_after_it() {
    let database = Database::open(DatabaseOptions::in_memory()).unwrap();
    database.apply_schema(&schema(true)).unwrap();
    insert(&database, 0..3);
    let before = database.published();
    let staging = stage(&database, Contents::Replace, 10..20);
    assert_eq!(numbers(&database, "by_n"), floats(0..3));
    let mut tx = database.begin_mutation();
    tx.insert("t", number_of(7)).unwrap();
    staging.commit(|tx| tx.insert_system(SOME_TABLE, object! {"name" => "A"}).map(drop)).unwrap();
    assert_eq!(numbers(&database, "by_n"), floats(10..20));
    assert_eq!(numbers(&database, "by_creation_time"), floats(10..20));
    // Whoever began before must begin again, and whoever holds the old state still reads it.
    assert_eq!(database.commit(tx, CommitExtras::default()).unwrap_err().kind(), crate::ErrorKind::Conflict);
    let table = before.catalog().table("t").unwrap().id;
    assert_eq!(database.documents_of(&before, table).map(Result::unwrap).count(), 3);
    let mut tx = database.begin_query();
    assert_eq!(tx.count("_environment_variables").unwrap(), 1);
    insert(&database, 30..31);
    assert_eq!(numbers(&database, "by_n").len(), 11);
}

const SOME_TABLE: TableId = TableId(516);

#[test]
fn additions_come_to_what_is_written_meanwhile() {
    for many in [10, 400] {
        let database = Database::open(DatabaseOptions::in_memory()).unwrap();
        database.apply_schema(&schema(true)).unwrap();
        let ids = insert(&database, 0..100);
        let staging = stage(&database, Contents::Append, 1_000..1_000 + many);
        insert(&database, 500..510);
        let mut tx = database.begin_mutation();
        tx.delete(ids[0]).unwrap();
        tx.replace(ids[1], number_of(600)).unwrap();
        database.commit(tx, CommitExtras::default()).unwrap();
        staging.commit(|_| Ok(())).unwrap();
        let expected: Vec<f64> = floats(2..100)
            .into_iter()
            .chain(floats(500..510))
            .chain([600.0])
            .chain(floats(1_000..1_000 + many))
            .collect();
        assert_eq!(numbers(&database, "by_n"), expected);
        let size = |database: &Database| {
            let snapshot = database.published();
            snapshot.table_size(snapshot.catalog().table("t").unwrap().id)
        };
        let counted: usize = {
            let mut tx = database.begin_query();
            let source = QuerySource::FullTableScan { table: "t".to_owned(), order: Order::Asc };
            let mut stream = tx.query(&Query { source, operators: Vec::new() }).unwrap();
            let mut total = 0;
            while let Some(document) = stream.next(&mut tx).unwrap() {
                total += document.size();
            }
            total
        };
        assert_eq!(size(&database), counted as u64);
    }
}

#[test]
fn an_id_is_there_once() {
    let database = Database::open(DatabaseOptions::in_memory()).unwrap();
    let mut staging = stage(&database, Contents::Append, 0..10);
    let shape = staging.shape(0).unwrap();
    staging.add(0, vec![shape.document(internal(3), 1.0, number_of(3)).unwrap()]).unwrap();
    assert_eq!(staging.commit(|_| Ok(())).unwrap_err().code(), "DocumentExists");
    stage(&database, Contents::Append, 0..10).commit(|_| Ok(())).unwrap();
    let error = stage(&database, Contents::Append, 9..12).commit(|_| Ok(())).unwrap_err();
    assert_eq!(error.code(), "DocumentExists");
    let error = stage(&database, Contents::Fill, 20..22).commit(|_| Ok(())).unwrap_err();
    assert!(error.message().starts_with("Table t already exists."), "{error}");
    assert_eq!(numbers(&database, "by_creation_time"), floats(0..10));
}

#[test]
fn a_schema_that_changed_meanwhile_is_noticed() {
    let database = Database::open(DatabaseOptions::in_memory()).unwrap();
    let staging = stage(&database, Contents::Append, 0..10);
    database.apply_schema(&schema(true)).unwrap();
    assert_eq!(staging.commit(|_| Ok(())).unwrap_err().kind(), crate::ErrorKind::Conflict);
    stage(&database, Contents::Append, 0..10).commit(|_| Ok(())).unwrap();
    assert_eq!(numbers(&database, "by_n"), floats(0..10));
}

#[test]
fn numbers_follow_the_ids_and_are_never_shared() {
    let database = Database::open(DatabaseOptions::in_memory()).unwrap();
    insert(&database, 0..1);
    let target = |name: &str, number: u32, contents| Target {
        component: ComponentId::ROOT,
        name: name.to_owned(),
        number: Some(TableNumber(number)),
        contents,
    };
    let error = database.stage(vec![target("other", 10001, Contents::Fill)]).unwrap_err();
    assert_eq!(error.code(), "TableNumberTaken");
    assert!(error.message().contains("\"t\""), "{error}");
    let error = database.stage(vec![target("t", 10009, Contents::Append)]).unwrap_err();
    assert_eq!(error.code(), "WrongTableNumber");
    assert!(database.stage(vec![target("_x", 10009, Contents::Append)]).is_err());
    assert!(database.stage(vec![target("x", 540, Contents::Append)]).is_err());
    // Two tables may change places.
    database
        .stage(vec![target("other", 10001, Contents::Fill), target("t", 10002, Contents::Replace)])
        .unwrap()
        .commit(|_| Ok(()))
        .unwrap();
    let catalog = database.published().catalog().clone();
    assert_eq!(catalog.table("other").unwrap().number, TableNumber(10001));
    assert_eq!(catalog.table("t").unwrap().number, TableNumber(10002));
    assert!(numbers(&database, "by_creation_time").is_empty());
    let remove = Target {
        component: ComponentId::ROOT,
        name: "t".to_owned(),
        number: None,
        contents: Contents::Remove,
    };
    database.stage(vec![remove]).unwrap().commit(|_| Ok(())).unwrap();
    assert!(database.published().catalog().table("t").is_none());
    insert(&database, 0..2);
    assert_eq!(numbers(&database, "by_creation_time"), floats(0..2));
}

#[test]
fn what_was_committed_survives_and_nothing_else_does() {
    let folder = tempfile::tempdir().unwrap();
    let open = || Database::open(DatabaseOptions::in_memory().with_folder(folder.path())).unwrap();
    let database = open();
    database.apply_schema(&schema(true)).unwrap();
    insert(&database, 0..3);
    stage(&database, Contents::Replace, 10..20).commit(|_| Ok(())).unwrap();
    stage(&database, Contents::Append, 20..30).commit(|_| Ok(())).unwrap();
    // Cut off: it can clean nothing up.
    for contents in [Contents::Append, Contents::Replace] {
        let mut staging = stage(&database, contents, 100..200);
        staging.wait(0).unwrap();
        staging.is_adopted = true;
    }
    database.close();
    drop(database);
    assert_eq!(stored(folder.path()).iter().map(|(_, rows)| rows).sum::<i64>(), 220, "the rest is there");
    let database = open();
    assert_eq!(numbers(&database, "by_n"), floats(10..30));
    insert(&database, 30..31);
    assert_eq!(numbers(&database, "by_n"), floats(10..31));
    database.close();
    drop(database);
    let stored = stored(folder.path());
    assert_eq!(stored.iter().map(|(_, rows)| *rows).collect::<Vec<_>>(), [21], "{stored:?}");
    assert_eq!(numbers(&open(), "by_n"), floats(10..31));
}

#[test]
fn what_was_given_up_or_replaced_leaves_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let database = Database::open(DatabaseOptions::in_memory().with_folder(folder.path())).unwrap();
    insert(&database, 0..3);
    drop(stage(&database, Contents::Append, 100..200));
    drop(stage(&database, Contents::Replace, 100..200));
    let before = database.published();
    stage(&database, Contents::Replace, 10..20).commit(|_| Ok(())).unwrap();
    let wait_for = |wanted: &[i64]| {
        for _ in 0..2_000 {
            if stored(folder.path()).iter().map(|(_, rows)| *rows).collect::<Vec<_>>() == wanted {
                return;
            }
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        panic!("{:?}", stored(folder.path()));
    };
    wait_for(&[3, 10]);
    drop(before);
    wait_for(&[10]);
}
