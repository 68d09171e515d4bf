//! Rows that are written ahead of the commit from which on they count, and tables on their way out.
//!
//! A row of `_fusion_staged` tells what does not count: a range of slots in a table, or (without a last slot) a
//! whole table. It is written together with the rows it speaks of, and removed together with the batch that makes
//! them count, so whatever a crash leaves behind is known when the file is opened again.

use rusqlite::{Connection, OptionalExtension, params};

use super::super::{Batch, StagedRows, TableId};
use super::{SqliteStore, make_table, set_synchronous};

/// Rows removed at once, so that no commit waits for long.
const REMOVED_ROWS: i64 = 4096;

/// Removes what does not count; gives the tables that are gone.
pub(super) fn clean(connection: &Connection) -> rusqlite::Result<Vec<TableId>> {
    let mut statement = connection.prepare("SELECT table_id, first, last FROM _fusion_staged")?;
    let ranges: Vec<(u32, i64, Option<i64>)> = statement
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
        .collect::<rusqlite::Result<_>>()?;
    let mut dropped = Vec::new();
    if ranges.is_empty() {
        return Ok(dropped);
    }
    let tx = connection.unchecked_transaction()?;
    for (table, first, last) in ranges {
        match last {
            None => {
                tx.execute_batch(&format!("DROP TABLE IF EXISTS _fusion_t{table}"))?;
                dropped.push(TableId(table));
            }
            Some(last) if !dropped.contains(&TableId(table)) => {
                make_table(&tx, TableId(table))?;
                tx.execute(
                    &format!("DELETE FROM _fusion_t{table} WHERE slot BETWEEN ? AND ?"),
                    params![first, last],
                )?;
            }
            Some(_) => {}
        }
    }
    tx.execute("DELETE FROM _fusion_staged", [])?;
    tx.commit()?;
    Ok(dropped)
}

/// Brings into effect what a batch says of stagings and tables.
pub(super) fn settle(tx: &rusqlite::Transaction<'_>, batch: &Batch) -> rusqlite::Result<()> {
    for staging in &batch.adopted {
        tx.execute("DELETE FROM _fusion_staged WHERE staging = ?", [*staging as i64])?;
    }
    for table in &batch.retired {
        mark(tx, batch.ts as i64, *table, 0, None)?;
    }
    Ok(())
}

fn mark(
    tx: &rusqlite::Transaction<'_>,
    staging: i64,
    table: TableId,
    first: i64,
    last: Option<i64>,
) -> rusqlite::Result<()> {
    tx.prepare_cached("REPLACE INTO _fusion_staged(staging, table_id, first, last) VALUES(?,?,?,?)")?
        .execute(params![staging, table.0, first, last])
        .map(drop)
}

impl SqliteStore {
    pub(super) fn stage_rows(&mut self, staged: &StagedRows) -> rusqlite::Result<()> {
        let (Some(first), Some(last)) = (staged.rows.first(), staged.rows.last()) else { return Ok(()) };
        if self.fully_synchronous {
            // What is written here counts with a later batch, whose fsync takes it along.
            set_synchronous(&self.connection, false)?;
            self.fully_synchronous = false;
        }
        let tx = self.connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
        let table = staged.table;
        make_table(&tx, table)?;
        let staging = staged.staging as i64;
        if staged.is_whole_table {
            mark(&tx, staging, table, 0, None)?;
        } else {
            mark(&tx, staging, table, first.slot as i64, Some(last.slot as i64))?;
        }
        {
            let mut insert = tx.prepare_cached(&format!(
                "INSERT INTO _fusion_t{}(slot, id, ts, creation_time, body) VALUES(?,?,?,?,?)",
                table.0
            ))?;
            for row in &staged.rows {
                insert.execute(params![
                    row.slot as i64,
                    &row.id[..],
                    row.ts as i64,
                    row.creation_time,
                    &*row.body
                ])?;
            }
        }
        tx.commit()?;
        self.known_tables.insert(table);
        self.warm = true;
        Ok(())
    }

    pub(super) fn discard_some(&mut self, staging: u64) -> rusqlite::Result<bool> {
        let found: Option<(u32, i64, Option<i64>)> = self
            .connection
            .prepare_cached("SELECT table_id, first, last FROM _fusion_staged WHERE staging = ? LIMIT 1")?
            .query_row([staging as i64], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
            .optional()?;
        let Some((table, first, last)) = found else { return Ok(false) };
        let Some(last) = last else { return self.drop_some(TableId(table)).map(|_| true) };
        let tx = self.connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
        tx.execute(
            &format!("DELETE FROM _fusion_t{table} WHERE slot BETWEEN ? AND ?"),
            params![first, last],
        )?;
        tx.execute(
            "DELETE FROM _fusion_staged WHERE staging = ? AND table_id = ? AND first = ?",
            params![staging as i64, table, first],
        )?;
        tx.commit()?;
        Ok(true)
    }

    pub(super) fn drop_some(&mut self, table: TableId) -> rusqlite::Result<bool> {
        let folding = self.folding.changes.iter().skip(self.folding.done);
        if self.changes.concern(table) || folding.into_iter().any(|(of, _)| *of == table) {
            // First the journal's changes to it must find their rows.
            self.fold_some()?;
            return Ok(true);
        }
        let tx = self.connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
        make_table(&tx, table)?;
        let name = format!("_fusion_t{}", table.0);
        let removed = tx.execute(
            &format!("DELETE FROM {name} WHERE slot IN (SELECT slot FROM {name} LIMIT ?)"),
            [REMOVED_ROWS],
        )?;
        let has_more = removed as i64 == REMOVED_ROWS;
        if !has_more {
            tx.execute_batch(&format!("DROP TABLE {name}"))?;
            tx.execute("DELETE FROM _fusion_staged WHERE table_id = ?", [table.0])?;
        }
        tx.commit()?;
        if !has_more {
            self.known_tables.remove(&table);
        }
        Ok(has_more)
    }
}
