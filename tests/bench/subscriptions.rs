//! 20,000 subscriptions on one client, a mutation that changes 100 of them: the others must cost nothing.

use std::io;
use std::time::Duration;

use fusion_runtime::clock::Moment;
use fusion_tests::process::Server;
use fusion_tests::random::Random;
use fusion_tests::sync::{
    ServerMessage, Socket, add_query, connect_message, modify_query_set_message, mutation_message,
};

use crate::report::{head, millis, percentile, row, thousands};
use crate::setup::{Options, seed_accounts};

const FEW: u32 = 1_000;
const MANY: u32 = 20_000;
const TOUCHED: u32 = 100;
const ROUNDS: u32 = 60;

pub(crate) async fn run(options: &Options) -> io::Result<()> {
    let (server, _folder) = options.server()?;
    seed_accounts(&server, u64::from(MANY)).await?;
    let few = measure(&server, options, FEW).await?;
    let many = measure(&server, options, MANY).await?;
    head();
    let what = format!(
        "{TOUCHED} of {} subscriptions change until all are seen; floor: of {}",
        thousands(u64::from(MANY)),
        thousands(u64::from(FEW))
    );
    row(&what, &millis(many), &millis(few), many.as_secs_f64() / few.as_secs_f64(), "≤ 1.5");
    Ok(())
}

/// The median time from the call to the last of the changed results.
async fn measure(server: &Server, options: &Options, subscriptions: u32) -> io::Result<Duration> {
    let mut random = Random::new(options.seed);
    let mut socket = Socket::open(server.address()).await?;
    socket.queue(connect_message(&Random::new(Random::fresh_seed()).uuid(), 0, None)).await?;
    let add = |id| add_query(id, "transfer:balance", &format!(r#"{{"id":{id}}}"#), None);
    let adds: Vec<String> = (0..subscriptions).map(add).collect();
    socket.send(modify_query_set_message(0, 1, &adds)).await?;
    updates(&mut socket, subscriptions).await?;

    let mut times = Vec::new();
    for round in 0..ROUNDS {
        let start = random.below(u64::from(FEW - TOUCHED));
        let begun = Moment::now();
        let args = format!(r#"{{"start":{start},"count":{TOUCHED},"by":1}}"#);
        socket.send(mutation_message(round, "transfer:deposit", &args)).await?;
        updates(&mut socket, TOUCHED).await?;
        times.push(begun.elapsed());
    }
    Ok(percentile(&mut times, 0.5))
}

/// Reads until `count` results have been updated.
async fn updates(socket: &mut Socket, count: u32) -> io::Result<()> {
    let mut seen = 0;
    while seen < count {
        let text = socket.next().await?.ok_or_else(|| io::Error::other("the server closed"))?;
        let message = ServerMessage::parse(&text)?;
        if message.success == Some(false) || message.kind.ends_with("Error") {
            return Err(io::Error::other(format!("the server said {text}")));
        }
        seen += message.modifications.iter().filter(|change| change.kind == "QueryUpdated").count() as u32;
    }
    Ok(())
}
