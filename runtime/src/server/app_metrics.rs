//! `/api/app_metrics/*`: the last hour in charts.
//!
//! What was counted lies in slots of ten seconds; a chart has buckets of any length. A slot counts where it begins, unless
//! buckets are shorter than slots: then it is spread over those it covers. A bucket before the start of the server or
//! after the present has no value.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::Uri;
use axum::response::Response;
use serde::Deserialize;
use serde_json::{Value as Json, json};

use super::errors::{ApiError, ok};
use super::request::{Sender, component_of, parameter};
use super::state::ServerState;
use crate::database::ComponentId;
use crate::error::{Error, Result};
use crate::function::FunctionPath;
use crate::function::metrics::{FUNCTION_COUNTS, FunctionCount, SERIES_BUCKETS, series_bucket_end};
use crate::function::series::SLOT_MS;

type Shared = State<Arc<ServerState>>;
type Answer = Result<Response, ApiError>;

/// Most buckets of a chart.
const BUCKETS_MAX: usize = 1_000;
/// Most functions that a chart tells apart.
const TOP_MAX: usize = 25;
/// Functions that a chart tells apart unless told otherwise.
const TOP_DEFAULT: usize = 5;
/// The name of all functions that a chart does not tell apart.
const REST: &str = "_rest";

fn invalid(what: impl Into<String>) -> Error {
    Error::bad_request("InvalidMetricsQuery", what)
}

#[derive(Deserialize)]
struct Time {
    secs_since_epoch: u64,
    #[serde(default)]
    nanos_since_epoch: u64,
}

impl Time {
    const fn ms(&self) -> f64 {
        self.secs_since_epoch as f64 * 1e3 + self.nanos_since_epoch as f64 / 1e6
    }
}

#[derive(Deserialize)]
struct WindowJson {
    start: Time,
    end: Time,
    num_buckets: usize,
}

/// The time a chart shows, and what of it was counted.
#[derive(Clone, Copy, Debug)]
struct Window {
    start_ms: f64,
    end_ms: f64,
    buckets: usize,
    /// Counting began then.
    from_ms: f64,
    /// The present.
    now_ms: f64,
}

impl Window {
    fn of(state: &ServerState, uri: &Uri) -> Result<Self> {
        let text = parameter(uri, "window").ok_or_else(|| invalid("The parameter `window` is missing."))?;
        let window: WindowJson = serde_json::from_str(&text)
            .map_err(|error| invalid(format!("The parameter `window` cannot be read: {error}.")))?;
        let (start_ms, end_ms) = (window.start.ms(), window.end.ms());
        if start_ms >= end_ms {
            return Err(invalid("The window must end after it starts."));
        }
        if !(1..=BUCKETS_MAX).contains(&window.num_buckets) {
            return Err(invalid(format!("The window must have 1 to {BUCKETS_MAX} buckets.")));
        }
        let now_ms = state.clock().unix_ms();
        // What was counted first lies at the beginning of its slot.
        let from_ms = (state.runner.metrics().started_ms() / SLOT_MS).floor() * SLOT_MS;
        Ok(Self { start_ms, end_ms, buckets: window.num_buckets, from_ms, now_ms })
    }

    fn width_ms(&self) -> f64 {
        (self.end_ms - self.start_ms) / self.buckets as f64
    }

    /// Adds up counters in buckets.
    fn fill<const N: usize>(&self, slots: &[(f64, [u32; N])]) -> Vec<[f64; N]> {
        let width = self.width_ms();
        let mut buckets = vec![[0.0; N]; self.buckets];
        for (at, counts) in slots {
            let first = (at - self.start_ms) / width;
            // The part of the slot that lies in each bucket it reaches.
            let reach = if width < SLOT_MS { SLOT_MS / width } else { 0.0 };
            let last = first + reach;
            let mut bucket = first.max(0.0).floor();
            while bucket < self.buckets as f64 && (bucket < last || (reach == 0.0 && bucket <= first)) {
                let share = match reach > 0.0 {
                    true => (last.min(bucket + 1.0) - first.max(bucket)) / reach,
                    false => 1.0,
                };
                if let Some(sums) = buckets.get_mut(bucket as usize) {
                    sums.iter_mut().zip(counts).for_each(|(sum, count)| *sum += f64::from(*count) * share);
                }
                bucket += 1.0;
            }
        }
        buckets
    }

