//! [`ComponentBuild`]: the schema of one component on its way to becoming the active one; see
//! [`SchemaBuild`](super::SchemaBuild).
//!
//! Existing documents are validated and new indexes are built piece by piece beside the running database, on a
//! snapshot. What is written meanwhile is learnt from the log of commits and caught up with, again and again, until
//! [`Database::switch`](super::Database::switch) does so for the last time under the head lock. So writers pay nothing
//! for a schema that is only pending, and one that breaks it is noticed as soon as its write is durable.
//!
//! Deliberately absent: threads and pauses (the caller paces [`ComponentBuild::advance`]) and the switch itself.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use fusion_schema::id::InternalId;
use fusion_schema::table::{IndexDefinition, Schema};
use imbl::{OrdMap, OrdSet};

use super::attached::{self, AttachedBuilder, AttachedChange, AttachedDefinition, AttachedIndex};
use super::bulk;
use super::component::ComponentId;
use super::document::{Document, Entry};
use super::key::{FIRST_DECLARED, Key};
use super::schema_build::{BuildProgress, BuildStep, SchemaViolation};
use super::snapshot::{Snapshot, Timestamp};
use super::vector::Held;
use super::{Database, TableId};
use crate::error::Result;

/// Documents looked at in one step.
const STEP_DOCUMENTS: usize = 1_000;
/// How long one step waits for vector indexes, which are built by threads of their own.
const VECTORS_WAIT: Duration = Duration::from_millis(20);

/// An index to be built.
pub(super) struct NewIndex {
    pub(super) table: String,
    /// The table whose documents are in `keys`; `None` while there is none of that name.
    pub(super) table_id: Option<TableId>,
    pub(super) name: String,
    pub(super) staged: bool,
    pub(super) content: NewContent,
    is_built: bool,
}

/// What a new index is and holds.
pub(super) enum NewContent {
    /// A sorted index on these fields.
    Keys { fields: Vec<String>, keys: OrdSet<Key> },
    /// An attached index; `None` as long as it is empty.
    Attached { definition: AttachedDefinition, index: Option<AttachedIndex> },
}

/// What a scan has collected for a new index.
enum Collected {
    Keys(Vec<Key>),
    Attached(AttachedBuilder),
}

impl NewContent {
    fn sorted(fields: &[String]) -> Self {
        Self::Keys { fields: fields.to_vec(), keys: OrdSet::new() }
    }

    fn collector(&self) -> Collected {
        match self {
            Self::Keys { .. } => Collected::Keys(Vec::new()),
            Self::Attached { definition, .. } => Collected::Attached(AttachedBuilder::new(definition)),
        }
    }

    /// Has a scan take what the index needs of a document.
    fn collect(&self, document: &Document, collected: &mut Collected) {
        match (self, collected) {
            (Self::Keys { fields, .. }, Collected::Keys(keys)) => keys.push(key_of(fields, document)),
            (Self::Attached { definition, .. }, Collected::Attached(builder)) => {
                if let Some(extract) = definition.extract(document) {
                    builder.add(document.id().internal, extract);
                }
            }
            _ => {}
        }
    }

    /// Makes the index of what a scan collected.
    fn build(&mut self, collected: Collected) {
        match (self, collected) {
            (Self::Keys { keys, .. }, Collected::Keys(mut collected)) => {
                collected.sort_unstable();
                *keys = bulk::set(collected);
            }
            (Self::Attached { index, .. }, Collected::Attached(builder)) => *index = Some(builder.finish()),
            _ => {}
        }
    }

