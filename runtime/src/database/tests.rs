//! Behaviour of the database as its users see it.

use std::sync::Arc;

use fusion_schema::table::{Schema, TableDefinition};
use fusion_schema::{DocumentId, Object, Value, object};

use super::*;
use crate::ErrorKind;
use crate::store::{Batch, StagedRows, Store, StoreError};

fn database() -> Database {
    Database::open(DatabaseOptions::in_memory()).unwrap()
}

fn commit(database: &Database, write: impl FnOnce(&mut Transaction)) -> Timestamp {
    let mut tx = database.begin_mutation();
    write(&mut tx);
    let ts = database.commit(tx, CommitExtras::default()).unwrap().ts;
    database.wait_durable(ts).unwrap();
    ts
}

fn insert(database: &Database, table: &str, fields: Object) -> DocumentId {
    let mut id = None;
    commit(database, |tx| id = Some(tx.insert(table, fields).unwrap()));
    id.unwrap()
}

fn scan(table: &str) -> Query {
    Query {
        source: QuerySource::FullTableScan { table: table.to_owned(), order: Order::Asc },
        operators: vec![],
    }
}

fn read(tx: &mut Transaction, query: &Query, field: &str) -> Vec<Value> {
    let mut stream = tx.query(query).unwrap();
    let mut values = Vec::new();
    while let Some(document) = stream.next(tx).unwrap() {
        values.push(document.fields().get(field).cloned().unwrap_or(Value::Null));
    }
    values
}

fn accounts() -> Schema {
    let any = fusion_schema::validator::Validator::Any;
    Schema::new(vec![TableDefinition::new("accounts", any).index("by_owner", ["owner"])])
}

#[test]
fn a_transaction_reads_its_own_writes_and_nobody_elses() {
    let database = database();
    let id = insert(&database, "t", object! {"n" => 1.0});
    let mut reader = database.begin_mutation();
    let mut writer = database.begin_mutation();
    writer.patch(id, vec![("n".to_owned(), Some(Value::from(2.0)))]).unwrap();
    assert_eq!(writer.get(id).unwrap().unwrap().fields().get("n"), Some(&Value::from(2.0)));
    let ts = database.commit(writer, CommitExtras::default()).unwrap().ts;
    assert_eq!(reader.get(id).unwrap().unwrap().fields().get("n"), Some(&Value::from(1.0)));
    database.wait_durable(ts).unwrap();
    assert_eq!(read(&mut database.begin_query(), &scan("t"), "n"), [Value::from(2.0)]);
}