    /// The counters of a series in buckets.
    fn read<const N: usize>(&self, series: &crate::function::series::Series<N>) -> Vec<[f64; N]> {
        let early = if self.width_ms() < SLOT_MS { SLOT_MS } else { 0.0 };
        self.fill(&series.between(self.start_ms - early, self.end_ms))
    }

    /// One value for each bucket that was counted.
    fn series<T>(&self, buckets: &[T], value: impl Fn(&T) -> Option<f64>) -> Json {
        let width = self.width_ms();
        let points = buckets.iter().enumerate().map(|(position, bucket)| {
            let start = self.start_ms + width * position as f64;
            let is_counted = start + width > self.from_ms && start <= self.now_ms;
            let time = json!({
                "secs_since_epoch": (start / 1e3).floor() as u64,
                "nanos_since_epoch": ((start % 1e3) * 1e6) as u64,
            });
            json!([time, is_counted.then(|| value(bucket)).flatten()])
        });
        points.collect()
    }
}

type Counts = [f64; FUNCTION_COUNTS];

fn count(counts: &Counts, what: FunctionCount) -> f64 {
    counts[what as usize]
}

fn calls(counts: &Counts) -> f64 {
    count(counts, FunctionCount::Runs) + count(counts, FunctionCount::CacheHits)
}

fn percentage(part: f64, whole: f64) -> Option<f64> {
    (whole > 0.0).then(|| 100.0 * part / whole)
}

fn cache_hits(counts: &Counts) -> Option<f64> {
    let hits = count(counts, FunctionCount::CacheHits);
    percentage(hits, hits + count(counts, FunctionCount::CacheMisses))
}

fn failures(counts: &Counts) -> Option<f64> {
    percentage(count(counts, FunctionCount::Errors), calls(counts))
}

/// The component that is asked about, by its path.
fn component(state: &ServerState, uri: &Uri) -> Result<ComponentId> {
    component_of(state, parameter(uri, "componentPath").as_deref())
}

/// The counters of the function that is asked for; zeros for one that never ran.
fn function(state: &ServerState, uri: &Uri, window: &Window) -> Result<Vec<Counts>> {
    let component = component(state, uri)?;
    let path = parameter(uri, "path").or_else(|| parameter(uri, "udfPath"));
    let path =
        path.ok_or_else(|| invalid("The parameter `path` is missing: a function, as in dir/mod:fn."))?;
    let now = state.database().published();
    let component = now.catalog().component_path(component).unwrap_or_default();
    // A route is named by its method and its path.
    let route = path.strip_prefix("http.js:").unwrap_or(&path).split_once(' ');
    let path = match route {
        Some((method, pattern)) => Some(FunctionPath::of_route(component, method, pattern)),
        None => FunctionPath::parse(&path).ok().map(|path| path.in_component(component)),
    };
    let found = path.and_then(|path| state.runner.metrics().known(&path));
    Ok(match found {
        Some(metrics) => window.read(metrics.series()),
        None => vec![[0.0; FUNCTION_COUNTS]; window.buckets],
    })
}

