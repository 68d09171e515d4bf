//! The journal: how a batch becomes durable without touching the rows it changes.
//!
//! Rows lie where they were inserted, so a batch of updates touches about as many pages as it has rows, each to be
//! written twice (log and file). Instead a batch is one new row of `_fusion_journal`, a few adjacent pages, and
//! the rows are *folded* in later: only the last version of each, in order of their place, a part with each
//! further batch. At start-up the journal is played again over the rows.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use super::super::{Row, RowChange, StoreError, TableId};
use crate::clock::Moment;

/// Bytes of changes after which folding begins.
pub(super) const FOLD_BYTES: usize = 32 << 20;
/// Age of the oldest change after which folding begins: how far the SQL views may lag under load.
pub(super) const FOLD_AGE: Duration = Duration::from_secs(2);
/// Bytes after which a batch goes on in another row of the journal; one change more may exceed it.
const PART_BYTES: usize = if cfg!(test) { 64 } else { 4 << 20 };
/// Rows folded along with one batch.
pub(super) const FOLD_ROWS: usize = 4096;

const INSERT: u8 = 0;
const UPDATE: u8 = 1;
const DELETE: u8 = 2;

/// Changes by the row they concern; of several to one row the net effect.
#[derive(Debug, Default)]
pub(super) struct Changes {
    rows: HashMap<(TableId, u64), RowChange>,
    /// Bytes of the batches they came from.
    pub(super) bytes: usize,
    /// When the oldest came.
    pub(super) since: Option<Moment>,
    /// The last batch among them.
    pub(super) ts: u64,
}

impl Changes {
    pub(super) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Whether they should be folded although there is other work.
    pub(super) fn are_due(&self) -> bool {
        self.bytes >= FOLD_BYTES || self.since.is_some_and(|since| since.elapsed() >= FOLD_AGE)
    }

    pub(super) fn add(&mut self, table: TableId, change: RowChange) {
        let key = (table, change.slot());
        let change = match (self.rows.remove(&key), change) {
            // The row itself is not there yet.
            (Some(RowChange::Insert(_)), RowChange::Update(row)) => RowChange::Insert(row),
            (_, change) => change,
        };
        self.rows.insert(key, change);
    }

    pub(super) fn add_batch(&mut self, changes: &[(TableId, RowChange)], bytes: usize, ts: u64) {
        for (table, change) in changes {
            self.add(*table, change.clone());
        }
        self.bytes += bytes;
        self.ts = ts;
        self.since.get_or_insert_with(Moment::now);
    }

    /// Whether one of them is to a table.
    pub(super) fn concern(&self, table: TableId) -> bool {
        self.rows.keys().any(|(of, _)| *of == table)
    }

    /// Leaves out what concerns tables that are gone.
    pub(super) fn forget_tables(&mut self, gone: &[TableId]) {
        if !gone.is_empty() {
            self.rows.retain(|(table, _), _| !gone.contains(table));
        }
    }

    /// The changes in the order of the rows' places.
    pub(super) fn into_sorted(self) -> Vec<(TableId, RowChange)> {
        let mut rows: Vec<_> = self.rows.into_iter().collect();
        rows.sort_unstable_by_key(|(key, _)| *key);
        rows.into_iter().map(|((table, _), change)| (table, change)).collect()
    }

    /// What becomes of loaded rows, which are in the order of their slots.
    pub(super) fn apply(&self, tables: &mut Vec<(TableId, Vec<Row>)>) {
        let mut by_table: HashMap<TableId, HashMap<u64, &RowChange>> = HashMap::new();
        for ((table, slot), change) in &self.rows {
            by_table.entry(*table).or_default().insert(*slot, change);
        }
        for (table, mut changes) in by_table {
            let position = tables.iter().position(|(found, _)| *found == table).unwrap_or_else(|| {
                tables.push((table, Vec::new()));
                tables.len() - 1
            });
            let rows = &mut tables[position].1;
            rows.retain_mut(|row| match changes.remove(&row.slot) {
                None => true,
                Some(RowChange::Insert(new) | RowChange::Update(new)) => {
                    *row = new.clone();
                    true
                }
                Some(RowChange::Delete { .. }) => false,
            });
            rows.extend(changes.into_values().filter_map(|change| match change {
                RowChange::Insert(row) | RowChange::Update(row) => Some(row.clone()),
                RowChange::Delete { .. } => None,
            }));
            rows.sort_unstable_by_key(|row| row.slot);
        }
    }
}

/// The bytes of a batch's changes, in parts that SQLite takes.
pub(super) fn encode(changes: &[(TableId, RowChange)]) -> Vec<Vec<u8>> {
    let mut parts = Vec::new();
    let mut part = Vec::new();
    for (table, change) in changes {
        if part.len() >= PART_BYTES {
            parts.push(std::mem::take(&mut part));
        }
        encode_change(*table, change, &mut part);
    }
    if !part.is_empty() {
        parts.push(part);
    }
    parts
}

