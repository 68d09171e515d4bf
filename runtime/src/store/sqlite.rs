//! The SQLite store: WAL, one writer, a few readers.
//!
//! Each table is an SQLite table `_fusion_t<id>(slot, id, ts, creation_time, body)` whose rowid is the slot, so
//! inserts append and updates find their row by an integer. A view of the user's name shows its fields to any
//! SQLite tool. A batch is one SQLite transaction; with `synchronous=FULL` the commit is one fsync of the WAL. It
//! is written to a [`journal`] first; the rows follow within seconds, at once when there is nothing else to do.
//! Session records are stored one row per session and batch: a busy client costs one row, not forty.
//!
//! A lock file keeps a second process away; it is an advisory lock of the operating system, so it cannot be
//! left behind by a crash. Deliberately absent: old versions, indexes, queries.

mod deletions;
mod journal;
mod staged;

use std::collections::{HashMap, HashSet};
use std::fs::{File, TryLockError};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use fusion_schema::json;
use parking_lot::Mutex;
use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension, params};

use self::journal::{Changes, FOLD_ROWS};
use super::{
    Batch, Deletion, Durability, OpenedStore, Row, RowChange, SessionRecord, StagedRows, Store, StoreError,
    StoreOptions, StoreReader, TableId, ViewDefinition,
};
use crate::clock::Moment;

/// The file inside the data folder.
pub const FILE_NAME: &str = "fusion.sqlite3";
/// In [`Durability::Relaxed`]: the longest time between an acknowledged commit and its fsync.
pub const RELAXED_SYNC_INTERVAL: Duration = Duration::from_millis(200);
/// How far ahead of the last timestamp the persisted high-water mark runs in [`Durability::Relaxed`], in
/// nanoseconds; every time it is reached costs one fsync.
const HIGH_WATER_LEAD: u64 = 10_000_000_000;
/// The layout this program reads and writes. Raise it with every change of layout, and migrate.
const FORMAT: i64 = 2;
/// Marks the file as ours (`PRAGMA application_id`): "Fusn".
const APPLICATION_ID: i64 = 0x4675_736E;
/// How long a statement waits for somebody else's lock on the file before the batch is rolled back.
const BUSY_TIMEOUT: Duration = Duration::from_millis(500);
/// Bytes from which on bodies are not loaded when the store is opened: all of them would not fit into memory.
const LONG_BODY: usize = if cfg!(test) { 16 } else { 4096 };
/// Idle read connections kept open.
const READERS_MAX: usize = 4;

/// Opens (or makes) the store and loads all rows.
///
/// # Errors
/// [`StoreError::Unusable`] with a sentence that says what to do: another process holds the folder, the file is
/// corrupt, not ours, or newer than this program.
pub fn open(options: &StoreOptions) -> Result<OpenedStore, StoreError> {
    let unusable = |text: String| StoreError::Unusable(text);
    let (location, lock) = match &options.folder {
        None => {
            // A named in-memory database is shared by the connections of this process.
            let name = uuid::Builder::from_random_bytes(crate::clock::random_bytes()).into_uuid();
            (Location(format!("file:{name}?mode=memory&cache=shared")), None)
        }
        Some(folder) => {
            std::fs::create_dir_all(folder).map_err(|error| {
                unusable(format!("Cannot create the data folder {}: {error}.", folder.display()))
            })?;
            let lock = lock_folder(folder)?;
            (Location(folder.join(FILE_NAME).to_string_lossy().into_owned()), Some(lock))
        }
    };
    let connection = location.connect().map_err(|error| unusable(describe_open(&location, &error)))?;
    let high_water = prepare(&connection, options.folder.is_some()).map_err(|error| match error {
        PrepareError::Sqlite(error) => unusable(describe_open(&location, &error)),
        PrepareError::Text(text) => unusable(text),
    })?;
    let dropped = staged::clean(&connection).map_err(|error| unusable(describe_open(&location, &error)))?;
    let mut tables = load(&connection).map_err(|error| unusable(describe_open(&location, &error)))?;
    let known_tables = tables.iter().map(|(table, _)| *table).collect();
    let journal = load_journal(&connection).map_err(|error| unusable(describe_open(&location, &error)))?;
    let mut changes = Changes::default();
    for (ts, bytes) in journal {
        changes.add_batch(&journal::decode(&bytes)?, bytes.len(), ts);
    }
    changes.forget_tables(&dropped);
    if changes.is_empty() {
        connection
            .execute("DELETE FROM _fusion_journal", [])
            .map_err(|error| unusable(describe_open(&location, &error)))?;
    }
    changes.apply(&mut tables);
    set_synchronous(&connection, true).map_err(|error| unusable(describe_open(&location, &error)))?;
    let reader = Arc::new(SqliteReader { location, idle: Mutex::new(Vec::new()) });
    let store = SqliteStore {
        known_tables,
        settled: if changes.is_empty() { high_water } else { 0 },
        changes,
        folding: Folding::default(),
        last_ts: high_water,
        connection,
        durability: options.durability,
        high_water,
        unsynced_since: None,
        fully_synchronous: true,
        warm: false,
        _lock: lock,
    };
    Ok(OpenedStore { store: Box::new(store), reader, tables, high_water })
}