    /// Puts a document's new version in place of its old one.
    fn replace(&mut self, id: InternalId, before: Option<&Document>, after: Option<&Document>) {
        match self {
            Self::Keys { fields, keys } => {
                if let Some(document) = before {
                    keys.remove(&key_of(fields, document));
                }
                if let Some(document) = after {
                    keys.insert(key_of(fields, document));
                }
            }
            Self::Attached { definition, index } => {
                let extracts = |document: Option<&Document>| match document {
                    Some(document) => vec![(0, definition.extract(document))],
                    None => Vec::new(),
                };
                for change in AttachedChange::between(extracts(before), extracts(after)) {
                    if index.is_none() {
                        *index = AttachedIndex::for_change(&change);
                    }
                    if let Some(index) = index {
                        index.apply(id, &change);
                    }
                }
            }
        }
    }
}

/// A declared index by table, name and slot.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ExistingIndex {
    pub(super) table: String,
    pub(super) name: String,
    pub(super) slot: u16,
}

/// A table whose documents are being looked at.
struct Scan {
    table: TableId,
    name: String,
    validates: bool,
    /// Positions in `new` of the indexes that are built, with what they hold so far.
    indexes: Vec<(usize, Collected)>,
    documents: OrdMap<InternalId, Arc<Entry>>,
    /// The last document that was looked at.
    after: Option<InternalId>,
}

/// See the module's documentation.
pub(super) struct ComponentBuild {
    database: Database,
    pub(super) component: ComponentId,
    pub(super) schema: Arc<Schema>,
    /// What is done is done as of this state, which is durable.
    pub(super) base: Snapshot,
    /// Commits up to here are in `touched`.
    seen: Timestamp,
    /// Documents written since `base`.
    touched: HashSet<(TableId, InternalId)>,
    pub(super) new: Vec<NewIndex>,
    pub(super) removed: Vec<ExistingIndex>,
    /// Indexes that stay but become staged (`true`) or usable (`false`).
    pub(super) restaged: Vec<(ExistingIndex, bool)>,
    scans: Vec<Scan>,
    /// New vector indexes, which are built beside.
    vectors: Vec<Held>,
}

impl ComponentBuild {
    pub(super) fn new(database: Database, component: ComponentId, schema: Arc<Schema>) -> Self {
        let base = database.published();
        let mut build = Self {
            database,
            component,
            seen: base.ts(),
            base,
            schema,
            touched: HashSet::new(),
            new: Vec::new(),
            removed: Vec::new(),
            restaged: Vec::new(),
            scans: Vec::new(),
            vectors: Vec::new(),
        };
        build.plan();
        build
    }

    /// Begins again from the newest durable state.
    pub(super) fn restart(&mut self) {
        *self = Self::new(self.database.clone(), self.component, self.schema.clone());
    }

    /// How far it has come.
    pub(super) fn progress(&self) -> BuildProgress {
        let built = self.new.iter().filter(|index| index.is_built).count();
        BuildProgress {
            is_validated: !self.scans.iter().any(|scan| scan.validates),
            indexes_complete: built + self.vectors.iter().filter(|index| index.is_built()).count(),
            indexes_total: self.new.len() + self.vectors.len(),
        }
    }

    /// Does a bounded piece of the work: some thousand documents, or catching up with what was written.
    ///
    /// # Errors
    /// If a document cannot be read.
    pub(super) fn advance(&mut self) -> Result<BuildStep> {
        let now = self.database.published();
        if now.push_version() != self.base.push_version() || !self.collect(&now) {
            // Somebody else changed the schema, or so much was written that the log does not reach back.
            self.restart();
            return Ok(BuildStep::Working);
        }
        let step = match self.scans.is_empty() {
            false => self.scan()?,
            true => self.catch_up(now)?,
        };
        if self.scans.is_empty()
            && let Some(unfinished) = self.vectors.iter().find(|index| !index.is_built())
        {
            unfinished.wait(VECTORS_WAIT);
        }
        Ok(step.map_or_else(
            || if self.is_done() { BuildStep::CaughtUp } else { BuildStep::Working },
            BuildStep::Violated,
        ))
    }