fn encode_change(table: TableId, change: &RowChange, out: &mut Vec<u8>) {
    out.push(match change {
        RowChange::Insert(_) => INSERT,
        RowChange::Update(_) => UPDATE,
        RowChange::Delete { .. } => DELETE,
    });
    out.extend_from_slice(&table.0.to_le_bytes());
    out.extend_from_slice(&change.slot().to_le_bytes());
    if let Some(row) = change.row() {
        out.extend_from_slice(&row.id);
        out.extend_from_slice(&row.ts.to_le_bytes());
        out.extend_from_slice(&row.creation_time.to_bits().to_le_bytes());
        // Documents are far below 4 GiB.
        out.extend_from_slice(&(row.body.len() as u32).to_le_bytes());
        out.extend_from_slice(row.body.as_bytes());
    }
}

/// The changes in a batch's bytes.
pub(super) fn decode(bytes: &[u8]) -> Result<Vec<(TableId, RowChange)>, StoreError> {
    let mut reader = Reader(bytes);
    let mut changes = Vec::new();
    while !reader.0.is_empty() {
        let change = reader.change();
        changes.push(change.ok_or_else(|| {
            StoreError::Unusable(
                "The journal in the data file is damaged. Restore the file from a backup.".to_owned(),
            )
        })?);
    }
    Ok(changes)
}

struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (bytes, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*bytes)
    }

    fn change(&mut self) -> Option<(TableId, RowChange)> {
        let [tag] = self.take()?;
        let table = TableId(u32::from_le_bytes(self.take()?));
        let slot = u64::from_le_bytes(self.take()?);
        if tag == DELETE {
            return Some((table, RowChange::Delete { slot }));
        }
        let id = self.take()?;
        let ts = u64::from_le_bytes(self.take()?);
        let creation_time = f64::from_bits(u64::from_le_bytes(self.take()?));
        let length = u32::from_le_bytes(self.take()?) as usize;
        let (body, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        let body: Arc<str> = std::str::from_utf8(body).ok()?.into();
        let row = Row { slot, id, ts, creation_time, body };
        match tag {
            INSERT => Some((table, RowChange::Insert(row))),
            UPDATE => Some((table, RowChange::Update(row))),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(slot: u64, ts: u64, body: &str) -> Row {
        Row { slot, id: [slot as u8; 16], ts, creation_time: 0.5, body: body.into() }
    }

    fn batch() -> Vec<(TableId, RowChange)> {
        vec![
            (TableId(7), RowChange::Insert(row(3, 1, "{}"))),
            (TableId(7), RowChange::Update(row(3, 2, "[\"ü\"]"))),
            (TableId(7), RowChange::Update(row(1, 2, "1"))),
            (TableId(8), RowChange::Delete { slot: 9 }),
        ]
    }

    #[test]
    fn bytes_hold_everything_and_damage_is_noticed() {
        let parts = encode(&batch());
        assert!(parts.len() > 1);
        let bytes = parts.concat();
        assert_eq!(format!("{:?}", decode(&bytes).unwrap()), format!("{:?}", batch()));
        for end in 1..bytes.len() {
            if let Ok(changes) = decode(&bytes[..end]) {
                assert!(changes.len() < batch().len(), "cut at {end}");
            }
        }
        assert!(decode(&[9; 60]).is_err());
    }

    #[test]
    fn a_row_is_inserted_once_in_its_last_version_and_in_place() {
        let mut changes = Changes::default();
        changes.add_batch(&batch(), 1, 2);
        let sorted = changes.into_sorted();
        let shown: Vec<String> = sorted
            .iter()
            .map(|(table, change)| match change {
                RowChange::Insert(row) => format!("{} insert {} {}", table.0, row.slot, row.body),
                RowChange::Update(row) => format!("{} update {} {}", table.0, row.slot, row.body),
                RowChange::Delete { slot } => format!("{} delete {slot}", table.0),
            })
            .collect();
        assert_eq!(shown, ["7 update 1 1", "7 insert 3 [\"ü\"]", "8 delete 9"]);
    }

    #[test]
    fn playing_again_brings_loaded_rows_up_to_date() {
        let mut changes = Changes::default();
        changes.add_batch(&batch(), 1, 2);
        let mut tables =
            vec![(TableId(7), vec![row(1, 1, "0"), row(2, 1, "2")]), (TableId(8), vec![row(9, 1, "")])];
        changes.apply(&mut tables);
        let bodies =
            |position: usize| -> Vec<&str> { tables[position].1.iter().map(|row| &*row.body).collect() };
        assert_eq!(bodies(0), ["1", "2", "[\"ü\"]"]);
        assert!(bodies(1).is_empty());
    }
}