/// A path or URI that [`Connection::open_with_flags`] takes.
struct Location(String);

impl Location {
    fn connect(&self) -> rusqlite::Result<Connection> {
        let connection = Connection::open_with_flags(
            &self.0,
            OpenFlags::SQLITE_OPEN_READ_WRITE
                | OpenFlags::SQLITE_OPEN_CREATE
                | OpenFlags::SQLITE_OPEN_URI
                | OpenFlags::SQLITE_OPEN_NO_MUTEX,
        )?;
        connection.busy_timeout(BUSY_TIMEOUT)?;
        connection.set_prepared_statement_cache_capacity(256);
        if self.0.starts_with("file:") {
            // Connections to one in-memory database share its pages and would lock tables against each other.
            connection.execute_batch("PRAGMA read_uncommitted=1")?;
        }
        Ok(connection)
    }
}

fn lock_folder(folder: &Path) -> Result<File, StoreError> {
    let path = folder.join("lock");
    let file = File::options().create(true).truncate(false).write(true).open(&path);
    let file =
        file.map_err(|error| StoreError::Unusable(format!("Cannot open {}: {error}.", path.display())))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StoreError::Unusable(format!(
            "The data folder {} is in use by another fusion process. Stop that process, or choose another folder with --data-dir.",
            folder.display()
        ))),
        Err(TryLockError::Error(error)) => {
            Err(StoreError::Unusable(format!("Cannot lock {}: {error}.", path.display())))
        }
    }
}

fn describe_open(location: &Location, error: &rusqlite::Error) -> String {
    match error.sqlite_error_code() {
        Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => format!(
            "The data file {} is corrupt ({error}). Restore it from a backup, or move it away to start empty.",
            location.0
        ),
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            format!("The data file {} is locked by another program. Close it and start again.", location.0)
        }
        _ => format!("Cannot open the data file {}: {error}.", location.0),
    }
}

enum PrepareError {
    Sqlite(rusqlite::Error),
    Text(String),
}

impl From<rusqlite::Error> for PrepareError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

