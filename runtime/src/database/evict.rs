//! The evictor's thread keeps memory in bounds: it lets go of document bodies when they exceed the memory budget.
//!
//! A clock hand walks over the published documents, table by table; a body read since the last visit stays
//! (second chance), any other goes, provided that the store can give it back. Keys always stay in memory.

use std::ops::Bound;
use std::sync::{Arc, Weak};
use std::time::Duration;

use fusion_schema::id::InternalId;

use super::committer::Committer;
use super::compact::Compactor;
use super::document::resident_bytes;
use super::snapshot::{State, Timestamp};
use super::vector::VectorIndexes;
use crate::memory;
use crate::store::TableId;

/// How often the budget is looked at.
const INTERVAL: Duration = Duration::from_millis(250);
/// After how many intervals tables are looked at for compaction.
const TICKS_PER_COMPACTION: u32 = 4;
/// Documents visited between two looks at whether the process wants to stop.
const STEP: usize = 4096;
/// Share of the budget down to which bodies go, so that eviction does not run all the time.
const TARGET_PERCENT: usize = 90;

/// Where the hand stands.
type Hand = Option<(TableId, InternalId)>;

/// Starts the evictor's thread. Nobody waits for it: it ends by itself after the committer did.
pub(super) fn start(
    committer: &Arc<Committer>,
    vectors: &Arc<VectorIndexes>,
    budget: usize,
) -> std::io::Result<()> {
    let (committer, vectors) = (Arc::downgrade(committer), Arc::downgrade(vectors));
    let thread = std::thread::Builder::new().name("evictor".to_owned());
    thread.spawn(move || run(&committer, &vectors, budget))?;
    Ok(())
}

fn run(committer: &Weak<Committer>, vectors: &Weak<VectorIndexes>, budget: usize) {
    let mut hand = None;
    let mut compactor = committer.upgrade().map(|committer| Compactor::new(&committer)).unwrap_or_default();
    let mut ticks = 0_u32;
    loop {
        std::thread::sleep(INTERVAL);
        let Some(committer) = committer.upgrade() else { return };
        if committer.is_stopping() {
            return;
        }
        ticks = ticks.wrapping_add(1);
        if ticks.is_multiple_of(TICKS_PER_COMPACTION) && compactor.look(&committer) {
            memory::give_back();
        }
        // What vector indexes need is taken from the bodies' share, but not all of it.
        let of_vectors = vectors.upgrade().map_or(0, |vectors| vectors.memory());
        let budget = budget.saturating_sub(of_vectors).max(budget / 4);
        if resident_bytes() <= budget {
            continue;
        }
        let target = budget / 100 * TARGET_PERCENT;
        let state = committer.published.load_full();
        let documents: usize = state.tables.values().map(|table| table.documents.len()).sum();
        // Two rounds: the first may only take second chances away.
        let mut visits = 2 * documents / STEP + 2;
        while resident_bytes() > target && visits > 0 && !committer.is_stopping() {
            hand = step(&state, hand, committer.settled());
            visits -= 1;
        }
    }
}

/// Visits the next documents and gives the new position; `None` is the beginning.
fn step(state: &State, hand: Hand, settled: Timestamp) -> Hand {
    let (mut table, mut after) = match hand {
        Some((table, id)) => (table, Bound::Excluded(id)),
        None => (TableId(0), Bound::Unbounded),
    };
    let mut left = STEP;
    loop {
        if let Some(state) = state.tables.get(&table) {
            for (id, entry) in state.documents.range((after, Bound::Unbounded)) {
                if entry.ts() <= settled {
                    entry.evict();
                }
                left -= 1;
                if left == 0 {
                    return Some((table, *id));
                }
            }
        }
        table = *state.tables.range((Bound::Excluded(table), Bound::Unbounded)).next()?.0;
        after = Bound::Unbounded;
    }
}
