//! The stock connector of the workload: `POST /api/mutation` with plain `fetch` in Node, 64 callers in a closed loop.

use std::io;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::floor;
use crate::report::{head, rate, row};
use crate::setup::{Options, seed_accounts};
use crate::transfer::{ACCOUNTS, CLIENTS, check_sum};

/// Requests per second of the connector against `url`.
pub(crate) fn fetch_client(options: &Options, url: &str) -> io::Result<f64> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("bench/fetch_client.mjs");
    let arguments = [ACCOUNTS as u64, CLIENTS as u64, options.duration.as_secs(), options.seed];
    let output = Command::new("node")
        .arg(script)
        .arg(url)
        .args(arguments.map(|number| number.to_string()))
        .stderr(Stdio::inherit())
        .output()?;
    let text = String::from_utf8_lossy(&output.stdout);
    text.trim().parse().map_err(|_| io::Error::other(format!("the fetch client said {text:?}")))
}

pub(crate) async fn run(options: &Options) -> io::Result<()> {
    let (server, _folder) = options.server()?;
    seed_accounts(&server, ACCOUNTS as u64).await?;
    let own = fetch_client(options, &server.url)?;
    check_sum(&server).await?;
    drop(server);
    let bare = floor::http::measure(options)?;
    head();
    row(
        "stock HTTP connector, 64 callers; floor: no-op responder",
        &rate(own),
        &rate(bare),
        own / bare,
        "≥ 0.9",
    );
    Ok(())
}
