//! kill -9 at random points under mixed load: what was acknowledged is there once, in order, with its jobs; the sum
//! of balances is conserved; sessions that reconnect converge.
//!
//! The clients behave as the official one does: a mutation is resent on each new connection until a transition has
//! reached its timestamp, under the same session and request id.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::io;
use std::rc::Rc;
use std::time::Duration;

use fusion_tests::http::call;
use fusion_tests::process::{Folder, Launch, Server, free_port};
use fusion_tests::random::Random;
use fusion_tests::sync::{
    ServerMessage, Socket, add_query, connect_message, decode_ts, modify_query_set_message, mutation_message,
};
use serde_json::json;
use tokio::task::LocalSet;
use tokio::time::{sleep, timeout};

use crate::{FIXTURE, run};

const CRASHES: usize = 200;
const CLIENTS: usize = 6;
const ACCOUNTS: u64 = 20;
const BALANCE: u64 = 1_000;
/// Mutations a client keeps in flight.
const WINDOW: usize = 6;
/// Every third operation schedules a job.
const JOB_EVERY: u64 = 3;

/// A mutation that is not finished.
struct Pending {
    number: u64,
    args: String,
    /// The timestamp of its response, once there was one.
    ts: Option<u64>,
}

/// A client of one session, over all its connections.
struct Client {
    session: String,
    name: String,
    address: String,
    random: RefCell<Random>,
    pending: RefCell<VecDeque<Pending>>,
    next: Cell<u64>,
    /// Operations whose success the server has told; they are numbered from 0 and finish in order.
    acknowledged: Cell<u64>,
    connections: Cell<u32>,
    max_observed: Cell<Option<u64>>,
    /// What the client's subscription shows: the number of its newest operation.
    shown: Cell<f64>,
    sending: Cell<bool>,
    failure: RefCell<Option<String>>,
}

impl Client {
    fn new(name: String, address: String, random: &mut Random) -> Self {
        Self {
            session: random.uuid(),
            name,
            address,
            random: RefCell::new(Random::new(random.bits())),
            pending: RefCell::default(),
            next: Cell::new(0),
            acknowledged: Cell::new(0),
            connections: Cell::new(0),
            max_observed: Cell::new(None),
            shown: Cell::new(-1.0),
            sending: Cell::new(true),
            failure: RefCell::default(),
        }
    }

    fn is_finished(&self) -> bool {
        !self.sending.get() && self.pending.borrow().is_empty()
    }

    /// Lives through all crashes.
    async fn live(&self) {
        while !self.is_finished() && self.failure.borrow().is_none() {
            if let Ok(socket) = Socket::open(&self.address).await
                && let Err(error) = self.talk(socket).await
                && error.kind() == io::ErrorKind::InvalidData
            {
                *self.failure.borrow_mut() = Some(format!("{}: {error}", self.name));
            }
            sleep(Duration::from_millis(5)).await;
        }
    }