/// `GET /api/app_metrics/udf_rate?path=&udfType=&metric=&window=`: how often, in each bucket.
pub(super) async fn udf_rate(State(state): Shared, request: Request) -> Answer {
    Sender::admin(&state, request.headers(), request.uri()).await?;
    let window = Window::of(&state, request.uri())?;
    let value: fn(&Counts) -> f64 = match parameter(request.uri(), "metric").as_deref() {
        Some("invocations") => calls,
        Some("errors") => |counts| count(counts, FunctionCount::Errors),
        Some("cacheHits") => |counts| count(counts, FunctionCount::CacheHits),
        Some("cacheMisses") => |counts| count(counts, FunctionCount::CacheMisses),
        Some("subscriptionInvalidations") => |counts| count(counts, FunctionCount::Invalidations),
        _ => {
            return Err(invalid("The parameter `metric` must be invocations, errors, cacheHits, cacheMisses or subscriptionInvalidations.").into());
        }
    };
    let buckets = function(&state, request.uri(), &window)?;
    Ok(ok(&window.series(&buckets, |counts| Some(value(counts)))))
}

/// `GET /api/app_metrics/cache_hit_percentage?path=&udfType=&window=`
pub(super) async fn cache_hit_percentage(State(state): Shared, request: Request) -> Answer {
    Sender::admin(&state, request.headers(), request.uri()).await?;
    let window = Window::of(&state, request.uri())?;
    let buckets = function(&state, request.uri(), &window)?;
    Ok(ok(&window.series(&buckets, cache_hits)))
}

/// `GET /api/app_metrics/latency_percentiles?path=&udfType=&percentiles=&window=`, in seconds.
pub(super) async fn latency_percentiles(State(state): Shared, request: Request) -> Answer {
    Sender::admin(&state, request.headers(), request.uri()).await?;
    let window = Window::of(&state, request.uri())?;
    let percentiles = parameter(request.uri(), "percentiles").unwrap_or_else(|| "[50,90,95,99]".to_owned());
    let percentiles: Vec<f64> = serde_json::from_str(&percentiles).unwrap_or_default();
    if percentiles.is_empty()
        || percentiles.len() > 100
        || percentiles.iter().any(|p| !(0.0..=100.0).contains(p))
    {
        return Err(
            invalid("The parameter `percentiles` must be a JSON array of numbers from 0 to 100.").into()
        );
    }
    let buckets = function(&state, request.uri(), &window)?;
    let all = percentiles.iter().map(|percentile| {
        let name = if percentile.fract() == 0.0 { json!(*percentile as u64) } else { json!(percentile) };
        json!([name, window.series(&buckets, |counts| latency(counts, *percentile))])
    });
    Ok(ok(&all.collect()))
}

/// The time within which so many of a hundred runs ended, in seconds; inside of a bucket runs count as spread evenly.
fn latency(counts: &Counts, percentile: f64) -> Option<f64> {
    let latencies = &counts[FUNCTION_COUNTS - SERIES_BUCKETS..];
    let total: f64 = latencies.iter().sum();
    let rank = total * percentile / 100.0;
    let (mut below, mut start) = (0.0, 0.0);
    for (bucket, count) in latencies.iter().enumerate() {
        let end = series_bucket_end(bucket);
        if *count > 0.0 && below + count >= rank {
            return Some(start + (end - start) * ((rank - below) / count));
        }
        below += count;
        start = end;
    }
    None
}

/// `GET /api/app_metrics/table_rate?name=&metric=&window=`: rows in each bucket.
pub(super) async fn table_rate(State(state): Shared, request: Request) -> Answer {
    Sender::admin(&state, request.headers(), request.uri()).await?;
    let uri = request.uri();
    let window = Window::of(&state, uri)?;
    let component = component(&state, uri)?;
    let column = match parameter(uri, "metric").as_deref() {
        Some("rowsRead") => 0,
        Some("rowsWritten") => 1,
        _ => return Err(invalid("The parameter `metric` must be rowsRead or rowsWritten.").into()),
    };
    let name = parameter(uri, "name").ok_or_else(|| invalid("The parameter `name` is missing: a table."))?;
    let table = state.database().published().catalog().table_in(component, &name).map(|table| table.id);
    let series = table.and_then(|table| state.runner.metrics().table(table));
    let buckets = series.map_or_else(|| vec![[0.0; 2]; window.buckets], |series| window.read(&series));
    Ok(ok(&window.series(&buckets, |counts| Some(counts[column]))))
}

