//! Indexes that are attached to a table beside its sorted ones: full-text indexes, and others that are more than an
//! ordered set of keys.
//!
//! All of them live by one contract, so that whoever brings a kind adds it to the enums here and nowhere else:
//!
//! - An [`AttachedDefinition`] is what a schema declares, and what a row of `_indexes` remembers.
//! - An [`Extract`] is what the index takes of one version of a document. It is made on the writer's own thread, before
//!   any lock, and travels with the write into the log of commits as an [`AttachedChange`].
//! - An [`AttachedIndex`] is the index at one moment, as a value: cloning is cheap, a snapshot keeps its own, and a
//!   commit applies its changes to the head's under the head lock, which must take microseconds.
//! - An [`AttachedBuilder`] builds one from many documents: at a push, at an import, at start-up.
//! - Work that takes longer is done by [`keeper`] beside the running database: it has [`AttachedIndex::improved`] make a
//!   better one of a snapshot's, which [`AttachedIndex::install`] puts in place of the head's.

pub(super) mod keeper;

use std::path::Path;
use std::sync::Arc;

use fusion_schema::id::InternalId;
use fusion_schema::table::{Schema, SearchIndexDefinition, TableDefinition};
use fusion_schema::{Object, Value, object};

use super::catalog::Catalog;
use super::component::ComponentId;
use super::document::Document;
use super::key::IndexId;
use super::search::{LoadedSearch, SavedSearch, SearchBuilder, SearchDocument, SearchIndex, SearchLoader};
use super::snapshot::Timestamp;
use crate::error::Result;

/// What a schema declares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AttachedDefinition {
    /// A full-text index.
    Search(SearchIndexDefinition),
}

/// An attached index of a table.
#[derive(Clone, Debug)]
pub struct AttachedMeta {
    /// Its identity inside the engine; numbered together with the table's sorted indexes.
    pub id: IndexId,
    /// What it is.
    pub definition: AttachedDefinition,
    /// Kept up to date, but not to be used by queries yet.
    pub staged: bool,
}

impl AttachedMeta {
    /// Its name inside the table.
    pub fn name(&self) -> &str {
        self.definition.name()
    }
}

impl AttachedDefinition {
    /// The index's name inside its table.
    pub fn name(&self) -> &str {
        match self {
            Self::Search(definition) => &definition.name,
        }
    }

    /// Dotted paths of everything it takes of a document.
    pub(crate) fn fields(&self) -> impl Iterator<Item = &str> {
        let Self::Search(definition) = self;
        definition.filter_fields.iter().chain([&definition.search_field]).map(String::as_str)
    }

    /// The attached indexes that a table declares, and whether each is staged.
    pub(crate) fn of_table(table: &TableDefinition) -> impl Iterator<Item = (Self, bool)> {
        let search = |list: &[SearchIndexDefinition], staged: bool| {
            list.iter().cloned().map(move |definition| (Self::Search(definition), staged)).collect::<Vec<_>>()
        };
        search(&table.search_indexes, false).into_iter().chain(search(&table.staged_search_indexes, true))
    }

    /// What its row of `_indexes` has beside what all rows have.
    pub(crate) fn to_row(&self) -> Object {
        let texts =
            |texts: &[String]| texts.iter().map(|text| Value::from(text.as_str())).collect::<Vec<_>>();
        match self {
            Self::Search(definition) => object! {
                "type" => "search",
                "field" => definition.search_field.as_str(),
                "filterFields" => texts(&definition.filter_fields),
            },
        }
    }

    /// The reverse of [`Self::to_row`]; `None` if this program knows nothing of the kind.
    pub(crate) fn from_row(name: &str, row: &Object) -> Option<Self> {
        let filter_fields = row.get("filterFields").and_then(Value::as_array).unwrap_or_default();
        let filter_fields =
            filter_fields.iter().filter_map(|field| field.as_str().map(str::to_owned)).collect();
        let (name, field) = (name.to_owned(), row.get("field")?.as_str()?.to_owned());
        match row.get("type")?.as_str()? {
            "search" => {
                Some(Self::Search(SearchIndexDefinition { name, search_field: field, filter_fields }))
            }
            _ => None,
        }
    }

