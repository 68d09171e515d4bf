//! The README's `main.rs` for people who build their own binary: it is this repository's `library/main.rs`, and it works.

use std::fs;
use std::io;
use std::path::Path;

use fusion_tests::http::call;
use fusion_tests::process::{Folder, Launch};
use serde_json::json;

use crate::run;

const LIBRARY: &str = env!("CARGO_BIN_EXE_fusion-library");

#[test]
fn the_readme_shows_the_program_that_is_tested_here() -> io::Result<()> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let readme = fs::read_to_string(folder.join("../README.md"))?;
    let shown =
        readme.split("```rust\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap_or_default();
    assert_eq!(shown, fs::read_to_string(folder.join("library/main.rs"))?);
    assert!(shown.lines().count() <= 45, "{} lines are no short example", shown.lines().count());
    Ok(())
}

#[test]
fn the_readmes_program_serves_its_table_query_and_mutation() -> io::Result<()> {
    run(async {
        let folder = Folder::new(&std::env::temp_dir())?;
        let server = Launch::new(LIBRARY, folder.path().join("data")).start()?;
        call(&server, "notes:add", json!({"text": "first"})).await?;
        call(&server, "notes:add", json!({"text": "second"})).await?;
        let notes = call(&server, "notes:list", json!({})).await?;
        let texts: Vec<_> = notes.as_array().into_iter().flatten().map(|note| &note["text"]).collect();
        assert_eq!(texts, ["first", "second"]);
        server.stop()
    })
}
