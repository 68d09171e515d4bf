//! [`FunctionMetrics`]: counters of each function since the start, and over the last hour; the same of tables.
//!
//! The memory of what is kept over time is bounded: the functions and tables that come first have a series of their own,
//! the others share one.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::RwLock;

use super::app_counters::AppCounters;
use super::call::FunctionKind;
use super::path::FunctionPath;
use super::series::{Series, add};
use crate::database::{TableId, TransactionUse};

/// Upper bounds of the latency buckets, in microseconds; the last bucket has none.
pub const LATENCY_BUCKETS_US: [u64; 13] =
    [50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 100_000, 500_000, 2_500_000, 10_000_000];

/// Functions that have a series of their own.
pub const FUNCTION_SERIES_MAX: usize = 512;
/// Tables that have a series of their own.
pub const TABLE_SERIES_MAX: usize = 1_000;
/// Latency buckets of a series: the first ends at 32 microseconds, each of the others at twice the one before.
pub const SERIES_BUCKETS: usize = 24;

/// The end of a latency bucket of a series, in seconds.
pub fn series_bucket_end(bucket: usize) -> f64 {
    2_f64.powi(bucket as i32 + 5) / 1e6
}

/// What of a function is counted over time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FunctionCount {
    /// Runs.
    Runs,
    /// Runs that gave an error.
    Errors,
    /// Calls that were answered without a run.
    CacheHits,
    /// Runs of queries.
    CacheMisses,
    /// Runs because a commit touched what a subscription shows.
    Invalidations,
}

/// The counters of a function's series: those of [`FunctionCount`], then the latency buckets.
pub const FUNCTION_COUNTS: usize = 5 + SERIES_BUCKETS;
/// The series of a function.
pub type FunctionSeries = Series<FUNCTION_COUNTS>;
/// The series of a table: rows read, rows written.
pub type TableSeries = Series<2>;

/// Counters of one function.
#[derive(Debug, Default)]
pub struct FunctionMetrics {
    /// The last hour.
    series: Arc<FunctionSeries>,
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
    pub fn record(&self, now_ms: f64, kind: FunctionKind, latency: Duration, failed: bool) {
        let us = u64::try_from(latency.as_micros()).unwrap_or(u64::MAX);
        let bucket = LATENCY_BUCKETS_US.partition_point(|bound| *bound < us);
        self.latency[bucket].fetch_add(1, Ordering::Relaxed);
        self.latency_total_us.fetch_add(us, Ordering::Relaxed);
        self.calls.fetch_add(1, Ordering::Relaxed);
        if failed {
            self.errors.fetch_add(1, Ordering::Relaxed);
        }
        let bits = (u64::BITS - us.leading_zeros()) as usize;
        let bucket = bits.saturating_sub(5).min(SERIES_BUCKETS - 1);
        self.series.update(now_ms, |counts| {
            add(&mut counts[FunctionCount::Runs as usize], 1);
            add(&mut counts[FunctionCount::Errors as usize], u64::from(failed));
            add(&mut counts[FunctionCount::CacheMisses as usize], u64::from(kind == FunctionKind::Query));
            add(&mut counts[FUNCTION_COUNTS - SERIES_BUCKETS + bucket], 1);
        });
    }

    /// Counts an answer without a run.
    pub fn record_cache_hit(&self, now_ms: f64) {
        self.cache_hits.fetch_add(1, Ordering::Relaxed);
        self.series.update(now_ms, |counts| add(&mut counts[FunctionCount::CacheHits as usize], 1));
    }

    /// Counts a run that a commit made necessary.
    pub fn record_invalidation(&self, now_ms: f64) {
        self.series.update(now_ms, |counts| add(&mut counts[FunctionCount::Invalidations as usize], 1));
    }

    /// The last hour. Functions beyond [`FUNCTION_SERIES_MAX`] share one.
    pub const fn series(&self) -> &Arc<FunctionSeries> {
        &self.series
    }
}

/// What is counted of the deployment as a whole over the last hour.
#[derive(Debug, Default)]
pub struct DeploymentSeries {
    /// Milliseconds of runs that ended: queries, mutations, actions, HTTP actions.
    pub run_ms: Series<4>,
    /// The longest that a scheduled function waited after it was due, in milliseconds and one more.
    pub job_lag_ms: Series<1>,
}

/// The counters of all functions that ever ran.
#[derive(Debug)]
pub struct MetricsByFunction {
    started_ms: f64,
    functions: RwLock<HashMap<FunctionPath, Arc<FunctionMetrics>>>,
    /// What functions beyond the bound share.
    rest: Arc<FunctionSeries>,
    tables: RwLock<HashMap<TableId, Arc<TableSeries>>>,
    deployment: DeploymentSeries,
    reruns: AtomicU64,
    app: AppCounters,
}

impl MetricsByFunction {
    /// Counters that start at that time, in milliseconds since the epoch.
    pub fn new(started_ms: f64) -> Self {
        Self {
            started_ms,
            functions: RwLock::default(),
            rest: Arc::default(),
            tables: RwLock::default(),
            deployment: DeploymentSeries::default(),
            reruns: AtomicU64::default(),
            app: AppCounters::default(),
        }
    }

    /// When counting began, in milliseconds since the epoch.
    pub const fn started_ms(&self) -> f64 {
        self.started_ms
    }

    /// What the application counts about itself.
    pub const fn app(&self) -> &AppCounters {
        &self.app
    }

    /// The deployment as a whole.
    pub const fn deployment(&self) -> &DeploymentSeries {
        &self.deployment
    }

