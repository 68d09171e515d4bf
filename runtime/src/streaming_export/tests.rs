//! A reader's copy against the database: any order of writes, imports, removed tables, pages and restarts; and writers
//! that do not wait for the reader.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use fusion_schema::{DocumentId, Object, Value, object};
use proptest::prelude::*;
use serde_json::Value as Json;

use super::*;
use crate::database::staging::{Contents, IdMaker, Staging, Target};
use crate::database::{CommitExtras, ComponentId, DatabaseOptions};
use crate::system::components::{Components, Mount};

/// Tables: the place of the component, and the name.
const TABLES: [(usize, &str); 4] = [(0, "a"), (0, "b"), (1, "a"), (2, "c")];
const COMPONENTS: [&str; 3] = ["", "kid", "kid/inner"];

/// Documents by component, table and id.
type Copy = BTreeMap<(String, String, String), Json>;

/// A database in a folder, with components.
struct World {
    folder: tempfile::TempDir,
    options: DatabaseOptions,
    database: Database,
    export: StreamingExport,
    components: Vec<ComponentId>,
    staging: Option<Staging>,
    counter: u32,
}

fn options(folder: &tempfile::TempDir) -> DatabaseOptions {
    DatabaseOptions::in_memory().with_folder(folder.path())
}

fn committed(database: &Database, tx: crate::database::Transaction) -> u64 {
    let ts = database.commit(tx, CommitExtras::default()).unwrap().ts;
    database.wait_durable(ts).unwrap();
    ts
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let options = options(&folder);
        let database = Database::open(options.clone()).unwrap();
        let mut tx = database.begin_mutation();
        let mount = |path: &&str| Mount {
            path: (*path).to_owned(),
            new: database.new_component(),
            definition: "c".to_owned(),
            http_prefix: None,
            environment: Vec::new(),
        };
        let mounts: Vec<Mount> = COMPONENTS[1..].iter().map(mount).collect();
        Components::new(&mut tx).apply(&mounts).unwrap();
        committed(&database, tx);
        let catalog = database.published().catalog().clone();
        let components = COMPONENTS.iter().map(|path| catalog.component_at(path).unwrap()).collect();
        let export = StreamingExport::new(database.clone());
        Self { folder, options, database, export, components, staging: None, counter: 0 }
    }

    fn restart(&mut self) {
        self.staging = None;
        self.database.close();
        // The old one holds the folder until its last clone is gone.
        let empty = Database::open(DatabaseOptions::in_memory()).unwrap();
        self.export = StreamingExport::new(empty.clone());
        self.database = empty;
        self.database = Database::open(self.options.clone()).unwrap();
        self.export = StreamingExport::new(self.database.clone());
        assert!(self.folder.path().exists());
    }

    fn ids(&self, table: usize) -> Vec<DocumentId> {
        let (component, name) = TABLES[table];
        let snapshot = self.database.head();
        let meta = snapshot.catalog().table_in(self.components[component], name).cloned();
        let Some(meta) = meta else { return Vec::new() };
        self.database.documents_of(&snapshot, meta.id).map(|document| document.unwrap().0).collect()
    }

    /// One transaction.
    fn write(&mut self, writes: &[(usize, u8, usize)]) {
        let mut tx = self.database.begin_mutation();
        for (table, kind, pick) in writes {
            self.counter += 1;
            let fields = fields(self.counter);
            let (component, name) = TABLES[*table];
            let ids = self.ids(*table);
            let id = ids.get(*pick % ids.len().max(1)).copied();
            tx.inside(self.components[component], |tx| match (kind, id) {
                // An earlier write of this very transaction may have deleted it.
                (0, Some(id)) => drop(tx.delete(id)),
                (1, Some(id)) => drop(tx.replace(id, fields)),
                _ => drop(tx.insert(name, fields).unwrap()),
            });
        }
        committed(&self.database, tx);
    }

    fn begin_staging(&mut self, table: usize, contents: Contents) {
        let (component, name) = TABLES[table];
        self.staging = None;
        let target =
            Target { component: self.components[component], name: name.to_owned(), number: None, contents };
        self.staging = Some(self.database.stage(vec![target]).unwrap());
        self.counter += 1;
    }

    /// Stages documents, some under ids that the table has or had.
    fn add_to_staging(&mut self, table: usize, reused: usize, new: usize) {
        let Some(mut staging) = self.staging.take() else { return };
        let shape = staging.shape(0).unwrap();
        let mut ids = IdMaker::new(1.0);
        let known = self.ids(table).into_iter().filter(|id| id.table == shape.number());
        let ids: Vec<_> =
            known.map(|id| id.internal).take(reused).chain((0..new).map(|_| ids.next())).collect();
        let documents = ids.into_iter().map(|id| {
            self.counter += 1;
            shape.document(id, 1.0, fields(self.counter)).unwrap()
        });
        staging.add(0, documents.collect()).unwrap();
        self.staging = Some(staging);
    }

    /// What there is.
    fn documents(&self) -> Copy {
        let snapshot = self.database.published();
        let mut copy = Copy::new();
        for table in snapshot.catalog().all_tables().filter(|table| !table.number.is_system()) {
            let component = snapshot.catalog().component_path(table.component).unwrap().to_owned();
            for document in self.database.documents_of(&snapshot, table.id) {
                let (id, body) = document.unwrap();
                let key = (component.clone(), table.name.clone(), id.to_string());
                copy.insert(key, serde_json::from_str(&body).unwrap());
            }
        }
        copy
    }
}

