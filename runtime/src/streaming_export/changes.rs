//! [`ChangeList`]: the changes after a timestamp in order, kept between requests.
//!
//! To find them means to look at every document of the tables that were written since, about 0.1 s per million. So what
//! one request found serves the next ones, and while the log of commits reaches back, what is new is taken from there.

use crate::database::{Change, Database, Snapshot, Timestamp};

/// Changes found at once, 32 bytes each.
const CHANGES_MAX: usize = if cfg!(test) { 30 } else { 250_000 };

/// See the module's documentation.
#[derive(Debug, Default)]
pub(super) struct ChangeList {
    /// Changes up to this timestamp are not there.
    after: Timestamp,
    /// Up to this timestamp all others are there.
    upto: Timestamp,
    /// In order; some may have been replaced by later ones to the same document.
    changes: Vec<Change>,
    /// The snapshot that was searched: its version of functions and schema, with which whole tables may change, and its
    /// timestamp. None before the first search.
    searched: Option<(u64, Timestamp)>,
}

impl ChangeList {
    /// The changes after a timestamp, in order, and up to where they are complete: not before `after`, and not after
    /// `upto`, to which the changes of the snapshot are complete.
    pub(super) fn after(
        &mut self,
        database: &Database,
        snapshot: &Snapshot,
        after: Timestamp,
        upto: Timestamp,
    ) -> (&[Change], Timestamp) {
        let is_begun = self.searched.is_some() && self.after <= after && after <= self.upto;
        let has_more = is_begun && after < self.upto;
        let is_there = has_more || is_begun && self.extend(database, snapshot, after, upto);
        if !is_there {
            let (changes, found_upto) = database.changes_after(snapshot, after, upto, CHANGES_MAX);
            let searched = Some((snapshot.push_version(), snapshot.ts()));
            *self = Self { after, upto: found_upto, changes, searched };
        }
        // Another reader may have brought the list farther than this snapshot knows.
        let upto = self.upto.min(upto);
        let begin = self.changes.partition_point(|change| change.ts <= after);
        let end = self.changes.partition_point(|change| change.ts <= upto);
        (self.changes.get(begin..end).unwrap_or_default(), upto)
    }

    /// Adds what was committed since; `false` if the log of commits does not tell.
    fn extend(
        &mut self,
        database: &Database,
        snapshot: &Snapshot,
        after: Timestamp,
        upto: Timestamp,
    ) -> bool {
        // What an import brought has timestamps from before its commit and is in no log.
        let is_told = |(push_version, ts)| push_version == snapshot.push_version() && self.upto >= ts;
        if !self.searched.is_some_and(is_told) {
            return false;
        }
        let Some(commits) = database.commits_since(self.upto) else { return false };
        let catalog = snapshot.catalog();
        for commit in commits.iter().take_while(|commit| commit.ts <= upto) {
            let is_user = |table| catalog.table_by_id(table).is_some_and(|meta| !meta.number.is_system());
            let writes = commit.writes.iter().filter(|write| is_user(write.table));
            self.changes.extend(writes.map(|write| Change {
                ts: commit.ts,
                table: write.table,
                id: write.id,
            }));
        }
        self.upto = self.upto.max(upto);
        if self.changes.len() > CHANGES_MAX {
            self.shorten(after);
        }
        true
    }

    /// Forgets what a reader who is at a timestamp does not need, and of the rest what does not fit. Readers farther
    /// behind have it searched again.
    fn shorten(&mut self, at: Timestamp) {
        self.changes.drain(..self.changes.partition_point(|change| change.ts <= at));
        self.after = at;
        if let Some(last) = self.changes.get(CHANGES_MAX).map(|_| self.changes[CHANGES_MAX - 1].ts) {
            self.changes.truncate(self.changes.partition_point(|change| change.ts <= last));
            self.upto = last;
        }
    }
}
