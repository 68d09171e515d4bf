//! Which files of the functions' folder are modules of their own, and where each of them runs.

use std::path::{Path, PathBuf};

use crate::failure::{Failure, Result};
use crate::project::{GENERATED_FOLDER, Project};

use super::Environment;

/// The files a module can be written in.
const EXTENSIONS: [&str; 8] = ["js", "mjs", "cjs", "ts", "tsx", "mts", "cts", "jsx"];
/// The folder for what several modules share.
const SHARED_FOLDER: &str = "_deps";
/// The file that makes a folder a component, with functions of its own.
const COMPONENT_FILE: &str = "convex.config.ts";
/// Modules that cannot run in Node, without their extension.
const ISOLATE_ONLY: [&str; 4] = ["http", "crons", "schema", "auth.config"];

/// A file that is a module of its own.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct EntryPoint {
    /// Where it is, absolute.
    pub(crate) path: PathBuf,
    /// Where it is in the functions' folder, with `/`.
    pub(crate) name: String,
    /// Where it runs.
    pub(crate) environment: Environment,
}

/// The modules of a project, in the order of their paths.
pub(crate) fn entry_points(project: &Project) -> Result<Vec<EntryPoint>> {
    entry_points_in(project, &project.functions)
}

/// The modules of a component, or of the project itself, in the order of their paths.
pub(crate) fn entry_points_in(project: &Project, folder: &Path) -> Result<Vec<EntryPoint>> {
    let mut files = Vec::new();
    walk(folder, "", &mut files)?;
    let mut found = Vec::new();
    for (path, name) in files {
        if name.starts_with("_deps/") {
            return Err(Failure::new(format!(
                "{} is in the folder `{SHARED_FOLDER}`, which is reserved for what modules share",
                project.shown(&path)
            ))
            .hint("move it to another folder"));
        }
        if !is_candidate(&name) {
            continue;
        }
        let source = std::fs::read(&path).map_err(|error| Failure::file(&path, &error))?;
        let source = String::from_utf8_lossy(&source);
        let is_typescript = name.ends_with(".ts") || name.ends_with(".tsx");
        // TypeScript takes such a file for a script, whose names are everybody's.
        if is_typescript && !has_import_or_export(&source) {
            continue;
        }
        let environment = environment(&name, &source)?;
        found.push(EntryPoint { path, name, environment });
    }
    Ok(found)
}

/// All files below a folder, by name. Links are not followed, components not entered.
fn walk(folder: &Path, prefix: &str, files: &mut Vec<(PathBuf, String)>) -> Result {
    let entries = std::fs::read_dir(folder)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| Failure::file(folder, &error))?;
    let mut entries: Vec<_> = entries
        .into_iter()
        // A name that is no text cannot be the name of a module.
        .filter_map(|entry| Some((entry.file_name().into_string().ok()?, entry)))
        .collect();
    entries.sort_by(|(a, _), (b, _)| a.cmp(b));
    for (name, entry) in entries {
        let path = entry.path();
        let kind = entry.file_type().map_err(|error| Failure::file(&path, &error))?;
        let name = format!("{prefix}{name}");
        if kind.is_dir() && !path.join(COMPONENT_FILE).exists() {
            walk(&path, &format!("{name}/"), files)?;
        } else if kind.is_file() {
            files.push((path, name));
        }
    }
    Ok(())
}

/// Whether a file is a module going by its name.
fn is_candidate(name: &str) -> bool {
    let base = name.rsplit('/').next().unwrap_or(name);
    let generated = name.split('/').next() == Some(GENERATED_FOLDER) && name.contains('/');
    base.rsplit_once('.').is_some_and(|(_, extension)| EXTENSIONS.contains(&extension))
        && !generated
        && !base.starts_with(['.', '#'])
        && !["schema.ts", "schema.js"].contains(&base)
        // Tests, declarations, configuration.
        && base.matches('.').count() == 1
        && !name.contains(' ')
}

fn has_import_or_export(source: &str) -> bool {
    source.lines().any(|line| {
        let line = line.trim_start();
        line.starts_with("import") || line.starts_with("export")
    })
}

/// Where a module runs.
fn environment(name: &str, source: &str) -> Result<Environment> {
    let is_node = directives(source).any(|directive| directive == "use node");
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    if is_node && ISOLATE_ONLY.contains(&stem) {
        return Err(Failure::new(format!("\"use node\" directive is not allowed for {name}."))
            .hint("move the actions that need Node to another file"));
    }
    if !is_node && name.starts_with("actions/") {
        return Err(Failure::new(format!(
            "{name} is in the folder `actions`, which is for Node, but does not begin with \"use node\""
        ))
        .hint("add \"use node\"; as its first line, or move it to another folder"));
    }
    Ok(if is_node { Environment::Node } else { Environment::Isolate })
}

