//! Functions in TypeScript beside the same functions in Rust: the time of one call, calls per second, memory.

use std::io;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use fusion_runtime::clock::Moment;
use fusion_tests::process::Server;
use fusion_tests::random::Random;
use fusion_tests::sync::{
    ServerMessage, add_query, modify_query_set_message, mutation_message, remove_query,
};
use tokio::time::sleep;

use crate::load::{self, Exchange, Outcome, Writes};
use crate::report::{head, megabytes, millis, percentile, plain, row, thousands};
use crate::setup::{Options, seed_accounts, sibling};
use crate::transfer;

/// Clients and requests in flight of the load.
const CLIENTS: usize = 16;
const WINDOW: usize = 4;
/// Calls of a client that rests between them, as people do: an isolate is ready each time.
const PACED_CALLS: usize = 400;
const PAUSE: Duration = Duration::from_millis(5);
/// Calls after which memory must be what it was.
const CALLS: u64 = 100_000;

pub(crate) async fn run(options: &Options) -> io::Result<()> {
    let folder = options.scratch()?;
    // Without the cache of results: memory is to be that of calls.
    let server = options.launch(&folder)?.environment("UDF_CACHE_MAX_SIZE", "0").start()?;
    let project = Path::new(env!("CARGO_MANIFEST_DIR")).join("js/bench");
    deploy(&server, &project)?;
    head();
    let query =
        |path, shape| load(&server, options, shape, move |client| Queries::new(path, client, shape.1));
    let mutation = |path| load(&server, options, (1, 1), move |client| Mutations { path, client, next: 0 });
    let client = Random::new(Random::fresh_seed()).below(u64::MAX);
    let rested = |path| paced(&server, Queries::new(path, client, 1), PACED_CALLS, PAUSE);
    let (mut native, mut script) = (rested("counters:get").await?, rested("scripts:get").await?);
    compare(&format!("one query every {PAUSE:?}"), &mut script, &mut native);
    let rested = |path| paced(&server, Mutations { path, client, next: 0 }, PACED_CALLS, PAUSE);
    let (mut native, mut script) = (rested("counters:add").await?, rested("scripts:add").await?);
    compare(&format!("one mutation every {PAUSE:?}"), &mut script, &mut native);
    let (native, script) = (query("counters:get", (1, 1)).await?, query("scripts:get", (1, 1)).await?);
    compare("one query upon the other", &mut script.into_latencies(), &mut native.into_latencies());
    let (native, script) = (mutation("counters:add").await?, mutation("scripts:add").await?);
    compare("one mutation upon the other", &mut script.into_latencies(), &mut native.into_latencies());
    let mut calls = 0.0;
    let mut before = 0;
    let (mut rates, seconds) = (Vec::new(), options.duration.as_secs_f64());
    while calls < CALLS as f64 {
        let outcome = query("scripts:get", (CLIENTS, WINDOW)).await?;
        calls += outcome.per_second * seconds;
        rates.push(outcome.per_second);
        if rates.len() == 1 {
            // As many threads as it takes are there now.
            before = server.resident_bytes()?;
        }
    }
    let native = query("counters:get", (CLIENTS, WINDOW)).await?;
    let what = format!("queries in TypeScript, {CLIENTS} clients × {WINDOW}; floor: the same in Rust");
    let (own, bare) = (rates.iter().sum::<f64>() / rates.len() as f64, native.per_second);
    row(&what, &format!("{own:.0}/s"), &format!("{bare:.0}/s"), own / bare, "≥ 1,500/s");
    sleep(Duration::from_secs(10)).await;
    let after = server.resident_bytes()?;
    let what =
        format!("memory after {} s and after {} calls in TypeScript", seconds, thousands(calls as u64));
    plain(&what, &format!("{} → {}", megabytes(before), megabytes(after)), "flat");
    seed_accounts(&server, transfer::ACCOUNTS as u64).await?;
    for (alpha, told) in [(0.0, "α=0"), (1.5, "α=1.5")] {
        let shape = (transfer::CLIENTS, transfer::WINDOW);
        let mut script = transfer::load_of("scripts:transfer", &server, options, alpha, shape).await?;
        let mut native = transfer::load_of(transfer::NATIVE, &server, options, alpha, shape).await?;
        let what = format!("transfers in TypeScript, {}×{}, {told}; floor: in Rust", shape.0, shape.1);
        row(&what, &script.describe(), &native.describe(), script.per_second / native.per_second, "");
    }
    Ok(())
}

