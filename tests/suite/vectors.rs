//! Vector search over a process that is killed: what was acknowledged is found, exactly.

use std::io;
use std::time::Duration;

use fusion_tests::http::call;
use fusion_tests::process::{Folder, Launch, Server};
use fusion_tests::random::Random;
use futures_util::future::try_join_all;
use serde_json::{Value, json};
use tokio::time::timeout;

const FIXTURE: &str = env!("CARGO_BIN_EXE_fusion-fixture");
const KILLS: usize = 6;
const CLIENTS: u64 = 4;
const KEYS: u64 = 60;

fn place(random: &mut Random) -> Vec<f64> {
    (0..4).map(|_| random.unit() - 0.5).collect()
}

fn cosine(a: &[f64], b: &[f64]) -> f64 {
    let product = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    product(a, b) / product(a, a).sqrt() / product(b, b).sqrt()
}

fn floats(value: &Value) -> Vec<f64> {
    value.as_array().into_iter().flatten().filter_map(Value::as_f64).collect()
}

/// Compares searches with the documents that are there.
async fn check(server: &Server, random: &mut Random) -> io::Result<()> {
    let points = call(server, "vectors:points", json!({})).await?;
    for groups in [vec![], vec![1.0], vec![0.0, 2.0]] {
        let middle = place(random);
        let args = json!({"place": middle, "limit": 8.0, "groups": groups});
        let found = call(server, "vectors:closest", args).await?;
        let found: Vec<(String, f64)> = found
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|pair| Some((pair[0].as_str()?.to_owned(), pair[1].as_f64()?)))
            .collect();
        let mut exact: Vec<(String, f64)> = points
            .as_array()
            .into_iter()
            .flatten()
            .filter(|point| {
                groups.is_empty() || groups.contains(&point["group"].as_f64().unwrap_or(f64::NAN))
            })
            .map(|point| {
                let score = cosine(&middle, &floats(&point["place"]));
                (point["_id"].as_str().unwrap_or_default().to_owned(), score)
            })
            .collect();
        exact.sort_by(|a, b| b.1.total_cmp(&a.1));
        exact.truncate(8);
        let close = |(a, b): (&(String, f64), &(String, f64))| (a.1 - b.1).abs() < 1e-6;
        let same = found.len() == exact.len() && found.iter().zip(&exact).all(close);
        if !same {
            return Err(io::Error::other(format!("found {found:?}, not {exact:?}")));
        }
    }
    Ok(())
}

/// Writes points without end. What it places it must find at once.
async fn write(server: &Server, client: u64, mut random: Random) -> io::Result<()> {
    loop {
        let key = client * KEYS + random.below(KEYS);
        if random.chance(0.3) {
            call(server, "vectors:remove", json!({"key": key as f64})).await?;
            continue;
        }
        let args = json!({"key": key as f64, "place": place(&mut random), "group": random.below(3) as f64});
        let score = call(server, "vectors:placeAndFind", args).await?;
        if score.as_f64().is_none_or(|score| score < 0.999_999) {
            return Err(io::Error::other(format!("what was placed is not found: {score}")));
        }
    }
}

#[test]
fn a_killed_server_finds_every_acknowledged_vector_again() -> io::Result<()> {
    let seed = Random::test_seed();
    println!("seed {seed}: repeat with FUSION_SEED={seed}");
    let mut random = Random::new(seed);
    let folder = Folder::new(&std::env::temp_dir())?;
    let launch = Launch::new(FIXTURE, folder.path().join("data"));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        for _ in 0..KILLS {
            let server = launch.start()?;
            check(&server, &mut random).await?;
            let writers = (0..CLIENTS).map(|client| write(&server, client, Random::new(random.bits())));
            let writers = try_join_all(writers.collect::<Vec<_>>());
            // Only a failure ends them earlier.
            if let Ok(ended) = timeout(Duration::from_millis(20 + random.below(600)), writers).await {
                ended?;
            }
            server.kill()?;
        }
        let server = launch.start()?;
        check(&server, &mut random).await?;
        server.stop()
    })
}
