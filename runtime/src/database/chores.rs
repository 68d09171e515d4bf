//! What the store's thread does between batches: rows staged for a later commit, and the rows of tables and stagings
//! that are gone.
//!
//! Chores take turns with batches and are small, so no commit waits for long. What a chore would have removed when
//! the process ends is removed at the next start.

use std::sync::Arc;

use fusion_schema::TableNumber;

use super::TableId;
use super::committer::{Committer, refused};
use crate::error::{Error, Result};
use crate::store::{StagedRows, Store, StoreError};

/// Called with what came of a chore.
pub(super) type ChoreDone = Box<dyn FnOnce(Result<()>) + Send>;

/// A chore.
pub(super) enum Chore {
    /// Write rows that a later commit makes count.
    Stage(StagedRows, ChoreDone),
    /// Remove the rows of a staging that was given up.
    Discard(u64),
    /// Remove a table that nobody can read any more.
    Drop(TableId),
}

/// A table that is no longer part of the newest state.
pub(super) struct Retired {
    pub(super) table: TableId,
    /// See `TableState::lifetime`.
    pub(super) lifetime: Arc<()>,
}

impl Committer {
    /// Adds a chore. When the database is closed nobody would do it: then it is dropped, and its end with it.
    pub(super) fn add_chore(&self, chore: Chore) {
        let mut head = self.head.lock();
        if head.is_stopping() {
            return;
        }
        head.chores.push_back(chore);
        drop(head);
        self.wake_store();
    }

    pub(super) fn do_chore(&self, store: &mut dyn Store, chore: Chore, is_refusing: bool) {
        let cleaned = match chore {
            Chore::Stage(rows, done) => {
                let result = if is_refusing {
                    Err(StoreError::Transient("the store takes no writes at the moment.".to_owned()))
                } else {
                    store.stage(&rows)
                };
                done(result.map_err(|error| {
                    let told: Error = refused(&error.to_string());
                    if !is_refusing {
                        self.note_failure(&error);
                    }
                    told
                }));
                return;
            }
            // The next start does it.
            _ if is_refusing => return,
            Chore::Discard(staging) => {
                store.discard(staging).map(|has_more| has_more.then_some(Chore::Discard(staging)))
            }
            Chore::Drop(table) => {
                store.drop_table(table).map(|has_more| has_more.then_some(Chore::Drop(table)))
            }
        };
        match cleaned {
            Ok(Some(rest)) => self.head.lock().chores.push_back(rest),
            Ok(None) => {}
            Err(error) => self.note_failure(&error),
        }
    }

    /// Has the rows of tables removed that no snapshot can read any more.
    pub(super) fn look_for_retired(&self) {
        let mut retired = self.retired.lock();
        if retired.is_empty() {
            return;
        }
        let gone: Vec<TableId> = retired
            .extract_if(.., |retired| Arc::strong_count(&retired.lifetime) == 1)
            .map(|retired| retired.table)
            .collect();
        drop(retired);
        for table in gone {
            self.add_chore(Chore::Drop(table));
        }
    }

    /// Has the tables of the store removed that the catalog does not know.
    pub(super) fn drop_unknown(&self, stored: Vec<TableId>) {
        let mut head = self.head.lock();
        let catalog = head.snapshot.catalog.clone();
        let unknown = stored.into_iter().filter(|table| {
            // A newer program may have had more system tables.
            table.0 >= TableNumber::FIRST_USER.0 && catalog.table_by_id(*table).is_none()
        });
        head.chores.extend(unknown.map(Chore::Drop));
    }
}