fn fields(n: u32) -> Object {
    object! { "n" => f64::from(n), "text" => format!("{n}") }
}

/// Somebody who keeps a copy.
#[derive(Default)]
struct Reader {
    copy: Copy,
    snapshot: Option<u64>,
    cursor: Option<String>,
    /// Once the list came to its end.
    delta: Option<u64>,
    selection: Selection,
}

impl Reader {
    /// Reads a page; whether it was the last one for now.
    fn read(&mut self, export: &StreamingExport) -> bool {
        let Some(cursor) = self.delta else {
            let request = ListRequest {
                snapshot: self.snapshot,
                cursor: self.cursor.take(),
                selection: self.selection.clone(),
                format: Format::Encoded,
            };
            let page: Json = serde_json::from_str(&export.list_snapshot(&request).unwrap()).unwrap();
            let snapshot = page["snapshot"].as_u64().unwrap();
            assert!(self.snapshot.is_none_or(|known| known == snapshot));
            for value in page["values"].as_array().unwrap() {
                assert!(value["_ts"].as_u64().unwrap() <= snapshot);
                assert!(value.get("_deleted").is_none());
                self.take(value);
            }
            self.snapshot = Some(snapshot);
            self.cursor = page["cursor"].as_str().map(str::to_owned);
            assert_eq!(page["hasMore"], self.cursor.is_some());
            self.delta = self.cursor.is_none().then_some(snapshot);
            return false;
        };
        let request = DeltasRequest { cursor, selection: self.selection.clone(), format: Format::Encoded };
        let page: Json = serde_json::from_str(&export.document_deltas(&request).unwrap()).unwrap();
        let next = page["cursor"].as_u64().unwrap();
        assert!(cursor <= next, "cursors do not go back");
        let mut last = cursor + 1;
        for value in page["values"].as_array().unwrap() {
            let ts = value["_ts"].as_u64().unwrap();
            assert!(last <= ts && ts <= next, "{last} {ts} {next}");
            last = ts;
            self.take(value);
        }
        self.delta = Some(next);
        let has_more = page["hasMore"].as_bool().unwrap();
        assert!(!has_more || cursor < next, "every page goes on");
        !has_more
    }

    fn take(&mut self, value: &Json) {
        let text = |name: &str| value[name].as_str().unwrap().to_owned();
        let key = (text("_component"), text("_table"), text("_id"));
        assert!(self.selection.takes(&key.0, &key.1));
        if value["_deleted"] == true {
            self.copy.remove(&key);
            return;
        }
        let mut document = value.as_object().unwrap().clone();
        for name in ["_component", "_table", "_ts", "_deleted"] {
            document.remove(name);
        }
        self.copy.insert(key, Json::Object(document));
    }

    /// Reads to the end.
    fn follow(&mut self, export: &StreamingExport) {
        while !self.read(export) {}
    }

    fn expected(&self, mut all: Copy) -> Copy {
        all.retain(|(component, table, _), _| self.selection.takes(component, table));
        all
    }
}

#[derive(Clone, Debug)]
enum Step {
    /// A transaction: tables, what is done, to which document.
    Write(Vec<(usize, u8, usize)>),
    Read(usize),
    Follow(usize),
    Restart,
    Begin(usize, bool),
    Add(usize, usize, usize),
    Commit,
    GiveUp,
    Remove(usize),
}

fn step() -> impl Strategy<Value = Step> {
    let table = 0..TABLES.len();
    let write = (table.clone(), prop_oneof![Just(0_u8), Just(1), Just(2), Just(2)], 0..50_usize);
    prop_oneof![
        8 => prop::collection::vec(write, 1..12).prop_map(Step::Write),
        8 => (0..2_usize).prop_map(Step::Read),
        2 => (0..2_usize).prop_map(Step::Follow),
        1 => Just(Step::Restart),
        1 => (table.clone(), any::<bool>()).prop_map(|(table, replaces)| Step::Begin(table, replaces)),
        2 => (table.clone(), 0..20_usize, 0..25_usize).prop_map(|(table, old, new)| Step::Add(table, old, new)),
        1 => Just(Step::Commit),
        1 => Just(Step::GiveUp),
        1 => table.prop_map(Step::Remove),
    ]
}

