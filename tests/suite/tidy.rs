//! What the compiler and clippy cannot check: who may name whom, how long a file may be, that the README's map is
//! the territory.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// The rooms of `runtime`, bottom first. A room may name the ones before its own line, never one of its line.
const LAYERS: &[&[&str]] = &[
    &["store"],
    &["database"],
    &["system"],
    &["function"],
    &["js"],
    &["push"],
    &["session", "scheduler", "snapshot", "streaming_export", "log_streams"],
    &["server"],
];
/// Rooms that everybody may name and that name only each other.
const LEAVES: &[&str] = &["auth", "clock", "error", "http_client", "limits", "memory"];
/// Names a crate's sources and manifest may not contain.
const FORBIDDEN: &[(&str, &[&str])] = &[
    ("schema", &["fusion_runtime", "fusion_functions", "tokio", "rusqlite", "axum", "std::fs", "std::net"]),
    (
        "runtime",
        &["fusion_functions", "fusion_schema::tables", "clap", "async_openai", "aws_config", "aws_sdk"],
    ),
    ("functions", &["fusion_cli", "rusqlite", "axum", "rquickjs", "deno_core"]),
];
/// What only `cli` may do: print, and read the process environment.
const CLI_ONLY: &[&str] =
    &["println!", "eprintln!", "print!", "eprint!", "env::var", "env::vars", "env::var_os", "env::args"];
/// What nobody writes: lints silenced for a whole file (instead of expected where they fire), unfinished code, tests that do not run.
const NOBODY: &[&str] = &["#![allow(", "todo!(", "unimplemented!(", "#[ignore", "dbg!("];
const LINES_MAX: usize = 900;
const SKIPPED: &[&str] = &["target", "node_modules", ".git", ".fusion", "dist", "__pycache__"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// All files below `folder` with one of the extensions.
fn files(folder: &Path, extensions: &[&str]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let (path, name) = (entry.path(), entry.file_name());
        if path.is_dir() {
            if !SKIPPED.contains(&&*name.to_string_lossy()) {
                found.extend(files(&path, extensions));
            }
        } else if path.extension().is_some_and(|own| extensions.contains(&&*own.to_string_lossy())) {
            found.push(path);
        }
    }
    found
}

/// The source without comments, and without its unit tests, which stand at the end.
fn code(source: &str) -> String {
    let lines = source.lines().take_while(|line| !line.starts_with("#[cfg(test)]"));
    lines.map(|line| line.split("//").next().unwrap_or("")).collect::<Vec<_>>().join("\n")
}

/// Whether `name` occurs as a whole word.
fn names(code: &str, name: &str) -> bool {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    code.match_indices(name).any(|(at, _)| {
        let (before, after) = (code[..at].chars().next_back(), code[at + name.len()..].chars().next());
        let open_end = name.ends_with(is_word);
        !(before.is_some_and(is_word) || (open_end && after.is_some_and(is_word)))
    })
}

/// The rooms that follow `crate::`, in plain paths and in braces.
fn rooms_named(code: &str) -> BTreeSet<String> {
    let word = |text: &str| -> String {
        text.trim().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
    };
    let mut rooms = BTreeSet::new();
    for (at, path) in code.match_indices("crate::") {
        let rest = &code[at + path.len()..];
        let Some(group) = rest.trim_start().strip_prefix('{') else {
            rooms.insert(word(rest));
            continue;
        };
        let (mut depth, mut item) = (0, String::new());
        for c in group.chars() {
            match c {
                '{' => depth += 1,
                '}' if depth == 0 => break,
                '}' => depth -= 1,
                ',' if depth == 0 => drop(rooms.insert(word(&std::mem::take(&mut item)))),
                c => item.push(c),
            }
        }
        rooms.insert(word(&item));
    }
    rooms.remove("");
    rooms
}

/// Why a file of room `own` may not name `other`, if it may not.
fn objection(own: &str, other: &str) -> Option<String> {
    let layer = |room: &str| LAYERS.iter().position(|layer| layer.contains(&room));
    // Macros and items of the crate's root have no room.
    let known = LEAVES.contains(&other) || layer(other).is_some();
    if own == other || LEAVES.contains(&other) || !known {
        return None;
    }
    match (layer(own), layer(other)) {
        (Some(own_layer), Some(other_layer)) if other_layer < own_layer => None,
        (None, _) if LEAVES.contains(&own) => Some(format!("{own} is a leaf, it may not name {other}")),
        _ => Some(format!("{own} may not name {other}, which is not below it")),
    }
}

fn assert_none(findings: &[String]) {
    assert!(findings.is_empty(), "\n{}\n", findings.join("\n"));
}

#[test]
fn rooms_of_the_runtime_name_only_what_lies_below() {
    let source = root().join("runtime/src");
    let mut findings = Vec::new();
    for path in files(&source, &["rs"]) {
        let relative = path.strip_prefix(&source).unwrap_or(&path);
        let own = relative.components().next().map(|first| first.as_os_str().to_string_lossy().into_owned());
        let own = own.unwrap_or_default().trim_end_matches(".rs").to_owned();
        if own == "lib" {
            continue;
        }
        if !LEAVES.contains(&&*own) && !LAYERS.iter().any(|layer| layer.contains(&&*own)) {
            findings.push(format!("{relative:?}: {own} is a room that LAYERS and LEAVES do not know"));
            continue;
        }
        let text = fs::read_to_string(&path).unwrap_or_default();
        for other in rooms_named(&code(&text)) {
            findings.extend(objection(&own, &other).map(|objection| format!("{relative:?}: {objection}")));
        }
    }
    assert_none(&findings);
}

