//! SQLite alone in its thread, doing the transfers with prepared statements, `group` of them per fsync'ed commit. Its
//! rows are those of the server: the document as JSON, with id and creation time.

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
    connection.execute("CREATE TABLE accounts (id INTEGER PRIMARY KEY, body TEXT NOT NULL)", [])?;
    let transaction = connection.transaction()?;
    {
        let mut insert = transaction.prepare("INSERT INTO accounts VALUES (?1, ?2)")?;
        for id in 0..ACCOUNTS {
            insert.execute(params![id as i64, body(id as i64, 1_000_000_000)])?;
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
            let mut read = transaction.prepare_cached("SELECT body FROM accounts WHERE id = ?1")?;
            let mut write = transaction.prepare_cached("UPDATE accounts SET body = ?2 WHERE id = ?1")?;
            for (from, to) in pairs {
                let (from, to) = (from as i64, to as i64);
                let from_balance: i64 =
                    read.query_row([from], |row| Ok(balance(row.get_ref(0)?.as_str()?)))?;
                let to_balance: i64 = read.query_row([to], |row| Ok(balance(row.get_ref(0)?.as_str()?)))?;
                if from_balance >= 1 {
                    write.execute(params![from, body(from, from_balance - 1)])?;
                    write.execute(params![to, body(to, to_balance + 1)])?;
                }
            }
        }
        transaction.commit()?;
        commits.push(begun.elapsed());
    }
    let seconds = commits.iter().map(Duration::as_secs_f64).sum::<f64>();
    Ok(Figures { per_second: (commits.len() * group) as f64 / seconds, commits })
}

/// A document of the server with this content.
fn body(id: i64, balance: i64) -> String {
    format!(
        r#"{{"_creationTime":1760000000000.1234,"_id":"j57000820c20a1g7104gm2rc1m70ynr8","balance":{balance},"id":{id}}}"#
    )
}

/// The balance in a document.
fn balance(body: &str) -> i64 {
    let text = body.split_once(r#""balance":"#).map_or("", |(_, rest)| rest);
    text.split(',').next().and_then(|number| number.parse().ok()).unwrap_or(0)
}