/// Brings the file to our layout and gives the high-water mark.
fn prepare(connection: &Connection, on_disk: bool) -> Result<u64, PrepareError> {
    let pragma = |name: &str| connection.query_row(&format!("PRAGMA {name}"), [], |row| row.get::<_, i64>(0));
    let application: i64 = pragma("application_id")?;
    let format: i64 = pragma("user_version")?;
    let objects: i64 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    if application != APPLICATION_ID && objects > 0 {
        return Err(PrepareError::Text(
            "The data file is an SQLite database, but not one of Fusion. Choose another folder with --data-dir.".to_owned(),
        ));
    }
    if format > FORMAT {
        return Err(PrepareError::Text(format!(
            "The data file has format {format}, this program reads up to {FORMAT}. Start the newer fusion that wrote it."
        )));
    }
    if on_disk {
        connection.query_row("PRAGMA journal_mode=WAL", [], |_| Ok(()))?;
    }
    connection.execute_batch(&format!(
        "PRAGMA synchronous=FULL;
         PRAGMA temp_store=MEMORY;
         PRAGMA cache_size=-65536;
         PRAGMA wal_autocheckpoint=4000;
         PRAGMA journal_size_limit=67108864;
         BEGIN IMMEDIATE;
         PRAGMA application_id={APPLICATION_ID};
         PRAGMA user_version={FORMAT};
         CREATE TABLE IF NOT EXISTS _fusion_meta(key TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
         CREATE TABLE IF NOT EXISTS _fusion_journal(ts INTEGER NOT NULL, part INTEGER NOT NULL, changes BLOB NOT NULL, PRIMARY KEY(ts, part)) WITHOUT ROWID;
         CREATE TABLE IF NOT EXISTS _fusion_session_records(
           session BLOB NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL, ts INTEGER NOT NULL, body TEXT NOT NULL,
           PRIMARY KEY(session, first)) WITHOUT ROWID;
         CREATE TABLE IF NOT EXISTS _fusion_staged(
           staging INTEGER NOT NULL, table_id INTEGER NOT NULL, first INTEGER NOT NULL, last INTEGER,
           PRIMARY KEY(staging, table_id, first)) WITHOUT ROWID;
         {}
         COMMIT;",
        deletions::TABLE
    ))?;
    let high_water = connection
        .query_row("SELECT value FROM _fusion_meta WHERE key='high_water'", [], |row| row.get::<_, i64>(0))
        .optional()?
        .unwrap_or(0);
    if format < FORMAT {
        // The program that wrote it did not note what it deleted.
        deletions::raise_floor(connection, high_water)?;
    }
    Ok(u64::try_from(high_water).unwrap_or(0))
}

fn load(connection: &Connection) -> rusqlite::Result<Vec<(TableId, Vec<Row>)>> {
    let mut names = connection
        .prepare("SELECT name FROM sqlite_schema WHERE type='table' AND name GLOB '_fusion_t[0-9]*'")?;
    let names: Vec<String> = names.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
    let mut tables = Vec::with_capacity(names.len());
    for name in names {
        let Some(id) = name.strip_prefix("_fusion_t").and_then(|digits| digits.parse().ok()) else {
            continue;
        };
        let count: i64 =
            connection.query_row(&format!("SELECT count(*) FROM {name}"), [], |row| row.get(0))?;
        // The length is known without reading the pages that a long body goes on in.
        let mut statement = connection.prepare(&format!(
            "SELECT slot, id, ts, creation_time, CASE WHEN octet_length(body) > {LONG_BODY} THEN '' ELSE body END
             FROM {name} ORDER BY slot"
        ))?;
        let mut rows = Vec::with_capacity(usize::try_from(count).unwrap_or(0));
        let mut cursor = statement.query([])?;
        while let Some(row) = cursor.next()? {
            let id: InternalIdColumn = row.get(1)?;
            rows.push(Row {
                slot: row.get::<_, i64>(0)? as u64,
                id: id.0,
                ts: row.get::<_, i64>(2)? as u64,
                creation_time: row.get(3)?,
                body: row.get_ref(4)?.as_str()?.into(),
            });
        }
        tables.push((TableId(id), rows));
    }
    Ok(tables)
}

fn load_journal(connection: &Connection) -> rusqlite::Result<Vec<(u64, Vec<u8>)>> {
    let mut statement = connection.prepare("SELECT ts, changes FROM _fusion_journal ORDER BY ts, part")?;
    let rows = statement.query_map([], |row| Ok((row.get::<_, i64>(0)? as u64, row.get(1)?)))?;
    rows.collect()
}

struct InternalIdColumn([u8; 16]);

impl rusqlite::types::FromSql for InternalIdColumn {
    fn column_result(value: rusqlite::types::ValueRef<'_>) -> rusqlite::types::FromSqlResult<Self> {
        let bytes = value.as_blob()?;
        bytes.try_into().map(Self).map_err(|_| rusqlite::types::FromSqlError::InvalidBlobSize {
            expected_size: 16,
            blob_size: bytes.len(),
        })
    }
}

fn set_synchronous(connection: &Connection, full: bool) -> rusqlite::Result<()> {
    connection.execute_batch(if full { "PRAGMA synchronous=FULL" } else { "PRAGMA synchronous=NORMAL" })
}

struct SqliteStore {
    connection: Connection,
    durability: Durability,
    known_tables: HashSet<TableId>,
    /// What the file says: no timestamp above this was handed out.
    high_water: u64,
    /// The last batch.
    last_ts: u64,
    /// In the journal, not in the rows, and nobody is working on it yet.
    changes: Changes,
    /// In the journal and on its way into the rows.
    folding: Folding,
    /// The rows hold everything up to this commit.
    settled: u64,
    /// Relaxed mode: since when there are commits without an fsync.
    unsynced_since: Option<Moment>,
    fully_synchronous: bool,
    /// The page cache grew since it was given back.
    warm: bool,
    _lock: Option<File>,
}

/// Changes on their way from the journal into the rows, in order.
#[derive(Debug, Default)]
struct Folding {
    changes: Vec<(TableId, RowChange)>,
    /// How many of them are in the rows.
    done: usize,
    /// The last batch among them.
    ts: u64,
}

impl Folding {
    fn is_empty(&self) -> bool {
        self.done == self.changes.len()
    }
}

impl SqliteStore {
    /// Whether the batch must be fsync'ed before it counts.
    fn must_sync(&self, batch: &Batch) -> bool {
        self.durability == Durability::Full
            || batch.changes.is_empty()
            || batch.ts > self.high_water
            || self.unsynced_since.is_some_and(|since| since.elapsed() >= RELAXED_SYNC_INTERVAL)
    }

    /// Begins to fold what the journal has gathered.
    fn begin_folding(&mut self) {
        let changes = std::mem::take(&mut self.changes);
        self.folding = Folding { ts: changes.ts, changes: changes.into_sorted(), done: 0 };
    }

    fn write_batch(&mut self, batch: &Batch) -> rusqlite::Result<()> {
        if self.folding.is_empty() && self.changes.are_due() {
            self.begin_folding();
        }
        let full = self.must_sync(batch);
        if full != self.fully_synchronous {
            set_synchronous(&self.connection, full)?;
            self.fully_synchronous = full;
        }
        self.write_inside(batch, full)?;
        self.warm = true;
        self.unsynced_since = match (full, self.unsynced_since) {
            (true, _) => None,
            (false, since) => since.or_else(|| Some(Moment::now())),
        };
        Ok(())
    }

    /// Folds the next part without a batch, and syncs.
    fn fold_some(&mut self) -> rusqlite::Result<()> {
        if self.folding.is_empty() && !self.changes.is_empty() {
            self.begin_folding();
        }
        self.write_batch(&Batch { ts: self.last_ts, ..Batch::default() })
    }

    /// Writes the batch and folds the next part. Nothing of `self` changes unless everything was written.
    fn write_inside(&mut self, batch: &Batch, full: bool) -> rusqlite::Result<()> {
        let tx = self.connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
        let mut bytes = 0;
        for (part, changes) in journal::encode(&batch.changes).into_iter().enumerate() {
            bytes += changes.len();
            tx.prepare_cached("INSERT INTO _fusion_journal(ts, part, changes) VALUES(?,?,?)")?
                .execute(params![batch.ts as i64, part as i64, changes])?;
        }
        write_records(&tx, &batch.records)?;
        let part = self.folding.changes.iter().skip(self.folding.done).take(FOLD_ROWS);
        let mut made = Vec::new();
        let mut folded = 0;
        for (table, change) in part {
            if !self.known_tables.contains(table) && !made.contains(table) {
                make_table(&tx, *table)?;
                made.push(*table);
            }
            fold(&tx, *table, change)?;
            folded += 1;
        }
        let done = self.folding.done + folded;
        let is_settled = folded > 0 && done == self.folding.changes.len();
        if is_settled {
            tx.prepare_cached("DELETE FROM _fusion_journal WHERE ts <= ?")?
                .execute([self.folding.ts as i64])?;
        }
        if let Some(views) = &batch.views {
            write_views(&tx, views)?;
        }
        staged::settle(&tx, batch)?;
        deletions::write(&tx, batch)?;
        let high_water = match self.durability {
            Durability::Full => batch.ts,
            Durability::Relaxed if full => batch.ts + HIGH_WATER_LEAD,
            Durability::Relaxed => self.high_water,
        };
        let high_water = high_water.max(self.high_water);
        // Without any write there would be nothing to sync.
        if high_water > self.high_water || batch.changes.is_empty() {
            tx.prepare_cached("REPLACE INTO _fusion_meta(key, value) VALUES('high_water', ?)")?
                .execute([high_water as i64])?;
        }
        tx.commit()?;

        self.high_water = high_water;
        self.last_ts = self.last_ts.max(batch.ts);
        self.known_tables.extend(made);
        self.folding.done = done;
        if is_settled {
            self.settled = self.folding.ts;
            self.folding = Folding::default();
        }
        if !batch.changes.is_empty() {
            self.changes.add_batch(&batch.changes, bytes, batch.ts);
        }
        Ok(())
    }
}

fn make_table(tx: &rusqlite::Transaction<'_>, table: TableId) -> rusqlite::Result<()> {
    tx.execute_batch(&format!(
        "CREATE TABLE IF NOT EXISTS _fusion_t{}(slot INTEGER PRIMARY KEY, id BLOB NOT NULL, ts INTEGER NOT NULL, creation_time REAL NOT NULL, body TEXT NOT NULL)",
        table.0
    ))
}

/// Brings one row up to date. After a crash it may be up to date already, so everything can be done twice.
fn fold(tx: &rusqlite::Transaction<'_>, table: TableId, change: &RowChange) -> rusqlite::Result<()> {
    match change {
        RowChange::Insert(row) => {
            let sql = format!(
                "REPLACE INTO _fusion_t{}(slot, id, ts, creation_time, body) VALUES(?,?,?,?,?)",
                table.0
            );
            let values = params![row.slot as i64, &row.id[..], row.ts as i64, row.creation_time, &*row.body];
            tx.prepare_cached(&sql)?.execute(values)?;
        }
        RowChange::Update(row) => {
            tx.prepare_cached(&format!("UPDATE _fusion_t{} SET ts=?, body=? WHERE slot=?", table.0))?
                .execute(params![row.ts as i64, &*row.body, row.slot as i64])?;
        }
        RowChange::Delete { slot } => {
            tx.prepare_cached(&format!("DELETE FROM _fusion_t{} WHERE slot=?", table.0))?
                .execute([*slot as i64])?;
        }
    }
    Ok(())
}

impl Store for SqliteStore {
    fn write(&mut self, batch: &Batch) -> Result<(), StoreError> {
        self.write_batch(batch).map_err(|error| classify(&error))
    }

    fn tidy(&mut self) -> Result<bool, StoreError> {
        if self.folding.is_empty() && self.changes.is_empty() && self.unsynced_since.is_none() {
            return Ok(false);
        }
        self.fold_some().map_err(|error| classify(&error))?;
        Ok(!self.folding.is_empty() || !self.changes.is_empty())
    }

    fn settled(&self) -> u64 {
        self.settled
    }

    fn rest(&mut self) -> Result<(), StoreError> {
        if std::mem::take(&mut self.warm) {
            self.connection.execute_batch("PRAGMA shrink_memory").map_err(|error| classify(&error))?;
            crate::memory::give_back();
        }
        Ok(())
    }

    fn stage(&mut self, rows: &StagedRows) -> Result<(), StoreError> {
        self.stage_rows(rows).map_err(|error| classify(&error))
    }

    fn discard(&mut self, staging: u64) -> Result<bool, StoreError> {
        self.discard_some(staging).map_err(|error| classify(&error))
    }

    fn drop_table(&mut self, table: TableId) -> Result<bool, StoreError> {
        self.drop_some(table).map_err(|error| classify(&error))
    }

    fn forget_records(&mut self, ts: u64) -> Result<(), StoreError> {
        self.connection
            .execute("DELETE FROM _fusion_session_records WHERE ts < ?", [ts as i64])
            .map(|_| ())
            .map_err(|error| classify(&error))
    }

    fn forget_deletions(&mut self, ts: u64) -> Result<bool, StoreError> {
        deletions::forget(&mut self.connection, ts).map_err(|error| classify(&error))
    }
}

/// What a failed batch means. SQLite has rolled the transaction back in every case; after an I/O error (a
/// failed fsync among them) nobody knows what the disk holds, so the process must stop.
fn classify(error: &rusqlite::Error) -> StoreError {
    match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => StoreError::Transient("The disk is full; free some space.".to_owned()),
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            StoreError::Transient("The data file is locked by another program; close it.".to_owned())
        }
        Some(ErrorCode::OutOfMemory) => StoreError::Transient("SQLite is out of memory.".to_owned()),
        Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied | ErrorCode::CannotOpen) => {
            StoreError::Transient(format!("The data file cannot be written: {error}."))
        }
        _ => StoreError::Fatal(format!("Writing the data file failed: {error}.")),
    }
}