/// The time of each of `calls` calls by one client that rests between them.
pub(crate) async fn paced(
    server: &Server,
    mut exchange: impl Exchange,
    calls: usize,
    pause: Duration,
) -> io::Result<Vec<Duration>> {
    let session = Random::new(Random::fresh_seed()).uuid();
    let mut socket = transfer::connect(server.address(), &session).await?;
    let mut times = Vec::with_capacity(calls);
    for _ in 0..calls {
        let begun = Moment::now();
        socket.send(exchange.request()).await?;
        loop {
            let text = socket.next().await?.ok_or_else(|| io::Error::other("the server closed"))?;
            if exchange.answer(&text)? > 0 {
                break;
            }
        }
        times.push(begun.elapsed());
        sleep(pause).await;
    }
    socket.close().await?;
    Ok(times)
}

/// Pushes a project's functions.
pub(crate) fn deploy(server: &Server, project: &Path) -> io::Result<()> {
    let output = Command::new(sibling("fusion")?)
        .args([
            "deploy",
            "--typecheck",
            "disable",
            "--codegen",
            "disable",
            "--url",
            &server.url,
            "--admin-key",
            &server.admin_key,
        ])
        .current_dir(project)
        .output()?;
    if output.status.success() {
        return Ok(());
    }
    Err(io::Error::other(format!("fusion deploy failed: {}", String::from_utf8_lossy(&output.stderr))))
}

/// A row with what TypeScript takes more than Rust.
fn compare(what: &str, script: &mut [Duration], native: &mut [Duration]) {
    let describe = |times: &mut [Duration]| {
        format!("p50 {}, p99 {}", millis(percentile(times, 0.5)), millis(percentile(times, 0.99)))
    };
    let ratio = percentile(script, 0.5).as_secs_f64() / percentile(native, 0.5).as_secs_f64();
    let (own, bare) = (describe(script), describe(native));
    row(&format!("{what} in TypeScript; floor: in Rust"), &own, &bare, ratio, "+ 0.6 ms, p99 + 2 ms");
}

/// Calls queries by showing and hiding them: the arguments are never the same twice.
pub(crate) struct Queries {
    path: &'static str,
    client: u64,
    next: u32,
    window: u32,
}

impl Queries {
    pub(crate) fn new(path: &'static str, client: u64, window: usize) -> Self {
        Self { path, client, next: 0, window: window as u32 }
    }
}

impl Exchange for Queries {
    fn request(&mut self) -> String {
        let id = self.next;
        self.next += 1;
        let args = format!(r#"{{"name":"{}-{id}"}}"#, self.client);
        let mut modifications = vec![add_query(id, self.path, &args, None)];
        // Long answered: no more than the window are under way.
        if let Some(old) = id.checked_sub(2 * self.window) {
            modifications.push(remove_query(old));
        }
        modify_query_set_message(id + 1, id + 2, &modifications)
    }

    fn answer(&mut self, text: &str) -> io::Result<usize> {
        let message = ServerMessage::parse(text)?;
        if let Some(failed) = message.modifications.iter().find(|change| change.kind == "QueryFailed") {
            return Err(io::Error::other(format!("a query failed: {:?}", failed.error_message)));
        }
        Ok(message.modifications.iter().filter(|change| change.kind == "QueryUpdated").count())
    }
}

/// Calls mutations, each on a row of its own client.
struct Mutations {
    path: &'static str,
    client: u64,
    next: u32,
}

impl Exchange for Mutations {
    fn request(&mut self) -> String {
        let id = self.next;
        self.next += 1;
        mutation_message(id, self.path, &format!(r#"{{"name":"{}","by":1}}"#, self.client))
    }

    fn answer(&mut self, text: &str) -> io::Result<usize> {
        let message = ServerMessage::parse(text)?;
        match (message.kind, message.success) {
            ("MutationResponse", Some(false)) => Err(io::Error::other(format!("a mutation failed: {text}"))),
            ("MutationResponse", _) => Ok(1),
            _ => Ok(0),
        }
    }
}

/// Calls with many clients, each with the exchange that `exchange` makes of a random number.
async fn load<E: Exchange>(
    server: &Server,
    options: &Options,
    (clients, window): (usize, usize),
    exchange: impl Fn(u64) -> E,
) -> io::Result<Outcome> {
    // Other numbers in every run, so that nothing is found in the cache.
    let mut random = Random::new(Random::fresh_seed());
    let mut loaded = Vec::new();
    for _ in 0..clients {
        let socket = transfer::connect(server.address(), &random.uuid()).await?;
        loaded.push((socket, exchange(random.below(u64::MAX))));
    }
    Ok(load::run(loaded, window, options.duration, Writes::Together).await?.0)
}