    /// A function's counters. Call it for functions that exist only, so that callers cannot make it grow.
    pub fn of(&self, path: &FunctionPath) -> Arc<FunctionMetrics> {
        if let Some(metrics) = self.known(path) {
            return metrics;
        }
        let mut functions = self.functions.write();
        let series = if functions.len() < FUNCTION_SERIES_MAX { Arc::default() } else { self.rest.clone() };
        let new = || Arc::new(FunctionMetrics { series, ..FunctionMetrics::default() });
        functions.entry(path.clone()).or_insert_with(new).clone()
    }

    /// The counters of a function that has been counted.
    pub fn known(&self, path: &FunctionPath) -> Option<Arc<FunctionMetrics>> {
        self.functions.read().get(path).cloned()
    }

    /// What functions without a series of their own have in common.
    pub const fn rest(&self) -> &Arc<FunctionSeries> {
        &self.rest
    }

    /// Notes how long a run took.
    pub(super) fn record_time(&self, now_ms: f64, kind: FunctionKind, duration: Duration) {
        let column = match kind {
            FunctionKind::Query => 0,
            FunctionKind::Mutation => 1,
            FunctionKind::Action => 2,
            FunctionKind::HttpAction => 3,
        };
        // Of runs shorter than a millisecond, as many count as it takes to fill one.
        let us = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        let ms = us.saturating_add(now_ms.to_bits() % 1_000) / 1_000;
        self.deployment.run_ms.update(now_ms, |counts| add(&mut counts[column], ms));
    }

    /// Notes how long a scheduled function waited after it was due.
    pub(crate) fn record_lag(&self, now_ms: f64, lag_ms: f64) {
        let lag = (lag_ms.max(0.0) as u32).saturating_add(1);
        self.deployment.job_lag_ms.update(now_ms, |counts| counts[0] = counts[0].max(lag));
    }

    /// Counts the rows that a transaction read and wrote.
    pub(super) fn record_rows(&self, now_ms: f64, used: &TransactionUse) {
        for rows in &used.rows {
            if rows.table.0 < fusion_schema::TableNumber::FIRST_USER.0 {
                continue;
            }
            let known = self.tables.read().get(&rows.table).cloned();
            let Some(series) = known.or_else(|| self.new_table(rows.table)) else { continue };
            series.update(now_ms, |counts| {
                add(&mut counts[0], rows.read as u64);
                add(&mut counts[1], rows.written as u64);
            });
        }
    }

    fn new_table(&self, table: TableId) -> Option<Arc<TableSeries>> {
        let mut tables = self.tables.write();
        (tables.len() < TABLE_SERIES_MAX).then(|| tables.entry(table).or_default().clone())
    }

    /// The rows of a table that were read and written; `None` if none were.
    pub fn table(&self, table: TableId) -> Option<Arc<TableSeries>> {
        self.tables.read().get(&table).cloned()
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

    fn path(text: &str) -> FunctionPath {
        FunctionPath::parse(text).unwrap()
    }

    #[test]
    fn runs_fall_into_the_bucket_of_their_time() {
        let all = MetricsByFunction::new(0.0);
        let path = path("a:b");
        for (us, failed) in [(50, false), (51, true), (60_000_000, false)] {
            all.of(&path).record(0.0, FunctionKind::Query, Duration::from_micros(us), failed);
        }
        let metrics = all.of(&path);
        assert_eq!(metrics.latency[0].load(Ordering::Relaxed), 1);
        assert_eq!(metrics.latency[1].load(Ordering::Relaxed), 1);
        assert_eq!(metrics.latency[LATENCY_BUCKETS_US.len()].load(Ordering::Relaxed), 1);
        assert_eq!(metrics.errors.load(Ordering::Relaxed), 1);
        assert_eq!(all.all().len(), 1);
    }

    #[test]
    fn latencies_lie_below_the_end_of_their_bucket() {
        let all = MetricsByFunction::new(0.0);
        for us in [0, 1, 31, 32, 33, 1_000, 1_000_000, 100_000_000] {
            let metrics = all.of(&path(&format!("m:f{us}")));
            metrics.record(0.0, FunctionKind::Action, Duration::from_micros(us), false);
            let counts = metrics.series().between(0.0, 1.0)[0].1;
            let bucket =
                counts[FUNCTION_COUNTS - SERIES_BUCKETS..].iter().position(|count| *count == 1).unwrap();
            let seconds = us as f64 / 1e6;
            assert!(seconds < series_bucket_end(bucket), "{us}: {bucket}");
            assert!(bucket == 0 || seconds >= series_bucket_end(bucket - 1), "{us}: {bucket}");
        }
    }

    #[test]
    fn memory_is_bounded_by_the_number_of_names() {
        let all = MetricsByFunction::new(0.0);
        for number in 0..FUNCTION_SERIES_MAX + 3 {
            all.of(&path(&format!("m:f{number}"))).record_cache_hit(0.0);
        }
        assert_eq!(all.rest().between(0.0, 1.0)[0].1[FunctionCount::CacheHits as usize], 3);
        for table in 0..TABLE_SERIES_MAX as u32 + 3 {
            let table = TableId(fusion_schema::TableNumber::FIRST_USER.0 + table);
            let rows = vec![crate::database::TableRows { table, read: 1, written: 2 }];
            all.record_rows(0.0, &TransactionUse { rows, ..TransactionUse::default() });
        }
        assert_eq!(all.tables.read().len(), TABLE_SERIES_MAX);
        let first = all.table(TableId(fusion_schema::TableNumber::FIRST_USER.0)).unwrap();
        assert_eq!(first.between(0.0, 1.0)[0].1, [1, 2]);
    }
}
