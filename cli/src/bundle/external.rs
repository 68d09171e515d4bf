//! External packages: what modules for Node import without having it in them (`node.externalPackages` of
//! `convex.json`). The server installs them in the versions that the project has.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use serde::Serialize;
use serde_json::Value as Json;

use crate::failure::{Failure, Result};
use crate::project::{Project, read_json};

/// A package with its exact version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct NodeDependency {
    pub(crate) name: String,
    pub(crate) version: String,
}

/// The packages of a project that are left out of bundles, with their folders.
#[derive(Debug, Default)]
pub(super) struct External {
    folders: BTreeMap<String, PathBuf>,
}

impl External {
    /// Finds them: what `package.json` takes from a registry, `convex.json` names, and the project has installed.
    pub(super) fn find(project: &Project) -> Result<Self> {
        let wanted = &project.settings.node.external_packages;
        if wanted.is_empty() {
            return Ok(Self::default());
        }
        let manifest = read_json(&project.root.join("package.json"))?.unwrap_or_default();
        let lists = ["dependencies", "devDependencies", "peerDependencies", "optionalDependencies"];
        let mut folders = BTreeMap::new();
        for (name, version) in lists.iter().filter_map(|list| manifest.get(list)?.as_object()).flatten() {
            let is_wanted = wanted.iter().any(|wanted| wanted == "*" || wanted == name);
            let folder = project.root.join("node_modules").join(name);
            if is_wanted
                && name != "convex"
                && version.as_str().is_some_and(is_of_registry)
                && folder.is_dir()
            {
                folders.insert(name.clone(), folder);
            }
        }
        Ok(Self { folders })
    }

    /// The names that bundles leave out.
    pub(super) fn names(&self) -> impl Iterator<Item = &String> {
        self.folders.keys()
    }

    /// What a bundle of these needs, by what esbuild says of it: the packages that it imports and those that these
    /// want beside them.
    pub(super) fn dependencies(&self, metafile: &Json) -> Result<Vec<NodeDependency>> {
        let outputs = metafile.get("outputs").and_then(Json::as_object).into_iter().flatten();
        let mut waiting: Vec<&str> = outputs
            .filter_map(|(_, output)| output.get("imports")?.as_array())
            .flatten()
            .filter(|import| import.get("external") == Some(&Json::Bool(true)))
            .filter_map(|import| import.get("path")?.as_str())
            .map(package_of)
            .collect();
        let mut seen = BTreeSet::new();
        let mut found = Vec::new();
        while let Some(name) = waiting.pop() {
            let Some((name, folder)) = self.folders.get_key_value(name) else { continue };
            if !seen.insert(name) {
                continue;
            }
            let manifest = read_json(&folder.join("package.json"))?.unwrap_or_default();
            let version = manifest.get("version").and_then(Json::as_str).ok_or_else(|| {
                Failure::new(format!(
                    "{} names no version, which is needed to install the external package on the server",
                    folder.join("package.json").display()
                ))
                .hint("npm install")
            })?;
            found.push(NodeDependency { name: name.clone(), version: version.to_owned() });
            let beside = ["peerDependencies", "optionalDependencies"];
            let beside = beside.iter().filter_map(|list| manifest.get(list)?.as_object()).flatten();
            waiting.extend(beside.filter_map(|(name, _)| Some(self.folders.get_key_value(name)?.0.as_str())));
        }
        found.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(found)
    }
}

/// Whether a server elsewhere can install this version, too.
fn is_of_registry(version: &str) -> bool {
    let elsewhere = ["file:", "git+", "git:", "http:", "https:"];
    !elsewhere.iter().any(|start| version.starts_with(start))
}

/// The package of an import: `@scope/name/file` is of `@scope/name`.
fn package_of(import: &str) -> &str {
    let parts = if import.starts_with('@') { 2 } else { 1 };
    import.match_indices('/').nth(parts - 1).map_or(import, |(at, _)| &import[..at])
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_imported_and_what_stands_beside_it_is_installed() -> Result<(), Box<dyn std::error::Error>> {
        let folder = tempfile::tempdir()?;
        let root = folder.path();
        std::fs::create_dir_all(root.join("convex"))?;
        std::fs::write(root.join("convex/a.js"), "export {};")?;
        std::fs::write(root.join("convex.json"), r#"{"node": {"externalPackages": ["*"]}}"#)?;
        let manifest = json!({
            "dependencies": {"convex": "1", "sharp": "^0.33.0", "@aws/s3": "3", "own": "file:../own", "gone": "1"},
            "optionalDependencies": {"@img/native": "1"},
        });
        std::fs::write(root.join("package.json"), manifest.to_string())?;
        for (name, manifest) in [
            ("convex", json!({"version": "1.48.0"})),
            (
                "sharp",
                json!({"version": "0.33.5", "optionalDependencies": {"@img/native": "1", "other": "1"}}),
            ),
            ("@aws/s3", json!({"version": "3.1.0"})),
            ("@img/native", json!({"version": "1.0.1"})),
            ("own", json!({"version": "1.0.0"})),
        ] {
            let folder = root.join("node_modules").join(name);
            std::fs::create_dir_all(&folder)?;
            std::fs::write(folder.join("package.json"), manifest.to_string())?;
        }
        let external = External::find(&Project::open(root)?)?;
        assert_eq!(external.names().collect::<Vec<_>>(), ["@aws/s3", "@img/native", "sharp"]);
        let metafile = json!({"outputs": {"a.js": {"imports": [
            {"path": "sharp/lib/x.js", "external": true}, {"path": "node:fs", "external": true}, {"path": "./b.js"},
        ]}}});
        let found = external.dependencies(&metafile)?;
        let found: Vec<_> = found.iter().map(|found| format!("{}@{}", found.name, found.version)).collect();
        assert_eq!(found, ["@img/native@1.0.1", "sharp@0.33.5"]);
        assert_eq!(package_of("@aws/s3/client"), "@aws/s3");
        Ok(())
    }
}
