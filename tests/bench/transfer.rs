//! The funds-transfer workload: 100,000 accounts, two reads and two writes per call, 64 clients × 40 in flight.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;

use fusion_tests::http::call;
use fusion_tests::process::Server;
use fusion_tests::random::{Random, Zipf};
use fusion_tests::sync::{
    ServerMessage, Socket, connect_message, decode_ts, modify_query_set_message, mutation_message,
};
use serde_json::json;

use crate::floor;
use crate::load::{self, Exchange, Outcome, Writes};
use crate::report::{head, rate, row};
use crate::setup::{Options, seed_accounts};

/// Rows of the `accounts` table.
pub(crate) const ACCOUNTS: usize = 100_000;
/// What each account begins with.
const BALANCE: f64 = 1_000_000_000.0;
/// Transfers that are computed beforehand; each client starts at its own offset.
const PAIRS: usize = 200_000;
/// The transfer in Rust.
pub(crate) const NATIVE: &str = "transfer:transfer";
pub(crate) const CLIENTS: usize = 64;
pub(crate) const WINDOW: usize = 40;

/// The transfers of one run, drawn beforehand.
pub(crate) fn pairs(seed: u64, alpha: f64) -> Arc<[(usize, usize)]> {
    let (zipf, mut random) = (Zipf::new(ACCOUNTS, alpha), Random::new(seed));
    (0..PAIRS).map(|_| zipf.draw_pair(&mut random)).collect()
}

/// A client that makes transfers. Like the official client it counts a mutation as done when a transition has
/// reached the mutation's timestamp, not at the response already.
pub(crate) struct Transfers {
    path: &'static str,
    pairs: Arc<[(usize, usize)]>,
    position: usize,
    next_request: u32,
    answered: VecDeque<u64>,
    /// Calls that the server answered with an error.
    pub(crate) failed: usize,
}

impl Transfers {
    /// Client number `worker` of `workers`, which calls the mutation at `path`.
    pub(crate) fn new(
        path: &'static str,
        pairs: &Arc<[(usize, usize)]>,
        worker: usize,
        workers: usize,
    ) -> Self {
        let position = worker * pairs.len() / workers;
        Self {
            path,
            pairs: Arc::clone(pairs),
            position,
            next_request: 0,
            answered: VecDeque::new(),
            failed: 0,
        }
    }
}

impl Exchange for Transfers {
    fn request(&mut self) -> String {
        let (from, to) = self.pairs[self.position];
        self.position = (self.position + 1) % self.pairs.len();
        let request = self.next_request;
        self.next_request += 1;
        let args = format!(r#"{{"amount":1,"from_id":{from},"to_id":{to}}}"#);
        mutation_message(request, self.path, &args)
    }

    fn answer(&mut self, text: &str) -> io::Result<usize> {
        let message = ServerMessage::parse(text)?;
        match message.kind {
            "MutationResponse" => {
                if message.success != Some(true) {
                    self.failed += 1;
                    return Ok(1);
                }
                let ts = message.ts.ok_or_else(|| io::Error::other("a response without ts"))?;
                self.answered.push_back(decode_ts(ts)?);
                Ok(0)
            }
            "Transition" => {
                let version = message.end_version.ok_or_else(|| io::Error::other("no endVersion"))?;
                let reached = decode_ts(version.ts)?;
                let done = self.answered.iter().take_while(|&&ts| ts <= reached).count();
                self.answered.drain(..done);
                Ok(done)
            }
            "Ping" => Ok(0),
            _ => Err(io::Error::other(format!("the server said {text}"))),
        }
    }
}

/// A connected client without queries.
pub(crate) async fn connect(address: &str, session: &str) -> io::Result<Socket> {
    let mut socket = Socket::open(address).await?;
    socket.queue(connect_message(session, 0, None)).await?;
    socket.send(modify_query_set_message(0, 1, &[])).await?;
    Ok(socket)
}

/// Runs transfers against a seeded server and checks that none failed and no money appeared or vanished.
pub(crate) async fn load(
    server: &Server,
    options: &Options,
    alpha: f64,
    clients: usize,
    window: usize,
) -> io::Result<Outcome> {
    load_of(NATIVE, server, options, alpha, (clients, window)).await
}

/// As [`load`], with the mutation at `path`.
pub(crate) async fn load_of(
    path: &'static str,
    server: &Server,
    options: &Options,
    alpha: f64,
    (clients, window): (usize, usize),
) -> io::Result<Outcome> {
    let pairs = pairs(options.seed, alpha);
    let mut random = Random::new(Random::fresh_seed());
    let mut connected = Vec::new();
    for worker in 0..clients {
        let socket = connect(server.address(), &random.uuid()).await?;
        connected.push((socket, Transfers::new(path, &pairs, worker, clients)));
    }
    let (outcome, transfers) = load::run(connected, window, options.duration, Writes::Together).await?;
    let failed: usize = transfers.iter().map(|transfers| transfers.failed).sum();
    if failed > 0 {
        return Err(io::Error::other(format!("{failed} calls failed")));
    }
    check_sum(server).await?;
    Ok(outcome)
}

/// The sum over all accounts, page by page, must be what was seeded.
pub(crate) async fn check_sum(server: &Server) -> io::Result<()> {
    const PER_CALL: usize = 20_000;
    let mut sum = 0.0;
    for start in (0..ACCOUNTS).step_by(PER_CALL) {
        let part = call(server, "transfer:total", json!({"start": start, "count": PER_CALL})).await?;
        sum += part.as_f64().unwrap_or(f64::NAN);
    }
    let expected = BALANCE * ACCOUNTS as f64;
    if sum == expected { Ok(()) } else { Err(io::Error::other(format!("the sum is {sum}, not {expected}"))) }
}

pub(crate) async fn run(options: &Options) -> io::Result<()> {
    let (server, _folder) = options.server()?;
    seed_accounts(&server, ACCOUNTS as u64).await?;
    let mut uniform = load(&server, options, 0.0, CLIENTS, WINDOW).await?;
    let mut skewed = load(&server, options, 1.5, CLIENTS, WINDOW).await?;
    let mut single = load(&server, options, 0.0, CLIENTS, 1).await?;
    drop(server);
    let mut echo = floor::echo::measure(CLIENTS, WINDOW, options.duration).await?;
    let mut echo_single = floor::echo::measure(CLIENTS, 1, options.duration).await?;
    let sqlite = floor::sqlite::transfers(options, 0.0, 512)?;

    println!(
        "Durability: {}. Seed {}. No call failed; the sum of balances is unchanged.\n",
        options.durability, options.seed
    );
    head();
    let what = format!("transfers, {CLIENTS}×{WINDOW}, α=0; floor: WebSocket echo");
    row(&what, &uniform.describe(), &echo.describe(), uniform.per_second / echo.per_second, "≥ 0.25");
    let ratio = uniform.per_second / sqlite.per_second;
    let bare = rate(sqlite.per_second);
    row(
        "the same; floor: SQLite, 512 transfers per commit",
        &rate(uniform.per_second),
        &bare,
        ratio,
        "≥ 0.4",
    );
    let ratio = skewed.per_second / uniform.per_second;
    row("α=1.5; floor: α=0", &skewed.describe(), &rate(uniform.per_second), ratio, "≥ 0.9");
    let what = format!("transfers, {CLIENTS}×1, α=0; floor: WebSocket echo");
    row(&what, &single.describe(), &echo_single.describe(), single.per_second / echo_single.per_second, "");
    Ok(())
}
