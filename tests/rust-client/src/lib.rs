//! The server process of the tests: the very file that the other process tests use.

#[path = "../../src/process.rs"]
pub mod process;

use std::io;
use std::path::Path;

use process::{Folder, Launch};

/// How to start the fixture application, which `make fixture` builds, and the folder that must outlive it.
///
/// # Errors
/// If the folder cannot be made or the program is missing.
pub fn fixture() -> io::Result<(Launch, Folder)> {
    let binary = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/debug/fusion-fixture");
    if !binary.exists() {
        return Err(io::Error::other(format!("{binary:?} is missing: run `make fixture` first")));
    }
    let folder = Folder::new(&std::env::temp_dir())?;
    Ok((Launch::new(binary, folder.path().join("data")), folder))
}
