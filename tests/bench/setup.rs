//! Options, and the server under test: the fixture application in a process of its own.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use fusion_tests::http::call;
use fusion_tests::process::{Folder, Launch, Server};
use serde_json::json;

/// What the command line can change.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    /// How long one load runs; its first quarter is warm-up.
    pub(crate) duration: Duration,
    /// Where data folders are made: a real disk, because a RAM disk makes every fsync free.
    pub(crate) folder: PathBuf,
    /// `full` or `relaxed`; reported beside every figure.
    pub(crate) durability: String,
    /// Rows of the large data set.
    pub(crate) documents: u64,
    /// The seed of everything random.
    pub(crate) seed: u64,
}

impl Options {
    /// Reads `--seconds N --folder PATH --durability MODE --documents N --seed N`.
    pub(crate) fn parse(mut arguments: impl Iterator<Item = String>) -> io::Result<Self> {
        let mut options = Self {
            duration: Duration::from_secs(8),
            folder: PathBuf::from("target/bench"),
            durability: "full".to_owned(),
            documents: 1_000_000,
            seed: 0x00f0_510b,
        };
        while let Some(name) = arguments.next() {
            let value = arguments.next().ok_or_else(|| io::Error::other(format!("{name} needs a value")))?;
            let number =
                || value.parse::<u64>().map_err(|_| io::Error::other(format!("{value:?} is no number")));
            match name.as_str() {
                "--seconds" => options.duration = Duration::from_secs(number()?),
                "--folder" => options.folder = PathBuf::from(&value),
                "--durability" => options.durability = value,
                "--documents" => options.documents = number()?,
                "--seed" => options.seed = number()?,
                _ => return Err(io::Error::other(format!("no option {name:?}"))),
            }
        }
        Ok(options)
    }

    /// An empty folder that is removed afterwards.
    pub(crate) fn scratch(&self) -> io::Result<Folder> {
        Folder::new(&self.folder)
    }

    /// How to start the server on the data in `folder`.
    pub(crate) fn launch(&self, folder: &Folder) -> io::Result<Launch> {
        let binary = sibling("fusion-fixture")?;
        let mut launch = Launch::new(binary, folder.path().join("data"));
        if self.durability != "full" {
            launch = launch.arguments(["--durability", &self.durability]);
        }
        Ok(launch)
    }

    /// A server on an empty data folder; the folder must outlive it.
    pub(crate) fn server(&self) -> io::Result<(Server, Folder)> {
        let folder = self.scratch()?;
        Ok((self.launch(&folder)?.start()?, folder))
    }
}

/// A program built beside this one.
pub(crate) fn sibling(name: &str) -> io::Result<PathBuf> {
    let path = std::env::current_exe()?.with_file_name(name);
    if path.exists() {
        Ok(path)
    } else {
        Err(io::Error::other(format!("{path:?} is missing: build it first")))
    }
}

/// Fills `accounts` as the transfer workload wants it.
pub(crate) async fn seed_accounts(server: &Server, accounts: u64) -> io::Result<()> {
    const PER_CALL: u64 = 8_000;
    for start in (0..accounts).step_by(PER_CALL as usize) {
        let count = PER_CALL.min(accounts - start);
        call(server, "transfer:seed", json!({"start": start, "count": count, "balance": 1_000_000_000}))
            .await?;
    }
    Ok(())
}

/// Fills `documents`: 200 bytes each, two indexes.
pub(crate) async fn seed_documents(server: &Server, documents: u64) -> io::Result<()> {
    const PER_CALL: u64 = 8_000;
    for start in (0..documents).step_by(PER_CALL as usize) {
        let count = PER_CALL.min(documents - start);
        call(server, "documents:seed", json!({"start": start, "count": count})).await?;
    }
    Ok(())
}
