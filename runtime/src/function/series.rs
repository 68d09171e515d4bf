//! [`Series`]: what happened in the last hour, ten seconds at a time, in memory of a fixed size.
//!
//! A slot exists only for times at which something happened, so what is quiet costs nothing. Deliberately absent: what
//! the counters mean ([`super::metrics`]), and anything that survives a restart.

use std::collections::VecDeque;

use parking_lot::Mutex;

/// Milliseconds of a slot.
pub const SLOT_MS: f64 = 10_000.0;
/// Slots that are kept: an hour and a little, so that charts of an hour have no torn edge.
pub const SLOTS_MAX: usize = 366;

/// `N` counters over time.
#[derive(Debug)]
pub struct Series<const N: usize> {
    slots: Mutex<VecDeque<Slot<N>>>,
}

#[derive(Clone, Copy, Debug)]
struct Slot<const N: usize> {
    /// Its time since the epoch in lengths of a slot.
    number: u32,
    counts: [u32; N],
}

impl<const N: usize> Default for Series<N> {
    fn default() -> Self {
        Self { slots: Mutex::new(VecDeque::new()) }
    }
}

impl<const N: usize> Series<N> {
    /// Changes the counters of the present time.
    pub fn update(&self, now_ms: f64, change: impl FnOnce(&mut [u32; N])) {
        let number = (now_ms / SLOT_MS) as u32;
        let mut slots = self.slots.lock();
        // What a clock that was set back says belongs to the latest slot.
        if slots.back().is_none_or(|last| last.number < number) {
            let first = number.saturating_sub(SLOTS_MAX as u32 - 1);
            while slots.front().is_some_and(|slot| slot.number < first) {
                slots.pop_front();
            }
            slots.push_back(Slot { number, counts: [0; N] });
        }
        if let Some(slot) = slots.back_mut() {
            change(&mut slot.counts);
        }
    }

    /// The counters of the slots that begin in the given time, each with the milliseconds at which it begins.
    pub fn between(&self, start_ms: f64, end_ms: f64) -> Vec<(f64, [u32; N])> {
        let slots = self.slots.lock();
        let shown = slots.iter().map(|slot| (f64::from(slot.number) * SLOT_MS, slot.counts));
        shown.filter(|(at, _)| *at >= start_ms && *at < end_ms).collect()
    }
}

/// Adds to a counter, which stops at its end.
pub const fn add(count: &mut u32, amount: u64) {
    let amount = if amount > u32::MAX as u64 { u32::MAX } else { amount as u32 };
    *count = count.saturating_add(amount);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_lie_where_they_happened() {
        let series = Series::<2>::default();
        for at in [100_000.0, 109_999.0, 110_000.0, 150_000.0, 120_000.0] {
            series.update(at, |counts| add(&mut counts[1], 1));
        }
        let shown = |start, end| -> Vec<(f64, u32)> {
            series.between(start, end).into_iter().map(|(at, counts)| (at, counts[1])).collect()
        };
        assert_eq!(shown(0.0, 1e9), [(100_000.0, 2), (110_000.0, 1), (150_000.0, 2)]);
        assert_eq!(shown(105_000.0, 150_000.0), [(110_000.0, 1)]);
    }

    #[test]
    fn an_hour_is_kept_and_no_more() {
        let series = Series::<1>::default();
        for slot in 0..10_000 {
            series.update(f64::from(slot) * SLOT_MS, |counts| add(&mut counts[0], u64::MAX));
        }
        let all = series.between(0.0, f64::MAX);
        assert_eq!((all.len(), all[0].0), (SLOTS_MAX, (10_000 - SLOTS_MAX) as f64 * SLOT_MS));
        series.update(1e9, |counts| add(&mut counts[0], 1));
        assert_eq!(series.between(0.0, f64::MAX).len(), 1);
        assert_eq!(all[3].1, [u32::MAX]);
    }
}
