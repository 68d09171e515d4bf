//! The live queries alone, in this process, without sockets and without a disk: what a commit costs that touches
//! nothing, that touches 100 of many subscriptions, and that touches one query of many sessions.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use fusion_runtime::auth::Identity;
use fusion_runtime::clock::Moment;
use fusion_runtime::database::{Database, DatabaseOptions};
use fusion_runtime::function::alarm::Alarm;
use fusion_runtime::function::live::LiveSession;
use fusion_runtime::function::{
    Application, Caller, Deployment, FunctionCall, FunctionPath, FunctionRunner, MutationCtx, QueryCtx,
    Visibility,
};
use fusion_runtime::system::blobs::Blobs;
use fusion_runtime::system::file_storage::FileStorage;
use fusion_schema::{Object, Schema, Table, Typed, object};

use crate::report::{head, millis, percentile, plain, row, thousands};

const ROWS: u32 = 20_000;
const TOUCHED: u32 = 100;
const ROUNDS: u32 = 60;

#[derive(Clone, Table)]
#[table(name = "rows", index(name = "by_number", fields("number")))]
struct Row {
    number: f64,
    value: f64,
}

#[derive(Typed)]
struct Numbered {
    number: f64,
}

#[derive(Typed)]
struct Change {
    start: f64,
    count: f64,
}

fn read(ctx: &mut QueryCtx<'_>, args: Numbered) -> fusion_runtime::Result<f64> {
    let row = ctx.db().query::<Row>().index("by_number").eq("number", args.number).first()?;
    Ok(row.map_or(0.0, |row| row.value))
}

fn fill(ctx: &mut MutationCtx<'_>, args: Change) -> fusion_runtime::Result<()> {
    for number in 0..args.count as u32 {
        ctx.db().insert(Row { number: args.start + f64::from(number), value: 0.0 })?;
    }
    Ok(())
}

fn change(ctx: &mut MutationCtx<'_>, args: Change) -> fusion_runtime::Result<()> {
    let rows =
        ctx.db().query::<Row>().index("by_number").gte("number", args.start).take(args.count as usize)?;
    for mut row in rows {
        row.value += 1.0;
        ctx.db().save(row)?;
    }
    Ok(())
}

/// A session, and the bell it is called with.
struct Client {
    session: LiveSession,
    woken: Receiver<()>,
}

impl Client {
    fn new(runner: &FunctionRunner) -> Self {
        let (sender, woken) = channel();
        let session = runner.live_queries().session(Arc::new(move || {
            // The benchmark may be over.
            let _ = sender.send(());
        }));
        Self { session, woken }
    }

    /// Waits until so many results changed.
    fn wait(&self, count: u32) -> io::Result<()> {
        let mut seen = 0;
        loop {
            seen += self.session.poll().changes.len();
            if seen >= count as usize {
                return Ok(());
            }
            self.woken.recv_timeout(Duration::from_secs(60)).map_err(io::Error::other)?;
        }
    }
}

fn call(path: &str, args: Object) -> io::Result<FunctionCall> {
    let path = FunctionPath::parse(path).map_err(io::Error::other)?;
    Ok(FunctionCall::new(path, args, Identity::Anonymous, Caller::Tester))
}

async fn mutate(runner: &Arc<FunctionRunner>, path: &str, start: u32, count: u32) -> io::Result<u64> {
    let outcome = runner
        .mutation(call(path, object! { "start" => f64::from(start), "count" => f64::from(count) })?)
        .await;
    outcome.result.map_err(|error| io::Error::other(error.message))?;
    Ok(outcome.ts)
}

fn start() -> fusion_runtime::Result<Arc<FunctionRunner>> {
    let database = Database::open(DatabaseOptions::in_memory())?;
    let schema = Schema::new(vec![Row::definition()]);
    database.apply_schema(&schema)?;
    let mut app = Application::new("bench").schema(schema);
    app.module("rows", Visibility::Public, (), |module| {
        module.query("read", read).mutation("fill", fill).mutation("change", change);
    });
    let files = FileStorage::new(Blobs::in_memory(), database.secrets().clone(), "http://localhost");
    let origin = "http://localhost".to_owned();
    let deployment = Deployment {
        name: String::new(),
        database,
        files,
        cloud_origin: origin.clone(),
        site_origin: origin,
        alarm: Alarm::default(),
    };
    FunctionRunner::new(deployment, app.build()?)
}