/// Writes one row per session: the requests in a batch with their results, as a JSON array.
fn write_records(tx: &rusqlite::Transaction<'_>, records: &[SessionRecord]) -> rusqlite::Result<()> {
    let mut sessions: HashMap<u128, Vec<&SessionRecord>> = HashMap::new();
    for record in records {
        sessions.entry(record.session).or_default().push(record);
    }
    for (session, records) in sessions {
        let (mut first, mut last, mut ts) = (u32::MAX, 0, 0);
        let mut body = String::from("[");
        for record in records {
            first = first.min(record.request);
            last = last.max(record.request);
            ts = ts.max(record.ts);
            if body.len() > 1 {
                body.push(',');
            }
            // Timestamps do not fit a JSON number.
            body.push_str(&format!("[{},\"{}\",", record.request, record.ts));
            json::encode_string(&record.payload, &mut body);
            body.push(']');
        }
        body.push(']');
        tx.prepare_cached(
            "REPLACE INTO _fusion_session_records(session, first, last, ts, body) VALUES(?,?,?,?,?)",
        )?
        .execute(params![&session.to_be_bytes()[..], first, last, ts as i64, body])?;
    }
    Ok(())
}

fn quote_identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn write_views(tx: &rusqlite::Transaction<'_>, views: &[ViewDefinition]) -> rusqlite::Result<()> {
    let mut statement = tx.prepare("SELECT name FROM sqlite_schema WHERE type='view'")?;
    let old: Vec<String> = statement.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
    for name in old {
        tx.execute_batch(&format!("DROP VIEW {}", quote_identifier(&name)))?;
    }
    for view in views {
        make_table(tx, view.table)?;
        let mut columns = String::new();
        for column in ["_id", "_creationTime"].into_iter().chain(view.columns.iter().map(String::as_str)) {
            if !columns.is_empty() {
                columns.push_str(", ");
            }
            let path = format!("$.\"{column}\"").replace('\'', "''");
            columns.push_str(&format!("body->>'{path}' AS {}", quote_identifier(column)));
        }
        tx.execute_batch(&format!(
            "CREATE VIEW {} AS SELECT {columns} FROM _fusion_t{}",
            quote_identifier(&view.name),
            view.table.0
        ))?;
    }
    Ok(())
}

