//! `fusion-bench WHICH`: each benchmark of the engine, beside the bare floor of this machine measured in the same run.
//!
//! Figures depend on the machine, ratios much less. Nothing here passes or fails a build. The load clients share
//! the machine with the server, as in the published figures they are compared with.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a benchmark talks to a terminal")]

mod bundle;
mod components;
mod connector;
mod engine;
mod fanout;
mod floor;
mod http;
mod latency;
mod live;
mod load;
mod memory;
mod node;
mod reads;
mod report;
mod search_text;
mod setup;
mod snapshot;
mod start;
mod subscriptions;
mod transfer;
mod turn;
mod typescript;
mod vectors;

use std::future::Future;
use std::io;
use std::process::ExitCode;

use load::Writes;
use setup::Options;

/// As in the `fusion` binary, so that the floors allocate as it does.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The benchmarks in the order in which `all` runs them.
const ALL: [&str; 19] = [
    "transfer",
    "latency",
    "live",
    "http",
    "fanout",
    "subscriptions",
    "reads",
    "memory",
    "start",
    "typescript",
    "bundle",
    "components",
    "node",
    "turn",
    "import",
    "export",
    "connector",
    "search-text",
    "search-vector",
];

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let which = arguments.next().unwrap_or_default();
    let result = match which.as_str() {
        // The other half of a floor: this program started again as the bare server, so that it has its own process
        // like the server it is compared with.
        "serve-echo" => on_all_cores(floor::echo::serve(Writes::Single)),
        "serve-echo-together" => on_all_cores(floor::echo::serve(Writes::Together)),
        "serve-fanout" => on_all_cores(floor::fanout::serve()),
        "serve-http" => on_all_cores(floor::http::serve()),
        _ => Options::parse(arguments).and_then(|options| on_one_core(run(&which, &options))),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("Error: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(which: &str, options: &Options) -> io::Result<()> {
    let chosen: Vec<&str> = if which == "all" { ALL.to_vec() } else { vec![which] };
    for which in chosen {
        println!("\n## {which}");
        match which {
            "transfer" => transfer::run(options).await?,
            "latency" => latency::run(options).await?,
            "http" => http::run(options).await?,
            "live" => live::run().await?,
            "fanout" => fanout::run(options).await?,
            "subscriptions" => subscriptions::run(options).await?,
            "reads" => reads::run(options).await?,
            "memory" => memory::run(options).await?,
            "start" => start::run(options).await?,
            "typescript" => typescript::run(options).await?,
            "bundle" => bundle::run(options).await?,
            "components" => components::run(options).await?,
            "node" => node::run(options).await?,
            "turn" => turn::run(options).await?,
            "import" => snapshot::import(options).await?,
            "export" => snapshot::export(options).await?,
            "connector" => connector::run(options)?,
            "search-text" => search_text::run(options).await?,
            "search-vector" => vectors::run(options).await?,
            "engine" => engine::run(options).await?,
            "floors" => floor::run(options).await?,
            _ => {
                let known = ALL.join(", ");
                return Err(io::Error::other(format!(
                    "no benchmark {which:?}; there are {known}, engine, floors and all"
                )));
            }
        }
    }
    Ok(())
}

/// Servers get a worker per core.
fn on_all_cores(future: impl Future<Output = io::Result<()>>) -> io::Result<()> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(future)
}

/// The load client is one thread, so that it takes no more than it needs from the server beside it.
fn on_one_core(future: impl Future<Output = io::Result<()>>) -> io::Result<()> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(future)
}