    /// What the index takes of a document; `None` if the document is not in it.
    pub(crate) fn extract(&self, document: &Document) -> Option<Extract> {
        self.extract_of(document.fields(), document.creation_time())
    }

    /// As [`Self::extract`], of a document that has no entry yet; `creation_time` in milliseconds.
    pub(crate) fn extract_of(&self, fields: &Object, creation_time: f64) -> Option<Extract> {
        match self {
            Self::Search(definition) => {
                let found = SearchDocument::of(definition, fields, creation_time)?;
                Some(Extract::Search(Arc::new(found)))
            }
        }
    }
}

/// Whether every index that the schema declares is in the catalog; a program that knew fewer kinds may have left some
/// out.
pub(crate) fn has_all(catalog: &Catalog, component: ComponentId, schema: &Schema) -> bool {
    schema.tables.iter().all(|table| {
        let meta = catalog.table_in(component, &table.name);
        AttachedDefinition::of_table(table)
            .all(|(definition, _)| meta.is_some_and(|meta| meta.attached(definition.name()).is_some()))
    })
}

/// What an attached index takes of one version of a document.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Extract {
    /// The terms of a text.
    Search(Arc<SearchDocument>),
}

impl Extract {
    /// The terms of a text, if it is that.
    pub(crate) const fn as_search(&self) -> Option<&Arc<SearchDocument>> {
        match self {
            Self::Search(document) => Some(document),
        }
    }

    /// How much it weighs in the log of commits, counted as keys are.
    fn weight(&self) -> usize {
        match self {
            Self::Search(document) => document.terms().len(),
        }
    }
}

/// How a write changes what an attached index takes of the document. Nothing is said of indexes that take the same of it
/// as before.
#[derive(Clone, Debug)]
pub(crate) struct AttachedChange {
    pub(crate) slot: u16,
    pub(crate) old: Option<Extract>,
    pub(crate) new: Option<Extract>,
}

impl AttachedChange {
    /// How much it weighs in the log of commits, counted as keys are.
    pub(crate) fn weight(&self) -> usize {
        let weight = |extract: &Option<Extract>| extract.as_ref().map_or(0, Extract::weight);
        1 + weight(&self.old) + weight(&self.new)
    }

    /// The terms of a text before and after, and the empty one, which stands for the index as a whole. Other kinds have
    /// none.
    pub(crate) fn touched_terms(&self) -> impl Iterator<Item = &str> {
        let documents = || self.old.iter().chain(&self.new).filter_map(Extract::as_search);
        documents().next().map(|_| "").into_iter().chain(documents().flat_map(|document| document.terms()))
    }

    /// Pairs what the indexes took before and after; both lists are in the order of the table's attached indexes, or
    /// empty.
    pub(crate) fn between(old: Extracts, new: Extracts) -> Vec<Self> {
        let slots: Vec<u16> =
            if new.is_empty() { &old } else { &new }.iter().map(|(slot, _)| *slot).collect();
        let (mut old, mut new) = (old.into_iter(), new.into_iter());
        let changed = slots.into_iter().filter_map(|slot| {
            let old = old.next().and_then(|(_, extract)| extract);
            let new = new.next().and_then(|(_, extract)| extract);
            (old != new).then_some(Self { slot, old, new })
        });
        changed.collect()
    }
}

/// What the attached indexes of a table take of a version of a document, in their order.
pub(crate) type Extracts = Vec<(u16, Option<Extract>)>;

/// An attached index at one moment. See the module's documentation.
#[derive(Clone, Debug)]
pub(crate) enum AttachedIndex {
    /// A full-text index.
    Search(SearchIndex),
}

impl AttachedIndex {
    /// An empty index of the kind that takes this; a table has none until its first document is indexed.
    pub(crate) fn for_change(change: &AttachedChange) -> Option<Self> {
        match change.new.as_ref().or(change.old.as_ref())? {
            Extract::Search(_) => Some(Self::Search(SearchIndex::default())),
        }
    }

    /// Does to the index what a write did to a document. Called under the head lock.
    pub(crate) fn apply(&mut self, id: InternalId, change: &AttachedChange) {
        match self {
            Self::Search(index) => {
                let text = |extract: &Option<Extract>| extract.as_ref().and_then(Extract::as_search).cloned();
                index.apply(id, text(&change.old), text(&change.new));
            }
        }
    }

