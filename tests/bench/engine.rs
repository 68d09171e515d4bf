//! The transfer workload without sockets: what the runner, the database and the store do by themselves, in this
//! process. Beside `transfer` it tells what the protocol costs.

use std::io;
use std::sync::Arc;
use std::sync::mpsc;
use std::time::Duration;

use fusion_runtime::auth::Identity;
use fusion_runtime::clock::Moment;
use fusion_runtime::database::{Database, DatabaseOptions};
use fusion_runtime::function::alarm::Alarm;
use fusion_runtime::function::{
    Caller, Deployment, FunctionCall, FunctionPath, FunctionRunner, SessionRequest,
};
use fusion_runtime::store::{Durability, StoreOptions};
use fusion_runtime::system::blobs::Blobs;
use fusion_runtime::system::file_storage::FileStorage;
use fusion_schema::{Object, object};
use fusion_tests::fixture::application;

use crate::floor;
use crate::report::{head, micros, millis, percentile, rate, row};
use crate::setup::Options;
use crate::transfer::{ACCOUNTS, CLIENTS, WINDOW, pairs};

pub(crate) async fn run(options: &Options) -> io::Result<()> {
    let folder = options.scratch()?;
    let runner = runner(options, folder.path()).map_err(io::Error::other)?;
    for start in (0..ACCOUNTS).step_by(8_000) {
        let count = (ACCOUNTS - start).min(8_000);
        let args = object! {"start" => start as f64, "count" => count as f64, "balance" => 1e9};
        call(&runner, "transfer:seed", args).await?;
    }
    let uniform = transfers(&runner, options, 0.0)?;
    let skewed = transfers(&runner, options, 1.5)?;
    let sqlite = floor::sqlite::transfers(options, 0.0, 512)?;
    head();
    for (name, (per_second, mut latencies)) in [("α=0", uniform), ("α=1.5", skewed)] {
        let (p50, p99) = (percentile(&mut latencies, 0.5), percentile(&mut latencies, 0.99));
        let figure = format!("{}, p50 {}, p99 {}", rate(per_second), millis(p50), millis(p99));
        let what =
            format!("transfers without sockets, {CLIENTS}×{WINDOW}, {name}; floor: SQLite, 512 per commit");
        row(&what, &figure, &rate(sqlite.per_second), per_second / sqlite.per_second, "");
    }
    let begun = Moment::now();
    const QUERIES: u32 = 20_000;
    for id in 0..QUERIES {
        call(&runner, "transfer:balance", object! {"id" => f64::from(id)}).await?;
    }
    println!("\nOne query after the other: {} each.", micros(begun.elapsed() / QUERIES));
    Ok(())
}

fn runner(options: &Options, folder: &std::path::Path) -> fusion_runtime::Result<Arc<FunctionRunner>> {
    let durability = if options.durability == "relaxed" { Durability::Relaxed } else { Durability::Full };
    let mut database = DatabaseOptions::in_memory();
    database.store = StoreOptions { folder: Some(folder.join("data")), durability };
    let database = Database::open(database)?;
    let registry = application().build()?;
    database.apply_schema(registry.schema())?;
    let files = FileStorage::new(Blobs::local(&folder.join("files"))?, database.secrets().clone(), "");
    let deployment = Deployment {
        name: String::new(),
        database,
        files,
        cloud_origin: String::new(),
        site_origin: String::new(),
        alarm: Alarm::default(),
    };
    FunctionRunner::new(deployment, registry)
}

fn function_call(path: &str, args: Object) -> io::Result<FunctionCall> {
    let path = FunctionPath::parse(path).map_err(io::Error::other)?;
    Ok(FunctionCall::new(path, args, Identity::Anonymous, Caller::Tester))
}

async fn call(runner: &Arc<FunctionRunner>, path: &str, args: Object) -> io::Result<()> {
    let call = function_call(path, args)?;
    let outcome =
        if path.ends_with("balance") { runner.query(call, None).await } else { runner.mutation(call).await };
    outcome.result.map(drop).map_err(|error| io::Error::other(error.message))
}

/// Runs the workload; completed transfers per second, and their latencies.
fn transfers(
    runner: &Arc<FunctionRunner>,
    options: &Options,
    alpha: f64,
) -> io::Result<(f64, Vec<Duration>)> {
    let pairs = pairs(options.seed, alpha);
    let start = Moment::now();
    let (from, until) = (start.after(options.duration / 4), start.after(options.duration));
    let (sender, receiver) = mpsc::channel::<(usize, Moment, bool)>();
    let base = u128::from(fusion_tests::random::Random::fresh_seed()) << 64;
    let mut next = vec![0u32; CLIENTS];
    let mut submit = |client: usize| -> io::Result<()> {
        let request_id = next[client];
        next[client] += 1;
        let position = client * pairs.len() / CLIENTS + request_id as usize;
        let (from, to) = pairs[position % pairs.len()];
        let args = object! {"amount" => 1.0, "from_id" => from as f64, "to_id" => to as f64};
        let session = SessionRequest { session_id: base + client as u128, request_id };
        let (sender, begun) = (sender.clone(), Moment::now());
        runner.submit_mutation(function_call("transfer:transfer", args)?, Some(session), move |outcome| {
            let _ = sender.send((client, begun, outcome.result.is_ok()));
        });
        Ok(())
    };
    for client in 0..CLIENTS {
        for _ in 0..WINDOW {
            submit(client)?;
        }
    }
    let mut in_flight = CLIENTS * WINDOW;
    let mut latencies = Vec::new();
    while in_flight > 0 {
        let (client, begun, succeeded) = receiver.recv().map_err(io::Error::other)?;
        if !succeeded {
            return Err(io::Error::other("a transfer failed"));
        }
        let now = Moment::now();
        if now >= from && now < until {
            latencies.push(now.instant().duration_since(begun.instant()));
        }
        if now < until {
            submit(client)?;
        } else {
            in_flight -= 1;
        }
    }
    let seconds = until.instant().duration_since(from.instant()).as_secs_f64();
    Ok((latencies.len() as f64 / seconds, latencies))
}
