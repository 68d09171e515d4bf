//! One client, one mutation at a time: how near a call is to one fsync'ed commit.

use std::io;

use crate::floor;
use crate::report::{head, millis, row};
use crate::setup::{Options, seed_accounts};
use crate::transfer::{self, ACCOUNTS};

pub(crate) async fn run(options: &Options) -> io::Result<()> {
    let (server, _folder) = options.server()?;
    seed_accounts(&server, ACCOUNTS as u64).await?;
    let mut outcome = transfer::load(&server, options, 0.0, 1, 1).await?;
    drop(server);
    let mut sqlite = floor::sqlite::transfers(options, 0.0, 1)?;
    let (own, bare) = (outcome.latency(0.5), sqlite.commit(0.5));
    let describe = |p50, p99| format!("p50 {}, p99 {}", millis(p50), millis(p99));
    let figure = describe(own, outcome.latency(0.99));
    let floor = describe(bare, sqlite.commit(0.99));
    head();
    let what = format!("one transfer at a time, durability {}; floor: one SQLite commit", options.durability);
    row(&what, &figure, &floor, own.as_secs_f64() / bare.as_secs_f64(), "≤ 1.3");
    Ok(())
}