/// What the charts of several functions show.
#[derive(Clone, Copy)]
struct Top {
    /// By what functions are chosen; those with none are left out.
    weight: fn(&Counts) -> f64,
    value: fn(&Counts) -> Option<f64>,
}

/// The name of a function among those of all components: that of a component's function begins with its path.
fn name_of(path: &FunctionPath) -> String {
    match path.component() {
        "" => path.with_extension(),
        component => format!("{component}/{}", path.with_extension()),
    }
}

async fn top(state: &ServerState, request: Request, top: Top) -> Answer {
    Sender::admin(state, request.headers(), request.uri()).await?;
    let window = Window::of(state, request.uri())?;
    let wanted = match parameter(request.uri(), "k") {
        None => TOP_DEFAULT,
        Some(text) => text.parse().ok().filter(|k| (1..=TOP_MAX).contains(k)).ok_or_else(|| {
            invalid(format!("The parameter `k` must be a whole number from 1 to {TOP_MAX}."))
        })?,
    };
    let metrics = state.runner.metrics();
    let mut rest = window.read(metrics.rest());
    let weight = |buckets: &[Counts]| buckets.iter().map(top.weight).sum::<f64>();
    let mut weighed: Vec<(f64, String, Vec<Counts>)> = metrics
        .all()
        .into_iter()
        .filter(|(_, function)| !Arc::ptr_eq(function.series(), metrics.rest()))
        .map(|(path, function)| {
            let buckets = window.read(function.series());
            (weight(&buckets), name_of(&path), buckets)
        })
        .filter(|(weight, ..)| *weight > 0.0)
        .collect();
    weighed.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
    for (_, _, others) in weighed.drain(wanted.min(weighed.len())..) {
        for (sums, counts) in rest.iter_mut().zip(others) {
            sums.iter_mut().zip(counts).for_each(|(sum, count)| *sum += count);
        }
    }
    let mut answer: Vec<Json> =
        weighed.iter().map(|(_, name, buckets)| json!([name, window.series(buckets, top.value)])).collect();
    if weight(&rest) > 0.0 {
        answer.push(json!([REST, window.series(&rest, top.value)]));
    }
    Ok(ok(&Json::Array(answer)))
}

/// `GET /api/app_metrics/function_call_count_top_k?window=&k=`
pub(super) async fn function_call_count_top_k(State(state): Shared, request: Request) -> Answer {
    top(&state, request, Top { weight: calls, value: |counts| Some(calls(counts)) }).await
}

/// `GET /api/app_metrics/failure_percentage_top_k?window=&k=`
pub(super) async fn failure_percentage_top_k(State(state): Shared, request: Request) -> Answer {
    let weight = |counts: &Counts| count(counts, FunctionCount::Errors);
    top(&state, request, Top { weight, value: failures }).await
}

/// `GET /api/app_metrics/cache_hit_percentage_top_k?window=&k=`
pub(super) async fn cache_hit_percentage_top_k(State(state): Shared, request: Request) -> Answer {
    let weight =
        |counts: &Counts| count(counts, FunctionCount::CacheHits) + count(counts, FunctionCount::CacheMisses);
    top(&state, request, Top { weight, value: cache_hits }).await
}

/// `GET /api/app_metrics/subscription_invalidations_top_k?window=&k=`
pub(super) async fn subscription_invalidations_top_k(State(state): Shared, request: Request) -> Answer {
    let weight = |counts: &Counts| count(counts, FunctionCount::Invalidations);
    top(&state, request, Top { weight, value: |counts| Some(count(counts, FunctionCount::Invalidations)) })
        .await
}

