//! npm packages installed in a project, found as Node finds them: in the `node_modules` of the folder that asks and
//! of those above it.

use std::path::{Path, PathBuf};

use serde_json::Value as Json;

use super::{Project, read_json};
use crate::failure::{Failure, Result};

/// The package that every project needs.
const CONVEX: &str = "convex";

/// The real folder of a package as seen from a folder. `None` if it is not installed.
pub(crate) fn find(from: &Path, name: &str) -> Option<PathBuf> {
    from.ancestors()
        .map(|folder| folder.join("node_modules").join(name))
        .find(|folder| folder.is_dir())
        .and_then(|folder| folder.canonicalize().ok())
}

impl Project {
    /// The folder of a package of this project.
    pub(crate) fn package(&self, name: &str) -> Option<PathBuf> {
        find(&self.root, name)
    }

    /// The folder of the package `convex`.
    pub(crate) fn convex_package(&self) -> Result<PathBuf> {
        self.package(CONVEX).ok_or_else(|| {
            Failure::new("the package `convex` is not installed in this project").hint("npm install convex")
        })
    }

    /// The version of the package `convex`.
    pub(crate) fn convex_version(&self) -> Result<String> {
        let manifest = self.convex_package()?.join("package.json");
        read_json(&manifest)?
            .and_then(|manifest| manifest.get("version")?.as_str().map(str::to_owned))
            .ok_or_else(|| {
                Failure::new(format!("{} names no version", manifest.display())).hint("npm install convex")
            })
    }

    /// Whether `package.json` names a dependency.
    pub(crate) fn depends_on(&self, name: &str) -> bool {
        let manifest = read_json(&self.root.join("package.json")).ok().flatten().unwrap_or_default();
        ["dependencies", "devDependencies", "peerDependencies", "optionalDependencies"].iter().any(|kind| {
            manifest.get(kind).and_then(Json::as_object).is_some_and(|list| list.contains_key(name))
        })
    }
}
