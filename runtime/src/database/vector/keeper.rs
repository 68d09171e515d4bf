//! [`VectorIndexes`]: the vector indexes of a database, each with a thread of its own that keeps it in step with what is
//! published.
//!
//! Which there are follows from the active schema; a schema on its way to becoming active holds more by [`Held`], so
//! that they are built before it does. One that nobody wants any more stays for a while, in case it is wanted again.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use std::thread::JoinHandle;
use std::time::Duration;

use fusion_schema::table::VectorIndexDefinition;
use parking_lot::{Mutex, MutexGuard};

use super::folder::Folder;
use super::kept::{Identity, Kept};
use crate::clock::Moment;
use crate::database::catalog::Catalog;
use crate::database::committer::Committer;
use crate::database::snapshot::TableState;
use crate::database::{ComponentId, Snapshot};
use crate::store::TableId;

/// How long an index stays that nobody wants any more.
const UNWANTED_FOR: Duration = Duration::from_secs(60);
/// How often a keeper looks whether its index is still wanted.
const LOOK_INTERVAL: Duration = Duration::from_secs(20);
/// How long commits gather while no search waits for them.
const GATHER: Duration = Duration::from_millis(5);
/// How long a keeper waits after a failure.
const RETRY_AFTER: Duration = Duration::from_millis(500);
/// The folder inside the data folder.
const FOLDER: &str = "vectors";

/// See the module's documentation.
pub(crate) struct VectorIndexes {
    committer: Weak<Committer>,
    folder: Option<PathBuf>,
    state: Mutex<State>,
    /// How many indexes there are, to be read without a lock.
    count: AtomicUsize,
    me: Weak<Self>,
}

#[derive(Default)]
struct State {
    /// The catalog that `all` follows from.
    catalog: Option<Arc<Catalog>>,
    all: HashMap<Identity, Keeper>,
    threads: Vec<JoinHandle<()>>,
    stopping: bool,
}

struct Keeper {
    kept: Arc<Kept>,
    /// The table when its keeper was called last.
    table: Option<Arc<TableState>>,
    /// Whether the active schema has it.
    is_declared: bool,
    /// Schemas on their way that have it.
    holders: usize,
    unwanted_since: Option<Moment>,
}

impl Keeper {
    fn update(&mut self) {
        let is_wanted = self.is_declared || self.holders > 0;
        self.unwanted_since = (!is_wanted).then(|| self.unwanted_since.unwrap_or_else(Moment::now));
    }
}

/// An index that is kept for a schema that is not active yet.
pub(crate) struct Held {
    indexes: Arc<VectorIndexes>,
    kept: Arc<Kept>,
}

impl Held {
    /// The table it is of.
    pub(crate) fn table(&self) -> TableId {
        self.kept.identity.table
    }

    /// Whether it is built.
    pub(crate) fn is_built(&self) -> bool {
        self.kept.is_built()
    }

    /// Waits until it is built, but at most so long.
    pub(crate) fn wait(&self, most: Duration) {
        self.kept.wait(1, most);
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let mut state = self.indexes.state.lock();
        if let Some(keeper) = state.all.get_mut(&self.kept.identity) {
            keeper.holders = keeper.holders.saturating_sub(1);
            // The schema may be active in a moment.
            keeper.update();
        }
    }
}

/// The vector indexes a schema declares for the tables there are, and whether each is staged.
fn declared(catalog: &Catalog) -> Vec<(TableId, &VectorIndexDefinition)> {
    let components = std::iter::once(ComponentId::ROOT).chain(catalog.components().map(|it| it.id));
    let tables = components.flat_map(|component| {
        let schema = catalog.schema_in(component).into_iter();
        schema.flat_map(|schema| &schema.tables).map(move |table| (component, table))
    });
    let indexes = tables.filter_map(|(component, table)| {
        let id = catalog.table_in(component, &table.name)?.id;
        Some(table.vector_indexes.iter().chain(&table.staged_vector_indexes).map(move |index| (id, index)))
    });
    indexes.flatten().collect()
}

impl VectorIndexes {
    /// The indexes of a database whose files are in this data folder, if any.
    pub(crate) fn new(committer: &Arc<Committer>, data_folder: Option<PathBuf>) -> Arc<Self> {
        let folder = data_folder.map(|folder| folder.join(FOLDER));
        let (committer, count) = (Arc::downgrade(committer), AtomicUsize::new(0));
        Arc::new_cyclic(|me| Self { committer, folder, state: Mutex::default(), count, me: me.clone() })
    }

    /// Begins to keep what is declared, and removes files that nobody knows.
    pub(crate) fn start(&self) {
        let state = self.reconciled();
        let known: Vec<PathBuf> =
            state.all.values().filter_map(|keeper| keeper.kept.folder().path().map(PathBuf::from)).collect();
        let files = self.folder.iter().filter_map(|folder| std::fs::read_dir(folder).ok());
        for entry in files.flatten().flatten().filter(|entry| !known.contains(&entry.path())) {
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }

    /// Called after every publication. Must be quick.
    pub(crate) fn published(&self) {
        let mut state = self.reconciled();
        let Some(committer) = self.committer.upgrade() else { return };
        let published = committer.published.load();
        for (identity, keeper) in &mut state.all {
            // Most commits are to other tables. A search that wants a later state calls the keeper itself.
            let table = published.tables.get(&identity.table);
            let is_same = match (&keeper.table, table) {
                (Some(seen), Some(table)) => Arc::ptr_eq(seen, table),
                (seen, table) => seen.is_none() && table.is_none(),
            };
            if !is_same {
                keeper.table = table.cloned();
                keeper.kept.call();
            }
        }
    }

    /// The indexes, after they were made those of the published schema.
    fn reconciled(&self) -> MutexGuard<'_, State> {
        let mut state = self.state.lock();
        let Some(committer) = self.committer.upgrade() else { return state };
        let catalog = committer.published.load().catalog.clone();
        if state.catalog.as_ref().is_some_and(|known| Arc::ptr_eq(known, &catalog)) {
            return state;
        }
        for keeper in state.all.values_mut() {
            keeper.is_declared = false;
        }
        for (table, definition) in declared(&catalog) {
            if let Some(keeper) = self.keep(&mut state, table, definition) {
                keeper.is_declared = true;
            }
        }
        state.all.values_mut().for_each(Keeper::update);
        state.catalog = Some(catalog);
        state
    }

