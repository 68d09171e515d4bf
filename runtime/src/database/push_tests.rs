//! Schema builds that meet writers, and switches.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use fusion_schema::validator::{FieldValidator, Validator};
use fusion_schema::{DocumentId, Object, Schema, TableDefinition, Value, object};

use super::query::{Order, Query, QuerySource, RangeExpression, RangeOperator};
use super::*;

fn database() -> Database {
    Database::open(DatabaseOptions::in_memory()).unwrap()
}

fn commit<T>(database: &Database, body: impl Fn(&mut Transaction) -> T) -> T {
    loop {
        let mut tx = database.begin_mutation();
        let value = body(&mut tx);
        match database.commit(tx, CommitExtras::default()) {
            Ok(committed) => {
                database.wait_durable(committed.ts).unwrap();
                return value;
            }
            Err(error) => assert_eq!(error.kind(), crate::ErrorKind::Conflict, "{error}"),
        }
    }
}

fn insert(database: &Database, fields: &Object) -> DocumentId {
    commit(database, |tx| tx.insert("t", fields.clone()).unwrap())
}

fn numbers(database: &Database, count: usize) -> Vec<DocumentId> {
    commit(database, |tx| (0..count).map(|n| tx.insert("t", object! {"n" => n as f64}).unwrap()).collect())
}

fn schema(validator: Validator) -> Schema {
    let n = ("n", FieldValidator { validator, optional: false });
    Schema::new(vec![TableDefinition::new("t", Validator::object([n])).index("by_n", ["n"])])
}

fn caught_up(build: &mut SchemaBuild) -> BuildStep {
    loop {
        match build.advance().unwrap() {
            BuildStep::Working => {}
            step => return step,
        }
    }
}

/// The documents that an index finds for a number.
fn found(database: &Database, n: f64) -> Vec<DocumentId> {
    let range = vec![RangeExpression {
        operator: RangeOperator::Eq,
        field: "n".to_owned(),
        value: Some(Value::from(n)),
    }];
    let query = Query {
        source: QuerySource::IndexRange {
            table: "t".to_owned(),
            index: "by_n".to_owned(),
            range,
            order: Order::Asc,
        },
        operators: Vec::new(),
    };
    let mut tx = database.begin_mutation();
    let mut stream = tx.query(&query).unwrap();
    let mut ids = Vec::new();
    while let Some(document) = stream.next(&mut tx).unwrap() {
        ids.push(document.id());
    }
    ids
}

fn done<T: std::fmt::Debug>(switched: Switched<T>) -> (T, Timestamp) {
    match switched {
        Switched::Done { value, ts, .. } => (value, ts),
        other => panic!("not done: {other:?}"),
    }
}

#[test]
fn what_is_written_during_a_build_and_before_the_switch_is_in_the_new_index() {
    let database = database();
    let ids = numbers(&database, 2_500);
    let mut build = database.build_schema(Arc::new(schema(Validator::Float64)));
    assert_eq!(
        build.progress(),
        BuildProgress { is_validated: false, indexes_complete: 0, indexes_total: 1 }
    );
    assert_eq!(build.advance().unwrap(), BuildStep::Working);
    // The first is behind the scan, the last before it.
    for id in [ids[0], ids[2_499]] {
        commit(&database, |tx| drop(tx.replace(id, object! {"n" => -1.0}).unwrap()));
    }
    commit(&database, |tx| drop(tx.delete(ids[1]).unwrap()));
    assert_eq!(caught_up(&mut build), BuildStep::CaughtUp);
    assert_eq!(build.progress(), BuildProgress { is_validated: true, indexes_complete: 1, indexes_total: 1 });
    commit(&database, |tx| drop(tx.replace(ids[2], object! {"n" => -2.0}).unwrap()));
    let late = insert(&database, &object! {"n" => -3.0});
    let (value, ts) = done(database.switch(build, None, |_| Ok(7)).unwrap());
    database.wait_durable(ts).unwrap();
    assert_eq!(value, 7);
    let mut moved = vec![ids[0], ids[2_499]];
    moved.sort();
    let mut at = found(&database, -1.0);
    at.sort();
    assert_eq!(at, moved);
    assert_eq!(found(&database, -2.0), [ids[2]]);
    assert_eq!(found(&database, -3.0), [late]);
    assert_eq!(found(&database, 0.0), []);
    assert_eq!(found(&database, 1.0), []);
    assert_eq!(found(&database, 2.0), []);
    assert_eq!(found(&database, 3.0), [ids[3]]);
}

#[test]
fn a_write_that_breaks_the_pending_schema_succeeds_and_fails_the_schema() {
    let database = database();
    numbers(&database, 10);
    let mut build = database.build_schema(Arc::new(schema(Validator::Float64)));
    assert_eq!(caught_up(&mut build), BuildStep::CaughtUp);
    let id = insert(&database, &object! {"n" => "text"});
    let Switched::Violated(violation) = database.switch(build, None, |_| Ok(())).unwrap() else {
        panic!("the schema must not become active");
    };
    assert_eq!(violation.table, "t");
    let begin = format!("Document with ID \"{id}\" in table \"t\" does not match the schema: ");
    assert!(violation.message.starts_with(&begin), "{}", violation.message);
    // Noticed by following the commits just as well.
    let mut build = database.build_schema(Arc::new(schema(Validator::Float64)));
    assert!(matches!(caught_up(&mut build), BuildStep::Violated(_)));
    assert!(database.published().catalog().schema().is_none());
}