/// How often, once a millisecond, a read is tried again that found the database locked.
const LOCKED_RETRIES_MAX: usize = 1_000;

struct SqliteReader {
    location: Location,
    idle: Mutex<Vec<Connection>>,
}

impl SqliteReader {
    fn with<T>(&self, read: impl Fn(&Connection) -> rusqlite::Result<T>) -> Result<T, StoreError> {
        let idle = self.idle.lock().pop();
        let connection = match idle {
            Some(connection) => connection,
            None => self.location.connect().map_err(|error| classify(&error))?,
        };
        let mut result = read(&connection);
        for _ in 0..LOCKED_RETRIES_MAX {
            // In memory, connections share one cache, and a writer that changes tables locks it for a moment.
            match &result {
                Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseLocked) => {
                    std::thread::sleep(std::time::Duration::from_millis(1));
                    result = read(&connection);
                }
                _ => break,
            }
        }
        let result = result.map_err(|error| classify(&error));
        let mut idle = self.idle.lock();
        if idle.len() < READERS_MAX {
            idle.push(connection);
        }
        result
    }
}

impl StoreReader for SqliteReader {
    fn body(&self, table: TableId, slot: u64) -> Result<Option<(u64, Arc<str>)>, StoreError> {
        self.with(|connection| {
            connection
                .prepare_cached(&format!("SELECT ts, body FROM _fusion_t{} WHERE slot=?", table.0))?
                .query_row([slot as i64], |row| {
                    Ok((row.get::<_, i64>(0)? as u64, row.get_ref(1)?.as_str()?.into()))
                })
                .optional()
        })
    }

