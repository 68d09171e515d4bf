//! A bundle of 900 kB beside a small one: the first call after its push, and calls at a pace at which a pre-warmed
//! isolate is there; and what one isolate of the small one takes.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use fusion_runtime::js::state::Phase;
use fusion_runtime::js::testing::eval_with;
use fusion_tests::process::Server;
use fusion_tests::random::Random;

use crate::report::{head, megabytes, millis, percentile, plain, row};
use crate::setup::Options;
use crate::typescript::{Queries, deploy, paced};

/// Bytes of the large module's source, after bundling about as many.
const LARGE: usize = 900_000;
/// Calls, and the pause between them: a user's pace.
const CALLS: usize = 60;
const PAUSE: Duration = Duration::from_millis(50);

pub(crate) async fn run(options: &Options) -> io::Result<()> {
    let small = Path::new(env!("CARGO_MANIFEST_DIR")).join("js/bench");
    let scratch = options.scratch()?;
    let large = large_project(scratch.path(), &small)?;
    head();
    let memory = isolate_memory(&small)?;
    plain("memory of an isolate with a small app's module loaded", &megabytes(memory), "≤ 1 MB");
    let (server, _folder) = options.server()?;
    deploy(&server, &small)?;
    let (first_small, mut steady_small) = calls(&server, "scripts:get").await?;
    deploy(&server, &large)?;
    let (first_large, mut steady_large) = calls(&server, "large:get").await?;
    let ratio = |own: Duration, bare: Duration| own.as_secs_f64() / bare.as_secs_f64();
    let what = "first call after the push of a 900 kB bundle; floor: of a small one";
    row(what, &millis(first_large), &millis(first_small), ratio(first_large, first_small), "≤ 60 ms");
    let (own, bare) = (percentile(&mut steady_large, 0.5), percentile(&mut steady_small, 0.5));
    let what = format!("{CALLS} calls of it, one every {PAUSE:?}, p50; floor: of a small one");
    row(&what, &millis(own), &millis(bare), ratio(own, bare), "+ 1 ms");
    Ok(())
}

/// A project whose one module holds the small one's functions and 900 kB of code that they use.
fn large_project(folder: &Path, small: &Path) -> io::Result<PathBuf> {
    let project = folder.join("large");
    fs::create_dir_all(project.join("convex"))?;
    fs::copy(small.join("package.json"), project.join("package.json"))?;
    symlink(small.join("../node_modules"), project.join("node_modules"))?;
    let mut source = fs::read_to_string(small.join("convex/scripts.ts"))?;
    source.push_str("\nexport const parts: Record<string, (text: string) => string> = {};\n");
    let mut number = 0;
    while source.len() < LARGE {
        let _ = writeln!(
            source,
            "parts.part{number} = function part{number}(text) {{\n  const words = text.split(\" \").map((word) => word.trim() + {number});\n  \
             if (words.length > {number}) return words.slice(0, {number}).join(\"-{number}-\");\n  \
             return [...words].reverse().join(\"+{number}+\");\n}};"
        );
        number += 1;
    }
    fs::write(project.join("convex/large.ts"), source)?;
    Ok(project)
}

/// The time of the first call, and of each of the following.
async fn calls(server: &Server, path: &'static str) -> io::Result<(Duration, Vec<Duration>)> {
    let client = Random::new(Random::fresh_seed()).below(u64::MAX);
    let mut times = paced(server, Queries::new(path, client, 1), CALLS + 1, PAUSE).await?;
    let first = times.remove(0);
    Ok((first, times))
}

/// Bytes that the engine has in use when the bundled module is loaded.
fn isolate_memory(project: &Path) -> io::Result<u64> {
    let output = Command::new(project.join("../node_modules/.bin/esbuild"))
        .args(["convex/scripts.ts", "--bundle", "--format=esm", "--conditions=convex,module", "--keep-names"])
        .current_dir(project)
        .output()?;
    if !output.status.success() {
        return Err(io::Error::other(format!("esbuild failed: {}", String::from_utf8_lossy(&output.stderr))));
    }
    let source = String::from_utf8(output.stdout).map_err(io::Error::other)?;
    let evaluation = eval_with(Phase::Import, &format!("{source}\nexport default 1;"), &BTreeMap::new());
    evaluation.result.map_err(|error| io::Error::other(error.to_string()))?;
    Ok(evaluation.memory_used as u64)
}
