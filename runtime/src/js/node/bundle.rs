//! [`Bundle`]: a package's modules for Node.js as files, beside the packages that they import.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};

use parking_lot::Mutex;
use sha2::{Digest as _, Sha256};

use super::packages;
use crate::js::package::{Environment, Package};
use crate::{Error, Result};

/// Files of the executor, by name.
const EXECUTOR: [(&str, &str); 7] = [
    ("analysis.mjs", include_str!("executor/analysis.mjs")),
    ("calls.mjs", include_str!("executor/calls.mjs")),
    ("channel.mjs", include_str!("executor/channel.mjs")),
    ("console.mjs", include_str!("executor/console.mjs")),
    ("convex.mjs", include_str!("executor/convex.mjs")),
    ("errors.mjs", include_str!("executor/errors.mjs")),
    ("main.mjs", include_str!("executor/main.mjs")),
];

/// See the module's documentation. The files go when nobody uses them any more.
#[derive(Debug)]
pub(in crate::js) struct Bundle {
    /// Names the modules and packages.
    pub(super) hash: String,
    /// Where the modules are.
    pub(super) folder: PathBuf,
    /// Where the packages are, if there are any.
    pub(super) packages: Option<PathBuf>,
}

impl Drop for Bundle {
    fn drop(&mut self) {
        // What stays is removed when the server starts again.
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// The bundles of a server in their folder.
#[derive(Debug)]
pub(super) struct Bundles {
    folder: PathBuf,
    /// Those that somebody uses, by hash; `None` until the folder was cleaned.
    known: Mutex<Option<HashMap<String, Weak<Bundle>>>>,
}

impl Bundles {
    pub(super) const fn new(folder: PathBuf) -> Self {
        Self { folder, known: Mutex::new(None) }
    }

    /// The program that runs in the processes.
    pub(super) fn executor(&self) -> PathBuf {
        self.folder.join("executor")
    }

    /// The folder for those of the processes.
    pub(super) fn work(&self) -> PathBuf {
        self.folder.join("work")
    }

    /// A package's modules as files. Blocks.
    ///
    /// # Errors
    /// If they cannot be written.
    pub(super) fn write(&self, package: &Package, installed: Option<&Path>) -> Result<Arc<Bundle>> {
        let hash = hash(package);
        let mut known = self.known.lock();
        if known.is_none() {
            self.begin().map_err(|error| self.failed(&error))?;
        }
        let known = known.get_or_insert_default();
        if let Some(bundle) = known.get(&hash).and_then(Weak::upgrade) {
            return Ok(bundle);
        }
        known.retain(|_, bundle| bundle.strong_count() > 0);
        let folder = self.folder.join("modules").join(&hash);
        let bundle = Arc::new(Bundle { hash: hash.clone(), folder, packages: installed.map(Path::to_owned) });
        bundle.fill(package).map_err(|error| self.failed(&error))?;
        known.insert(hash, Arc::downgrade(&bundle));
        Ok(bundle)
    }

    /// Writes the executor, and removes what an earlier server left behind.
    fn begin(&self) -> std::io::Result<()> {
        for left in [self.folder.join("modules"), self.work()] {
            match std::fs::remove_dir_all(left) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        std::fs::create_dir_all(self.executor())?;
        for (name, source) in EXECUTOR {
            std::fs::write(self.executor().join(name), source)?;
        }
        Ok(())
    }

    fn failed(&self, error: &std::io::Error) -> Error {
        Error::internal(format!(
            "The modules for Node.js could not be written to {}: {error}",
            self.folder.display()
        ))
    }
}

impl Bundle {
    fn fill(&self, package: &Package) -> std::io::Result<()> {
        // A bundle of the same hash that was just let go of may still be on its way out.
        let _ = std::fs::remove_dir_all(&self.folder);
        std::fs::create_dir_all(&self.folder)?;
        std::fs::write(self.folder.join("package.json"), r#"{"type":"module"}"#)?;
        for module in package.sources().filter(|module| module.environment == Environment::Node) {
            // Pushes take no paths that lead elsewhere.
            let path = self.folder.join(&module.path);
            if let Some(parent) = path.parent() {
                std::fs::create_dir_all(parent)?;
            }
            std::fs::write(path, &module.source)?;
        }
        if let Some(packages) = &self.packages {
            std::os::unix::fs::symlink(packages.join("node_modules"), self.folder.join("node_modules"))?;
        }
        Ok(())
    }
}

fn hash(package: &Package) -> String {
    let mut hasher = Sha256::new();
    for module in package.sources().filter(|module| module.environment == Environment::Node) {
        for part in [&module.path, &module.source] {
            hasher.update((part.len() as u64).to_le_bytes());
            hasher.update(part);
        }
    }
    let dependencies = &package.udf_config().node_dependencies;
    hasher.update(packages::dependencies_id(dependencies).unwrap_or_default());
    hex(&hasher.finalize())
}

/// Half of a hash in hexadecimal, which is enough to tell things apart.
pub(super) fn hex(hash: &[u8]) -> String {
    hash.iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}