#[test]
fn crates_name_only_what_they_may() {
    let mut findings = Vec::new();
    for (folder, forbidden) in FORBIDDEN {
        let folder = root().join(folder);
        let manifest = fs::read_to_string(folder.join("Cargo.toml")).unwrap_or_default();
        let dependencies = manifest.split("[dev-dependencies]").next().unwrap_or_default().replace('-', "_");
        let mut sources: Vec<(PathBuf, String)> = vec![(folder.join("Cargo.toml"), dependencies)];
        for path in files(&folder.join("src"), &["rs"]) {
            let text = code(&fs::read_to_string(&path).unwrap_or_default());
            sources.push((path, text));
        }
        for (path, text) in sources {
            let found = forbidden.iter().filter(|name| names(&text, name));
            findings.extend(found.map(|name| format!("{path:?} names {name}")));
        }
    }
    assert_none(&findings);
}

#[test]
fn only_the_command_line_prints_and_reads_the_environment() {
    let mut findings = Vec::new();
    for folder in ["schema", "schema/derive", "runtime", "functions"] {
        for path in files(&root().join(folder).join("src"), &["rs"]) {
            let text = code(&fs::read_to_string(&path).unwrap_or_default());
            let found = CLI_ONLY.iter().filter(|name| names(&text, name));
            findings.extend(found.map(|name| format!("{path:?} has {name}")));
        }
    }
    assert_none(&findings);
}

#[test]
fn nothing_is_silenced_unfinished_or_skipped() {
    let mut findings = Vec::new();
    for path in files(&root(), &["rs"]).into_iter().filter(|path| !path.ends_with("suite/tidy.rs")) {
        let text = fs::read_to_string(&path).unwrap_or_default();
        let found = NOBODY.iter().filter(|pattern| text.contains(**pattern));
        findings.extend(found.map(|pattern| format!("{path:?} has {pattern}")));
    }
    for path in files(&root(), &["js", "mjs", "ts", "tsx", "py"]) {
        let text = fs::read_to_string(&path).unwrap_or_default();
        let skips =
            ["test.skip(", "it.skip(", "test.todo(", "test.only(", "{ skip:", "mark.skip", "unittest.skip"];
        let found = skips.iter().filter(|pattern| text.contains(**pattern));
        findings.extend(found.map(|pattern| format!("{path:?} has {pattern}")));
    }
    assert_none(&findings);
}

#[test]
fn no_file_is_too_long() {
    let mut findings = Vec::new();
    for path in files(&root(), &["rs", "ts", "tsx", "js", "mjs", "py", "sh", "css", "html"]) {
        let lines = fs::read_to_string(&path).unwrap_or_default().lines().count();
        if lines > LINES_MAX {
            findings.push(format!("{path:?} has {lines} lines: look for the second noun"));
        }
    }
    assert_none(&findings);
}

#[test]
fn the_readme_maps_every_room_and_no_room_that_is_not_there() {
    let readme = fs::read_to_string(root().join("README.md")).unwrap_or_default();
    let map = readme.split("\n## Code map\n").nth(1).and_then(|rest| rest.split("\n## ").next());
    let map = map.unwrap_or_default();
    let mapped: BTreeSet<&str> =
        map.split('`').skip(1).step_by(2).filter(|path| path.ends_with('/')).collect();
    assert!(!mapped.is_empty(), "README.md has no section \"Code map\" with folders in backticks");
    let mut findings: Vec<String> = mapped
        .iter()
        .filter(|path| !root().join(path).is_dir())
        .map(|path| format!("the map shows {path}, which does not exist"))
        .collect();
    let mut rooms: Vec<String> = Vec::new();
    for parent in ["", "schema/", "runtime/src/"] {
        for entry in fs::read_dir(root().join(parent)).into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            let is_crate =
                entry.path().join("Cargo.toml").exists() || entry.path().join("package.json").exists();
            if entry.path().is_dir() && (is_crate || parent == "runtime/src/") {
                rooms.push(format!("{parent}{name}/"));
            }
        }
    }
    findings.extend(
        rooms
            .iter()
            .filter(|room| !mapped.contains(room.as_str()))
            .map(|room| format!("the map lacks {room}")),
    );
    assert_none(&findings);
}

#[test]
fn the_checks_see_what_they_look_for() {
    let source =
        "use crate::{error::{Error, Result}, server::router};\nuse crate::store::Store; // crate::js\n";
    let rooms = rooms_named(&code(source));
    assert_eq!(rooms.into_iter().collect::<Vec<_>>(), ["error", "server", "store"]);
    assert!(objection("database", "function").is_some());
    assert!(objection("session", "scheduler").is_some());
    assert!(objection("clock", "store").is_some());
    assert!(objection("function", "database").is_none());
    assert!(objection("store", "limits").is_none());
    assert!(names("use rusqlite::Connection;", "rusqlite") && !names("let my_rusqlite = 1;", "rusqlite"));
    assert!(names("std::env::var(\"X\")", "env::var") && !names("env::variable", "env::var"));
    assert!(names("println!(\"x\")", "println!") && !names("eprintln!(\"x\")", "println!"));
}