    /// Whether nothing but the code would change with this schema.
    pub(super) fn is_unchanged(&self) -> bool {
        let catalog = self.base.catalog();
        catalog.schema_in(self.component).map(|schema| &**schema) == Some(&*self.schema)
            && attached::has_all(catalog, self.component, &self.schema)
    }

    /// Whether everything up to `base` is validated and indexed.
    pub(super) fn is_done(&self) -> bool {
        self.scans.is_empty() && self.touched.is_empty() && self.vectors.iter().all(Held::is_built)
    }

    /// Whether new indexes are of the tables that have these names now; an import may have put others in place.
    pub(super) fn has_tables_of(&self, now: &Snapshot) -> bool {
        let mut indexes = self.new.iter();
        let mut vectors = self.vectors.iter();
        indexes.all(|index| {
            let table = now.catalog().table_in(self.component, &index.table).map(|meta| meta.id);
            index.table_id.is_none_or(|id| table == Some(id))
        }) && vectors.all(|index| now.catalog().table_by_id(index.table()).is_some())
    }

    /// Has the vector indexes built that a query could use with the new schema and not with the active one.
    fn hold_vectors(&self) -> Vec<Held> {
        let catalog = self.base.catalog();
        let active = |table: &str| catalog.schema_in(self.component)?.table(table);
        let mut held = Vec::new();
        for table in &self.schema.tables {
            let Some(meta) = catalog.table_in(self.component, &table.name) else { continue };
            let known = active(&table.name).map_or(&[][..], |table| &table.vector_indexes);
            let new = table.vector_indexes.iter().filter(|index| !known.contains(index));
            held.extend(new.filter_map(|index| self.database.inner.vectors.hold(meta.id, index)));
        }
        held
    }

    /// Finds out what has to be validated, built and dropped.
    fn plan(&mut self) {
        if self.is_unchanged() {
            return;
        }
        self.diff_indexes();
        self.vectors = self.hold_vectors();
        let mut scans: HashMap<TableId, Scan> = HashMap::new();
        let base = self.base.clone();
        let component = self.component;
        let scan_of = |table: &str| {
            let meta = base.catalog().table_in(component, table)?;
            let state = base.0.tables.get(&meta.id)?;
            Some(Scan {
                table: meta.id,
                name: meta.name.clone(),
                validates: false,
                indexes: Vec::new(),
                documents: state.documents.clone(),
                after: None,
            })
        };
        for table in changed_validators(&base, component, &self.schema) {
            if let Some(scan) = scan_of(table) {
                scans.entry(scan.table).or_insert(scan).validates = true;
            }
        }
        for (position, index) in self.new.iter_mut().enumerate() {
            match scan_of(&index.table) {
                Some(scan) => {
                    let collector = index.content.collector();
                    scans.entry(scan.table).or_insert(scan).indexes.push((position, collector));
                }
                None => index.is_built = true,
            }
        }
        self.scans = scans.into_values().collect();
        // The big ones first, so that progress does not seem to stop at the end.
        self.scans.sort_by_key(|scan| scan.documents.len());
    }