fn run(steps: Vec<Step>) {
    let mut world = World::new();
    let only = Selection { component: Some("kid".to_owned()), table: None };
    let mut readers = [Reader::default(), Reader { selection: only, ..Reader::default() }];
    for step in steps {
        match step {
            Step::Write(writes) => world.write(&writes),
            Step::Read(reader) => drop(readers[reader].read(&world.export)),
            Step::Follow(reader) => {
                let reader = &mut readers[reader];
                reader.follow(&world.export);
                if world.staging.is_none() {
                    assert_eq!(reader.copy, reader.expected(world.documents()));
                }
            }
            Step::Restart => world.restart(),
            Step::Begin(table, replaces) => {
                world.begin_staging(table, if replaces { Contents::Replace } else { Contents::Append });
            }
            Step::Add(table, reused, new) => world.add_to_staging(table, reused, new),
            // It may be refused: the same id twice, or ids that are there.
            Step::Commit => drop(world.staging.take().map(|staging| staging.commit(|_| Ok(())))),
            Step::GiveUp => world.staging = None,
            Step::Remove(table) => {
                world.begin_staging(table, Contents::Remove);
                if !world.ids(table).is_empty() {
                    world.staging.take().unwrap().commit(|_| Ok(())).unwrap();
                }
                world.staging = None;
            }
        }
    }
    world.staging = None;
    for reader in &mut readers {
        reader.follow(&world.export);
        assert_eq!(reader.copy, reader.expected(world.documents()));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, max_shrink_iters: 300, ..ProptestConfig::default() })]
    #[test]
    fn the_copy_of_a_reader_is_the_database(steps in prop::collection::vec(step(), 1..60)) {
        run(steps);
    }
}

#[test]
fn what_an_import_brought_is_found_behind_what_is_kept_in_memory() {
    run(vec![
        Step::Begin(1, false),
        Step::Write(vec![(0, 2, 0)]),
        Step::Add(1, 0, 22),
        Step::Write(vec![(0, 2, 0); 8]),
        Step::Add(1, 0, 3),
        Step::Read(0),
        Step::Commit,
    ]);
}

#[test]
fn readers_beside_writers_end_with_what_they_leave() {
    let mut world = World::new();
    let mut readers = [Reader::default(), Reader::default(), Reader::default()];
    for _ in 0..2 {
        let stop = AtomicBool::new(false);
        let (database, components) = (&world.database, &world.components);
        std::thread::scope(|scope| {
            for writer in 0..3_u64 {
                let stop = &stop;
                scope.spawn(move || {
                    let mut random = writer + 1;
                    let mut below = |limit: usize| {
                        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                        (random >> 33) as usize % limit
                    };
                    let mut own: Vec<(usize, DocumentId)> = Vec::new();
                    while !stop.load(Ordering::Relaxed) {
                        let mut tx = database.begin_mutation();
                        for _ in 0..=below(5) {
                            let n = fields(below(1_000) as u32);
                            let picked = own.len().checked_sub(1).map(|last| below(last + 1));
                            match (below(4), picked) {
                                (0, Some(picked)) => {
                                    let (component, id) = own.swap_remove(picked);
                                    tx.inside(components[component], |tx| tx.delete(id)).unwrap();
                                }
                                (1, Some(picked)) => {
                                    let (component, id) = own[picked];
                                    tx.inside(components[component], |tx| tx.replace(id, n)).unwrap();
                                }
                                _ => {
                                    let (component, name) = TABLES[below(TABLES.len())];
                                    let id = tx.inside(components[component], |tx| tx.insert(name, n));
                                    own.push((component, id.unwrap()));
                                }
                            }
                        }
                        // Only the first insert into a table can lose; it is then as if nothing had been done.
                        match database.commit(tx, CommitExtras::default()) {
                            Ok(committed) => database.wait_durable(committed.ts).unwrap(),
                            Err(_) => own.clear(),
                        }
                    }
                });
            }
            let export = &world.export;
            let reading = readers.each_mut().map(|reader| {
                scope.spawn(move || {
                    let began = crate::clock::Moment::now();
                    while began.elapsed() < Duration::from_millis(300) {
                        reader.read(export);
                    }
                })
            });
            let ended = reading.map(std::thread::ScopedJoinHandle::join);
            stop.store(true, Ordering::Relaxed);
            ended.into_iter().for_each(|ended| ended.unwrap());
        });
        world.restart();
        for reader in &mut readers {
            reader.follow(&world.export);
            assert_eq!(reader.copy, world.documents());
            assert!(!reader.copy.is_empty());
        }
    }
}

