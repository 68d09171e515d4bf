//! [`ordered`]: work spread over the processors whose results come out in the order in which the work went in.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::sync_channel;

use parking_lot::Mutex;

use crate::{Error, Result};

/// Pieces of work under way: what bounds the memory.
const UNDER_WAY_MAX: usize = 8;

/// Takes pieces from `next` on the calling thread, works on several of them at once, and hands the results to `sink` in
/// order. Of several errors the first one in order is given.
pub(super) fn ordered<B: Send, T: Send>(
    mut next: impl FnMut() -> Result<Option<B>>,
    work: impl Fn(B) -> Result<T> + Sync,
    mut sink: impl FnMut(T) -> Result<()> + Send,
) -> Result<()> {
    let threads = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
    std::thread::scope(|scope| {
        let (pieces, waiting) = sync_channel::<(u64, B)>(UNDER_WAY_MAX);
        let waiting = Arc::new(Mutex::new(waiting));
        let (results, worked) = sync_channel::<(u64, Result<T>)>(UNDER_WAY_MAX);
        let (places, freed) = sync_channel::<()>(UNDER_WAY_MAX);
        let work = &work;
        for _ in 0..threads {
            let (waiting, results) = (waiting.clone(), results.clone());
            scope.spawn(move || {
                loop {
                    let piece = waiting.lock().recv();
                    let Ok((number, piece)) = piece else { return };
                    if results.send((number, work(piece))).is_err() {
                        return;
                    }
                }
            });
        }
        drop((waiting, results));
        let sinking = scope.spawn(move || -> Result<()> {
            let mut early = BTreeMap::new();
            let mut wanted = 0;
            for (number, result) in worked {
                early.insert(number, result);
                while let Some(result) = early.remove(&wanted) {
                    sink(result?)?;
                    wanted += 1;
                    // There is one for every piece under way.
                    let _ = freed.recv();
                }
            }
            Ok(())
        });
        let mut failed = None;
        let mut number = 0;
        // Without a sink there is no place either.
        while places.send(()).is_ok() {
            match next() {
                Ok(Some(piece)) => {
                    if pieces.send((number, piece)).is_err() {
                        break;
                    }
                    number += 1;
                }
                Ok(None) => break,
                Err(error) => {
                    failed = Some(error);
                    break;
                }
            }
        }
        drop(pieces);
        let sunk = sinking.join().unwrap_or_else(|_| Err(Error::internal("a thread of an import panicked")));
        sunk.and(failed.map_or(Ok(()), Err))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(fails_at: Option<u64>, stops_at: Option<u64>) -> Result<Vec<u64>> {
        let mut at = 0;
        let mut seen = Vec::new();
        let next = || {
            at += 1;
            if stops_at == Some(at) { Err(Error::function("stop")) } else { Ok((at <= 500).then_some(at)) }
        };
        let work = |n: u64| {
            if n.is_multiple_of(7) {
                std::thread::sleep(std::time::Duration::from_micros(200));
            }
            if fails_at.is_some_and(|at| n >= at) { Err(Error::function(n.to_string())) } else { Ok(n) }
        };
        ordered(next, work, |n| {
            seen.push(n);
            Ok(())
        })?;
        Ok(seen)
    }

    #[test]
    fn results_keep_their_order() {
        assert_eq!(count(None, None).unwrap(), (1..=500).collect::<Vec<_>>());
    }

    #[test]
    fn the_first_error_in_order_is_told() {
        assert_eq!(count(Some(350), None).unwrap_err().message(), "350");
        assert_eq!(count(None, Some(300)).unwrap_err().message(), "stop");
        assert_eq!(count(Some(100), Some(300)).unwrap_err().message(), "100");
    }

    #[test]
    fn a_sink_that_fails_ends_it() {
        let mut at = 0_u64;
        let next = || {
            at += 1;
            Ok(Some(at))
        };
        let result = ordered(next, Ok, |n| if n == 40 { Err(Error::function("full")) } else { Ok(()) });
        assert_eq!(result.unwrap_err().message(), "full");
    }
}