    fn session_record(&self, session: u128, request: u32) -> Result<Option<SessionRecord>, StoreError> {
        let body: Option<String> = self.with(|connection| {
            connection
                .prepare_cached(
                    "SELECT body FROM _fusion_session_records WHERE session=?1 AND first<=?2 AND last>=?2 ORDER BY first DESC LIMIT 1",
                )?
                .query_row(params![&session.to_be_bytes()[..], request], |row| row.get(0))
                .optional()
        })?;
        let Some(body) = body else { return Ok(None) };
        let records: Vec<(u32, String, String)> = serde_json::from_str(&body).map_err(|error| {
            StoreError::Fatal(format!("A session record in the data file is damaged: {error}."))
        })?;
        Ok(records.into_iter().find(|(found, ..)| *found == request).and_then(|(request, ts, payload)| {
            Some(SessionRecord { session, request, ts: ts.parse().ok()?, payload: payload.into() })
        }))
    }

    fn last_request(&self, session: u128) -> Result<Option<u32>, StoreError> {
        self.with(|connection| {
            connection
                .prepare_cached("SELECT max(last) FROM _fusion_session_records WHERE session=?")?
                .query_row([&session.to_be_bytes()[..]], |row| row.get(0))
        })
    }

    fn deletions(&self, after: u64, each: &mut dyn FnMut(Deletion) -> bool) -> Result<u64, StoreError> {
        let mut reading = deletions::Reading::after(after);
        loop {
            let part = self.with(|connection| deletions::next_part(connection, &reading))?;
            let Some(part) = part else { break };
            if !reading.take(&part, each)? {
                break;
            }
        }
        // Asked last, so that it tells of what was forgotten meanwhile.
        self.with(deletions::floor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(folder: &Path, durability: Durability) -> StoreOptions {
        StoreOptions { folder: Some(folder.to_owned()), durability }
    }

    fn row(slot: u64, ts: u64, body: &str) -> Row {
        Row { slot, id: [slot as u8; 16], ts, creation_time: 1.5, body: body.into() }
    }

    fn put(slot: u64, ts: u64, body: &str) -> (TableId, RowChange) {
        (TableId(10001), RowChange::Insert(row(slot, ts, body)))
    }

    fn refusal(folder: &Path) -> String {
        match open(&options(folder, Durability::Full)) {
            Err(StoreError::Unusable(text)) => text,
            Err(other) => panic!("{other:?}"),
            Ok(_) => panic!("it was opened"),
        }
    }

    #[test]
    fn a_batch_is_there_after_reopening() {
        let folder = tempfile::tempdir().unwrap();
        let mut opened = open(&options(folder.path(), Durability::Full)).unwrap();
        let changes = vec![
            put(1, 5, "{}"),
            put(2, 6, "{}"),
            (TableId(10001), RowChange::Update(row(1, 7, "[1]"))),
            (TableId(10001), RowChange::Delete { slot: 2 }),
        ];
        opened.store.write(&Batch { changes, ts: 7, ..Batch::default() }).unwrap();
        while opened.store.tidy().unwrap() {}
        assert_eq!(opened.store.settled(), 7);
        assert_eq!(opened.reader.body(TableId(10001), 1).unwrap(), Some((7, "[1]".into())));
        assert_eq!(opened.reader.body(TableId(10001), 2).unwrap(), None);
        drop(opened);
        let opened = open(&options(folder.path(), Durability::Full)).unwrap();
        let (table, rows) = &opened.tables[0];
        assert_eq!((*table, rows.len(), &*rows[0].body, rows[0].ts), (TableId(10001), 1, "[1]", 7));
        assert_eq!(opened.high_water, 7);
    }

    #[test]
    fn long_bodies_are_left_in_the_file_until_they_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let mut opened = open(&options(folder.path(), Durability::Full)).unwrap();
        let long = format!("[{}]", "1,".repeat(LONG_BODY).trim_end_matches(','));
        opened.store.write(&Batch { changes: vec![put(1, 5, &long)], ts: 5, ..Batch::default() }).unwrap();
        drop(opened);
        let mut opened = open(&options(folder.path(), Durability::Full)).unwrap();
        assert_eq!(&*opened.tables[0].1[0].body, long, "what is in the journal only is loaded");
        while opened.store.tidy().unwrap() {}
        drop(opened);
        let opened = open(&options(folder.path(), Durability::Full)).unwrap();
        assert!(opened.tables[0].1[0].body.is_empty());
        assert_eq!(opened.reader.body(TableId(10001), 1).unwrap(), Some((5, long.into())));
    }

    #[test]
    fn relaxed_durability_never_hands_out_a_timestamp_above_the_mark_on_disk() {
        let folder = tempfile::tempdir().unwrap();
        let mut opened = open(&options(folder.path(), Durability::Relaxed)).unwrap();
        opened.store.write(&Batch { changes: vec![put(1, 5, "{}")], ts: 5, ..Batch::default() }).unwrap();
        opened.store.write(&Batch { changes: vec![put(2, 6, "{}")], ts: 6, ..Batch::default() }).unwrap();
        assert!(!opened.store.tidy().unwrap());
        drop(opened);
        assert!(open(&options(folder.path(), Durability::Relaxed)).unwrap().high_water > 6);
    }

    #[test]
    fn what_is_only_in_the_journal_is_there_after_reopening_folded_in_part_or_not() {
        let folder = tempfile::tempdir().unwrap();
        let many = FOLD_ROWS as u64 + 10;
        let mut opened = open(&options(folder.path(), Durability::Full)).unwrap();
        let changes = (1..=many).map(|slot| put(slot, 5, "{}")).collect();
        opened.store.write(&Batch { changes, ts: 5, ..Batch::default() }).unwrap();
        let changes =
            (1..=many).map(|slot| (TableId(10001), RowChange::Update(row(slot, 6, "[]")))).collect();
        opened.store.write(&Batch { changes, ts: 6, ..Batch::default() }).unwrap();
        for folds in [false, true, false] {
            drop(opened);
            opened = open(&options(folder.path(), Durability::Full)).unwrap();
            let (_, rows) = &opened.tables[0];
            assert_eq!(rows.len() as u64, many);
            assert!(rows.iter().all(|row| &*row.body == "[]" && row.ts == 6));
            assert_eq!(opened.store.settled(), 0);
            if folds {
                assert!(opened.store.tidy().unwrap(), "there is more than one part");
            }
        }
        while opened.store.tidy().unwrap() {}
        assert_eq!(opened.store.settled(), 6);
        assert_eq!(opened.reader.body(TableId(10001), many).unwrap(), Some((6, "[]".into())));
    }

    #[test]
    fn files_that_cannot_be_used_are_refused_with_a_sentence() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(FILE_NAME);
        std::fs::write(&file, "this is no database, but it is long enough to look like one: ".repeat(20))
            .unwrap();
        assert!(refusal(folder.path()).contains("is corrupt"), "{}", refusal(folder.path()));
        std::fs::remove_file(&file).unwrap();

        Connection::open(&file).unwrap().execute_batch("CREATE TABLE other(x)").unwrap();
        assert!(refusal(folder.path()).contains("not one of Fusion"), "{}", refusal(folder.path()));
        std::fs::remove_file(&file).unwrap();

        drop(open(&options(folder.path(), Durability::Full)).unwrap());
        Connection::open(&file).unwrap().execute_batch("PRAGMA user_version=99").unwrap();
        assert!(refusal(folder.path()).contains("format 99"), "{}", refusal(folder.path()));
    }

    #[test]
    fn a_folder_has_one_owner() {
        let folder = tempfile::tempdir().unwrap();
        let first = open(&options(folder.path(), Durability::Full)).unwrap();
        assert!(refusal(folder.path()).contains("in use by another fusion process"));
        drop(first);
        drop(open(&options(folder.path(), Durability::Full)).unwrap());
    }

    #[test]
    fn somebody_elses_lock_is_transient_and_leaves_nothing_behind() {
        let folder = tempfile::tempdir().unwrap();
        let mut opened = open(&options(folder.path(), Durability::Full)).unwrap();
        let shell = Connection::open(folder.path().join(FILE_NAME)).unwrap();
        shell.execute_batch("BEGIN IMMEDIATE").unwrap();
        let batch = Batch { changes: vec![put(1, 5, "{}")], ts: 5, ..Batch::default() };
        assert!(
            matches!(opened.store.write(&batch), Err(StoreError::Transient(text)) if text.contains("locked"))
        );
        shell.execute_batch("ROLLBACK").unwrap();
        opened.store.write(&batch).unwrap();
    }
}