    fn diff_indexes(&mut self) {
        let catalog = self.base.catalog().clone();
        let mut wanted: HashMap<&str, Vec<(&IndexDefinition, bool)>> = HashMap::new();
        let schema = self.schema.clone();
        for table in &schema.tables {
            let indexes = table.indexes.iter().map(|index| (index, false));
            let staged = table.staged_indexes.iter().map(|index| (index, true));
            wanted.entry(&table.name).or_default().extend(indexes.chain(staged));
        }
        for (table, definitions) in &wanted {
            let meta = catalog.table_in(self.component, table);
            for (definition, staged) in definitions {
                let existing = meta.and_then(|meta| meta.index(&definition.name));
                if existing.is_none_or(|index| index.fields != definition.fields) {
                    self.new.push(NewIndex {
                        table: (*table).to_owned(),
                        table_id: meta.map(|meta| meta.id),
                        name: definition.name.clone(),
                        staged: *staged,
                        content: NewContent::sorted(&definition.fields),
                        is_built: false,
                    });
                }
            }
        }
        self.diff_attached();
        for meta in catalog.tables_in(self.component).filter(|meta| !meta.number.is_system()) {
            for index in meta.indexes.iter().filter(|index| index.id.slot >= FIRST_DECLARED) {
                let existing =
                    ExistingIndex { table: meta.name.clone(), name: index.name.clone(), slot: index.id.slot };
                let kept = wanted.get(meta.name.as_str()).and_then(|definitions| {
                    let is_kept = |definition: &IndexDefinition| {
                        definition.name == index.name && definition.fields == index.fields
                    };
                    definitions.iter().find(|(definition, _)| is_kept(definition))
                });
                match kept {
                    None => self.removed.push(existing),
                    Some((_, staged)) if *staged != index.staged => self.restaged.push((existing, *staged)),
                    Some(_) => {}
                }
            }
        }
        self.new.sort_by(|a, b| (&a.table, &a.name).cmp(&(&b.table, &b.name)));
        self.removed.sort();
        self.restaged.sort();
    }

    /// As [`Self::diff_indexes`], for the attached ones.
    fn diff_attached(&mut self) {
        let catalog = self.base.catalog().clone();
        let schema = self.schema.clone();
        let mut wanted: HashMap<&str, Vec<(AttachedDefinition, bool)>> = HashMap::new();
        for table in &schema.tables {
            let definitions: Vec<_> = AttachedDefinition::of_table(table).collect();
            let meta = catalog.table_in(self.component, &table.name);
            for (definition, staged) in &definitions {
                let existing = meta.and_then(|meta| meta.attached(definition.name()));
                if existing.is_none_or(|index| index.definition != *definition) {
                    self.new.push(NewIndex {
                        table: table.name.clone(),
                        table_id: meta.map(|meta| meta.id),
                        name: definition.name().to_owned(),
                        staged: *staged,
                        content: NewContent::Attached { definition: definition.clone(), index: None },
                        is_built: false,
                    });
                }
            }
            wanted.insert(&table.name, definitions);
        }
        for meta in catalog.tables_in(self.component).filter(|meta| !meta.number.is_system()) {
            for index in &meta.attached {
                let existing = ExistingIndex {
                    table: meta.name.clone(),
                    name: index.name().to_owned(),
                    slot: index.id.slot,
                };
                let definitions = wanted.get(meta.name.as_str());
                let kept = definitions.and_then(|definitions| {
                    definitions.iter().find(|(definition, _)| *definition == index.definition)
                });
                match kept {
                    None => self.removed.push(existing),
                    Some((_, staged)) if *staged != index.staged => self.restaged.push((existing, *staged)),
                    Some(_) => {}
                }
            }
        }
    }

    /// Notes what was written up to `now`; `false` if the log does not reach back.
    fn collect(&mut self, now: &Snapshot) -> bool {
        let Some(entries) = self.database.commits_since(self.seen) else { return false };
        for entry in entries.iter().take_while(|entry| entry.ts <= now.ts()) {
            self.touched.extend(entry.writes.iter().map(|write| (write.table, write.id)));
        }
        self.seen = self.seen.max(now.ts());
        true
    }