#[test]
fn write_skew_is_prevented() {
    let database = database();
    let a = insert(&database, "doctors", object! {"on_call" => true});
    let b = insert(&database, "doctors", object! {"on_call" => true});
    let off = |tx: &mut Transaction, id| {
        let on_call = read(tx, &scan("doctors"), "on_call");
        assert_eq!(on_call, [Value::from(true), Value::from(true)]);
        tx.patch(id, vec![("on_call".to_owned(), Some(Value::from(false)))]).unwrap();
    };
    let (mut first, mut second) = (database.begin_mutation(), database.begin_mutation());
    off(&mut first, a);
    off(&mut second, b);
    database.commit(first, CommitExtras::default()).unwrap();
    let error = database.commit(second, CommitExtras::default()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
    assert!(error.message().contains("\"doctors\" table changed"));
}

#[test]
fn a_phantom_in_a_scanned_gap_is_a_conflict_and_elsewhere_is_not() {
    let database = database();
    database.apply_schema(&accounts()).unwrap();
    let by_owner = |owner: &str| Query {
        source: QuerySource::IndexRange {
            table: "accounts".to_owned(),
            index: "by_owner".to_owned(),
            range: vec![query::RangeExpression {
                operator: query::RangeOperator::Eq,
                field: "owner".to_owned(),
                value: Some(Value::from(owner)),
            }],
            order: Order::Asc,
        },
        operators: vec![],
    };
    for (owner, conflicts) in [("amy", true), ("bob", false)] {
        let mut tx = database.begin_mutation();
        assert!(read(&mut tx, &by_owner("amy"), "owner").len() <= 1);
        tx.insert("log", object! {}).unwrap();
        insert(&database, "log", object! {});
        let mut tx = database.begin_mutation();
        read(&mut tx, &by_owner("amy"), "owner");
        tx.insert("log", object! {}).unwrap();
        insert(&database, "accounts", object! {"owner" => owner});
        assert_eq!(database.commit(tx, CommitExtras::default()).is_err(), conflicts, "{owner}");
    }
}

#[test]
fn a_rolled_back_part_leaves_nothing_but_its_reads() {
    let database = database();
    let id = insert(&database, "t", object! {"n" => 1.0});
    let mut tx = database.begin_mutation();
    tx.patch(id, vec![("n".to_owned(), Some(Value::from(2.0)))]).unwrap();
    let sub = tx.begin_sub();
    tx.patch(id, vec![("n".to_owned(), Some(Value::from(3.0)))]).unwrap();
    tx.insert("t", object! {"n" => 9.0}).unwrap();
    tx.insert("other", object! {"n" => 9.0}).unwrap();
    tx.delete(id).unwrap();
    tx.rollback_sub(sub);
    assert_eq!(read(&mut tx, &scan("t"), "n"), [Value::from(2.0)]);
    assert!(tx.table("other").is_none());
    let kept = tx.begin_sub();
    tx.insert("t", object! {"n" => 4.0}).unwrap();
    tx.commit_sub(kept);
    let ts = database.commit(tx, CommitExtras::default()).unwrap().ts;
    database.wait_durable(ts).unwrap();
    assert_eq!(read(&mut database.begin_query(), &scan("t"), "n"), [Value::from(2.0), Value::from(4.0)]);
}

#[test]
fn everything_is_there_after_reopening() {
    let folder = tempfile::tempdir().unwrap();
    let options = DatabaseOptions::in_memory().with_folder(folder.path());
    let database = Database::open(options.clone()).unwrap();
    database.apply_schema(&accounts()).unwrap();
    let amy = insert(&database, "accounts", object! {"owner" => "amy"});
    let bob = insert(&database, "accounts", object! {"owner" => "bob"});
    commit(&database, |tx| drop(tx.delete(bob).unwrap()));
    let ts =
        commit(&database, |tx| drop(tx.patch(amy, vec![("x".to_owned(), Some(Value::from(1.0)))]).unwrap()));
    let error = Database::open(options.clone()).map(|_| ()).unwrap_err();
    assert!(error.message().contains("in use by another fusion process"), "{error}");
    database.close();
    drop(database);

    let database = Database::open(options).unwrap();
    assert!(database.published().ts() >= ts);
    assert_eq!(database.published().catalog().schema().map(|schema| &**schema), Some(&accounts()));
    let mut tx = database.begin_query();
    assert_eq!(read(&mut tx, &scan("accounts"), "owner"), [Value::from("amy")]);
    assert_eq!(tx.get(amy).unwrap().unwrap().fields().get("x"), Some(&Value::from(1.0)));
    let meta = tx.table("accounts").unwrap();
    assert_eq!(meta.index("by_owner").unwrap().fields, ["owner"]);
    assert!(
        commit(&database, |tx| {
            tx.insert("accounts", object! {}).unwrap();
        }) > ts
    );
    let columns: Vec<String> = {
        let connection = rusqlite::Connection::open(folder.path().join(sqlite::FILE_NAME)).unwrap();
        let statement = connection.prepare("SELECT * FROM accounts").unwrap();
        statement.column_names().map(str::to_owned).collect()
    };
    assert_eq!(columns, ["_id", "_creationTime"]);
}

#[test]
fn a_lease_makes_others_wait_and_cannot_lose() {
    let database = database();
    let id = insert(&database, "t", object! {"n" => 0.0});
    let lease = database.lease_head().unwrap();
    let mut tx = lease.begin();
    let n = tx.get(id).unwrap().unwrap().fields().get("n").and_then(Value::as_f64).unwrap();
    let other = {
        let database = database.clone();
        std::thread::spawn(move || {
            let mut tx = database.begin_mutation();
            tx.insert("t", object! {"n" => 5.0}).unwrap();
            database.commit(tx, CommitExtras::default())
        })
    };
    std::thread::sleep(std::time::Duration::from_millis(20));
    assert!(!other.is_finished());
    tx.patch(id, vec![("n".to_owned(), Some(Value::from(n + 1.0)))]).unwrap();
    lease.commit(tx, CommitExtras::default()).unwrap();
    drop(lease);
    other.join().unwrap().unwrap();
}

#[test]
fn a_new_schema_is_refused_by_the_document_that_breaks_it_and_enforced_on_writes() {
    use fusion_schema::validator::{FieldValidator, Validator};
    let database = database();
    let id = insert(&database, "t", object! {"n" => "text"});
    let number =
        Validator::object([("n", FieldValidator { validator: Validator::Float64, optional: false })]);
    let schema = Schema::new(vec![TableDefinition::new("t", number)]);
    let error = database.apply_schema(&schema).unwrap_err();
    assert!(
        error
            .message()
            .contains(&format!("Document with ID \"{id}\" in table \"t\" does not match the schema"))
    );
    commit(&database, |tx| drop(tx.replace(id, object! {"n" => 1.0}).unwrap()));
    database.apply_schema(&schema).unwrap();
    let error = database.begin_mutation().insert("t", object! {"n" => true}).unwrap_err();
    assert!(error.message().starts_with("Failed to insert or update a document in table \"t\""), "{error}");
    assert_eq!(error.code(), "SchemaEnforcementError");
}

#[test]
fn evicted_bodies_come_back_even_for_old_snapshots() {
    let folder = tempfile::tempdir().unwrap();
    let mut options = DatabaseOptions::in_memory().with_folder(folder.path());
    options.limits = Arc::new(Limits { body_bytes_max: 0, ..Limits::default() });
    let database = Database::open(options).unwrap();
    let ids: Vec<_> = (0..20).map(|n| insert(&database, "t", object! {"n" => f64::from(n)})).collect();
    let old = database.published();
    let evicted = |snapshot: &Snapshot| {
        let table = snapshot.0.tables.get(&snapshot.catalog().table("t").unwrap().id).unwrap();
        table.documents.values().filter(|entry| entry.resident_body().is_none()).count()
    };
    while evicted(&old) < 20 {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    for id in &ids[..10] {
        commit(&database, |tx| drop(tx.delete(*id).unwrap()));
    }
    let expected: Vec<_> = (0..20).map(|n| Value::from(f64::from(n))).collect();
    assert_eq!(read(&mut database.begin(old), &scan("t"), "n"), expected);
    assert_eq!(read(&mut database.begin_query(), &scan("t"), "n"), expected[10..]);
}

#[test]
fn the_commit_timestamp_takes_the_place_of_its_placeholder() {
    let database = database();
    let mut id = None;
    let ts = commit(&database, |tx| id = Some(tx.insert("t", object! {"at" => Value::CommitTs}).unwrap()));
    let document = database.begin_query().get(id.unwrap()).unwrap().unwrap();
    assert_eq!(document.fields().get("at"), Some(&Value::Int64(ts as i64)));
}

#[test]
fn limits_speak_the_texts_clients_know() {
    let mut options = DatabaseOptions::in_memory();
    options.limits = Arc::new(Limits {
        documents_read_max: 2,
        documents_written_max: 4,
        index_ranges_read_max: 3,
        ..Limits::default()
    });
    let database = Database::open(options).unwrap();
    commit(&database, |tx| {
        for n in 0..3 {
            tx.insert("t", object! {"n" => f64::from(n)}).unwrap();
        }
    });
    let mut tx = database.begin_query();
    let mut stream = tx.query(&scan("t")).unwrap();
    stream.next(&mut tx).unwrap();
    stream.next(&mut tx).unwrap();
    let error = stream.next(&mut tx).unwrap_err();
    assert!(
        error.message().starts_with("Too many documents read in a single function execution (limit: 2).")
    );
    let mut tx = database.begin_mutation();
    let error = (0..5).find_map(|_| tx.insert("t", object! {}).err()).unwrap();
    assert!(error.message().starts_with("Too many writes in a single function execution (limit: 4)"));
    let mut tx = database.begin_query();
    let error = (0..4).find_map(|_| tx.query(&scan("t")).err()).unwrap();
    assert!(error.message().starts_with("Too many reads in a single function execution (limit: 3)"));
}

#[test]
fn replayed_requests_find_their_record_before_and_after_it_is_durable() {
    let folder = tempfile::tempdir().unwrap();
    let database = Database::open(DatabaseOptions::in_memory().with_folder(folder.path())).unwrap();
    let mut last = 0;
    for request in 0..5 {
        let mut tx = database.begin_mutation();
        tx.insert("t", object! {}).unwrap();
        let record = SessionRecord { session: 7, request, ts: 0, payload: format!("\"{request}\"").into() };
        last =
            database.commit(tx, CommitExtras { record: Some(record), ..CommitExtras::default() }).unwrap().ts;
        let found = database.session_record(7, request).unwrap().unwrap();
        assert_eq!((found.ts, &*found.payload), (last, &*format!("\"{request}\"")));
    }
    database.wait_durable(last).unwrap();
    let found = database.session_record(7, 4).unwrap().unwrap();
    assert_eq!((found.ts, &*found.payload), (last, "\"4\""));
    assert!(database.session_record(7, 5).unwrap().is_none());
    assert!(database.session_record(8, 0).unwrap().is_none());
}

/// A store that fails while it is told to.
struct FailingStore {
    store: Box<dyn Store>,
    failure: Failure,
}

type Failure = Arc<Mutex<Option<fn() -> StoreError>>>;

impl Store for FailingStore {
    fn write(&mut self, batch: &Batch) -> Result<(), StoreError> {
        let failure = *self.failure.lock();
        match failure {
            Some(failure) => Err(failure()),
            None => self.store.write(batch),
        }
    }

    fn tidy(&mut self) -> Result<bool, StoreError> {
        self.store.tidy()
    }

    fn settled(&self) -> u64 {
        self.store.settled()
    }

    fn rest(&mut self) -> Result<(), StoreError> {
        self.store.rest()
    }

    fn forget_records(&mut self, ts: u64) -> Result<(), StoreError> {
        self.store.forget_records(ts)
    }

    fn stage(&mut self, rows: &StagedRows) -> Result<(), StoreError> {
        self.store.stage(rows)
    }

    fn discard(&mut self, staging: u64) -> Result<bool, StoreError> {
        self.store.discard(staging)
    }

    fn drop_table(&mut self, table: TableId) -> Result<bool, StoreError> {
        self.store.drop_table(table)
    }

    fn forget_deletions(&mut self, ts: u64) -> Result<bool, StoreError> {
        self.store.forget_deletions(ts)
    }
}

fn failing_database(options: DatabaseOptions) -> (Database, Failure) {
    let failure = Failure::default();
    let mut opened = sqlite::open(&options.store).unwrap();
    opened.store = Box::new(FailingStore { store: opened.store, failure: failure.clone() });
    (Database::open_on(opened, options).unwrap(), failure)
}

#[test]
fn a_full_disk_refuses_writes_keeps_reads_and_is_over_when_it_is_over() {
    let (database, failure) = failing_database(DatabaseOptions::in_memory());
    let id = insert(&database, "t", object! {"n" => 1.0});
    *failure.lock() = Some(|| StoreError::Transient("The disk is full; free some space.".to_owned()));

    let mut lost = database.begin_mutation();
    lost.patch(id, vec![("n".to_owned(), Some(Value::from(2.0)))]).unwrap();
    let lost = database.commit(lost, CommitExtras::default()).unwrap().ts;
    // Based on what will be lost, and read-only: its answer must not get out either.
    let mut reader = database.begin_mutation();
    let seen = reader.get(id).unwrap().unwrap().fields().get("n").cloned();
    let read_at = reader.begin_ts();
    let error = database.wait_durable(lost).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Overloaded);
    assert!(error.message().contains("The disk is full"), "{error}");
    if seen == Some(Value::from(2.0)) {
        database.wait_durable(read_at).unwrap_err();
    }
    assert_eq!(read(&mut database.begin_query(), &scan("t"), "n"), [Value::from(1.0)]);
    assert_eq!(read(&mut database.begin_mutation(), &scan("t"), "n"), [Value::from(1.0)]);
    let mut refused = database.begin_mutation();
    refused.insert("t", object! {}).unwrap();
    assert_eq!(database.commit(refused, CommitExtras::default()).unwrap_err().code(), "WritesRefused");

    *failure.lock() = None;
    let again = loop {
        let mut tx = database.begin_mutation();
        tx.patch(id, vec![("n".to_owned(), Some(Value::from(3.0)))]).unwrap();
        match database.commit(tx, CommitExtras::default()) {
            Ok(committed) => break committed.ts,
            Err(_) => std::thread::sleep(std::time::Duration::from_millis(20)),
        }
    };
    database.wait_durable(again).unwrap();
    assert_eq!(read(&mut database.begin_query(), &scan("t"), "n"), [Value::from(3.0)]);
    // What was lost is lost for good, although later commits are durable.
    database.wait_durable(lost).unwrap_err();
}

#[test]
fn a_failed_fsync_stops_everything_and_is_never_retried() {
    let mut options = DatabaseOptions::in_memory();
    let reasons = Arc::new(Mutex::new(Vec::new()));
    let seen = reasons.clone();
    options.on_fatal = Arc::new(move |reason| seen.lock().push(reason.to_owned()));
    let (database, failure) = failing_database(options);
    insert(&database, "t", object! {});
    *failure.lock() = Some(|| StoreError::Fatal("fsync failed".to_owned()));
    let mut tx = database.begin_mutation();
    tx.insert("t", object! {}).unwrap();
    let ts = database.commit(tx, CommitExtras::default()).unwrap().ts;
    database.wait_durable(ts).unwrap_err();
    assert_eq!(*reasons.lock(), ["fsync failed"]);
}

#[test]
fn as_many_past_states_stay_readable_as_the_limit_says() {
    let limits = Limits { retained_states_max: 3, ..Limits::default() };
    let options = DatabaseOptions { limits: Arc::new(limits), ..DatabaseOptions::in_memory() };
    let database = Database::open(options).unwrap();
    let id = insert(&database, "t", object! {"n" => 0.0});
    let written: Vec<Timestamp> = (1..=6)
        .map(|n| {
            commit(&database, |tx| {
                tx.patch(id, vec![("n".to_owned(), Some(Value::from(f64::from(n))))]).unwrap();
            })
        })
        .collect();
    let seen = written.iter().map(|ts| {
        let mut tx = database.begin(database.snapshot_at(*ts)?);
        Some(tx.get(id).unwrap().unwrap().fields().get("n").and_then(Value::as_f64).unwrap())
    });
    // The newest, and three before it.
    assert_eq!(seen.collect::<Vec<_>>(), [None, None, Some(3.0), Some(4.0), Some(5.0), Some(6.0)]);
    assert!(database.snapshot_at(written[5] + 1).is_none());
    let unlimited = Database::open(DatabaseOptions::in_memory()).unwrap();
    insert(&unlimited, "t", object! {});
    let first = unlimited.published().ts();
    insert(&unlimited, "t", object! {});
    assert!(unlimited.snapshot_at(first).is_none());
}