/// The directives (`"use strict";`) at the start of a module.
fn directives(source: &str) -> impl Iterator<Item = &str> {
    let mut rest = source.strip_prefix('\u{feff}').unwrap_or(source);
    if rest.starts_with("#!") {
        rest = rest.find('\n').map_or("", |end| &rest[end..]);
    }
    std::iter::from_fn(move || {
        rest = skip_blanks(rest, true);
        let quote = rest.chars().next().filter(|first| matches!(first, '"' | '\''))?;
        let (text, after) = rest[1..].split_once(quote)?;
        // A string in the middle of an expression is none.
        let next = skip_blanks(after, false);
        if text.contains('\n') || !(next.is_empty() || next.starts_with([';', '\n', '\r', '}'])) {
            return None;
        }
        rest = next.strip_prefix(';').unwrap_or(next);
        Some(text)
    })
}

/// Without the white space and comments at the start.
fn skip_blanks(mut text: &str, lines_too: bool) -> &str {
    loop {
        let trimmed =
            text.trim_start_matches(|c: char| c.is_whitespace() && (lines_too || !matches!(c, '\n' | '\r')));
        let after = if trimmed.starts_with("//") {
            trimmed.find('\n').map_or("", |end| &trimmed[end..])
        } else if trimmed.starts_with("/*") {
            trimmed.split_once("*/").map_or("", |(_, after)| after)
        } else {
            return trimmed;
        };
        text = after;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn project(files: &[(&str, &str)]) -> Result<(tempfile::TempDir, Project), Box<dyn std::error::Error>> {
        let folder = tempfile::tempdir()?;
        for (name, content) in files {
            let path = folder.path().join("convex").join(name);
            std::fs::create_dir_all(path.parent().unwrap_or(&path))?;
            std::fs::write(path, content)?;
        }
        let project = Project::open(folder.path())?;
        Ok((folder, project))
    }

    #[test]
    fn only_modules_are_entry_points() -> Result<(), Box<dyn std::error::Error>> {
        let (_folder, project) = project(&[
            ("messages.ts", "export const a = 1"),
            ("sub/dir/x.tsx", "  import './y'"),
            ("plain.js", "const noExport = 1"),
            ("legacy.cjs", ""),
            ("script.ts", "const noExport = 1"),
            ("schema.ts", "export default 1"),
            ("sub/schema.ts", "export default 1"),
            ("auth.config.ts", "export default 1"),
            ("messages.test.ts", "export default 1"),
            ("types.d.ts", "export default 1"),
            ("_generated/api.js", "export const api = 1"),
            ("sub/_generated/x.js", ""),
            (".hidden.js", ""),
            (".dot.ts", "export {}"),
            ("#emacs.ts", "export {}"),
            ("with space.ts", "export {}"),
            ("README.md", "export"),
            ("data.json", "{}"),
            ("component/convex.config.ts", "export default 1"),
            ("component/inside.ts", "export {}"),
        ])?;
        let names: Vec<_> = entry_points(&project)?.into_iter().map(|entry| entry.name).collect();
        assert_eq!(names, ["legacy.cjs", "messages.ts", "plain.js", "sub/_generated/x.js", "sub/dir/x.tsx"]);
        Ok(())
    }

    #[test]
    fn the_folder_of_shared_code_is_reserved() -> Result<(), Box<dyn std::error::Error>> {
        let (_folder, project) = project(&[("_deps/x.js", "")])?;
        let failure = entry_points(&project).expect_err("a file in _deps");
        assert!(failure.to_string().contains("convex/_deps/x.js is in the folder `_deps`"), "{failure}");
        Ok(())
    }

    #[test]
    fn a_directive_sends_a_module_to_node() {
        let is_node =
            |source: &str| environment("a.ts", source).expect("an environment") == Environment::Node;
        for source in [
            "\"use node\";\nimport x from 'y'",
            "'use node'\nexport {}",
            "// about\n/* more\n */ 'use strict'; \"use node\"",
            "#!/usr/bin/env node\n\u{20}\"use node\" // why\n",
            "\u{feff}\"use node\"",
        ] {
            assert!(is_node(source), "{source}");
        }
        for source in [
            "import x from 'y';\n\"use node\"",
            "// \"use node\"\nexport {}",
            "\"use node\" + 1",
            "\"use node\".length",
            "\"use\nnode\"",
            "\"use node",
            "",
        ] {
            assert!(!is_node(source), "{source}");
        }
        assert!(environment("http.ts", "'use node'").is_err());
        assert!(environment("sub/http.ts", "'use node'").is_ok());
        assert!(environment("actions/a.ts", "export {}").is_err());
        assert!(environment("actions/a.ts", "'use node'").is_ok());
    }
}
