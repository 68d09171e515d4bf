//! Modules for Node.js where there is no Node.js: they cannot run, but a push wants to know their functions.
//!
//! They are loaded with stand-ins for every module that only Node.js has: whatever is imported from there can be
//! called, constructed and asked for anything, and gives itself. Modules that do not get along with that are read
//! as text.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::Result;
use crate::function::{FunctionKind, Visibility};
use crate::js::analysis::AnalyzedFunction;
use crate::js::isolate::Engine;
use crate::js::package::{Environment, ModuleSource, Package};

/// Where stand-ins live; no module of an application has such a path.
const STAND_INS: &str = "_stand_ins/";

/// A package's modules with stand-ins for what they import from Node.js, all meant for isolates.
pub(in crate::js) fn package_with_stand_ins(engine: &dyn Engine, package: &Package) -> Result<Arc<Package>> {
    let mut names: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut modules = Vec::new();
    for module in package.sources() {
        let mut source = String::with_capacity(module.source.len());
        let mut rest = module.source.as_str();
        while let Some(import) = next_import(rest) {
            let wanted = names.entry(import.specifier.to_owned()).or_default();
            wanted.extend(imported_names(import.clause));
            source.push_str(&rest[..import.specifier_at]);
            source.push_str(&stand_in_specifier(&module.path, import.specifier));
            rest = &rest[import.specifier_at + import.specifier.len()..];
        }
        source.push_str(rest);
        modules.push(ModuleSource {
            path: module.path.clone(),
            source,
            source_map: module.source_map.clone(),
            environment: Environment::Isolate,
        });
    }
    for (specifier, names) in names {
        modules.push(ModuleSource {
            path: stand_in_path(&specifier),
            source: stand_in(&names),
            source_map: None,
            environment: Environment::Isolate,
        });
    }
    Package::new(engine, modules)
}

struct Import<'a> {
    /// What stands between `import` and `from`.
    clause: &'a str,
    specifier: &'a str,
    specifier_at: usize,
}

/// The next import of a package or of a builtin module, as bundlers write them: a statement that begins a line.
fn next_import(source: &str) -> Option<Import<'_>> {
    let mut start = 0;
    for line in source.split_inclusive('\n') {
        let offset = start;
        start += line.len();
        if !line.starts_with("import ") && !line.starts_with("import{") && !line.starts_with("import\"") {
            continue;
        }
        // A statement may span lines; it ends with the specifier's quote.
        let statement = &source[offset..];
        let Some(open) = statement.find(['"', '\'']) else { continue };
        let quote = statement[open..].chars().next()?;
        let Some(length) = statement[open + 1..].find(quote) else { continue };
        let specifier = &statement[open + 1..open + 1 + length];
        if specifier.starts_with('.') || specifier.contains(STAND_INS) {
            continue;
        }
        let clause = statement["import".len()..open].trim().trim_end_matches("from").trim();
        return Some(Import { clause, specifier, specifier_at: offset + open + 1 });
    }
    None
}

/// The names that an import asks for: `a, { b as c, d }` wants `default`, `b` and `d`.
fn imported_names(clause: &str) -> impl Iterator<Item = String> {
    let braces = clause.find('{').zip(clause.rfind('}'));
    let inside = braces.and_then(|(open, close)| clause.get(open + 1..close)).unwrap_or_default();
    inside
        .split(',')
        .filter_map(|part| part.split_whitespace().next())
        .map(|name| name.trim_matches(['"', '\'']).to_owned())
        .filter(|name| !name.is_empty())
        .collect::<Vec<_>>()
        .into_iter()
}

fn stand_in_path(specifier: &str) -> String {
    let name: String = specifier.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
    format!("{STAND_INS}{name}.js")
}

fn stand_in_specifier(from: &str, specifier: &str) -> String {
    let up = "../".repeat(from.matches('/').count());
    format!("./{up}{}", stand_in_path(specifier))
}

fn stand_in(names: &BTreeSet<String>) -> String {
    let mut source = r#"const anything = new Proxy(function () {}, {
  get: (target, name) => {
    if (name === Symbol.toPrimitive) return () => "";
    if (name === Symbol.iterator) return function* () {};
    if (name === "then") return undefined;
    return name === "prototype" ? target.prototype : anything;
  },
  set: () => true,
  has: () => true,
  apply: () => anything,
  construct: () => anything,
});
export default anything;
"#
    .to_owned();
    for (number, name) in names.iter().filter(|name| *name != "default").enumerate() {
        source.push_str(&format!("const name{number} = anything; export {{ name{number} as {name} }};\n"));
    }
    source
}

/// The exported actions that the text of a module shows: `name = internalAction(…)`.
pub(in crate::js) fn read_exports(source: &str) -> Vec<AnalyzedFunction> {
    let mut found = BTreeMap::new();
    for line in source.lines() {
        let Some((left, right)) = line.split_once('=') else { continue };
        let right = right.trim_start();
        let visibility = if right.starts_with("internalAction") {
            Visibility::Internal
        } else if right.starts_with("action") {
            Visibility::Public
        } else {
            continue;
        };
        let Some(name) = left.split_whitespace().last() else { continue };
        found.insert(
            name.to_owned(),
            AnalyzedFunction {
                name: name.to_owned(),
                position: None,
                kind: FunctionKind::Action,
                visibility: Some(visibility),
                args: None,
                returns: None,
            },
        );
    }
    found.into_values().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn imports_of_packages_are_found_with_their_names() {
        let source = "import { a } from \"./x.js\";\nimport fs, { readFile as read, b } from \"node:fs\";\nimport * as path from 'path';\nimport \"x\";\n";
        let import = next_import(source).unwrap();
        assert_eq!(import.specifier, "node:fs");
        assert_eq!(imported_names(import.clause).collect::<Vec<_>>(), ["readFile", "b"]);
        let import = next_import(&source[import.specifier_at..]).unwrap();
        assert_eq!((import.specifier, imported_names(import.clause).count()), ("path", 0));
    }

    #[test]
    fn the_text_of_a_module_shows_its_actions() {
        let found = read_exports(
            "var send = action({\n});\nvar inner = internalAction(async () => {});\nconst x = 1;",
        );
        let found: Vec<_> =
            found.iter().map(|function| (function.name.as_str(), function.visibility)).collect();
        assert_eq!(found, [("inner", Some(Visibility::Internal)), ("send", Some(Visibility::Public))]);
    }
}
