//! The bare floors: what this machine can do with nothing in between.

pub(crate) mod echo;
pub(crate) mod fanout;
pub(crate) mod http;
pub(crate) mod sqlite;

use std::io::{self, BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use crate::load::Writes;
use crate::report::{head, millis, plain, rate};
use crate::setup::Options;

/// This program, started again as a bare server; killed when dropped.
pub(crate) struct Bare {
    child: Child,
    /// `127.0.0.1:port`.
    pub(crate) address: String,
}

impl Bare {
    /// Starts `mode` and waits until it tells its address.
    pub(crate) fn start(mode: &str) -> io::Result<Self> {
        let mut child = Command::new(std::env::current_exe()?).arg(mode).stdout(Stdio::piped()).spawn()?;
        let stdout = child.stdout.take().ok_or_else(|| io::Error::other("no standard output"))?;
        let mut bare = Self { child, address: String::new() };
        BufReader::new(stdout).read_line(&mut bare.address)?;
        bare.address.truncate(bare.address.trim_end().len());
        Ok(bare)
    }
}

impl Drop for Bare {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// All floors alone.
pub(crate) async fn run(options: &Options) -> io::Result<()> {
    head();
    for (clients, window) in [(1, 1), (1, 40), (64, 1), (64, 40)] {
        let figure = echo::measure(clients, window, options.duration).await?.describe();
        plain(&format!("WebSocket echo, 128 bytes, {clients}×{window}"), &figure, "");
    }
    let mut together = echo::measure_with(64, 40, options.duration, Writes::Together).await?;
    plain("WebSocket echo, 128 bytes, 64×40, many messages per write", &together.describe(), "");
    for group in [1, 8, 64, 512] {
        let mut figures = sqlite::transfers(options, 0.0, group)?;
        let figure = format!("{}, p50 of a commit {}", rate(figures.per_second), millis(figures.commit(0.5)));
        plain(&format!("SQLite, WAL and FULL, {group} transfers per commit"), &figure, "");
    }
    let mut fanout = fanout::measure(1_000, 400).await?;
    plain("fan-out of 400 bytes to 1,000 sockets", &fanout.describe(), "");
    plain("fetch client against a no-op HTTP server", &rate(http::measure(options)?), "");
    Ok(())
}