pub(crate) async fn run() -> io::Result<()> {
    let runner = start().map_err(io::Error::other)?;
    for start in (0..2 * ROWS).step_by(1_000) {
        mutate(&runner, "rows:fill", start, 1_000).await?;
    }
    head();
    let mut floors = None;
    for subscriptions in [1_000, ROWS] {
        let client = Client::new(&runner);
        let before = resident_bytes()?;
        let began = Moment::now();
        for number in 0..subscriptions {
            client.session.add(number, call("rows:read", object! { "number" => f64::from(number) })?, None);
        }
        client.wait(subscriptions)?;
        let what = thousands(u64::from(subscriptions));
        plain(&format!("{what} new subscriptions"), &millis(began.elapsed()), "");
        let each = resident_bytes()?.saturating_sub(before) as f64 / f64::from(subscriptions) / 1e3;
        plain(&format!("resident memory for each of {what} subscriptions"), &format!("{each:.1} KB"), "");
        let touching = touching(&runner, &client).await?;
        let missing = missing(&runner, &client).await?;
        let (touching_floor, missing_floor) = *floors.get_or_insert((touching, missing));
        let ratio = |figure: Duration, floor: Duration| figure.as_secs_f64() / floor.as_secs_f64();
        row(
            &format!("{TOUCHED} of {what} subscriptions change until all are seen; floor: of 1,000"),
            &millis(touching),
            &millis(touching_floor),
            ratio(touching, touching_floor),
            "≤ 1.5",
        );
        row(
            &format!("{TOUCHED} documents change that none of {what} subscriptions shows; floor: of 1,000"),
            &millis(missing),
            &millis(missing_floor),
            ratio(missing, missing_floor),
            "≤ 1.5",
        );
    }
    crowd(&runner).await
}

/// Memory of this process.
fn resident_bytes() -> io::Result<u64> {
    let pages = std::fs::read_to_string("/proc/self/statm")?;
    let pages = pages.split(' ').nth(1).and_then(|pages| pages.parse::<u64>().ok());
    pages
        .map(|pages| pages * 4096)
        .ok_or_else(|| io::Error::other("the system does not tell the memory used"))
}

/// The median time from a mutation's call until its changes are seen.
async fn touching(runner: &Arc<FunctionRunner>, client: &Client) -> io::Result<Duration> {
    let mut times = Vec::new();
    for round in 0..ROUNDS {
        let began = Moment::now();
        mutate(runner, "rows:change", round % 9 * TOUCHED, TOUCHED).await?;
        client.wait(TOUCHED)?;
        times.push(began.elapsed());
    }
    Ok(percentile(&mut times, 0.5))
}

/// The median time from a mutation's call until a session that shows nothing of it is told so.
async fn missing(runner: &Arc<FunctionRunner>, client: &Client) -> io::Result<Duration> {
    let mut times = Vec::new();
    for round in 0..ROUNDS {
        let began = Moment::now();
        let ts = mutate(runner, "rows:change", ROWS + round * TOUCHED, TOUCHED).await?;
        client.session.want_ts(ts);
        while client.session.poll().ts < ts {
            client.woken.recv_timeout(Duration::from_secs(60)).map_err(io::Error::other)?;
        }
        times.push(began.elapsed());
    }
    Ok(percentile(&mut times, 0.5))
}

/// A thousand sessions that show the same query.
async fn crowd(runner: &Arc<FunctionRunner>) -> io::Result<()> {
    let clients: Vec<Client> = (0..1_000).map(|_| Client::new(runner)).collect();
    for client in &clients {
        client.session.add(0, call("rows:read", object! { "number" => 1.0 })?, None);
        client.wait(1)?;
    }
    let mut times = Vec::new();
    for _ in 0..ROUNDS {
        let began = Moment::now();
        mutate(runner, "rows:change", 1, 1).await?;
        for client in &clients {
            client.wait(1)?;
        }
        times.push(began.elapsed());
    }
    plain("one query of 1,000 sessions changes until all have it", &millis(percentile(&mut times, 0.5)), "");
    Ok(())
}