#[test]
fn a_cursor_from_before_what_is_remembered_is_refused_with_what_to_do() {
    let mut world = World::new();
    world.write(&[(0, 2, 0), (0, 2, 0)]);
    let mut reader = Reader::default();
    reader.follow(&world.export);
    let old = reader.delta.unwrap();
    let limits = crate::limits::Limits { document_retention: Duration::ZERO, ..Default::default() };
    world.options.limits = Arc::new(limits);
    world.restart();
    world.write(&[(0, 0, 0)]);
    let request = DeltasRequest { cursor: old, selection: Selection::default(), format: Format::Clean };
    let error = world.export.document_deltas(&request).unwrap_err();
    assert_eq!(error.code(), "InvalidWindowToReadDocuments");
    assert!(error.message().contains("Start again with list_snapshot"), "{error}");
    let page = ListRequest {
        snapshot: Some(old),
        cursor: None,
        selection: Selection::default(),
        format: Format::Clean,
    };
    assert_eq!(world.export.list_snapshot(&page).unwrap_err().code(), "InvalidWindowToReadDocuments");
    let mut reader = Reader::default();
    reader.follow(&world.export);
    assert_eq!(reader.copy, world.documents());
}

#[test]
fn a_transaction_is_never_parted() {
    let mut world = World::new();
    let mut reader = Reader::default();
    reader.follow(&world.export);
    for size in [page::ROWS_MAX - 1, 3 * page::ROWS_MAX, 2] {
        world.write(&vec![(1, 2, 0); size]);
        let before = reader.copy.len();
        reader.read(&world.export);
        assert_eq!(reader.copy.len(), before + size);
    }
}

#[test]
fn a_short_list_is_the_snapshot_whatever_happens_meanwhile() {
    let mut world = World::new();
    world.write(&vec![(0, 2, 0); 3 * page::ROWS_MAX]);
    let expected = world.documents();
    let mut reader = Reader::default();
    reader.read(&world.export);
    for pick in 0..page::ROWS_MAX {
        world.write(&[(0, (pick % 3) as u8, 5 * pick)]);
    }
    while reader.delta.is_none() {
        reader.read(&world.export);
    }
    assert_eq!(reader.copy, expected);
}

#[test]
fn values_have_the_form_that_is_asked_for() {
    let world = World::new();
    let mut tx = world.database.begin_mutation();
    let fields = object! { "i" => Value::Int64(7), "nan" => f64::NAN, "x" => 1.0 };
    tx.insert("a", fields).unwrap();
    committed(&world.database, tx);
    let list = |format| {
        let request = ListRequest { snapshot: None, cursor: None, selection: Selection::default(), format };
        let page = world.export.list_snapshot(&request).unwrap();
        let page: Json = serde_json::from_str(&page).unwrap();
        let value = &page["values"][0];
        format!("{} {} {}", value["i"], value["nan"], value["x"])
    };
    assert_eq!(list(Format::Clean), r#""7" "NaN" 1"#);
    assert_eq!(list(Format::Encoded), r#"{"$integer":"BwAAAAAAAAA="} {"$float":"AAAAAAAA+H8="} 1"#);
}

#[test]
fn what_is_no_cursor_is_refused() {
    let mut world = World::new();
    world.write(&[(0, 2, 0)]);
    let list = |snapshot, cursor: Option<&str>| {
        let cursor = cursor.map(str::to_owned);
        let request =
            ListRequest { snapshot, cursor, selection: Selection::default(), format: Format::Clean };
        world.export.list_snapshot(&request).unwrap_err()
    };
    let ts = world.database.published().ts();
    for cursor in ["", "{}", "null", r#"{"tablet":"1","id":"x"}"#, r#"{"tablet":1,"id":"x"}"#] {
        assert_eq!(list(Some(ts), Some(cursor)).code(), "InvalidCursor", "{cursor}");
    }
    let id = world.ids(0)[0];
    let cursor = format!(r#"{{"tablet":"10001","id":"{id}"}}"#);
    assert_eq!(list(None, Some(&cursor)).code(), "MissingSnapshot");
    let future = ts + 1_000_000;
    assert_eq!(list(Some(future), None).code(), "InvalidTimestamp");
    let request = DeltasRequest { cursor: future, selection: Selection::default(), format: Format::Clean };
    assert!(world.export.document_deltas(&request).unwrap_err().message().starts_with("cursor "));
}
