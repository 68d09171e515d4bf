//! Vector search among 100,000 vectors of 1,536 dimensions with a filter, beside comparing every vector exactly.

use std::collections::HashMap;
use std::io;
use std::time::Duration;

use fusion_runtime::clock::Moment;
use fusion_tests::embeddings::embedding;
use fusion_tests::http::call;
use fusion_tests::process::Server;
use serde_json::{Value, json};

use crate::report::{head, megabytes, millis, percentile, plain, row, thousands};
use crate::setup::Options;

const DIMENSIONS: usize = 1536;
const VECTORS_MAX: u64 = 100_000;
const ORGANIZATIONS: u64 = 1_000;
const RESULTS: usize = 16;
const QUERIES: u64 = 200;
const PER_CALL: u64 = 250;
/// How long the server may take to give memory back.
const REST: Duration = Duration::from_secs(15);

pub(crate) async fn run(options: &Options) -> io::Result<()> {
    let count = options.documents.min(VECTORS_MAX);
    let folder = options.scratch()?;
    let launch = options.launch(&folder)?;
    let server = launch.start()?;
    let mut numbers: HashMap<String, u64> = HashMap::new();
    let begun = Moment::now();
    for start in (0..count).step_by(PER_CALL as usize) {
        let args = json!({
            "start": start as f64, "count": PER_CALL.min(count - start) as f64, "organizations": ORGANIZATIONS as f64,
        });
        let ids = call(&server, "vectors:seed", args).await?;
        let ids = ids.as_array().into_iter().flatten().filter_map(Value::as_str);
        numbers.extend(ids.zip(start..).map(|(id, number)| (id.to_owned(), number)));
    }
    let inserted = begun.elapsed();
    let exact = Exact::new(count);

    head();
    let what = format!("{} vectors of {DIMENSIONS} dimensions", thousands(count));
    plain(&format!("{what} inserted, in calls of {PER_CALL}"), &seconds(inserted), "");
    measure(&server, options, &exact, &numbers).await?;
    tokio::time::sleep(REST).await;
    plain("resident memory with all of it", &megabytes(server.resident_bytes()?), "≤ 1,300 MB");
    server.stop()?;

    let begun = Moment::now();
    let server = launch.start()?;
    plain("start", &seconds(begun.elapsed()), "");
    search(&server, options, 0, &json!({"space": "all"})).await?;
    plain("start, until the first search is answered", &seconds(begun.elapsed()), "");
    plain("resident memory right after the start", &megabytes(server.resident_bytes()?), "≤ 1,300 MB");
    tokio::time::sleep(REST).await;
    plain("resident memory a while later", &megabytes(server.resident_bytes()?), "≤ 1,300 MB");
    measure(&server, options, &exact, &numbers).await?;
    server.stop()?;

    std::fs::remove_dir_all(launch.data.join("vectors"))?;
    let begun = Moment::now();
    let server = launch.start()?;
    plain("start without the index's files", &seconds(begun.elapsed()), "");
    // A search gives up after a while.
    while search(&server, options, 0, &json!({"space": "all"})).await.is_err() {}
    plain("start without the index's files, until the first search", &seconds(begun.elapsed()), "");
    server.stop()
}

async fn measure(
    server: &Server,
    options: &Options,
    exact: &Exact,
    numbers: &HashMap<String, u64>,
) -> io::Result<()> {
    for (what, is_small) in
        [("of an organisation with all documents", false), ("of one with a thousandth", true)]
    {
        let (mut whole, mut inside, mut floor) = (Vec::new(), Vec::new(), Vec::new());
        let (mut right, mut wanted) = (0, 0);
        for number in 0..QUERIES {
            let organization = number * 7 % ORGANIZATIONS;
            let filter = match is_small {
                true => json!({"organization": format!("org{organization}")}),
                false => json!({"space": "all"}),
            };
            let begun = Moment::now();
            let answer = search(server, options, number, &filter).await?;
            whole.push(begun.elapsed());
            inside.push(Duration::from_nanos(answer["nanoseconds"].as_f64().unwrap_or(f64::NAN) as u64));
            let begun = Moment::now();
            let best = exact.search(&query(options, number), is_small.then_some(organization));
            floor.push(begun.elapsed());
            let found = answer["ids"].as_array().into_iter().flatten().filter_map(Value::as_str);
            right += found.filter(|id| numbers.get(*id).is_some_and(|number| best.contains(number))).count();
            wanted += best.len();
        }
        let recall = right as f64 / wanted as f64;
        let p50 = percentile(&mut inside, 0.5);
        let figure = format!("p50 {}, p99 {}", millis(p50), millis(percentile(&mut inside, 0.99)));
        let exact = percentile(&mut floor, 0.5);
        row(
            &format!("the {RESULTS} nearest documents {what}, recall {recall:.4}"),
            &figure,
            &format!("exact scan p50 {}", millis(exact)),
            p50.as_secs_f64() / exact.as_secs_f64(),
            "p50 ≤ 15 ms, recall ≥ 0.98",
        );
        let figure = format!(
            "p50 {}, p99 {}",
            millis(percentile(&mut whole, 0.5)),
            millis(percentile(&mut whole, 0.99))
        );
        plain("the same as an action over HTTP", &figure, "");
    }
    Ok(())
}

