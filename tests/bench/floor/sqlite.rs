//! SQLite alone in its thread, doing the transfers with prepared statements, `group` of them per fsync'ed commit.

use std::io;
use std::time::Duration;

use fusion_runtime::clock::Moment;
use fusion_tests::random::{Random, Zipf};
use rusqlite::{Connection, params};

use crate::report::percentile;
use crate::setup::Options;
use crate::transfer::ACCOUNTS;

/// What SQLite did.
pub(crate) struct Figures {
    /// Transfers per second.
    pub(crate) per_second: f64,
    commits: Vec<Duration>,
}

impl Figures {
    /// How long one commit with its transfers took.
    pub(crate) fn commit(&mut self, share: f64) -> Duration {
        percentile(&mut self.commits, share)
    }
}

/// Runs transfers of the workload's skew for the options' duration.
pub(crate) fn transfers(options: &Options, alpha: f64, group: usize) -> io::Result<Figures> {
    let folder = options.scratch()?;
    run(options, alpha, group, &folder.path().join("bare.sqlite3")).map_err(io::Error::other)
}

fn run(options: &Options, alpha: f64, group: usize, path: &std::path::Path) -> rusqlite::Result<Figures> {
    let mut connection = Connection::open(path)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.execute("CREATE TABLE accounts (id INTEGER PRIMARY KEY, balance INTEGER NOT NULL)", [])?;
    let transaction = connection.transaction()?;
    {
        let mut insert = transaction.prepare("INSERT INTO accounts VALUES (?1, 1000000000)")?;
        for id in 0..ACCOUNTS {
            insert.execute([id as i64])?;
        }
    }
    transaction.commit()?;

    let mut random = Random::new(options.seed);
    let zipf = Zipf::new(ACCOUNTS, alpha);
    let mut commits = Vec::new();
    let start = Moment::now();
    while start.elapsed() < options.duration {
        let pairs: Vec<(usize, usize)> = (0..group).map(|_| zipf.draw_pair(&mut random)).collect();
        let begun = Moment::now();
        let transaction = connection.transaction()?;
        {
            let mut read = transaction.prepare_cached("SELECT balance FROM accounts WHERE id = ?1")?;
            let mut write = transaction.prepare_cached("UPDATE accounts SET balance = ?2 WHERE id = ?1")?;
            for (from, to) in pairs {
                let (from, to) = (from as i64, to as i64);
                let from_balance: i64 = read.query_row([from], |row| row.get(0))?;
                let to_balance: i64 = read.query_row([to], |row| row.get(0))?;
                if from_balance >= 1 {
                    write.execute(params![from, from_balance - 1])?;
                    write.execute(params![to, to_balance + 1])?;
                }
            }
        }
        transaction.commit()?;
        commits.push(begun.elapsed());
    }
    let seconds = commits.iter().map(Duration::as_secs_f64).sum::<f64>();
    Ok(Figures { per_second: (commits.len() * group) as f64 / seconds, commits })
}