    /// Looks at the next documents of a table.
    fn scan(&mut self) -> Result<Option<SchemaViolation>> {
        let Some(scan) = self.scans.last_mut() else { return Ok(None) };
        let from = match scan.after {
            None => std::ops::Bound::Unbounded,
            Some(id) => std::ops::Bound::Excluded(id),
        };
        let part: Vec<(InternalId, Arc<Entry>)> = scan
            .documents
            .range((from, std::ops::Bound::Unbounded))
            .take(STEP_DOCUMENTS)
            .map(|(id, entry)| (*id, entry.clone()))
            .collect();
        for (id, entry) in &part {
            let document = self.database.document(entry)?;
            if scan.validates
                && let Some(violation) =
                    violation(&self.schema, &self.base, self.component, &scan.name, &document)
            {
                // One that was replaced since is looked at again with all else that was written.
                let published = self.database.published();
                let current = published.0.entry(scan.table, *id);
                if current.is_some_and(|current| Arc::ptr_eq(current, entry)) {
                    return Ok(Some(violation));
                }
            }
            for (position, collected) in &mut scan.indexes {
                self.new[*position].content.collect(&document, collected);
            }
        }
        scan.after = part.last().map(|(id, _)| *id);
        if part.len() < STEP_DOCUMENTS
            && let Some(scan) = self.scans.pop()
        {
            for (position, collected) in scan.indexes {
                let index = &mut self.new[position];
                index.content.build(collected);
                index.is_built = true;
            }
        }
        Ok(None)
    }

    /// Brings validation and new indexes from `base` to `now`, all whose commits were collected.
    fn catch_up(&mut self, now: Snapshot) -> Result<Option<SchemaViolation>> {
        let touched = std::mem::take(&mut self.touched);
        let violation = self.catch_up_with(&now, &touched)?;
        self.base = now;
        Ok(violation)
    }

    /// As [`Self::catch_up`], for the documents given.
    pub(super) fn catch_up_with(
        &mut self,
        now: &Snapshot,
        touched: &HashSet<(TableId, InternalId)>,
    ) -> Result<Option<SchemaViolation>> {
        if self.is_unchanged() {
            return Ok(None);
        }
        let mut found = None;
        for (table, id) in touched {
            let Some(meta) = now.catalog().table_by_id(*table) else { continue };
            if meta.number.is_system() || meta.component != self.component {
                continue;
            }
            let read = |entry: Option<&Arc<Entry>>| entry.map(|entry| self.database.document(entry));
            let before = read(self.base.0.entry(*table, *id)).transpose()?;
            let after = read(now.0.entry(*table, *id)).transpose()?;
            if let Some(document) = &after {
                found = found.or_else(|| violation(&self.schema, now, self.component, &meta.name, document));
            }
            for index in self.new.iter_mut().filter(|index| index.table == meta.name) {
                index.table_id.get_or_insert(meta.id);
                index.content.replace(*id, before.as_ref(), after.as_ref());
            }
        }
        Ok(found)
    }
}

/// A document's key in an index of these fields.
fn key_of(fields: &[String], document: &Document) -> Key {
    Key::of_document(fields, document.fields(), document.creation_time(), document.id().internal)
}

fn violation(
    schema: &Schema,
    now: &Snapshot,
    component: ComponentId,
    table: &str,
    document: &Document,
) -> Option<SchemaViolation> {
    // Tables that only this schema brings have no documents, so nothing can hold their ids yet.
    let tables = now.catalog().names_in(component);
    let checked = schema.check_document(table, document.fields(), &tables);
    checked.err().map(|error| SchemaViolation {
        component,
        table: table.to_owned(),
        message: error.for_document(document.id(), table).to_string(),
    })
}

/// The tables whose documents must be looked at: those whose document type is not the enforced one already.
fn changed_validators<'a>(snapshot: &Snapshot, component: ComponentId, schema: &'a Schema) -> Vec<&'a str> {
    if !schema.schema_validation {
        return Vec::new();
    }
    let enforced = snapshot.catalog().schema_in(component).filter(|schema| schema.schema_validation).cloned();
    let is_new = |definition: &&fusion_schema::table::TableDefinition| {
        let enforced = enforced.as_ref().and_then(|schema| schema.table(&definition.name));
        !definition.document_type.is_any()
            && enforced.is_none_or(|enforced| enforced.document_type != definition.document_type)
    };
    schema.tables.iter().filter(is_new).map(|definition| definition.name.as_str()).collect()
}