/// `GET /api/app_metrics/scheduled_job_lag?window=`: how long the job that waited longest did so, in seconds.
pub(super) async fn scheduled_job_lag(State(state): Shared, request: Request) -> Answer {
    Sender::admin(&state, request.headers(), request.uri()).await?;
    let window = Window::of(&state, request.uri())?;
    let width = window.width_ms();
    let mut longest = vec![0.0_f64; window.buckets];
    for (at, [lag]) in state.runner.metrics().deployment().job_lag_ms.between(window.start_ms, window.end_ms)
    {
        if let Some(bucket) = longest.get_mut(((at - window.start_ms) / width) as usize) {
            // One more than the time was counted, to tell a job without delay from none.
            *bucket = bucket.max(f64::from(lag.saturating_sub(1)) / 1e3);
        }
    }
    Ok(ok(&window.series(&longest, |lag| Some(*lag))))
}

/// `GET /api/app_metrics/function_concurrency?window=`: how many functions of each kind ran at a time, on average.
pub(super) async fn function_concurrency(State(state): Shared, request: Request) -> Answer {
    Sender::admin(&state, request.headers(), request.uri()).await?;
    let window = Window::of(&state, request.uri())?;
    let buckets = window.read(&state.runner.metrics().deployment().run_ms);
    let width = window.width_ms();
    let of = |column: usize| window.series(&buckets, |sums: &[f64; 4]| Some(sums[column] / width));
    Ok(ok(&json!({
        "Query": of(0), "Mutation": of(1), "Action": of(2), "HttpAction": of(3),
    })))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(start_s: f64, end_s: f64, buckets: usize) -> Window {
        Window { start_ms: start_s * 1e3, end_ms: end_s * 1e3, buckets, from_ms: 0.0, now_ms: f64::MAX }
    }

    #[test]
    fn slots_count_in_the_bucket_in_which_they_begin() {
        let slots = [(0.0, [9]), (60_000.0, [1]), (70_000.0, [2]), (120_000.0, [4]), (180_000.0, [8])];
        assert_eq!(window(60.0, 180.0, 2).fill(&slots[1..]), [[3.0], [4.0]]);
    }

    #[test]
    fn slots_are_spread_over_short_buckets() {
        let slots = [(10_000.0, [10])];
        assert_eq!(window(10.0, 30.0, 10).fill(&slots)[..6], [[2.0], [2.0], [2.0], [2.0], [2.0], [0.0]]);
        // Half of the slot lies before the window.
        let buckets = window(15.0, 25.0, 10).fill(&slots);
        let sum: f64 = buckets.iter().map(|[count]| count).sum();
        assert!((sum - 5.0).abs() < 1e-9, "{buckets:?}");
    }

    #[test]
    fn what_was_not_counted_has_no_value() {
        let mut window = window(0.0, 40.0, 4);
        (window.from_ms, window.now_ms) = (15_000.0, 25_000.0);
        let series = window.series(&[1.0, 2.0, 3.0, 4.0], |value| Some(*value));
        let values: Vec<&Json> = series.as_array().unwrap().iter().map(|point| &point[1]).collect();
        assert_eq!(values, [&Json::Null, &json!(2.0), &json!(3.0), &Json::Null]);
        assert_eq!(series[1][0], json!({"secs_since_epoch": 10, "nanos_since_epoch": 0}));
    }

    #[test]
    fn percentiles_lie_in_the_right_bucket() {
        let mut counts = [0.0; FUNCTION_COUNTS];
        assert_eq!(latency(&counts, 50.0), None);
        // 90 runs of 32 to 64 microseconds, 10 of one to two seconds.
        counts[FUNCTION_COUNTS - SERIES_BUCKETS + 1] = 90.0;
        counts[FUNCTION_COUNTS - SERIES_BUCKETS + 15] = 10.0;
        let at = |percentile| latency(&counts, percentile).unwrap();
        assert!((32e-6..=64e-6).contains(&at(50.0)) && at(90.0) <= 64e-6, "{} {}", at(50.0), at(90.0));
        assert!((0.5..=2.1).contains(&at(95.0)) && at(99.0) > at(95.0), "{} {}", at(95.0), at(99.0));
    }
}
