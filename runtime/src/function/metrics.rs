//! [`FunctionMetrics`]: counters of each function since the start.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::RwLock;

use super::app_counters::AppCounters;
use super::path::FunctionPath;

/// Upper bounds of the latency buckets, in microseconds; the last bucket has none.
pub const LATENCY_BUCKETS_US: [u64; 13] =
    [50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 100_000, 500_000, 2_500_000, 10_000_000];

/// Counters of one function.
#[derive(Debug, Default)]
pub struct FunctionMetrics {
    /// Runs, re-runs not counted.
    pub calls: AtomicU64,
    /// Runs that gave an error.
    pub errors: AtomicU64,
    /// Calls that were answered without a run.
    pub cache_hits: AtomicU64,
    /// Time of all runs, in microseconds.
    pub latency_total_us: AtomicU64,
    /// Runs by their time, see [`LATENCY_BUCKETS_US`].
    pub latency: [AtomicU64; LATENCY_BUCKETS_US.len() + 1],
}

impl FunctionMetrics {
    /// Counts a run.
    pub fn record(&self, latency: Duration, failed: bool) {
        let us = u64::try_from(latency.as_micros()).unwrap_or(u64::MAX);
        let bucket = LATENCY_BUCKETS_US.partition_point(|bound| *bound < us);
        self.latency[bucket].fetch_add(1, Ordering::Relaxed);
        self.latency_total_us.fetch_add(us, Ordering::Relaxed);
        self.calls.fetch_add(1, Ordering::Relaxed);
        if failed {
            self.errors.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Counts an answer without a run.
    pub fn record_cache_hit(&self) {
        self.cache_hits.fetch_add(1, Ordering::Relaxed);
    }
}

/// The counters of all functions that ever ran.
#[derive(Debug, Default)]
pub struct MetricsByFunction {
    functions: RwLock<HashMap<FunctionPath, Arc<FunctionMetrics>>>,
    reruns: AtomicU64,
    app: AppCounters,
}

impl MetricsByFunction {
    /// What the application counts about itself.
    pub const fn app(&self) -> &AppCounters {
        &self.app
    }

    /// A function's counters. Call it for functions that exist only, so that callers cannot make it grow.
    pub fn of(&self, path: &FunctionPath) -> Arc<FunctionMetrics> {
        if let Some(metrics) = self.functions.read().get(path) {
            return metrics.clone();
        }
        self.functions.write().entry(path.clone()).or_default().clone()
    }

    /// Counts a transaction that lost against a concurrent one and is run again.
    pub(super) fn count_rerun(&self) {
        self.reruns.fetch_add(1, Ordering::Relaxed);
    }

    /// Transactions that lost against a concurrent one and were run again.
    pub fn reruns(&self) -> u64 {
        self.reruns.load(Ordering::Relaxed)
    }

    /// All counters, in no order.
    pub fn all(&self) -> Vec<(FunctionPath, Arc<FunctionMetrics>)> {
        self.functions.read().iter().map(|(path, metrics)| (path.clone(), metrics.clone())).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_fall_into_the_bucket_of_their_time() {
        let all = MetricsByFunction::default();
        let path = FunctionPath::parse("a:b").unwrap();
        all.of(&path).record(Duration::from_micros(50), false);
        all.of(&path).record(Duration::from_micros(51), true);
        all.of(&path).record(Duration::from_secs(60), false);
        let metrics = all.of(&path);
        assert_eq!(metrics.latency[0].load(Ordering::Relaxed), 1);
        assert_eq!(metrics.latency[1].load(Ordering::Relaxed), 1);
        assert_eq!(metrics.latency[LATENCY_BUCKETS_US.len()].load(Ordering::Relaxed), 1);
        assert_eq!(metrics.errors.load(Ordering::Relaxed), 1);
        assert_eq!(all.all().len(), 1);
    }
}