    async fn talk(&self, mut socket: Socket) -> io::Result<()> {
        let count = self.connections.replace(self.connections.get() + 1);
        socket.queue(connect_message(&self.session, count, self.max_observed.get())).await?;
        let query = add_query(0, "ledger:last", &format!(r#"{{"client":"{}"}}"#, self.name), None);
        socket.queue(modify_query_set_message(0, 1, &[query])).await?;
        let resent: Vec<String> = self.pending.borrow().iter().map(Pending::message).collect();
        for message in resent {
            socket.queue(message).await?;
        }
        socket.flush().await?;
        while !self.is_finished() {
            let pause = Duration::from_millis(self.random.borrow_mut().below(12));
            match timeout(pause, socket.next()).await {
                Ok(Ok(Some(text))) => self.read(&text)?,
                Ok(Ok(None)) => return Ok(()),
                Ok(Err(error)) => return Err(error),
                // A pause without a message is the moment for the next call.
                Err(_) if self.sending.get() && self.pending.borrow().len() < WINDOW => {
                    let message = self.begin();
                    socket.send(message).await?;
                }
                Err(_) => {}
            }
        }
        Ok(())
    }

    /// The message of a new operation.
    fn begin(&self) -> String {
        let mut random = self.random.borrow_mut();
        let number = self.next.replace(self.next.get() + 1);
        let (from, to) = (random.below(ACCOUNTS), random.below(ACCOUNTS - 1));
        let to = if to >= from { to + 1 } else { to };
        let with_job = number.is_multiple_of(JOB_EVERY);
        let name = &self.name;
        let args = format!(
            r#"{{"client":"{name}","number":{number},"from":{from},"to":{to},"withJob":{with_job}}}"#
        );
        let pending = Pending { number, args, ts: None };
        let message = pending.message();
        self.pending.borrow_mut().push_back(pending);
        message
    }

    fn read(&self, text: &str) -> io::Result<()> {
        let wrong = |what: &str| io::Error::new(io::ErrorKind::InvalidData, format!("{what}: {text}"));
        let message = ServerMessage::parse(text)?;
        match message.kind {
            "Ping" => {}
            "MutationResponse" => {
                if message.success != Some(true) {
                    return Err(wrong("a mutation failed"));
                }
                let id = message.request_id.ok_or_else(|| wrong("no request id"))?;
                let mut pending = self.pending.borrow_mut();
                let Some(own) = pending.iter_mut().find(|pending| pending.number == u64::from(id)) else {
                    // The first transition of a connection can show a resent mutation before its answer arrives.
                    let is_known = u64::from(id) < self.acknowledged.get();
                    return if is_known {
                        Ok(())
                    } else {
                        Err(wrong("an answer to a question nobody asked"))
                    };
                };
                let result = message.result.and_then(|result| result.get().parse::<f64>().ok());
                if result != Some(own.number as f64) {
                    return Err(wrong("the result is another operation's"));
                }
                own.ts = Some(decode_ts(message.ts.unwrap_or_default())?);
                self.acknowledged.set(self.acknowledged.get().max(own.number + 1));
            }
            "Transition" => {
                for change in &message.modifications {
                    let value = change.value.and_then(|value| value.get().parse().ok());
                    self.shown.set(value.ok_or_else(|| wrong("the subscription has no number"))?);
                }
                let reached = message.end_version.ok_or_else(|| wrong("no version"))?;
                let reached = decode_ts(reached.ts)?;
                self.max_observed.set(self.max_observed.get().max(Some(reached)));
                let mut pending = self.pending.borrow_mut();
                while let Some(ts) = pending.front().and_then(|first| first.ts).filter(|&ts| ts <= reached) {
                    let number = pending.pop_front().map_or(0, |done| done.number);
                    if self.shown.get() < number as f64 {
                        return Err(wrong(&format!(
                            "the transition has passed {ts} but misses operation {number}"
                        )));
                    }
                }
            }
            _ => return Err(wrong("unexpected")),
        }
        Ok(())
    }
}

impl Pending {
    fn message(&self) -> String {
        mutation_message(self.number as u32, "ledger:apply", &self.args)
    }
}

/// Checks that the client's operations from number `from` on are each there once, in order, and hold at least what
/// was acknowledged. Returns how many there are.
async fn check_operations(server: &Server, client: &Client, from: u64, acknowledged: u64) -> io::Result<u64> {
    let args = json!({"client": client.name, "from": from});
    let operations = call(server, "ledger:operations", args).await?;
    let numbers: Vec<f64> =
        operations.as_array().into_iter().flatten().filter_map(|number| number.as_f64()).collect();
    let name = &client.name;
    for (i, &number) in numbers.iter().enumerate() {
        let expected = from + i as u64;
        if number != expected as f64 {
            return Err(io::Error::other(format!(
                "{name}: operation {expected} is lost or doubled in {numbers:?}"
            )));
        }
    }
    let count = from + numbers.len() as u64;
    if count < acknowledged {
        return Err(io::Error::other(format!("{name}: {acknowledged} were acknowledged, {count} are there")));
    }
    Ok(count)
}

async fn check_sum(server: &Server) -> io::Result<()> {
    let sum = call(server, "transfer:total", json!({"start": 0, "count": ACCOUNTS})).await?;
    let expected = (ACCOUNTS * BALANCE) as f64;
    if sum.as_f64() == Some(expected) { Ok(()) } else { Err(io::Error::other(format!("the sum is {sum}"))) }
}

#[test]
fn killed_at_200_random_points_nothing_acknowledged_is_lost_or_doubled() -> io::Result<()> {
    let seed = Random::test_seed();
    println!("seed {seed}: repeat with FUSION_SEED={seed}");
    let folder = Folder::new(&std::env::temp_dir())?;
    let launch = Launch::new(FIXTURE, folder.path().join("data"));
    run(survive(launch, CRASHES, Random::new(seed), || Ok(())))
}

/// Lets clients work while the server is killed again and again; `crashed` is called while it is down.
pub(crate) async fn survive(
    launch: Launch,
    crashes: usize,
    mut random: Random,
    crashed: impl Fn() -> io::Result<()>,
) -> io::Result<()> {
    let launch = launch.port(free_port()?);
    let mut server = launch.start()?;
    let seeded = json!({"start": 0, "count": ACCOUNTS, "balance": BALANCE});
    call(&server, "transfer:seed", seeded).await?;
    let address = server.address().to_owned();
    let clients: Vec<Rc<Client>> = (0..CLIENTS)
        .map(|i| Rc::new(Client::new(format!("client-{i}"), address.clone(), &mut random)))
        .collect();
    let tasks = LocalSet::new();
    for client in &clients {
        let client = Rc::clone(client);
        tasks.spawn_local(async move { client.live().await });
    }
    tasks
        .run_until(async {
            // What was checked after the crash before is checked again at the end.
            let mut checked = [0; CLIENTS];
            for crash in 0..crashes {
                sleep(Duration::from_millis(10 + random.below(120))).await;
                let acknowledged: Vec<u64> = clients.iter().map(|client| client.acknowledged.get()).collect();
                server.kill()?;
                crashed()?;
                server = launch.start()?;
                let failed = |error: io::Error| io::Error::other(format!("after crash {crash}: {error}"));
                check_sum(&server).await.map_err(failed)?;
                for (i, client) in clients.iter().enumerate() {
                    checked[i] = check_operations(&server, client, checked[i], acknowledged[i])
                        .await
                        .map_err(failed)?;
                    if let Some(failure) = client.failure.borrow_mut().take() {
                        return Err(failed(io::Error::other(failure)));
                    }
                }
            }
            let total = finish(&server, &clients).await?;
            println!("{total} operations over {crashes} crashes");
            assert!(total > crashes as u64 * 3, "hardly any load: {total} operations");
            Ok(())
        })
        .await
}

/// Lets the clients finish and checks the end: all operations, all receipts, all subscriptions.
async fn finish(server: &Server, clients: &[Rc<Client>]) -> io::Result<u64> {
    clients.iter().for_each(|client| client.sending.set(false));
    let finished = timeout(Duration::from_secs(30), async {
        while !clients.iter().all(|client| client.is_finished() || client.failure.borrow().is_some()) {
            sleep(Duration::from_millis(10)).await;
        }
    });
    finished.await.map_err(|_| io::Error::other("the clients did not finish within 30 s"))?;
    check_sum(server).await?;
    let mut total = 0;
    for client in clients {
        if let Some(failure) = client.failure.borrow_mut().take() {
            return Err(io::Error::other(failure));
        }
        let sent = client.next.get();
        let count = check_operations(server, client, 0, sent).await?;
        assert_eq!(count, sent, "{} sent {sent} operations", client.name);
        assert_eq!(client.shown.get(), sent as f64 - 1.0, "what {} shows", client.name);
        check_receipts(server, client, sent).await?;
        total += count;
    }
    Ok(total)
}

/// Every third operation has its receipt, once. Jobs may still be running when the clients have finished.
async fn check_receipts(server: &Server, client: &Client, sent: u64) -> io::Result<()> {
    let expected: Vec<f64> = (0..sent).step_by(JOB_EVERY as usize).map(|number| number as f64).collect();
    let mut numbers: Vec<f64> = Vec::new();
    for _ in 0..600 {
        let receipts = call(server, "ledger:receipts", json!({"client": client.name})).await?;
        numbers = receipts.as_array().into_iter().flatten().filter_map(|number| number.as_f64()).collect();
        if numbers.len() >= expected.len() {
            break;
        }
        sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(numbers.len(), expected.len(), "receipts of {}", client.name);
    assert_eq!(numbers, expected, "receipts of {}", client.name);
    Ok(())
}
