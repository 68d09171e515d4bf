//! Crashes on a disk that loses every write that was not synced. kill -9 alone keeps the system's page cache, so it
//! cannot tell whether anything was ever synced; `shim/lost_writes.c` can.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use fusion_tests::process::{Folder, Launch};
use fusion_tests::random::Random;

use crate::crash::survive;
use crate::{FIXTURE, run};

const CRASHES: usize = 50;
/// The files of the store that are put back to what was synced.
const FILES: [&str; 2] = ["fusion.sqlite3", "fusion.sqlite3-wal"];

/// Compiles the shim.
fn shim(folder: &Path) -> io::Result<PathBuf> {
    let library = folder.join("lost_writes.so");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("shim/lost_writes.c");
    let compiled = Command::new("cc")
        .args(["-Wall", "-Wextra", "-Werror", "-O1", "-shared", "-fPIC", "-o"])
        .arg(&library)
        .arg(source)
        .args(["-ldl", "-lpthread"])
        .status()?;
    if compiled.success() { Ok(library) } else { Err(io::Error::other("the shim does not compile")) }
}

/// Puts the files of the store back to what was synced.
fn lose_writes(data: &Path) -> io::Result<()> {
    for name in FILES {
        let (file, durable) = (data.join(name), data.join(format!("{name}.durable")));
        if durable.exists() {
            fs::copy(&durable, &file)?;
        } else if file.exists() {
            fs::remove_file(&file)?;
        }
    }
    // It is rebuilt from the write-ahead log.
    match fs::remove_file(data.join("fusion.sqlite3-shm")) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn crash_on_a_losing_disk(durability: &str) -> io::Result<()> {
    let seed = Random::test_seed();
    println!("seed {seed}: repeat with FUSION_SEED={seed}");
    let folder = Folder::new(&fs::canonicalize(std::env::temp_dir())?)?;
    let data = folder.path().join("data");
    let launch = Launch::new(FIXTURE, &data)
        .arguments(["--durability", durability])
        .environment("LD_PRELOAD", &shim(folder.path())?.to_string_lossy())
        .environment("FUSION_SHIM_FOLDER", &data.to_string_lossy());
    run(survive(launch, CRASHES, Random::new(seed), || lose_writes(&data)))
}

#[test]
fn fifty_times_without_what_was_not_synced_nothing_acknowledged_is_lost() -> io::Result<()> {
    crash_on_a_losing_disk("full")
}

/// The check above can fail: acknowledging before the fsync loses what was acknowledged.
#[test]
fn acknowledging_before_the_sync_is_noticed() {
    let error = crash_on_a_losing_disk("relaxed").expect_err("writes that were never synced survived");
    assert!(error.to_string().starts_with("after crash "), "{error}");
}
