//! Which documents were deleted: a part of `_fusion_deletions` for each batch that deletes, removed when it is old.
//!
//! The documents that exist carry the timestamp of their last change themselves, so deletions are all that readers who
//! follow the changes would miss. A part is a few adjacent bytes at the end of the table; a batch that deletes nothing
//! writes nothing. In `_fusion_meta`, `deletions_floor` is the timestamp after which none is forgotten.

use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};

use super::super::{Batch, Deletion, StoreError};

/// The table. The key begins with the last timestamp of the part.
pub(super) const TABLE: &str = "CREATE TABLE IF NOT EXISTS _fusion_deletions(
       ts INTEGER NOT NULL, part INTEGER NOT NULL, body BLOB NOT NULL, PRIMARY KEY(ts, part)) WITHOUT ROWID;";

/// Bytes after which deletions go on in another part.
const PART_BYTES: usize = if cfg!(test) { 64 } else { 64 << 10 };
/// Parts forgotten at once, so that no commit waits for long.
const FORGOTTEN_PARTS: i64 = 1024;

/// Writes what a batch deletes.
pub(super) fn write(tx: &Transaction<'_>, batch: &Batch) -> rusqlite::Result<()> {
    let mut part = Vec::new();
    let mut number = 0_i64;
    let mut last = None;
    let mut end = |ts: u64, part: &mut Vec<u8>| -> rusqlite::Result<()> {
        tx.prepare_cached("INSERT INTO _fusion_deletions(ts, part, body) VALUES(?,?,?)")?
            .execute(params![ts as i64, number, &part[..]])?;
        part.clear();
        number += 1;
        Ok(())
    };
    for deletion in &batch.deletions {
        if let Some(ts) = last.filter(|_| part.len() >= PART_BYTES) {
            end(ts, &mut part)?;
        }
        encode(deletion, &mut part);
        last = Some(deletion.ts);
    }
    if let Some(ts) = last {
        end(ts, &mut part)?;
    }
    match batch.deletions_floor {
        Some(floor) => raise_floor(tx, floor as i64),
        None => Ok(()),
    }
}

/// Notes that deletions up to a timestamp are forgotten.
pub(super) fn raise_floor(connection: &Connection, ts: i64) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO _fusion_meta(key, value) VALUES('deletions_floor', ?)
             ON CONFLICT(key) DO UPDATE SET value = max(value, excluded.value)",
        )?
        .execute([ts])
        .map(drop)
}

/// The timestamp after which no deletion is forgotten.
pub(super) fn floor(connection: &Connection) -> rusqlite::Result<u64> {
    let floor: Option<i64> = connection
        .prepare_cached("SELECT value FROM _fusion_meta WHERE key='deletions_floor'")?
        .query_row([], |row| row.get(0))
        .optional()?;
    Ok(floor.map_or(0, |floor| floor as u64))
}