/// A vector that nobody inserted, near some that were.
fn query(options: &Options, number: u64) -> Vec<f64> {
    embedding(options.seed % 1_000_000 * 1_000_000 + VECTORS_MAX + number, DIMENSIONS)
}

async fn search(server: &Server, options: &Options, number: u64, filter: &Value) -> io::Result<Value> {
    let mut args = json!({"vector": query(options, number), "limit": RESULTS as f64});
    if let (Some(args), Some(filter)) = (args.as_object_mut(), filter.as_object()) {
        args.extend(filter.clone());
    }
    call(server, "vectors:nearest", args).await
}

/// Every vector side by side, compared one by one on all cores.
struct Exact {
    vectors: Vec<f32>,
}

impl Exact {
    fn new(count: u64) -> Self {
        let threads = threads();
        let part = count.div_ceil(threads);
        let parts: Vec<Vec<f32>> = std::thread::scope(|scope| {
            let make = |from: u64| {
                let numbers = from..count.min(from + part);
                numbers.flat_map(|number| embedding(number, DIMENSIONS)).map(|number| number as f32).collect()
            };
            let parts: Vec<_> = (0..threads).map(|n| scope.spawn(move || make(n * part))).collect();
            parts.into_iter().map(|part| part.join().unwrap_or_default()).collect()
        });
        Self { vectors: parts.concat() }
    }

    /// The numbers of the nearest vectors, of one organisation or of all.
    fn search(&self, query: &[f64], organization: Option<u64>) -> Vec<u64> {
        let query: Vec<f32> = query.iter().map(|number| *number as f32).collect();
        let count = self.vectors.len() / DIMENSIONS;
        let part = count.div_ceil(threads() as usize).max(1);
        let mut scores: Vec<(f32, u64)> = std::thread::scope(|scope| {
            let look = |first: usize| {
                let numbers = first..count.min(first + part);
                let wanted = numbers
                    .filter(|number| organization.is_none_or(|it| *number as u64 % ORGANIZATIONS == it));
                let score = |number: usize| {
                    let start = number * DIMENSIONS;
                    (product(&self.vectors[start..start + DIMENSIONS], &query), number as u64)
                };
                wanted.map(score).collect::<Vec<_>>()
            };
            let parts: Vec<_> =
                (0..count).step_by(part).map(|first| scope.spawn(move || look(first))).collect();
            parts.into_iter().flat_map(|part| part.join().unwrap_or_default()).collect()
        });
        scores.sort_unstable_by(|a, b| b.0.total_cmp(&a.0));
        scores.truncate(RESULTS);
        scores.into_iter().map(|(_, number)| number).collect()
    }
}

fn threads() -> u64 {
    std::thread::available_parallelism().map_or(1, usize::from) as u64
}

fn product(a: &[f32], b: &[f32]) -> f32 {
    let mut sums = [0.0_f32; 16];
    for (a, b) in a.as_chunks::<16>().0.iter().zip(b.as_chunks::<16>().0) {
        for ((sum, a), b) in sums.iter_mut().zip(a).zip(b) {
            *sum += a * b;
        }
    }
    sums.iter().sum()
}

fn seconds(duration: Duration) -> String {
    format!("{:.2} s", duration.as_secs_f64())
}