    /// Whether [`Self::improved`] would be worth it. Asked for often.
    pub(crate) fn needs_work(&self) -> bool {
        match self {
            Self::Search(index) => index.needs_work(),
        }
    }

    /// The same index in a form that costs its readers less. It may take long.
    ///
    /// # Errors
    /// Internal; the index stays as it is then.
    pub(crate) fn improved(&self) -> Result<Self> {
        match self {
            Self::Search(index) => index.improved().map(Self::Search),
        }
    }

    /// Puts `improved`, which was made of `before`, in place of this one, which came of `before` by commits; `false` if
    /// it did not. Called under the head lock.
    pub(crate) fn install(&mut self, before: &Self, improved: Self) -> bool {
        match (self, before, improved) {
            (Self::Search(index), Self::Search(before), Self::Search(improved)) => {
                index.install(before, improved)
            }
        }
    }

    /// Takes in another index of the same definition that holds other documents.
    pub(crate) fn join(&mut self, other: Self) {
        match (self, other) {
            (Self::Search(index), Self::Search(other)) => index.join(other),
        }
    }
}

/// An attached index that is being built from many documents.
#[derive(Debug)]
pub(crate) enum AttachedBuilder {
    /// A full-text index.
    Search(SearchBuilder),
}

impl AttachedBuilder {
    /// An empty one.
    pub(crate) fn new(definition: &AttachedDefinition) -> Self {
        match definition {
            AttachedDefinition::Search(_) => Self::Search(SearchBuilder::default()),
        }
    }

    /// Adds a document.
    pub(crate) fn add(&mut self, id: InternalId, extract: Extract) {
        match (self, extract) {
            (Self::Search(builder), Extract::Search(document)) => builder.add(id, document),
        }
    }

    /// Everything that was added, as an index.
    pub(crate) fn finish(self) -> AttachedIndex {
        match self {
            Self::Search(builder) => AttachedIndex::Search(builder.finish()),
        }
    }
}

/// What an earlier process left of an attached index.
pub(crate) enum AttachedSaved {
    /// A full-text index.
    Search(SavedSearch),
}

impl AttachedSaved {
    /// Reads what is left in the data folder, if there is one.
    pub(crate) fn open(data_folder: Option<&Path>, index: &AttachedMeta) -> Self {
        match &index.definition {
            AttachedDefinition::Search(definition) => {
                Self::Search(SavedSearch::open(data_folder, index.id, definition))
            }
        }
    }

    /// Sorts out what holds of a part of the table's documents.
    pub(crate) fn loader(&self) -> AttachedLoader<'_> {
        match self {
            Self::Search(saved) => AttachedLoader::Search(saved.loader()),
        }
    }

    /// The whole index, of what all loaders found and indexed.
    pub(crate) fn finish(self, loaded: Vec<AttachedLoaded>) -> AttachedIndex {
        match self {
            Self::Search(saved) => {
                let loaded = loaded.into_iter().map(|AttachedLoaded::Search(loaded)| loaded);
                AttachedIndex::Search(saved.finish(loaded.collect()))
            }
        }
    }
}

/// See [`AttachedSaved::loader`].
pub(crate) enum AttachedLoader<'a> {
    /// A full-text index.
    Search(SearchLoader<'a>),
}

/// What an [`AttachedLoader`] leaves.
pub(crate) enum AttachedLoaded {
    /// A full-text index.
    Search(LoadedSearch),
}

impl AttachedLoader<'_> {
    /// Whether this version of a document is in what was left, so that it need not be added.
    pub(crate) fn knows(&mut self, id: &InternalId, version: Timestamp) -> bool {
        match self {
            Self::Search(loader) => loader.knows(id, version),
        }
    }

    /// Adds a document that is not.
    pub(crate) fn add(&mut self, id: InternalId, extract: Extract) {
        match (self, extract) {
            (Self::Search(loader), Extract::Search(document)) => loader.add(id, document),
        }
    }

    /// What was found and what was added.
    pub(crate) fn finish(self) -> AttachedLoaded {
        match self {
            Self::Search(loader) => AttachedLoaded::Search(loader.finish()),
        }
    }
}
