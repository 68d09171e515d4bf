//! Reads inside a native query: one row through an index, and 100 rows of a range, among a million documents.

use std::io;
use std::time::Duration;

use fusion_tests::http::call;
use fusion_tests::process::Server;
use serde_json::json;

use crate::report::{head, micros, percentile, plain, thousands};
use crate::setup::{Options, seed_documents};

const CALLS: u64 = 40;

pub(crate) async fn run(options: &Options) -> io::Result<()> {
    let (server, _folder) = options.server()?;
    seed_documents(&server, options.documents).await?;
    head();
    let documents = thousands(options.documents);
    let point = measure(&server, options, "documents:points", 2_000).await?;
    plain(&format!("index point read in a native query, {documents} documents"), &micros(point), "≤ 3 µs");
    let range = measure(&server, options, "documents:ranges", 200).await?;
    plain(
        &format!("index range of 100 rows in a native query, {documents} documents"),
        &micros(range),
        "≤ 120 µs",
    );
    Ok(())
}

/// The median time of one read; the function measures itself, so that the call around it is left out.
async fn measure(server: &Server, options: &Options, path: &str, reads: u64) -> io::Result<Duration> {
    let mut times = Vec::new();
    for call_number in 0..CALLS {
        let args = json!({"reads": reads, "documents": options.documents, "seed": options.seed % 1_000 + call_number});
        let nanoseconds = call(server, path, args).await?.as_f64().unwrap_or(f64::NAN);
        times.push(Duration::from_secs_f64(nanoseconds / 1e9 / reads as f64));
    }
    Ok(percentile(&mut times, 0.5))
}
