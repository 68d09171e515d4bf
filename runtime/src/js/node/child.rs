//! A Node.js process as the operating system has it: how it is started, where it writes, what it prints beside the
//! channel, how much memory it holds, and how it died.

use std::collections::BTreeMap;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::io::AsyncReadExt as _;
use tokio::net::unix::pipe::Receiver;

use super::bundle::Bundle;
use super::program::Program;
use super::{NodeAccess, NodeOptions};
use crate::Error;
use crate::js::isolate::{ScriptError, Stopped};

/// How much of what a process prints beside the channel is kept.
const PRINTED_MAX: usize = 16 << 10;

/// What a process is started with.
pub(super) struct Start<'a> {
    pub(super) program: &'a Program,
    pub(super) options: &'a NodeOptions,
    pub(super) executor: PathBuf,
    /// Where processes have folders of their own.
    pub(super) work: PathBuf,
    pub(super) bundle: Arc<Bundle>,
    pub(super) variables: Arc<BTreeMap<String, String>>,
    pub(super) memory_max: usize,
}

/// An empty folder that goes with the process.
pub(super) struct TemporaryFolder(PathBuf);

impl TemporaryFolder {
    /// Makes one.
    pub(super) fn new(parent: &Path) -> std::io::Result<Self> {
        let name = uuid::Builder::from_random_bytes(crate::clock::random_bytes()).into_uuid();
        let folder = parent.join(name.simple().to_string());
        std::fs::create_dir_all(&folder)?;
        Ok(Self(folder.canonicalize()?))
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for TemporaryFolder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// The command that starts a process, which can read and write as little as the options say.
pub(super) fn command(start: &Start<'_>, folder: &Path) -> Command {
    let Start { program, options, executor, bundle, memory_max, .. } = start;
    let mut readable = vec![executor.as_path(), bundle.folder.as_path()];
    readable.extend(bundle.packages.as_deref());
    let mut command = Command::new(&program.path);
    command
        .args(program.permissions(options.access, &readable, folder))
        .arg("--no-warnings")
        .arg(format!("--max-old-space-size={}", memory_max >> 20))
        .arg(executor.join("main.mjs"))
        .current_dir(folder)
        .env_clear()
        .env("TMPDIR", folder);
    if options.access == NodeAccess::Full {
        // Programs that actions start are found where the server finds them.
        command.env("PATH", &options.search_path);
    }
    command
}

/// Keeps the end of what a process prints beside the channel: mostly why it dies.
pub(super) async fn keep_printed(mut errors: Receiver, printed: Arc<Mutex<Vec<u8>>>) {
    let mut buffer = vec![0; 4_096];
    while let Ok(length @ 1..) = errors.read(&mut buffer).await {
        let mut printed = printed.lock();
        printed.extend_from_slice(&buffer[..length]);
        let excess = printed.len().saturating_sub(PRINTED_MAX);
        printed.drain(..excess);
    }
}

/// What the calls of a process that died are told.
pub(super) fn death(status: Option<ExitStatus>, said: &str) -> ScriptError {
    if said.contains("heap out of memory") || said.contains("Array buffer allocation failed") {
        return ScriptError::Stopped(Stopped::OutOfMemory);
    }
    let how = match status {
        Some(status) => match (status.signal(), status.code()) {
            (Some(signal), _) => format!("signal {signal}"),
            (None, Some(code)) => format!("exit code {code}"),
            (None, None) => "unknown reason".to_owned(),
        },
        None => "unknown reason".to_owned(),
    };
    ScriptError::error(format!(
        "The Node.js process that ran this action ended unexpectedly ({how}). What the action had done stays done; it was not run again."
    ))
}

/// The memory that a process of this system holds; `None` where that cannot be learned.
pub(super) fn resident_bytes(process: u32) -> Option<usize> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix(" kB")?.parse::<usize>().ok()?.checked_mul(1 << 10)
}

pub(super) fn not_started(what: &str) -> Error {
    Error::internal(format!("Node.js could not be started: {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_death_tells_its_cause() {
        let killed = death(Some(ExitStatus::from_raw(9)), "").to_string();
        assert!(killed.contains("ended unexpectedly (signal 9)"), "{killed}");
        let exited = death(Some(ExitStatus::from_raw(3 << 8)), "").to_string();
        assert!(exited.contains("(exit code 3)"), "{exited}");
        let full = "FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory";
        assert!(matches!(death(None, full), ScriptError::Stopped(Stopped::OutOfMemory)));
    }
}
