//! From the start of the process to the ready file.

use std::io;
use std::time::Duration;

use fusion_runtime::clock::Moment;
use fusion_tests::http::call;
use fusion_tests::process::Launch;
use serde_json::json;

use crate::report::{head, percentile, plain, thousands};
use crate::setup::{Options, seed_documents};

const STARTS: usize = 7;

pub(crate) async fn run(options: &Options) -> io::Result<()> {
    head();
    let mut times = Vec::new();
    for _ in 0..STARTS {
        let folder = options.scratch()?;
        times.push(start_and_stop(&options.launch(&folder)?)?);
    }
    plain("start on an empty folder", &seconds(percentile(&mut times, 0.5)), "≤ 0.3 s");

    let folder = options.scratch()?;
    let launch = options.launch(&folder)?;
    let server = launch.start()?;
    seed_documents(&server, options.documents).await?;
    server.stop()?;
    let mut times = Vec::new();
    for _ in 0..3 {
        times.push(start_and_stop(&launch)?);
    }
    let what = format!("start with {} documents", thousands(options.documents));
    plain(&what, &seconds(percentile(&mut times, 0.5)), "≤ 5 s");

    let server = launch.start()?;
    let count = call(&server, "documents:count", json!({})).await?;
    if count.as_f64() != Some(options.documents as f64) {
        return Err(io::Error::other(format!("{count} documents after the restarts")));
    }
    server.kill()?;
    let begun = Moment::now();
    let server = launch.start()?;
    plain(&format!("{what}, after kill -9"), &seconds(begun.elapsed()), "≤ 5 s");
    server.stop()
}

fn start_and_stop(launch: &Launch) -> io::Result<Duration> {
    let begun = Moment::now();
    let server = launch.start()?;
    let elapsed = begun.elapsed();
    server.stop()?;
    Ok(elapsed)
}

fn seconds(duration: Duration) -> String {
    format!("{:.3} s", duration.as_secs_f64())
}
