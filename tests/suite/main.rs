//! The one test program of this crate; each file is a chapter.

#![expect(clippy::print_stdout, reason = "seeds and counts of runs that failed")]

mod checker;
mod crash;
mod library;
mod lost_writes;
mod protocol;
mod tidy;
mod vectors;
mod web_apis;
mod wire;

use std::io;
use std::time::Duration;

use fusion_tests::process::{Folder, Launch, Server};

/// The fixture application, built beside this program.
const FIXTURE: &str = env!("CARGO_BIN_EXE_fusion-fixture");

/// The fixture application on an empty data folder, which must outlive it.
fn fixture() -> io::Result<(Server, Folder)> {
    let folder = Folder::new(&std::env::temp_dir())?;
    // The checker asks for every state that a session has shown.
    let launch = Launch::new(FIXTURE, folder.path().join("data")).environment("RETAINED_STATES", "100000");
    let server = launch.start()?;
    Ok((server, folder))
}

/// After so long a test is taken for stuck: many times what the slowest takes on a small machine.
const STUCK: Duration = Duration::from_secs(600);

/// Runs a test's future on one thread.
fn run(future: impl Future<Output = io::Result<()>>) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let stuck = |_| io::Error::other(format!("the test is stuck: it has not ended after {STUCK:?}"));
        tokio::time::timeout(STUCK, future).await.map_err(stuck)?
    })
}
