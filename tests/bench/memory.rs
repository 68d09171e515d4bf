//! Resident memory: idle, per idle socket, with a million documents, after load.

use std::io;
use std::time::Duration;

use fusion_tests::process::Server;
use fusion_tests::random::Random;
use tokio::time::sleep;

use crate::report::{head, megabytes, plain, thousands};
use crate::setup::{Options, seed_accounts, seed_documents};
use crate::transfer::{self, ACCOUNTS, CLIENTS, WINDOW};

const SOCKETS: u64 = 4_000;
/// How long the server may take to give memory back.
const REST: Duration = Duration::from_secs(10);

pub(crate) async fn run(options: &Options) -> io::Result<()> {
    head();
    {
        let (server, _folder) = options.server()?;
        sleep(Duration::from_secs(2)).await;
        let idle = server.resident_bytes()?;
        plain("resident memory, idle", &megabytes(idle), "≤ 40 MB");
        let (sockets, count) = idle_sockets(&server).await?;
        let held = server.resident_bytes()?.saturating_sub(idle) / count;
        plain(
            &format!("per idle socket, {count} of them"),
            &format!("{:.1} KB", held as f64 / 1e3),
            "≤ 30 KB",
        );
        drop(sockets);
    }
    let (server, _folder) = options.server()?;
    seed_documents(&server, options.documents).await?;
    let written = server.resident_bytes()?;
    sleep(3 * REST).await;
    let filled = server.resident_bytes()?;
    let what = format!("{} documents of 200 bytes with two indexes", thousands(options.documents));
    let figure = format!("{} ({} right after they were written)", megabytes(filled), megabytes(written));
    plain(&what, &figure, "≤ 900 MB");
    seed_accounts(&server, ACCOUNTS as u64).await?;
    sleep(REST).await;
    let before = server.resident_bytes()?;
    transfer::load(&server, options, 0.0, CLIENTS, WINDOW).await?;
    let loaded = server.resident_bytes()?;
    sleep(REST).await;
    let after = server.resident_bytes()?;
    let figure = format!("{} → {} → {}", megabytes(before), megabytes(loaded), megabytes(after));
    plain("before, right after and 10 s after the transfer load", &figure, "comes back");
    Ok(())
}

/// Opens sockets, as many as the limit on open files allows, each a connected client without queries.
async fn idle_sockets(server: &Server) -> io::Result<(Vec<fusion_tests::sync::Socket>, u64)> {
    let mut random = Random::new(Random::fresh_seed());
    let mut sockets = Vec::new();
    for _ in 0..SOCKETS {
        match transfer::connect(server.address(), &random.uuid()).await {
            Ok(mut socket) => {
                socket.next().await?;
                sockets.push(socket);
            }
            Err(_) if sockets.len() > 500 => break,
            Err(error) => return Err(error),
        }
    }
    sleep(Duration::from_secs(2)).await;
    let count = sockets.len() as u64;
    Ok((sockets, count))
}