#[test]
fn a_document_that_was_repaired_during_the_build_does_not_fail_it() {
    let database = database();
    let id = insert(&database, &object! {"n" => "text"});
    let mut build = database.build_schema(Arc::new(schema(Validator::Float64)));
    commit(&database, |tx| drop(tx.replace(id, object! {"n" => 1.0}).unwrap()));
    assert_eq!(caught_up(&mut build), BuildStep::CaughtUp);
    done(database.switch(build, None, |_| Ok(())).unwrap());
    assert_eq!(found(&database, 1.0), [id]);
}

#[test]
fn staging_an_index_and_back_keeps_its_keys() {
    let database = database();
    let ids = numbers(&database, 3);
    let usable = schema(Validator::Float64);
    database.apply_schema(&usable).unwrap();
    let mut staged = usable.clone();
    staged.tables[0].staged_indexes = std::mem::take(&mut staged.tables[0].indexes);
    for (schema, is_staged) in [(&staged, true), (&usable, false)] {
        let build = database.build_schema(Arc::new(schema.clone()));
        assert_eq!(build.progress().indexes_total, 0);
        let (_, ts) = done(database.switch(build, None, |_| Ok(())).unwrap());
        database.wait_durable(ts).unwrap();
        let catalog = database.published().catalog().clone();
        assert_eq!(catalog.table("t").unwrap().index("by_n").unwrap().staged, is_staged);
    }
    assert_eq!(found(&database, 1.0), [ids[1]]);
}

#[test]
fn a_build_that_another_push_overtook_begins_again() {
    let database = database();
    numbers(&database, 3);
    let mut build = database.build_schema(Arc::new(schema(Validator::Float64)));
    assert_eq!(caught_up(&mut build), BuildStep::CaughtUp);
    let other = Schema::new(vec![TableDefinition::new("t", Validator::Any).index("by_m", ["m"])]);
    database.apply_schema(&other).unwrap();
    let Switched::Behind(mut build) = database.switch(build, None, |_| Ok(())).unwrap() else {
        panic!("the schema it was built for is gone");
    };
    assert_eq!(caught_up(&mut build), BuildStep::CaughtUp);
    done(database.switch(*build, None, |_| Ok(())).unwrap());
    let catalog = database.head().catalog().clone();
    assert!(catalog.table("t").unwrap().index("by_m").is_none());
}

#[test]
fn rows_that_fail_change_nothing() {
    let database = database();
    numbers(&database, 3);
    let before = database.head();
    let mut build = database.build_schema(Arc::new(schema(Validator::Float64)));
    assert_eq!(caught_up(&mut build), BuildStep::CaughtUp);
    let attachment: Attachment = Arc::new("code");
    let failed: Result<Switched<()>> =
        database.switch(build, Some(attachment), |_| Err(Error::bad_request("No", "no")));
    assert_eq!(failed.unwrap_err().code(), "No");
    let after = database.head();
    assert_eq!((after.ts(), after.push_version()), (before.ts(), before.push_version()));
    assert!(after.attached::<&str>().is_none() && after.catalog().schema().is_none());
}

#[test]
fn every_commit_belongs_to_the_code_it_began_with() {
    // Each version of the "code" may only ever be committed on data of its own version.
    let database = database();
    database.switch_attachment(Arc::new(0_u64), |tx| tx.insert_version(0)).unwrap();
    let is_over = Arc::new(AtomicBool::new(false));
    let (committed, commits) = std::sync::mpsc::channel();
    let writer = {
        let (database, is_over) = (database.clone(), is_over.clone());
        std::thread::spawn(move || {
            while !is_over.load(Ordering::SeqCst) {
                let mut tx = database.begin_mutation();
                let version = *tx.snapshot().attached::<u64>().unwrap();
                tx.insert("t", object! {"n" => version as f64}).unwrap();
                if database.commit(tx, CommitExtras::default()).is_ok() {
                    committed.send(()).unwrap();
                }
            }
        })
    };
    let mut switches = Vec::new();
    for version in 1..=50_u64 {
        // The writer is in the middle of it whenever the code changes.
        commits.recv().unwrap();
        let ((), ts) =
            database.switch_attachment(Arc::new(version), |tx| tx.insert_version(version)).unwrap();
        switches.push(ts);
    }
    is_over.store(true, Ordering::SeqCst);
    writer.join().unwrap();
    database.wait_durable(database.head().ts()).unwrap();
    let snapshot = database.published();
    let table = snapshot.catalog().table("t").unwrap().id;
    for entry in snapshot.0.tables[&table].documents.values() {
        let document = database.document(entry).unwrap();
        let version = document.fields().get("n").and_then(Value::as_f64).unwrap() as usize;
        let began = version.checked_sub(1).map_or(0, |at| switches[at]);
        let ended = switches.get(version).copied().unwrap_or(u64::MAX);
        assert!(began < entry.ts() && entry.ts() < ended, "version {version} committed in another's time");
    }
}

impl Transaction {
    fn insert_version(&mut self, version: u64) -> Result<()> {
        self.insert("versions", object! {"version" => version as f64}).map(drop)
    }
}