    /// The keeper of an index, made if there is none; `None` once the database is closed.
    fn keep<'a>(
        &self,
        state: &'a mut State,
        table: TableId,
        definition: &VectorIndexDefinition,
    ) -> Option<&'a mut Keeper> {
        let identity = Identity::new(table, definition);
        if !state.all.contains_key(&identity) {
            if state.stopping {
                return None;
            }
            let folder = self.folder.as_ref().map(|folder| folder.join(folder_name(&identity)));
            let kept = Arc::new(Kept::new(identity.clone(), definition, Folder::new(folder)));
            let (indexes, of_thread) = (self.me.upgrade()?, kept.clone());
            let thread = std::thread::Builder::new().name("vectors".to_owned()).spawn(move || {
                of_thread.open();
                indexes.run(&of_thread);
            });
            match thread {
                Ok(thread) => state.threads.push(thread),
                Err(error) => {
                    tracing::error!(%error, "the thread of a vector index could not be started");
                    return None;
                }
            }
            state.threads.retain(|thread| !thread.is_finished());
            let keeper = Keeper { kept, table: None, is_declared: false, holders: 0, unwanted_since: None };
            state.all.insert(identity.clone(), keeper);
            self.count.store(state.all.len(), Ordering::Relaxed);
        }
        state.all.get_mut(&identity)
    }

    /// Keeps an index for a schema that is not active yet; `None` once the database is closed.
    pub(crate) fn hold(&self, table: TableId, definition: &VectorIndexDefinition) -> Option<Held> {
        let indexes = self.me.upgrade()?;
        let mut state = self.state.lock();
        let keeper = self.keep(&mut state, table, definition)?;
        keeper.holders += 1;
        keeper.update();
        Some(Held { indexes, kept: keeper.kept.clone() })
    }

    /// The index of that definition, if it is kept.
    pub(super) fn find(&self, identity: &Identity) -> Option<Arc<Kept>> {
        Some(self.reconciled().all.get(identity)?.kept.clone())
    }

    /// Bytes of all indexes in memory, about.
    pub(crate) fn memory(&self) -> usize {
        if self.count.load(Ordering::Relaxed) == 0 {
            return 0;
        }
        self.state.lock().all.values().map(|keeper| keeper.kept.memory()).sum()
    }

    /// Ends all threads and waits for them; what is in memory only is written to files.
    pub(crate) fn stop(&self) {
        let mut state = self.state.lock();
        state.stopping = true;
        state.all.values().for_each(|keeper| keeper.kept.stop());
        let threads = std::mem::take(&mut state.threads);
        drop(state);
        for thread in threads {
            if thread.thread().id() != std::thread::current().id() {
                let _ = thread.join();
            }
        }
    }

    fn run(&self, kept: &Kept) {
        let mut ts = 0;
        while !kept.is_stopping() {
            let Some(committer) = self.committer.upgrade() else { break };
            let now = Snapshot(committer.published.load_full());
            let commits =
                committer.published_log.lock().since(ts).map(|commits| commits.cloned().collect::<Vec<_>>());
            let followed = kept.follow(&now, commits, &*committer.shared.reader);
            drop(committer);
            match followed {
                Ok(()) => {
                    ts = now.ts();
                    drop(now);
                    kept.tidy();
                    kept.wait_for_call(LOOK_INTERVAL, GATHER);
                }
                Err(error) => {
                    tracing::error!(%error, "a vector index could not be brought up to date");
                    // Whatever was done of it is found done the next time.
                    ts = 0;
                    std::thread::sleep(RETRY_AFTER);
                }
            }
            if self.let_go(kept) {
                return;
            }
        }
        kept.seal();
    }

    /// Whether the index has been unwanted for long enough; then it is kept no more, nor are its files.
    fn let_go(&self, kept: &Kept) -> bool {
        let table = self.committer.upgrade().is_some_and(|committer| {
            committer.published.load().catalog.table_by_id(kept.identity.table).is_some()
        });
        let mut state = self.state.lock();
        let unwanted = state.all.get(&kept.identity).and_then(|keeper| keeper.unwanted_since);
        let is_unwanted = unwanted.is_some_and(|since| !table || since.elapsed() > UNWANTED_FOR);
        if is_unwanted {
            state.all.remove(&kept.identity);
            kept.folder().remove();
            self.count.store(state.all.len(), Ordering::Relaxed);
        }
        is_unwanted
    }
}

/// The name of an index's folder: the same for the same index, in every process of this program. Should another program
/// name it differently, the index is made anew.
fn folder_name(identity: &Identity) -> String {
    let mut hasher = DefaultHasher::new();
    (&identity.vector_field, identity.dimensions, &identity.filter_fields).hash(&mut hasher);
    format!("{}-{:016x}", identity.table.0, hasher.finish())
}