/// Forgets some of the deletions up to a timestamp; `true` if there are more. Where nothing was deleted, nothing is
/// forgotten, and readers from before may go on.
pub(super) fn forget(connection: &mut Connection, ts: u64) -> rusqlite::Result<bool> {
    let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let (parts, last): (i64, Option<i64>) = tx
        .prepare_cached(
            "SELECT count(*), max(ts) FROM
             (SELECT ts FROM _fusion_deletions WHERE ts <= ? ORDER BY ts, part LIMIT ?)",
        )?
        .query_row(params![ts as i64, FORGOTTEN_PARTS], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let Some(last) = last else { return Ok(false) };
    raise_floor(&tx, last)?;
    // Also those that a timestamp has beyond the limit.
    tx.prepare_cached("DELETE FROM _fusion_deletions WHERE ts <= ?")?.execute([last])?;
    tx.commit()?;
    Ok(parts == FORGOTTEN_PARTS)
}

/// How far a reader is.
pub(super) struct Reading {
    after: u64,
    /// The key of the last part.
    part: (i64, i64),
}

/// A part: its key and its bytes.
type Part = (i64, i64, Vec<u8>);

impl Reading {
    /// At the beginning of what comes after a timestamp.
    pub(super) fn after(after: u64) -> Self {
        Self { after, part: (i64::try_from(after).unwrap_or(i64::MAX), i64::MAX) }
    }

    /// Hands on what a part has; `false` if nobody wants more.
    pub(super) fn take(
        &mut self,
        (ts, part, bytes): &Part,
        each: &mut dyn FnMut(Deletion) -> bool,
    ) -> Result<bool, StoreError> {
        self.part = (*ts, *part);
        let mut rest = &bytes[..];
        while !rest.is_empty() {
            let deletion = decode(&mut rest).ok_or_else(|| {
                StoreError::Fatal("A record of deletions in the data file is damaged.".to_owned())
            })?;
            if deletion.ts > self.after && !each(deletion) {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// The next part that a reader wants.
pub(super) fn next_part(connection: &Connection, reading: &Reading) -> rusqlite::Result<Option<Part>> {
    connection
        .prepare_cached(
            "SELECT ts, part, body FROM _fusion_deletions WHERE (ts, part) > (?, ?) ORDER BY ts, part LIMIT 1",
        )?
        .query_row([reading.part.0, reading.part.1], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .optional()
}

fn encode(deletion: &Deletion, out: &mut Vec<u8>) {
    out.extend_from_slice(&deletion.ts.to_le_bytes());
    for text in [&deletion.component, &deletion.table] {
        out.extend_from_slice(&(text.len() as u32).to_le_bytes());
        out.extend_from_slice(text.as_bytes());
    }
    out.extend_from_slice(&deletion.number.to_le_bytes());
    out.extend_from_slice(&(deletion.ids.len() as u32).to_le_bytes());
    deletion.ids.iter().for_each(|id| out.extend_from_slice(id));
}

fn take<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    let (found, rest) = bytes.split_first_chunk::<N>()?;
    *bytes = rest;
    Some(*found)
}

fn decode(bytes: &mut &[u8]) -> Option<Deletion> {
    let ts = u64::from_le_bytes(take(bytes)?);
    let mut text = || -> Option<Arc<str>> {
        let length = u32::from_le_bytes(take(bytes)?) as usize;
        let (text, rest) = bytes.split_at_checked(length)?;
        *bytes = rest;
        std::str::from_utf8(text).ok().map(Arc::from)
    };
    let (component, table) = (text()?, text()?);
    let number = u32::from_le_bytes(take(bytes)?);
    let count = u32::from_le_bytes(take(bytes)?);
    let ids = (0..count).map(|_| take(bytes)).collect::<Option<_>>()?;
    Some(Deletion { ts, component, table, number, ids })
}

#[cfg(test)]
mod tests {
    use super::super::super::{Durability, OpenedStore, StoreOptions};
    use super::super::open;
    use super::*;

    fn deletion(ts: u64, ids: usize) -> Deletion {
        let ids = (0..ids).map(|id| [id as u8; 16]).collect();
        Deletion { ts, component: "a/b".into(), table: "tasks".into(), number: 10_001, ids }
    }

    fn opened(folder: &std::path::Path) -> OpenedStore {
        open(&StoreOptions { folder: Some(folder.to_owned()), durability: Durability::Full }).unwrap()
    }

    fn told(opened: &OpenedStore, after: u64, most: usize) -> (u64, Vec<Deletion>) {
        let mut told = Vec::new();
        let floor = opened.reader.deletions(after, &mut |deletion| {
            told.push(deletion);
            told.len() < most
        });
        (floor.unwrap(), told)
    }

    #[test]
    fn deletions_are_told_in_order_from_any_timestamp_also_after_reopening() {
        let folder = tempfile::tempdir().unwrap();
        let mut first = opened(folder.path());
        let all: Vec<_> = [(3, 1), (5, 0), (5, 9), (8, 2), (9, 3)].map(|(ts, ids)| deletion(ts, ids)).into();
        let batch = |range: std::ops::Range<usize>, ts| Batch {
            deletions: all[range].to_vec(),
            ts,
            ..Batch::default()
        };
        first.store.write(&batch(0..3, 6)).unwrap();
        first.store.write(&batch(3..5, 9)).unwrap();
        for reopened in [false, true] {
            if reopened {
                drop(first);
                first = opened(folder.path());
            }
            for after in 0..10 {
                let expected: Vec<_> = all.iter().filter(|deletion| deletion.ts > after).cloned().collect();
                assert_eq!(told(&first, after, usize::MAX), (0, expected), "after {after}");
            }
            assert_eq!(told(&first, 0, 2).1, all[..2]);
        }
    }

    #[test]
    fn what_is_forgotten_raises_the_floor() {
        let folder = tempfile::tempdir().unwrap();
        let mut first = opened(folder.path());
        for ts in 1..=9 {
            first.store.write(&Batch { deletions: vec![deletion(ts, 1)], ts, ..Batch::default() }).unwrap();
        }
        assert!(!first.store.forget_deletions(4).unwrap());
        assert!(!first.store.forget_deletions(2).unwrap());
        let (floor, left) = told(&first, 0, usize::MAX);
        assert_eq!((floor, left.len(), left[0].ts), (4, 5, 5));
        assert!(!first.store.forget_deletions(4).unwrap());
        first.store.write(&Batch { deletions_floor: Some(10), ts: 10, ..Batch::default() }).unwrap();
        assert_eq!(told(&first, 0, 1).0, 10);
    }

    #[test]
    fn where_nothing_was_deleted_nothing_is_forgotten() {
        let folder = tempfile::tempdir().unwrap();
        let mut first = opened(folder.path());
        first.store.write(&Batch { ts: 7, ..Batch::default() }).unwrap();
        assert!(!first.store.forget_deletions(6).unwrap());
        assert_eq!(told(&first, 0, 1), (0, Vec::new()));
        first.store.write(&Batch { deletions: vec![deletion(8, 1)], ts: 8, ..Batch::default() }).unwrap();
        assert!(!first.store.forget_deletions(20).unwrap());
        assert_eq!(told(&first, 0, 1), (8, Vec::new()));
    }

    #[test]
    fn of_a_file_of_an_older_program_no_deletion_is_known() {
        let folder = tempfile::tempdir().unwrap();
        let mut first = opened(folder.path());
        first.store.write(&Batch { ts: 7, ..Batch::default() }).unwrap();
        drop(first);
        let file = Connection::open(folder.path().join(super::super::FILE_NAME)).unwrap();
        file.execute_batch("PRAGMA user_version=1; DROP TABLE _fusion_deletions").unwrap();
        drop(file);
        assert_eq!(told(&opened(folder.path()), 0, 1), (7, Vec::new()));
    }
}
