//! The thread that keeps attached indexes in good shape: what commits left to be done, so as not to wait for it, is done
//! here beside the running database.

use std::path::PathBuf;
use std::sync::{Arc, Weak};
use std::time::Duration;

use crate::database::committer::Committer;
use crate::database::search::Saver;
use crate::database::snapshot::State;
use crate::store::TableId;

/// How often indexes are looked at.
const INTERVAL: Duration = Duration::from_millis(if cfg!(test) { 1 } else { 100 });

/// Starts the thread, which leaves files in the data folder, if there is one. Nobody waits for it: it ends by itself
/// after the committer did.
pub(in crate::database) fn start(
    committer: &Arc<Committer>,
    data_folder: Option<PathBuf>,
) -> std::io::Result<()> {
    let saver = data_folder.map(|folder| Saver::new(&folder, &committer.published.load()));
    let committer = Arc::downgrade(committer);
    std::thread::Builder::new().name("index-keeper".to_owned()).spawn(move || run(&committer, saver))?;
    Ok(())
}

fn run(committer: &Weak<Committer>, mut saver: Option<Saver>) {
    let mut is_unpublished = false;
    loop {
        std::thread::sleep(INTERVAL);
        // While there is work, more of it comes.
        loop {
            let Some(committer) = committer.upgrade() else { return };
            if committer.is_stopping() {
                return;
            }
            if look(&committer) {
                is_unpublished = true;
                continue;
            }
            is_unpublished = is_unpublished && !committer.publish_head();
            if let Some(saver) = &mut saver {
                saver.save(&committer.published.load());
            }
            break;
        }
    }
}

/// Sees to the first index that needs it; `false` if none does, or it could not be helped.
fn look(committer: &Committer) -> bool {
    let state = committer.begin().0;
    let Some((table, slot)) = first_in_need(&state) else { return false };
    let Some(before) = state.tables.get(&table).and_then(|table| table.attached(slot)) else { return false };
    let improved = match before.improved() {
        Ok(improved) => improved,
        Err(error) => {
            tracing::error!(%error, "an index could not be brought into better shape; it goes on as it is");
            return false;
        }
    };
    let mut head = committer.head.lock();
    if head.snapshot.epoch != state.epoch {
        return true;
    }
    let Some(current) = Arc::make_mut(&mut head.snapshot).tables.get_mut(&table) else { return true };
    if let Some((_, index)) = Arc::make_mut(current).attached.iter_mut().find(|(found, _)| *found == slot) {
        index.install(before, improved);
    }
    true
}

fn first_in_need(state: &State) -> Option<(TableId, u16)> {
    state.tables.iter().find_map(|(table, content)| {
        let (slot, _) = content.attached.iter().find(|(_, index)| index.needs_work())?;
        Some((*table, *slot))
    })
}
