//! The web APIs of JavaScript functions against Node's: every check of `tests/js/web/checks` runs in both, and what
//! it gives and prints must be the same. `docs/web-apis.md` is the table of them.
//!
//! `UPDATE_GOLDENFILES=1 cargo test -p fusion-tests web_apis` writes the table, `ONLY="url.js URL: parts" cargo test …`
//! runs the checks whose file and name contain that.

mod server;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{fs, io};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use fusion_runtime::function::LogLevel;
use fusion_runtime::js::state::Phase;
use fusion_runtime::js::testing::{Evaluation, eval_with};
use serde::Deserialize;
use serde_json::{Value, json};

/// What Node gave for the checks of one file.
#[derive(Deserialize)]
struct Area {
    file: String,
    phase: String,
    results: Vec<Expected>,
}

#[derive(Deserialize)]
struct Expected {
    name: String,
    /// Why the check itself says what is right.
    why: Option<String>,
    value: Value,
    lines: Value,
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("js/web")
}

#[test]
fn web_apis_do_what_nodes_do() -> io::Result<()> {
    let servers = (server::start()?, server::start()?);
    let areas = expected(&servers.0, &servers.1)?;
    let only = environment("ONLY").unwrap_or_default();
    let mut failures = Vec::new();
    let mut count = 0;
    for area in &areas {
        let source = with_material(&fs::read_to_string(folder().join("checks").join(&area.file))?)?;
        for check in
            area.results.iter().filter(|check| format!("{} {}", area.file, check.name).contains(&only))
        {
            count += 1;
            if check.value.get("threw").is_some() {
                failures.push(format!("{} / {} fails in Node: {}", area.file, check.name, check.value));
            }
            let found = run(&source, &area.phase, &check.name, &servers)?;
            let wanted = json!({ "result": check.value, "printed": check.lines });
            if found != wanted {
                failures.push(format!("{} / {}\n  wanted {wanted}\n  found  {found}", area.file, check.name));
            }
        }
    }
    assert!(count > 0, "no check is called {only:?}");
    assert!(failures.is_empty(), "{} of {count} checks differ:\n{}", failures.len(), failures.join("\n"));
    Ok(())
}

#[test]
fn web_apis_are_in_the_table() -> io::Result<()> {
    let servers = (server::start()?, server::start()?);
    let table = table(&expected(&servers.0, &servers.1)?);
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/web-apis.md");
    if environment("UPDATE_GOLDENFILES").is_some() {
        return fs::write(path, table);
    }
    let written = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        written == table,
        "docs/web-apis.md is not current: UPDATE_GOLDENFILES=1 cargo test -p fusion-tests web_apis"
    );
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "how a developer asks a test for something")]
fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// Runs the checks in Node.
fn expected(server: &str, other: &str) -> io::Result<Vec<Area>> {
    let script = folder().join("expected.mjs");
    let output = Command::new("node").env("TZ", "UTC").arg(script).args([server, other]).output().map_err(
        |error| {
            io::Error::other(format!("Node.js 20 or newer is needed to know the expected results: {error}"))
        },
    )?;
    serde_json::from_slice(&output.stdout).map_err(|error| {
        io::Error::other(format!("the checks in Node: {error}\n{}", String::from_utf8_lossy(&output.stderr)))
    })
}

/// The modules of the checks of `WebAssembly`: their texts, as Base64 of what they mean.
#[test]
fn web_apis_modules_are_what_their_texts_say() -> io::Result<()> {
    let material = folder().join("material");
    let mut texts: Vec<PathBuf> =
        fs::read_dir(material.join("wasm"))?.map(|entry| Ok(entry?.path())).collect::<io::Result<_>>()?;
    texts.sort();
    let mut source = String::from(
        "// The modules of `wasm/*.wat`, as Base64. This file is written by a test.\n\nexport const modules = {\n",
    );
    for path in texts {
        let bytes = wat::parse_file(&path).map_err(io::Error::other)?;
        let name = path.file_stem().and_then(|name| name.to_str()).unwrap_or_default();
        let _ = writeln!(source, "  {name}: \"{}\",", STANDARD.encode(bytes));
    }
    source.push_str("};\n");
    let path = material.join("wasm.js");
    if environment("UPDATE_GOLDENFILES").is_some() {
        return fs::write(path, source);
    }
    let written = fs::read_to_string(&path).unwrap_or_default();
    assert!(written == source, "{} is not what the texts say: set UPDATE_GOLDENFILES=1", path.display());
    Ok(())
}

/// A check file in one piece: what it imports of `material/` stands where the import was.
fn with_material(source: &str) -> io::Result<String> {
    let mut whole = String::new();
    for line in source.lines() {
        let imported = line
            .strip_prefix("import ")
            .and_then(|rest| rest.split_once(" from \"../material/")?.1.strip_suffix("\";"));
        match imported {
            Some(file) => {
                let text = fs::read_to_string(folder().join("material").join(file))?;
                whole.extend(
                    text.lines().map(|line| format!("{}\n", line.strip_prefix("export ").unwrap_or(line))),
                );
            }
            None => whole.extend([line, "\n"]),
        }
    }
    Ok(whole)
}

/// Runs a check in Fusion.
fn run(source: &str, phase: &str, name: &str, servers: &(String, String)) -> io::Result<Value> {
    let phase = match phase {
        "import" => Phase::Import,
        "query" => Phase::Query,
        "mutation" => Phase::Mutation,
        "httpAction" => Phase::HttpAction,
        _ => Phase::Action,
    };
    let support = fs::read_to_string(folder().join("support.js"))?;
    let call = format!(
        "const found = checks[{name:?}];\nexport default outcomeOf(typeof found === 'function' ? found : found.run, makeSupport({:?}, {:?}));",
        servers.0, servers.1
    );
    let environment = [("GREETING", "hello"), ("EMPTY", ""), ("SERVER", &servers.0)];
    let environment: BTreeMap<String, String> =
        environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let Evaluation { result, log, .. } =
        eval_with(phase, &format!("{source}\n{support}\n{call}"), &environment);
    let result = match result {
        Ok(text) => serde_json::from_str(&text).unwrap_or(Value::Null),
        Err(error) => json!({ "stopped": error.to_string() }),
    };
    let line = |(level, messages): (LogLevel, Vec<String>)| json!([level.name(), messages.join(" ")]);
    Ok(json!({ "result": result, "printed": log.into_iter().map(line).collect::<Vec<_>>() }))
}

fn table(areas: &[Area]) -> String {
    let mut table = String::from(
        "# Web APIs in JavaScript functions\n\nEach line is a check that runs in Fusion and in Node with the same result (`tests/js/web`). Where Node differs,\nthe line says why, and what is expected stands in the check. This page is written by a test.\n",
    );
    let total: usize = areas.iter().map(|area| area.results.len()).sum();
    let _ = writeln!(table, "\n{total} checks.");
    for area in areas {
        let name = area.file.trim_end_matches(".js").replace('_', " ");
        let _ = writeln!(table, "\n## {name}\n\n| check | passes |\n|---|---|");
        for check in &area.results {
            let passes = check.why.as_ref().map_or_else(|| "yes".to_owned(), |why| format!("yes; {why}"));
            let _ =
                writeln!(table, "| {} | {} |", check.name.replace('|', "\\|"), passes.replace('|', "\\|"));
        }
    }
    table
}
